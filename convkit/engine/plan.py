"""The plan of a run: its options, parsed and checked once before any log is opened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convkit import reports as convkit_reports
from convkit.analysis import breakdown, sorting
from convkit.analysis.periods import parse_period
from convkit.analysis.segment import Segment
from convkit.core import plugins
from convkit.core.document import Column
from convkit.core.model import BOT_MODES
from convkit.core.options import joined_option
from convkit.core.progress import NO_PROGRESS
from convkit.core.sizes import parse_size
from convkit.engine import thresholds
from convkit.engine.memory import MemoryBudget
from convkit.errors import UsageError, suggestion
from convkit.goals import filters
from convkit.goals.loader import load_goals
from convkit.goals.site import is_timezone, timezone_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convkit.analysis.sorting import Sorting
    from convkit.core.model import Goals
    from convkit.core.options import Options
    from convkit.core.progress import Progress
    from convkit.engine.thresholds import Threshold

_FUNNEL = "funnel"


@dataclass(frozen=True)
class Plan:
    """The settings of a run: what to read, and how to analyze and report it."""

    goals: Goals
    segment: Segment
    log_format: str = "auto"
    """The name of a format, or a format string; `auto` means the format in the goals file or, if it has none, the detected one."""
    memory: MemoryBudget = field(default_factory=lambda: MemoryBudget.of(None))
    max_unpacked: int | None = None
    """The largest number of bytes that a log may be decompressed to; None for what logs usually have."""
    reports: tuple[str, ...] = ()
    report_options: Mapping[str, str] = field(default_factory=dict)
    """Options that belong to one report, such as `to` for `paths`."""
    thresholds: tuple[Threshold, ...] = ()
    order: Sorting | None = None
    is_whole: bool = False
    """Whether the run is `convkit report`, with all its reports on one screen."""
    where: tuple[str, ...] = ()
    """The filters as they were typed."""
    rejects: bool = False
    """Whether to keep the lines that could not be read."""
    properties: tuple[str, ...] = ()
    """The properties of events to read in addition to those that the goals test."""
    every_line: bool = False
    """Whether to keep every line; otherwise, one static-file request per client is enough."""
    every_asset: bool = False
    """Whether to read all static files like pages; otherwise, only those that a goal may name are read like pages."""
    alternatives: bool = False
    """Whether to compute how far visitors would get in the funnels with other settings."""
    bot_sessions: bool = False
    """Whether to count the sessions that bots would add, even if no bot reached a macro goal."""
    progress: Progress = NO_PROGRESS

    @property
    def tallied(self) -> tuple[str, ...]:
        """The reports that are tallied: those that are shown, and those that thresholds need."""
        return tuple(dict.fromkeys((*self.reports, *thresholds.reports_of(self.thresholds))))

    @property
    def session_fields(self) -> frozenset[str]:
        """The session fields that the run needs."""
        return self.segment.needed(self.goals)


def plan_reports(
    options: Options, reports: Sequence[str] | None = None, report_options: Mapping[str, object] | None = None, progress: Progress = NO_PROGRESS
) -> Plan:
    """Return the plan of a run with these reports, by default those of `convkit report`. Raises GoalsFileError, UsageError."""
    goals, names = read_goals(options), tuple(reports or convkit_reports.names_in_report())
    own_options = {name: joined_option(value) for name, value in (report_options or {}).items()}
    key = breakdown.parse_key(options.by, goals)
    _refuse_breakdown(names, key)
    _check_report_options(names, own_options, goals)
    order = None if options.sort is None else sorting.parse_sorting(options.sort, columns_of(names, options.by))
    return replace(
        plan_segment(options, goals, fields=session_fields(names), key=key, progress=progress),
        reports=names,
        report_options=own_options,
        thresholds=thresholds.of_report(options, goals),
        order=order,
        is_whole=reports is None,
        alternatives=options.verbose and names == (_FUNNEL,),
        bot_sessions=options.verbose,
    )


def plan_segment(options: Options, goals: Goals, *, fields: Iterable[str] = (), key: str | None = None, progress: Progress = NO_PROGRESS) -> Plan:
    """Return the plan of a run that selects sessions, with these session `fields`, instead of producing reports. Raises UsageError."""
    if options.bots not in BOT_MODES:
        raise UsageError(f"bots={options.bots!r} is unknown{suggestion(options.bots, BOT_MODES, 'Modes')}")
    where = (options.where,) if isinstance(options.where, str) else tuple(options.where)
    period = parse_period(options.since, options.until, options.last, goals.site.timezone)
    return Plan(
        goals,
        Segment(period, options.bots, filters.parse_filters(where, goals), key, frozenset(fields)),
        options.log_format,
        MemoryBudget.of(options.memory),
        max_unpacked_of(options),
        where=where,
        rejects=options.rejects,
        progress=progress,
    )


def max_unpacked_of(options: Options) -> int | None:
    """Return the number of bytes given by `--max-unpacked`, or None. Raises UsageError."""
    if options.max_unpacked is None:
        return None
    size = parse_size(options.max_unpacked)
    if size is None:
        raise UsageError(f"--max-unpacked: {options.max_unpacked!r} is not a size; write it like 100GiB")
    return size


def read_goals(options: Options) -> Goals:
    """Return the goals in the goals file, or the built-in ones, with the time zone from `--tz` if given. Raises GoalsFileError, UsageError."""
    if options.goals is None or isinstance(options.goals, (str, Path)):
        goals = load_goals(options.goals, options.settings)
        thresholds.check_alerts(goals)
    elif options.settings:
        raise UsageError("settings change a goals file; pass the path of the file instead of loaded goals")
    else:
        goals = options.goals
    if options.timezone is None:
        return goals
    if not is_timezone(options.timezone):
        raise UsageError(f"--tz: {timezone_hint(options.timezone)}")
    return replace(goals, site=replace(goals.site, timezone=options.timezone))


def columns_of(reports: Sequence[str], by: str | None = None) -> dict[str, tuple[Column, ...]]:
    """Return the columns of reports, including the column of the key if they are broken down."""
    columns_by_report = {report: convkit_reports.load(report).COLUMNS for report in reports}
    if by is None:
        return columns_by_report
    return {report: (key_column(by, columns), *columns) for report, columns in columns_by_report.items()}


def key_column(key: str, columns: Iterable[Column]) -> Column:
    """Return the column of a key's values; it becomes `by_<key>` if the report has a column of that name."""
    return Column(f"by_{key}" if any(column.name == key for column in columns) else key, "text")


def _refuse_breakdown(reports: Sequence[str], key: str | None) -> None:
    """Raise UsageError if one of the reports cannot be broken down."""
    for report in reports if key is not None else ():
        if convkit_reports.breakdown_of(report) is None:
            raise UsageError(f"--by {key}: {report} cannot be broken down; select some of its sessions with --where, like --where landing=/blog/**")


def session_fields(reports: Sequence[str]) -> frozenset[str]:
    """Return the session fields that reports need."""
    return frozenset(name for report in reports for name in convkit_reports.session_fields(report))


def _check_report_options(reports: Sequence[str], options: Mapping[str, str], goals: Goals) -> None:
    """Raise UsageError if an option belongs to none of the reports, or has an invalid value."""
    options_by_report = {report: plugins.options("reports", report) for report in reports}
    names = [name for own_options in options_by_report.values() for name in own_options]
    for name in options:
        if name not in names:
            raise UsageError(f"{', '.join(reports)}: unknown option {name!r}{suggestion(name, names, 'Options')}")
    for report in reports:
        convkit_reports.check_options(report, options, goals)
