"""The finished document of a run, built from its tallies; nothing in this module reads hits."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from convkit import reports
from convkit.analysis import breakdown, periods, sorting
from convkit.analysis.analysis import View
from convkit.analysis.breakdown import VALUE
from convkit.analysis.breakdown_screen import Breakdown
from convkit.core.document import Document, Note, Unsaved
from convkit.core.formatting import plural, sentence
from convkit.core.schema import NO_VISITOR
from convkit.engine import empty_result, first_visits, lost_lines, thresholds
from convkit.engine.plan import key_column
from convkit.files.paths import STANDARD_INPUT, shown_names
from convkit.goals.money import settle
from convkit.reports.asides import sensitivity
from convkit.reports.asides import trend as asides_trend
from convkit.reports.asides.findings import findings_of
from convkit.traffic import bots
from convkit.traffic.quality import inspect_logs
from convkit.version import __version__

if TYPE_CHECKING:
    import polars as pl

    from convkit.core.blocks import Block, Screen
    from convkit.core.document import Report, Tallies
    from convkit.core.model import Goals
    from convkit.core.quality import Quality
    from convkit.engine.partial_result import PartialResult
    from convkit.engine.plan import Plan
    from convkit.files.paths import Paths
    from convkit.ingest.log_data import LogData

_MOST_LOGS = 3
"""The maximum number of logs that are named in a suggested command."""


def build(result: PartialResult, data: LogData, plan: Plan, paths: Paths) -> Document:
    """Return the document to render: reports, and facts about their input. Notes and findings are about all sessions, even in a breakdown."""
    quality = replace(inspect_logs(data, plan.goals.site.timezone, bots.quality_of_bots(result.bot_lines)), bot_sessions=result.bot_sessions)
    view = _view(result, data, plan, quality)
    behind_steps = dict(result.tallies["drop-off"]) if plan.is_whole else {}
    hours, tallied = thresholds.sessions_per_hour(result.tallies), present(result.tallies, view)
    whole_reports = shown = {name: tallied[name] for name in plan.reports}
    asides = {} if result.sensitivity is None else {sensitivity.NAME: sensitivity.present(result.sensitivity, plan.goals)}
    lost = lost_lines.notes_on_lost(result, data, plan.goals)
    empty = empty_result.note_on_empty(result, plan.goals.site.timezone, plan.segment.filters)
    left_out = (Note("left-out", sentence(clause)) for clause in data.left_out)
    visits = first_visits.notes_on_visits(result, plan.segment.filters, plan.segment.by)
    on_data = (*([empty] if empty else []), *left_out, *visits, *stray_notes(data, plan.goals), *lost)
    findings = findings_of(shown, behind_steps, view, _explain_command(paths, plan)) if plan.is_whole else ()
    if result.broken_down is not None:
        by_key = replace(view, key=plan.segment.by or "", by=(VALUE,))
        shown = {name: _broken_down(report, result.broken_down[name], by_key) for name, report in whole_reports.items()}
        trend = asides_trend.present(whole_reports, shown, by_key)
        asides |= {trend.name: trend} if trend else {}
    return Document(
        version=__version__,
        logs=data.names,
        goals_file=plan.goals.file,
        goals_summary=summary(plan.goals),
        input=result.input,
        reasons=result.reasons,
        period=result.period,
        reports={name: _with_notes(report, result, view, on_data) for name, report in shown.items()},
        asides=asides,
        findings=findings,
        is_whole=plan.is_whole,
        copies=data.copies,
        left_out=data.left_out,
        remarks=data.remarks,
        lost=lost_lines.warnings_of(lost),
        empty=empty.text if empty and empty_result.is_period_empty([result]) else "",
        unsaved=unsaved_goals(paths, plan),
        losses=data.losses,
        thresholds=thresholds.evaluate(plan.thresholds, tallied, hours, view),
        rejects=data.rejects,
        quality=quality,
        files=data.files,
    )


def stray_notes(data: LogData, goals: Goals) -> tuple[Note, ...]:
    """Return the notes on the few lines far from all others."""
    stray = data.facts.stray
    return () if stray is None else tuple(Note("stray", text) for text in stray.sentences(goals.site.timezone))


def unsaved_goals(paths: Paths, plan: Plan) -> Unsaved | None:
    """Return the goals of a run if they are in no file."""
    goals = plan.goals
    if goals.file is not None:
        return None
    names = shown_names(paths)
    named = names if len(names) <= _MOST_LOGS and STANDARD_INPUT not in names else ["LOG..."]
    command = shlex.join(["convkit", "init", *named, *_reading_options(plan)])
    return Unsaved(tuple(goal.name for goal in sorted(goals.goals, key=lambda goal: not goal.macro)), command, goals.is_suggested)


def present(tallies: Tallies, view: View) -> dict[str, Report]:
    """Return the finished reports, made from their tallies, which are dropped one by one."""
    return {report: reports.load(report).present(tallies.pop(report), view) for report in tuple(tallies)}


def _explain_command(paths: Paths, plan: Plan) -> str:
    """Return the `explain` command for the same logs and filters, or an empty string if it would be too long or could not be rerun."""
    names, file = shown_names(paths), plan.goals.file
    if len(names) > _MOST_LOGS or STANDARD_INPUT in names:
        return ""
    filters = [word for text in plan.where for word in ("--where", text)]
    return shlex.join(["convkit", "explain", *names, *(["-g", file] if file not in {None, "goals.yaml"} else []), *_reading_options(plan), *filters])


def _reading_options(plan: Plan) -> list[str]:
    """Return the options of a command that reads the same logs in the same format."""
    return ["--log-format", plan.log_format] if plan.log_format != "auto" else []


def _view(result: PartialResult, data: LogData, plan: Plan, quality: Quality) -> View:
    """Return the facts about a run that reports need when they are presented."""
    return View(
        goals=settle(plan.goals, data.facts.money),
        period=result.period,
        input=result.input,
        without_visitor=result.reasons["unparsed_by_reason"].get(NO_VISITOR, 0),
        knows_macro=result.knows_macro,
        has_local_times=data.has_local_times,
        logs_with_only_days=data.logs_with_only_days,
        newest_first=data.newest_first,
        bots=plan.segment.bots,
        ends=result.ends,
        sources=data.sources,
        unviewed=result.unviewed,
        event_pages=result.event_pages,
        hash_routes=result.hash_routes,
        own_hosts=result.own_hosts,
        is_narrowed=result.filtered is not None,
        sort=plan.order,
        quality=quality,
        options=plan.report_options,
    )


def _broken_down(whole: Report, tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return a report broken down by a key. Its frame has rows for each value, its notes are about all sessions, and its screen shows both."""
    report = reports.load(whole.name).present(dict(tally), view)
    breakdown_screen = reports.breakdown_of(whole.name)
    values = breakdown.ordered_values(tally, view)
    marks = periods.period_marks(values[VALUE].to_list(), view)

    def folded(count: int | None) -> Breakdown:
        """Return the breakdown with the first `count` values, and all others combined into one; None keeps all values."""
        if count is None or count >= values.height:
            return Breakdown(values, report, marks)
        shown = breakdown.fold_values(tally, values[VALUE].head(count).to_list())
        return Breakdown(breakdown.ordered_values(shown, view), reports.load(whole.name).present(shown, view))

    def draw(_: pl.DataFrame, screen: Screen) -> list[Block]:
        sorted_whole = sorting.sort_report(whole, view.sort) if view.sort else whole
        return breakdown_screen.draw(sorted_whole, folded, view, screen) if breakdown_screen else []

    several = (Note("by-goal", "Sessions that reached several goals are counted in several rows."),) if view.key == "goal" else ()
    notes = (*several, *whole.notes, *marks.report_notes())
    columns = (key_column(view.key, whole.columns), *whole.columns)
    return replace(report, columns=columns, rows=report.frame.rename({VALUE: columns[0].name}), notes=notes, draw=draw)


def _with_notes(report: Report, result: PartialResult, view: View, lost: tuple[Note, ...]) -> Report:
    """Add notes on the data and on which sessions a report covers, and sort it as the user asked.

    Findings must be made first: they need the original order.
    """
    coverage = [
        result.crowd_note,
        *(note for several in result.of_variants for note in several.notes),
        result.filtered.note if result.filtered else None,
    ]
    bots_note = bots.detection_note(view.bots) if view.bots != "drop" else None
    notes = tuple(dict.fromkeys(note for note in (*coverage, *report.notes, *lost, bots_note) if note))
    report = replace(report, notes=notes)
    return sorting.sort_report(report, view.sort) if view.sort else report


def summary(goals: Goals) -> str:
    """Return a phrase that says how many goals and funnels a goals file defines."""
    text = f"{plural(len(goals.goals), 'goal')}, {len(goals.macros)} of them macro"
    return f"{text}; {plural(len(goals.funnels), 'funnel')}" if goals.funnels else text
