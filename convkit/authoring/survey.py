"""Surveys of logs: the hit that first reached each goal in every session, and every distinct request, matched or not.

`check` and `init` read the logs once and survey them, part by part, with one or several goals files.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.document import sum_tallies
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import CHANNEL_FIELD, TIME
from convkit.engine import partition, stages
from convkit.engine.plan import plan_segment
from convkit.goals import channel_rules
from convkit.goals.money import settle
from convkit.traffic import subrequests

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from convkit.analysis.analysis import Analysis
    from convkit.core.model import Goals
    from convkit.core.options import Options
    from convkit.core.progress import Progress
    from convkit.engine.partition import Partition
    from convkit.engine.plan import Plan
    from convkit.files.paths import Paths
    from convkit.ingest.log_data import Part

_REQUEST_COLUMNS = ("path", "method", "status", "event", "kind", "asset", "background", "download", "listed", "subrequest", "other")
OUTSIDE = "outside the period"
"""Why a hit that could count is not among the requests of a period."""
_VISITOR_COLUMNS = ("time", "visitor")
"""The columns that a hit has because it belongs to a visitor; distinct requests do not have them."""


@dataclass(frozen=True)
class Survey:
    """A goals file and the survey of the logs with it; if there are no logs, all frames are empty."""

    goals: Goals
    sessions: pl.DataFrame
    """`session, visitor, identified_by` of each session in the period, and for each goal `goal:<name>`, the `row` of the hit that first reached it.

    A visitor's later hits have higher row numbers."""
    requests: pl.DataFrame
    """Each distinct request in the period: `path, method, status, event, kind, asset, background, download, listed, subrequest, other`, `is_bot`,
    `is_excluded`, `names:<goal>`, its count `n`, and every column that the conditions of goals use, so that they can be evaluated again."""
    others: pl.DataFrame = field(default_factory=pl.DataFrame)
    """The columns of `requests` for hits that are not in them, and why: `outside the period`, or the problem of their lines."""
    unknown: int = 0
    """The number of lines that could not be read, so that it is unknown what they request."""
    unassigned: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`source, medium, n` of the sessions without a channel, the most frequent first; it has no columns if channels were not read."""
    followers: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`pattern, n, soon` of paths that are probably not pages (`subrequests.subrequest_patterns`)."""


def without_logs(goals: Goals) -> Survey:
    """Return the survey of a goals file without logs."""
    return Survey(goals, pl.DataFrame(), pl.DataFrame())


