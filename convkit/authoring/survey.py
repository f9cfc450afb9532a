"""Surveys of logs: which hit first reached each goal in every session, and every distinct request, matched or not.

`check` and `init` read the logs once and survey them with one goals file after another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.periods import parse_period
from convkit.analysis.segment import Segment
from convkit.core import schema
from convkit.core.collect import collect_frame
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import TIME
from convkit.engine import analyzing, deciding
from convkit.engine.analyzing import analyze_cells
from convkit.goals import channel_rules
from convkit.traffic import subrequests

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.analysis.analysis import Analysis
    from convkit.analysis.periods import DateRange
    from convkit.core.model import Goals
    from convkit.core.progress import Progress
    from convkit.files.paths import Paths
    from convkit.ingest.load import LogData

_REQUEST_COLUMNS = ("path", "method", "status", "event", "kind", "asset", "background", "download", "listed", "other")
_VISITOR_COLUMNS = ("time", "visitor")
"""What a visitor's hits together tell is told here of each request alone."""


@dataclass(frozen=True)
class Survey:
    """A goals file, and what the logs say of it; without logs both frames are empty."""

    goals: Goals
    sessions: pl.DataFrame
    """`session, visitor, told_by` of each session of the period, and of every goal `goal:<name>`: the `row` of the hit that first reached it.

    Rows rise with the time of a visitor's hits."""
    requests: pl.DataFrame
    """Each distinct request of the period: `path, method, status, event, kind, asset, background, download, listed, other`, whether it `is_bot`'s or
    `is_excluded`, `names:<goal>`, and its number `n`; with all that the conditions of goals look at, so that they can be asked once more."""
    unassigned: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`source, medium, n` of the sessions without a channel, most first; without columns where nobody asked."""
    followers: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`pattern, n, soon` of paths that look like no pages (`subrequests.subrequest_patterns`)."""


def without_logs(goals: Goals) -> Survey:
    """Return the survey of a goals file alone."""
    return Survey(goals, pl.DataFrame(), pl.DataFrame())


def _session_rows(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return when sessions reached what (`Survey.sessions`), of matched hits with `row`, sorted by visitor and ORDER."""
    first = {goal.column: pl.col("row").cast(pl.Int64).filter(pl.col(goal.column)).min() for goal in goals.all}
    inside = hits.filter(pl.col("session").is_not_null(), "inside")
    return inside.group_by("session", maintain_order=True).agg(pl.col("visitor", "told_by").first(), **first)


def _unassigned_sources(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return what has no channel (`Survey.unassigned`), of the table of sessions."""
    left = sessions.filter(pl.col("channel").cast(pl.String) == channel_rules.UNASSIGNED).select(pl.col("source", "medium").cast(pl.String))
    counted = left.group_by("source", "medium").agg(n=pl.len().cast(pl.Int64))
    return counted.sort("n", "source", "medium", descending=[True, False, False])


def _request_rows(hits: pl.LazyFrame, columns: Collection[str], goals: Goals) -> pl.LazyFrame:
    """Return every distinct request (`Survey.requests`) of settled hits with these columns, bots and assets among them."""
    named = {name: expr for goal in goals.all for name, expr in goal.named.items()}
    asked = {name for expr in named.values() for name in expr.meta.root_names()}
    told = sorted(({*asked, *named} & {*columns}) - {*_REQUEST_COLUMNS, *_VISITOR_COLUMNS})
    return (
        hits.with_columns(is_bot=pl.col("reason").is_not_null(), is_excluded=pl.col("fate") == "excluded")
        .group_by(*_REQUEST_COLUMNS, "is_bot", "is_excluded", *told)
        .agg(n=pl.len().cast(pl.Int64))
        .cast(dict.fromkeys(("path", "method", "event"), pl.String))
        .sort("n", "path", "method", "status", descending=[True, False, False, False], nulls_last=True)
        .with_columns(time=pl.lit(None, dtype=TIME), visitor=pl.int_range(pl.len(), dtype=pl.Int64))
    )


@dataclass(frozen=True)
class SurveyedLogs:
    """What logs hold, the period that is looked at, and sentences of what must be known of the input."""

    names: tuple[str, ...]
    taken_in: LogData
    wanted: DateRange
    warnings: tuple[str, ...]
    needed: frozenset[str] = frozenset()
    """Facts of sessions that are known."""


def read_logs(  # noqa: PLR0913 (every filter of a run is one keyword)
    paths: Paths,
    goals: Goals,
    *,
    log_format: str = "auto",
    since: str | None = None,
    until: str | None = None,
    last: str | None = None,
    assets: bool = True,
    needed: frozenset[str] = frozenset(),
    progress: Progress = NO_PROGRESS,
) -> SurveyedLogs:
    """Read logs, all assets too where they are wanted, and of exports the properties that the goals ask for.

    `needed` are facts of sessions. Raises InputError, UsageError.
    """
    wanted = parse_period(since, until, last, goals.site.timezone)
    taken = analyzing.read(paths, goals, log_format, needed=needed | Segment(wanted).needed(goals), assets=assets, progress=progress)
    return SurveyedLogs(taken.names, taken.intake, wanted, (*taken.copies, *taken.intake.losses), needed)


def analysis_of(logs: SurveyedLogs, goals: Goals) -> Analysis:
    """Return the analysis of what people did."""
    return analyze_cells(logs.taken_in, goals, Segment(logs.wanted, facts=logs.needed)).analysis


def survey_logs(logs: SurveyedLogs, goals: Goals) -> Survey:
    """Return what sessions reached, and every request."""
    cells, analysis = logs.taken_in.cells, analysis_of(logs, goals)
    settled = deciding.everything(cells, goals)
    begin, end = logs.wanted.limits(analysis.ends, goals.site.timezone)
    limits = [] if begin is None else [pl.col("time") >= begin.astimezone(UTC)]
    limits += [] if end is None else [pl.col("time") < end.astimezone(UTC)]
    sessions = collect_frame(_session_rows(analysis.hits, goals), analysis.size)
    requests = collect_frame(_request_rows(settled.lazy().filter(*limits), settled.columns, goals), settled.height)
    knows_channels = schema.CHANNEL_FIELD in logs.needed
    unassigned = collect_frame(_unassigned_sources(analysis.sessions), analysis.size) if knows_channels else pl.DataFrame()
    return Survey(
        goals, sessions, requests, unassigned, subrequests.subrequest_patterns(collect_frame(subrequests.count_paths(analysis.hits), analysis.size))
    )
