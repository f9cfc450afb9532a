"""The plan of a run: its options, parsed and checked once, before a log is opened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.analysis import breakdown, sorting
from convkit.analysis.periods import parse_period
from convkit.analysis.segment import Segment
from convkit.core import plugins
from convkit.core.document import Column
from convkit.core.model import BOT_MODES
from convkit.core.progress import NO_PROGRESS
from convkit.engine.memory import MemoryBudget
from convkit.errors import UsageError, did_you_mean
from convkit.goals import filters
from convkit.goals.loader import load_goals
from convkit.goals.site import is_timezone, timezone_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convkit.analysis.sorting import Sorting
    from convkit.core.model import Goals
    from convkit.core.options import Options
    from convkit.core.progress import Progress

_FUNNEL = "funnel"


@dataclass(frozen=True)
class Plan:
    """What a run reads, looks at and reports."""

    goals: Goals
    segment: Segment
    log_format: str = "auto"
    """A format's name or string; `auto` for what the goals file says, or the lines show."""
    memory: MemoryBudget = field(default_factory=lambda: MemoryBudget.of(None))
    reports: tuple[str, ...] = ()
    report_options: Mapping[str, str] = field(default_factory=dict)
    """Options that a single report has, like `to` of `paths`."""
    order: Sorting | None = None
    is_whole: bool = False
    """Whether the run is `convkit report`: all of it on one screen."""
    where: tuple[str, ...] = ()
    """The filters as they were written."""
    rejects: bool = False
    """Whether the lines that could not be read are wanted."""
    every_line: bool = False
    """Whether single lines are looked at; else one static file of each client is enough."""
    every_asset: bool = False
    """Whether static files are read like pages; else only those that a goal may name."""
    alternatives: bool = False
    """Whether to count how far the funnels get under other settings."""
    bot_sessions: bool = False
    """Whether to count what bots would add, even where none of them reached a macro goal."""
    progress: Progress = NO_PROGRESS

    @property
    def session_fields(self) -> frozenset[str]:
        """The fields of sessions that must be known."""
        return self.segment.needed(self.goals)


def plan_reports(
    options: Options, reports: Sequence[str] | None = None, report_options: Mapping[str, object] | None = None, progress: Progress = NO_PROGRESS
) -> Plan:
    """Return the plan of reports, by default those of `convkit report`. Raises GoalsFileError, UsageError."""
    goals, names = read_goals(options), tuple(reports or whole_report())
    own = {name: str(value) for name, value in (report_options or {}).items()}
    key = breakdown.parse_key(options.by, goals)
    _refuse_breakdown(names, key)
    _check_report_options(names, own, goals)
    order = None if options.sort is None else sorting.parse_sorting(options.sort, columns_of(names, options.by))
    return replace(
        plan_segment(options, goals, fields=session_fields(names), key=key, progress=progress),
        reports=names,
        report_options=own,
        order=order,
        is_whole=reports is None,
        alternatives=options.verbose and names == (_FUNNEL,),
        bot_sessions=options.verbose,
    )


def plan_segment(options: Options, goals: Goals, *, fields: Iterable[str] = (), key: str | None = None, progress: Progress = NO_PROGRESS) -> Plan:
    """Return the plan of a run without reports: the sessions that options select, with `fields` that must be known. Raises UsageError."""
    if options.bots not in BOT_MODES:
        raise UsageError(f"bots={options.bots!r} is unknown{did_you_mean(options.bots, BOT_MODES)}; known are {', '.join(BOT_MODES)}")
    where = (options.where,) if isinstance(options.where, str) else tuple(options.where)
    period = parse_period(options.since, options.until, options.last, goals.site.timezone)
    return Plan(
        goals,
        Segment(period, options.bots, filters.parse_filters(where, goals), key, frozenset(fields)),
        options.log_format,
        MemoryBudget.of(options.memory),
        where=where,
        rejects=options.rejects,
        progress=progress,
    )


def read_goals(options: Options) -> Goals:
    """Return the goals of a file, the built-in ones if there is none, in the time zone asked for. Raises GoalsFileError, UsageError."""
    if options.goals is None or isinstance(options.goals, (str, Path)):
        goals = load_goals(options.goals, options.settings)
    elif options.settings:
        raise UsageError("settings change a goals file; name the file instead of goals that are loaded")
    else:
        goals = options.goals
    if options.timezone is None:
        return goals
    if not is_timezone(options.timezone):
        raise UsageError(f"--tz: {timezone_hint(options.timezone)}")
    return replace(goals, site=replace(goals.site, timezone=options.timezone))


def whole_report() -> list[str]:
    """Return the reports that `convkit report` is made of, in the order of its screen."""
    places = {name: module.IN_REPORT for name, module in plugins.load_all("reports").items() if module.IN_REPORT is not None}
    return sorted(places, key=lambda name: int(places[name]))


def columns_of(reports: Sequence[str], by: str | None = None) -> dict[str, tuple[Column, ...]]:
    """Return the columns of reports, broken down by a key or not."""
    of = {report: plugins.load("reports", report).COLUMNS for report in reports}
    return of if by is None else {report: (key_column(by, columns), *columns) for report, columns in of.items()}


def key_column(key: str, columns: Iterable[Column]) -> Column:
    """Return the column of a key's values, in front of a report's own: one of the same name keeps it."""
    return Column(f"by_{key}" if any(column.name == key for column in columns) else key, "text")


def _refuse_breakdown(reports: Sequence[str], key: str | None) -> None:
    """Raise UsageError where one of the reports cannot be broken down."""
    for report in reports if key is not None else ():
        if not hasattr(plugins.load("reports", report), "draw_split"):
            raise UsageError(f"--by {key}: {report} cannot be split; keep some of its sessions with --where, as --where landing=/blog/**")


def session_fields(reports: Sequence[str]) -> frozenset[str]:
    """Return the fields of sessions that reports need."""
    return frozenset(name for report in reports for name in getattr(plugins.load("reports", report), "SESSION_FIELDS", ()))


def _check_report_options(reports: Sequence[str], options: Mapping[str, str], goals: Goals) -> None:
    """Raise UsageError where none of the reports has an option of its own that was given, or one makes no sense."""
    known = {report: plugins.options("reports", report) for report in reports}
    for name in options:
        if not any(name in of_report for of_report in known.values()):
            every = [option for of_report in known.values() for option in of_report]
            raise UsageError(f"{', '.join(reports)}: {name!r} is no option{did_you_mean(name, every)}; known are {', '.join(every) or 'none'}")
    for report in (report for report, of_report in known.items() if of_report):
        plugins.load("reports", report).parse_options(options, goals)
