"""The options of a run: each is a keyword of the Python API and a flag of the command line, and its help is written here once."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from convkit.core.model import BOT_MODES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from convkit.core.model import Goals


@dataclass(frozen=True)
class Flag:
    """How an option is written on the command line, and its help."""

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    variable: str = ""
    """The environment variable that sets it where the command line does not."""
    is_hidden: bool = False


def option(*names: str, default: Any = None, **words: Any) -> Any:  # noqa: ANN401 (a dataclass field of any type, as `dataclasses.field` has it)
    """Return a dataclass field that is an option, `words` are of its Flag; a default of False makes a switch, an empty tuple may be repeated."""
    return field(default=default, metadata={"flag": Flag(names, **words)})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every report takes."""

    goals: Goals | str | Path | None = option(
        "-g", "--goals", metavar="FILE", variable="CONVKIT_GOALS", help="Else $CONVKIT_GOALS, ./goals.yaml, or built-in goals."
    )
    log_format: str = option("--log-format", metavar="TEXT", default="auto", help="A name, or a string as in nginx or Apache; else told.")
    timezone: str | None = option("--tz", metavar="ZONE", help="The time zone of days and reports, like Europe/Berlin.")
    since: str | None = option("--since", metavar="DATE", help="From this day or time on: 2026-10-01T14:00, yesterday.")
    until: str | None = option("--until", metavar="DATE", help="To this day or time, its end included.")
    last: str | None = option("--last", metavar="7d", help="Whole days back from the last line of the log.")
    bots: str = option("--bots", metavar="MODE", default="drop", choices=BOT_MODES, help="drop bots (the default), keep them, or look at them only.")
    where: tuple[str, ...] = option("--where", metavar="TEST", default=(), help="Only sessions with FIELD=PATTERN, like landing=/blog/**.")
    by: str | None = option("--by", metavar="KEY", help="day, week, month, landing, device, channel, goal, ...")
    sort: str | None = option("--sort", metavar="COLUMN", help="Rows by a column, largest first, or smallest with :asc.")
    settings: tuple[str, ...] = option("--set", metavar="KEY=VALUE", default=(), help="Set a key of `site:` once, like session_timeout=10m.")
    rejects: bool = option("--rejects", metavar="FILE", default=False, help="Write the lines that were not read, and why, as NDJSON.")
    memory: str | None = option("--memory", metavar="SIZE", help="What a run may take, like 1GiB; larger logs wait on disk.")
    verbose: bool = option("-v", "--verbose", default=False, help="Say what became of the lines, and which bots sent most.")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Options):
    """What `compare` takes beside."""

    against: str | None = option("--with", metavar="SIDE", help="last-year, FIRST..LAST, or sessions with FIELD=PATTERN.")
    variant: str | None = option("--variant", metavar="NAME", help="The two variants that visitors saw, of site.variants.")
    at: str | None = option("--at", metavar="DATE", help="The day of a change: from it on, with the time before.")


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(Options):
    """What `explain` takes beside: which sessions are shown, the last ones of the logs by default."""

    dropped_at: str | None = option("--dropped-at", metavar="STEP", help="Sessions that reached this step of a funnel and not the next.")
    reached: str | None = option("--reached", metavar="GOAL", help="Sessions that reached this goal.")
    line: str | None = option("--line", metavar="FILE:N", help="What became of a line, and its session.")
    visitor: str | None = option("--visitor", metavar="ID", help="All sessions of a visitor, by an id of `convkit sessions`.")
    limit: int = option("-n", "--limit", metavar="N", default=3, help="How many, the last ones; 0 is all.")


def flags(options: type[Options]) -> Mapping[str, Flag]:
    """Return the flags of options, by the name of their field."""
    return {one.name: one.metadata["flag"] for one in fields(options)}
