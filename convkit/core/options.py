"""The options of a run: each is a keyword of the Python API and a flag of the command line, with its help text."""

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
    """An option's names on the command line, and its help text."""

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    variable: str = ""
    """The environment variable that is used if the option is not given."""
    is_hidden: bool = False


def option(*names: str, default: Any = None, **words: Any) -> Any:  # noqa: ANN401 (a dataclass field of any type, as in `dataclasses.field`)
    """Return a dataclass field with a Flag made from `words`; a default of False makes it a switch, and an empty tuple a repeatable option."""
    return field(default=default, metadata={"flag": Flag(names, **words)})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of every report."""

    goals: Goals | str | Path | None = option(
        "-g", "--goals", metavar="FILE", variable="CONVKIT_GOALS", help="Default: $CONVKIT_GOALS, ./goals.yaml, or goals that the logs suggest."
    )
    log_format: str = option("--log-format", metavar="TEXT", default="auto", help="Name, or the server's log_format. Detected by default.")
    timezone: str | None = option("--tz", metavar="ZONE", help="Time zone for days and times, like Europe/Berlin.")
    since: str | None = option("--since", metavar="DATE", help="Start at this day or time, like 2026-10-01.")
    until: str | None = option("--until", metavar="DATE", help="End with this day or time (inclusive).")
    last: str | None = option("--last", metavar="7d", help="Whole days, counted back from the last line of the log.")
    bots: str = option("--bots", metavar="MODE", default="drop", choices=BOT_MODES, help="drop bots (the default), keep them, or only bots.")
    where: tuple[str, ...] = option("--where", metavar="TEST", default=(), help="Only sessions with FIELD=PATTERN, like landing=/blog/**.")
    by: str | None = option("--by", metavar="KEY", help="day, week, month, landing, device, channel, goal, ...")
    sort: str | None = option("--sort", metavar="COLUMN", help="Sort by COLUMN, largest first; COLUMN:asc reverses it.")
    settings: tuple[str, ...] = option("--set", metavar="KEY=VALUE", default=(), help="Override a key of `site:`, like session_timeout=10m.")
    fail_if: tuple[str, ...] = option("--fail-if", metavar="TEST", default=(), help="Exit with code 10 if this holds, like 'sessions < 1'.")
    alerts: bool = option("--alerts", default=False, help="Exit with code 10 if an alert of goals.yaml holds.")
    rejects: bool = option("--rejects", metavar="FILE", default=False, help="Write rejected lines and the reason to FILE, as NDJSON.")
    memory: str | None = option("--memory", metavar="SIZE", help="Memory limit, like 1GiB; larger logs spill to disk.")
    # Hidden, too: the message about a log that decompresses to too much names it.
    max_unpacked: str | None = option("--max-unpacked", metavar="SIZE", is_hidden=True, help="Allow a log to decompress to this size, like 100GiB.")
    verbose: bool = option("-v", "--verbose", default=False, help="Show how lines were classified, and the top bots.")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Options):
    """The additional options of `compare`."""

    against: str | None = option("--with", metavar="SIDE", help="last-year, FIRST..LAST, or sessions with FIELD=PATTERN.")
    variant: str | None = option("--variant", metavar="NAME", help="Compare the two variants of NAME (see site.variants).")
    at: str | None = option("--at", metavar="DATE", help="Compare the days from this one on with those before it.")


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(Options):
    """The additional options of `explain`: which sessions it shows, by default the last ones in the logs."""

    dropped_at: str | None = option("--dropped-at", metavar="STEP", help="Sessions that reached this step of a funnel and not the next.")
    reached: str | None = option("--reached", metavar="GOAL", help="Sessions that reached this goal.")
    line: str | None = option("--line", metavar="FILE:N", help="How this line was classified, and its session.")
    visitor: str | None = option("--visitor", metavar="ID", help="All sessions of a visitor, by ID from `convkit sessions`.")
    limit: int = option("-n", "--limit", metavar="N", default=3, help="How many of the last sessions to show; 0 for all.")


REPEATED = "..."
"""The end of the placeholder of a report's own option that may be repeated."""


def joined_option(value: object) -> str:
    """Return the value of a report's own option as reports get it: several values are joined with commas."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def flags(options: type[Options]) -> Mapping[str, Flag]:
    """Return the flags of a class of options by field name."""
    return {one.name: one.metadata["flag"] for one in fields(options)}
