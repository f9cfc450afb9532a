"""Runs of the engine for tests: documents, comparisons and analyses of logs, without the command line or the Python API."""

from __future__ import annotations

from contextlib import chdir
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from places import ROOT

from convkit.comparison import report as comparison_report
from convkit.core.options import CompareOptions, Options
from convkit.core.progress import NO_PROGRESS
from convkit.engine import document as engine_document
from convkit.engine import partition, plan, stages
from convkit.engine import run as engine_run
from convkit.engine.memory import UNLIMITED
from convkit.outputs import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from convkit.analysis.sorting import Sorting
    from convkit.api import CompareKeywords, Keywords
    from convkit.core.document import Document, Tallies
    from convkit.core.model import Goals
    from convkit.core.progress import Progress
    from convkit.engine.plan import Plan
    from convkit.engine.stages import Run
    from convkit.files.paths import Paths
    from convkit.ingest.log_data import LogData

    GoalsOption = Goals | str | Path | None

__all__ = ["Analyzed", "analysis", "analyzed", "comparison", "document", "finish", "render", "sample", "sample_report", "segment_plan"]

SINGLE = ("sessions", "hits")
"""Reports whose rows are single sessions or hits."""


def document(
    logs: Paths,
    reports: Sequence[str] | None = None,
    goals: GoalsOption = None,
    *,
    options: Mapping[str, Any] | None = None,
    progress: Progress = NO_PROGRESS,
    **keywords: Unpack[Keywords],
) -> Document:
    """Return the document of a run, with the reports of `convkit report` by default."""
    return engine_run.report(logs, plan.plan_reports(Options(goals=goals, **keywords), reports, options, progress))


def sample(report: str | None = None, goals: str | None = "goals.example.yaml", **keywords: Any) -> Document:  # noqa: ANN401 (the options of `document`)
    """Return a report on the sample log, by default the whole report; made once per process. File names are relative to the project's folder."""
    return _sample(report, goals, **{name: value for name, value in sorted(keywords.items()) if value is not None})


@cache
def _sample(report: str | None, goals: str | None, **keywords: Any) -> Document:  # noqa: ANN401 (the options of `document`)
    with chdir(ROOT):
        return document(["sample_logs/access.log.gz"], report and [report], goals, **keywords)


def sample_report(report: str | None) -> Document:
    """Return a report on the sample log (None: the whole report); reports of single sessions or hits cover only the last day."""
    return sample(report, last="1d") if report in SINGLE else sample(report)


def comparison(logs: Paths, goals: GoalsOption = None, *, progress: Progress = NO_PROGRESS, **keywords: Unpack[CompareKeywords]) -> Document:
    """Return the document of a comparison."""
    return comparison_report.compare(logs, CompareOptions(goals=goals, **keywords), progress)


def segment_plan(goals: GoalsOption = None, *, fields: Iterable[str] = (), **keywords: Unpack[Keywords]) -> Plan:
    """Return the plan of a run without reports."""
    options = Options(goals=goals, **keywords)
    loaded = plan.read_goals(options)
    key = plan.breakdown.parse_key(options.by, loaded)
    return replace(plan.plan_segment(options, loaded, fields=fields, key=key), memory=UNLIMITED)


class Analyzed(NamedTuple):
    """The analysis of logs in one piece, with the data and the plan behind it."""

    run: Run
    data: LogData
    plan: Plan


def analyzed(logs: Paths, goals: GoalsOption = None, *, fields: Iterable[str] = (), **keywords: Unpack[Keywords]) -> Analyzed:
    """Return the analysis of logs in one piece, with these `fields` of sessions."""
    run_plan = segment_plan(goals, fields=fields, **keywords)
    with partition.read(logs, run_plan) as parts:
        return Analyzed(stages.analyze(parts.part(0), run_plan), parts.data, run_plan)


def analysis(logs: Paths, goals: GoalsOption = None, *, fields: Iterable[str] = (), **keywords: Unpack[Keywords]) -> Run:
    """Return the analysis of logs in one piece."""
    return analyzed(logs, goals, fields=fields, **keywords).run


def finish(  # noqa: PLR0913 (the options of a run)
    analyzed_logs: Analyzed,
    tallies: Tallies,
    *,
    broken_down: Tallies | None = None,
    is_whole: bool = False,
    sort: Sorting | None = None,
    options: Mapping[str, str] | None = None,
) -> Document:
    """Return the document of an analysis with its tallies replaced by these."""
    run_plan = replace(analyzed_logs.plan, reports=tuple(tallies), is_whole=is_whole, order=sort, report_options=options or {})
    # A document takes frames out of the tallies that it is built from.
    own = {report: dict(named) for report, named in tallies.items()}
    result = replace(analyzed_logs.run.tallied(replace(run_plan, reports=())), tallies=own, broken_down=broken_down)
    return engine_document.build(result, analyzed_logs.data, run_plan, [])
