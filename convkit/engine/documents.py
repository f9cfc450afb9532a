"""Tallies -> the finished document that outputs take.

It stands alone because nothing here touches a hit: what comes in is small, and adds up from any parts of the visitors.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from convkit.analysis import breakdown, periods, sorting
from convkit.analysis.analysis import View
from convkit.analysis.breakdown import BREAKDOWN
from convkit.analysis.breakdown_screen import Breakdown
from convkit.core import plugins
from convkit.core.document import Column, Document, Note, Tallies, sum_tallies
from convkit.core.formatting import plural
from convkit.errors import UsageError, did_you_mean
from convkit.files.paths import STANDARD_INPUT
from convkit.reports.asides import sensitivity
from convkit.reports.asides import trend as asides_trend
from convkit.reports.asides.findings import findings_of
from convkit.traffic import bots
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from convkit.analysis.analysis import Run
    from convkit.analysis.sorting import Sorting
    from convkit.core.blocks import Block, Screen
    from convkit.core.document import Report
    from convkit.core.model import Goals


_MOST_LOGS = 3
"""How many logs a suggested command names."""


def add_tallies(parts: Sequence[Tallies]) -> Tallies:
    """Add the tallies of parts of the visitors."""
    return {report: {name: sum_tallies([part[report][name] for part in parts]) for name in tallies} for report, tallies in parts[0].items()}


def present(tallies: Tallies, view: View) -> dict[str, Report]:
    """Return the finished reports."""
    return {report: plugins.load("reports", report).present(tallies[report], view) for report in tallies}


def whole_report() -> list[str]:
    """Return the reports that `convkit report` is made of, in the order of its screen."""
    places = {name: module.IN_REPORT for name, module in plugins.load_all("reports").items() if module.IN_REPORT is not None}
    return sorted(places, key=lambda name: int(places[name]))


def columns_of(reports: Sequence[str], by: str | None = None) -> dict[str, tuple[Column, ...]]:
    """Return the columns of reports, split by a key or not."""
    of = {report: plugins.load("reports", report).COLUMNS for report in reports}
    return of if by is None else {report: (_key_column(by, columns), *columns) for report, columns in of.items()}


def _key_column(key: str, columns: Iterable[Column]) -> Column:
    """Return the column of a key's values, in front of a report's own: one of the same name keeps it."""
    return Column(f"by_{key}" if any(column.name == key for column in columns) else key, "text")


def refuse_split(reports: Sequence[str], by: str | None) -> None:
    """Raise UsageError where one of the reports cannot be split."""
    for report in reports if by is not None else ():
        if not hasattr(plugins.load("reports", report), "draw_split"):
            raise UsageError(f"--by {by}: {report} cannot be split; keep some of its sessions with --where, as --where landing=/blog/**")


def facts_of(reports: Sequence[str]) -> frozenset[str]:
    """Return the facts of sessions that reports ask for."""
    return frozenset(fact for report in reports for fact in getattr(plugins.load("reports", report), "SESSION_FIELDS", ()))


def check_options(reports: Sequence[str], options: Mapping[str, str], goals: Goals) -> None:
    """Raise UsageError where none of the reports has an option of its own that was given, or one makes no sense."""
    known = {report: plugins.options("reports", report) for report in reports}
    for name in options:
        if not any(name in of_report for of_report in known.values()):
            every = [option for of_report in known.values() for option in of_report]
            raise UsageError(f"{', '.join(reports)}: {name!r} is no option{did_you_mean(name, every)}; known are {', '.join(every) or 'none'}")
    for report in (report for report, of_report in known.items() if of_report):
        plugins.load("reports", report).parse_options(options, goals)


def command_of(report: str, paths: list[str], goals_file: str | None, where: Sequence[str] = (), log_format: str = "auto") -> str:
    """Return the command of another report on the same logs, empty where it would be too long or cannot be run again."""
    if len(paths) > _MOST_LOGS or STANDARD_INPUT in paths:
        return ""
    asked = [*(["--log-format", log_format] if log_format != "auto" else []), *(word for text in where for word in ("--where", text))]
    return shlex.join(["convkit", report, *paths, *(["-g", goals_file] if goals_file not in {None, "goals.yaml"} else []), *asked])


def finish(  # noqa: PLR0913 (a document is made of all of this)
    done: Run, tallies: Tallies, split: tuple[str, Tallies] | None = None, *, is_whole: bool, command: str = "", sort: Sorting | None = None
) -> Document:
    """Return what outputs take: the reports, and what is said of their input; `command` shows more of the first finding.

    `split` is a key with the tallies split by it, where one was asked for: notes and findings are of the whole all the same.
    """
    goals, view = done.analysis.goals, _view(done, sort)
    wholes = reports = present(tallies, view)
    asides = {sensitivity.NAME: sensitivity.present(done.sensitivity, goals)} if done.sensitivity is not None else {}
    findings = findings_of(reports, view, command) if is_whole else ()
    if split is not None:
        key, parts = split
        divided = replace(view, key=key, by=(BREAKDOWN,))
        reports = {name: _split(report, parts[name], divided) for name, report in wholes.items()}
        trend = asides_trend.present(wholes, reports, divided)
        asides |= {trend.name: trend} if trend else {}
    return Document(
        version=__version__,
        logs=done.logs,
        goals_file=goals.file,
        goals_summary=summary(goals),
        input=done.input,
        reasons=done.reasons,
        period=done.period,
        reports={name: _dressed(report, done, view) for name, report in reports.items()},
        asides=asides,
        findings=findings,
        is_whole=is_whole,
        copies=done.copies,
        losses=done.losses,
        rejects=done.rejects,
        quality=done.quality,
    )


def _view(done: Run, sort: Sorting | None) -> View:
    """Return what presenting needs to know of a run."""
    return View(
        done.analysis.goals,
        done.period,
        done.input,
        done.knows_macro,
        done.has_local_times,
        bots=done.bots,
        ends=done.analysis.ends,
        sources=done.sources,
        own_hosts=done.own_hosts,
        is_narrowed=done.where is not None,
        sort=sort,
        quality=done.quality,
        options=done.analysis.options,
    )


def _split(whole: Report, tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return a report split by a key: its frame is of the values, its notes are of the whole, and its picture shows both."""
    module = plugins.load("reports", whole.name)
    report: Report = module.present(tally, view)
    values = breakdown.ordered_values(tally, view)
    marks = periods.period_marks(values[BREAKDOWN].to_list(), view)

    def folded(count: int | None) -> Breakdown:
        """Return the report with so many values, and the others as one; None for all."""
        if count is None or count >= values.height:
            return Breakdown(values, report, marks)
        shown = breakdown.fold_values(tally, values[BREAKDOWN].head(count).to_list())
        return Breakdown(breakdown.ordered_values(shown, view), module.present(shown, view))

    def draw(_: pl.DataFrame, room: Screen) -> list[Block]:
        sorted_whole = sorting.sort_report(whole, view.sort) if view.sort else whole
        blocks: list[Block] = module.draw_split(sorted_whole, folded, view, room)
        return blocks

    several = (Note("by-goal", "Sessions that reached several goals stand in several rows."),) if view.key == "goal" else ()
    notes = (*several, *whole.notes, *marks.said())
    columns = (_key_column(view.key, whole.columns), *whole.columns)
    return replace(report, columns=columns, frame=report.frame.rename({BREAKDOWN: columns[0].name}), notes=notes, draw=draw)


def _dressed(report: Report, done: Run, view: View) -> Report:
    """Return a report that says whom its figures are of, in the order asked for; findings are made before, of reports in their own order."""
    whose = [*(several.note for several in done.of_variants), done.where.note if done.where else None]
    of_bots = bots.detection_note(view.bots) if view.bots != "drop" else None
    notes = tuple(dict.fromkeys(note for note in (*whose, *report.notes, of_bots) if note))
    report = replace(report, notes=notes)
    return sorting.sort_report(report, view.sort) if view.sort else report


def summary(goals: Goals) -> str:
    """Return what a goals file holds, in words."""
    number = f"{plural(len(goals.goals), 'goal')}, {len(goals.macros)} of them macro"
    return f"{number}; {plural(len(goals.funnels), 'funnel')}" if goals.funnels else number