def _session_rows(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return `Survey.sessions`, computed from matched hits that have a `row` and are sorted by visitor and ORDER."""
    first = {goal.column: pl.col("row").cast(pl.Int32).filter(pl.col(goal.column)).min() for goal in goals.all}
    inside = hits.filter(pl.col("session").is_not_null(), "inside")
    return inside.group_by("session", maintain_order=True).agg(pl.col("visitor", "identified_by").first(), **first)


def _unassigned_sources(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return `Survey.unassigned`, in any order, computed from the table of sessions."""
    unassigned = sessions.filter(pl.col("channel").cast(pl.String) == channel_rules.UNASSIGNED).select(pl.col("source", "medium").cast(pl.String))
    return unassigned.group_by("source", "medium").agg(n=pl.len().cast(pl.Int64))


def _request_rows(hits: pl.LazyFrame, columns: Collection[str], goals: Goals, *keys: str) -> pl.LazyFrame:
    """Return `Survey.requests`, in any order, computed from hits with these columns, including those made by bots and those for static files.

    `keys` are additional columns.
    """
    named = {name: expr for goal in goals.all for name, expr in goal.named.items()}
    tested = {name for expr in named.values() for name in expr.meta.root_names()}
    goal_columns = sorted(({*tested, *named} & {*columns}) - {*_REQUEST_COLUMNS, *_VISITOR_COLUMNS})
    return (
        hits.with_columns(is_bot=pl.col("reason").is_not_null(), is_excluded=(pl.col("fate") == "excluded").fill_null(value=False))
        .group_by(*_REQUEST_COLUMNS, "is_bot", "is_excluded", *goal_columns, *keys)
        .agg(n=pl.len().cast(pl.Int64))
        .cast(dict.fromkeys(("path", "method", "event"), pl.String))
    )


@dataclass(frozen=True)
class SurveyedLogs:
    """Logs that were read, and the plan they were read with, which includes the period."""

    parts: Partition
    plan: Plan

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The times of the first and the last line, without stray lines; there must be at least one line."""
        time, data = pl.col("time"), self.parts.data
        if data.facts.stray is not None:
            return data.facts.stray.begin, data.facts.stray.end
        first, last = collect_frame(data.lines.select(first=time.min(), last=time.max()), data.size).row(0)
        return first, last


@contextmanager
def read_logs(  # noqa: PLR0913 (the settings of a survey)
    paths: Paths,
    options: Options,
    goals: Goals,
    *,
    properties: Sequence[str] = (),
    everything: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Iterator[SurveyedLogs]:
    """Read logs with these properties of exports and those that the goals need.

    With `everything`, also read static files and the channels of sessions.

    Raises InputError, OutputError, UsageError.
    """
    plan = replace(plan_segment(options, goals, progress=progress), every_line=True, every_asset=everything, properties=tuple(properties))
    plan = replace(plan, segment=replace(plan.segment, session_fields=frozenset({CHANNEL_FIELD} if everything else ())))
    with partition.read(paths, plan) as parts:
        yield SurveyedLogs(stages.with_own_hosts(parts, goals, plan.segment.bots, plan.session_fields), plan)


def survey_once(paths: Paths, options: Options, goals: Goals, progress: Progress) -> tuple[Survey, tuple[str, ...]]:
    """Read logs and return the survey of a goals file, and warnings about the input. Raises InputError, OutputError, UsageError."""
    with read_logs(paths, options, goals, everything=True, progress=progress) as logs:
        return survey_logs(logs, goals), logs.parts.data.warnings


def analyze_part(part: Part, logs: SurveyedLogs, goals: Goals) -> Analysis:
    """Return the analysis of the human visitors in a part."""
    segment = logs.plan.segment
    return stages.analyze_segment(stages.match(part, goals, segment.bots, segment.needed(goals)), part, goals, segment).analysis


def count(logs: SurveyedLogs, goals: Goals, queries: Callable[[Analysis], dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """Return the tallies of the human visitors in all parts, by name."""
    tallies = logs.parts.map(lambda part: queries(analyze_part(part, logs, goals)))
    return {name: sum_tallies([tally[name] for tally in tallies]) for name in tallies[0]}


def survey_logs(logs: SurveyedLogs, goals: Goals) -> Survey:
    """Return the survey of logs with a goals file."""
    surveys = logs.parts.map(lambda part: _survey_part(part, logs, goals))
    unassigned = sum_tallies([survey.unassigned for survey in surveys]) if CHANNEL_FIELD in logs.plan.session_fields else pl.DataFrame()
    return Survey(
        settle(goals, logs.parts.data.facts.money),
        _numbered([survey.sessions for survey in surveys]),
        _distinct_requests([survey.requests for survey in surveys]),
        _distinct_requests([survey.others for survey in surveys]),
        sum(survey.unknown for survey in surveys),
        unassigned.sort("n", "source", "medium", descending=[True, False, False]) if unassigned.width else unassigned,
        subrequests.subrequest_patterns(sum_tallies([survey.followers for survey in surveys])),
    )


def _survey_part(part: Part, logs: SurveyedLogs, goals: Goals) -> Survey:
    """Return the survey of a part, with rows in any order and paths not yet grouped."""
    analysis, hits, lost = analyze_part(part, logs, goals), stages.all_hits(part, goals), stages.lost_hits(part, goals)
    begin, end = logs.plan.segment.date_range.limits(analysis.ends, goals.site.timezone)
    conditions = [] if begin is None else [pl.col("time") >= begin.astimezone(UTC)]
    conditions += [] if end is None else [pl.col("time") < end.astimezone(UTC)]
    knows_channels = CHANNEL_FIELD in logs.plan.session_fields
    return Survey(
        goals,
        collect_frame(_session_rows(analysis.hits, goals), analysis.size),
        collect_frame(_request_rows(hits.lazy().filter(*conditions), hits.columns, goals), hits.height),
        _other_requests(hits.filter(~pl.all_horizontal(*conditions)) if conditions else hits.clear(), lost, goals),
        stages.unknown_lines(part),
        collect_frame(_unassigned_sources(analysis.sessions), analysis.size) if knows_channels else pl.DataFrame(),
        collect_frame(subrequests.count_paths(analysis.hits), analysis.size),
    )


def _other_requests(outside: pl.DataFrame, lost: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Return `Survey.others`, in any order, from the hits outside the period and those of lines that are in no figure."""
    frames = [outside.with_columns(why=pl.lit(OUTSIDE)), lost.with_columns(why="reason")]
    rows = [_request_rows(hits.lazy(), hits.columns, goals, "why") for hits in frames]
    return collect_frame(pl.concat(rows, how="vertical_relaxed"), outside.height + lost.height)


def _distinct_requests(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the distinct requests of all parts, the most frequent first."""
    requests = pl.concat(frames).lazy()
    keys = [name for name in frames[0].columns if name != "n"]
    requests = requests.group_by(keys).agg(pl.col("n").sum()) if len(frames) > 1 else requests
    requests = requests.sort("n", "path", "method", "status", descending=[True, False, False, False], nulls_last=True)
    # A distinct request has no time and no visitor, but conditions may refer to both columns.
    requests = requests.with_columns(time=pl.lit(None, dtype=TIME), visitor=pl.int_range(pl.len(), dtype=pl.Int64))
    return collect_frame(requests, 0)


def _numbered(sessions: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the sessions of all parts, renumbered so that their numbers are unique."""
    if len(sessions) == 1:
        return sessions[0]
    return (
        pl.concat([frame.with_columns(part=pl.lit(number)) for number, frame in enumerate(sessions)])
        .with_columns(session=pl.struct("part", "session").rank("dense").cast(pl.Int64))
        .drop("part")
    )
