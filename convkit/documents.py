"""Tallies -> the finished document that outputs take.

It stands alone because nothing here touches a hit: what comes in is small, and adds up from any parts of the visitors.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from convkit import overview_notes, plugins, reading, sensitivity, sorting
from convkit.analysis import View
from convkit.figures import plural
from convkit.findings import find
from convkit.tables import Document, add
from convkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from convkit.analysis import Run
    from convkit.definitions import Goals
    from convkit.sorting import Sorting
    from convkit.tables import Column, Note, Report

    Tallies = dict[str, dict[str, pl.DataFrame]]
    """By report, by name: what `add` merges and `present` takes."""

_MOST_LOGS = 3
"""How many logs a suggested command names."""


def add_tallies(parts: Sequence[Tallies]) -> Tallies:
    """Add the tallies of parts of the visitors."""
    return {report: {name: add([part[report][name] for part in parts]) for name in tallies} for report, tallies in parts[0].items()}


def present(tallies: Tallies, view: View) -> dict[str, Report]:
    """Return the finished reports."""
    return {report: plugins.load("reports", report).present(tallies[report], view) for report in tallies}


def whole_report() -> list[str]:
    """Return the reports that `convkit report` is made of, in the order of its screen."""
    places = {name: module.IN_REPORT for name, module in plugins.load_all("reports").items() if module.IN_REPORT is not None}
    return sorted(places, key=lambda name: int(places[name]))


def columns_of(reports: Sequence[str]) -> dict[str, tuple[Column, ...]]:
    """Return the columns of reports."""
    return {report: plugins.load("reports", report).COLUMNS for report in reports}


def command_of(report: str, paths: list[str], goals_file: str | None, where: Sequence[str] = ()) -> str:
    """Return the command of another report on the same logs, empty where it would be too long or cannot be run again."""
    if len(paths) > _MOST_LOGS or reading.STANDARD_INPUT in paths:
        return ""
    asked = [word for text in where for word in ("--where", text)]
    return shlex.join(["convkit", report, *paths, *(["-g", goals_file] if goals_file not in {None, "goals.yaml"} else []), *asked])


def finish(done: Run, tallies: Tallies, *, is_whole: bool, command: str = "", sort: Sorting | None = None) -> Document:
    """Return what outputs take: the reports, and what is said of their input; `command` shows more of the first finding."""
    goals, view = done.analysis.goals, _view(done, sort)
    reports = present(tallies, view)
    return Document(
        version=__version__,
        logs=done.logs,
        goals_file=goals.file,
        goals_summary=_summary(goals),
        input=done.input,
        reasons=done.reasons,
        period=done.period,
        reports={name: _dressed(report, done.where, view) for name, report in reports.items()},
        asides={sensitivity.NAME: sensitivity.present(done.sensitivity, goals)} if done.sensitivity is not None else {},
        findings=find(reports, view, command) if is_whole else (),
        is_whole=is_whole,
        copies=done.copies,
        losses=done.losses,
        rejects=done.rejects,
        bot_agents=done.bot_agents,
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
        sources=done.sources,
        is_narrowed=done.where is not None,
        sort=sort,
    )


def _dressed(report: Report, where: Note | None, view: View) -> Report:
    """Return a report that says whom its figures are of, in the order asked for; findings are made before, of reports in their own order."""
    of_bots = overview_notes.of_bots(view.bots) if view.bots != "drop" else None
    notes = tuple(dict.fromkeys(note for note in (where, *report.notes, of_bots) if note))
    report = replace(report, notes=notes)
    return sorting.applied(report, view.sort) if view.sort else report


def _summary(goals: Goals) -> str:
    """Return what a goals file holds, in words."""
    number = f"{plural(len(goals.goals), 'goal')}, {len(goals.macros)} of them macro"
    return f"{number}; {plural(len(goals.funnels), 'funnel')}" if goals.funnels else number
