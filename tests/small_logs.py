"""Small logs, written in a test and read by the product: one line a request, figures as `render` gives them to programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import convkit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_NOON = datetime(2026, 10, 10, 12, tzinfo=UTC)


def line(request: str, second: int = 0, *, status: int = 200, address: str = "198.51.100.1", user: str = "-", agent: str = FIREFOX) -> str:
    """Return a combined line of a request like `GET /cart`, `second` seconds after noon."""
    time = (_NOON + timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{address} - {user} [{time}] "{request} HTTP/1.1" {status} 512 "-" "{agent}"'


def report(folder: Path, lines: Iterable[str], goals: str | None = None, **options: str) -> dict[str, Any]:
    """Return the whole report on some lines as JSON holds it; `goals` is the text of a goals file, the built-in goals by default."""
    log = folder / "access.log"
    log.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    file = folder / "goals.yaml"
    if goals is not None:
        file.write_text(goals, encoding="utf-8")
    done = convkit.run([log], goals=None if goals is None else file, **options)
    found: dict[str, Any] = json.loads(convkit.render(done, "json"), parse_constant=_refuse)
    return found


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which are no JSON."""
    message = f"{constant} is no JSON"
    raise ValueError(message)


def conversions(found: dict[str, Any]) -> dict[str, int]:
    """Return how often each goal was counted."""
    return {row["goal"]: row["conversions"] for row in found["reports"]["goals"]}


def overview(found: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of the overview."""
    return {row["metric"]: row["value"] for row in found["reports"]["overview"]}
