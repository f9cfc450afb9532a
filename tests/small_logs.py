"""Small logs for tests, written with one line per request, and the figures that convkit reports on them as JSON."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import runs

from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_LAST_CHANGED = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_NOON = datetime(2026, 10, 10, 12, tzinfo=UTC)


def line(  # noqa: PLR0913 (the fields of a line)
    request: str, second: int = 0, status: int = 200, *, who: str = "198.51.100.1 - -", agent: str = FIREFOX, referrer: str = "-"
) -> str:
    """Return a line in the combined format for a request like `GET /cart`, `second` seconds after noon; `who` is address, ident and user."""
    time = (_NOON + timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{who} [{time}] "{request} HTTP/1.1" {status} 512 "{referrer}" "{agent}"'


def report(folder: Path, lines: Iterable[str], goals: str | None = None, **options: str) -> dict[str, Any]:
    """Return the whole report on some lines, parsed from its JSON; `goals` is the text of a goals file (default: the built-in goals)."""
    log = written(folder / "access.log", lines)
    if goals is None:
        return figures(log, **options)
    file = folder / "goals.yaml"
    file.write_text(goals, encoding="utf-8")
    return figures(log, goals=file, **options)


def written(log: Path, lines: Iterable[str]) -> Path:
    """Write lines to a file that was last changed in 2100, so that no time in it is in the future, and return its path."""
    log.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    os.utime(log, (_LAST_CHANGED, _LAST_CHANGED))
    return log


def figures(*logs: Path | str, goals: Path | None = None, **options: str) -> dict[str, Any]:
    """Return the whole report on some logs, parsed from its JSON."""
    text = runs.render(runs.document(logs, goals=goals, **options), "json")
    document: dict[str, Any] = json.loads(text, parse_constant=_refuse)
    return document


def fates(document: dict[str, Any]) -> dict[str, Any]:
    """Return how the lines were classified, without anything that depends on the names or the compression of the logs."""
    return {name: value for name, value in document["input"].items() if name not in {"files", "copies"}}


def _refuse(constant: str) -> None:
    """Reject NaN and Infinity, which are not valid JSON."""
    message = f"{constant} is not valid JSON"
    raise ValueError(message)


def conversions(document: dict[str, Any]) -> dict[str, int]:
    """Return the number of conversions of each goal."""
    return {row["goal"]: row["conversions"] for row in document["reports"]["goals"]}


def overview(document: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of the overview."""
    return {row["metric"]: row["value"] for row in document["reports"]["overview"]}


def reached_by(folder: Path, lines: Iterable[str], goals: str | None = None) -> dict[str, list[int]]:
    """Return, for each goal, the numbers of the lines that match it."""
    loaded = None if goals is None else parse_goals(goals, "goals.yaml")
    hits = runs.analysis([written(folder / "access.log", lines)], loaded).analysis.hits.collect()
    columns = [name for name in hits.columns if name.startswith("goal:")]
    return {name.removeprefix("goal:"): sorted(hits.filter(hits[name])["line_no"].to_list()) for name in columns}
