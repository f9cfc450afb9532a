"""Individual sessions for `convkit explain`: selected by drop-off, goal, log line or visitor, with all their hits and how each was counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import exposure, listing
from convkit.core import formatting
from convkit.core.collect import collect_frame
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import CHANNEL_FIELD, is_interaction, is_kind
from convkit.diagnosis import screen
from convkit.diagnosis.screen import ExplainedSession, Explanation
from convkit.engine import partition, stages
from convkit.engine.plan import plan_segment, read_goals
from convkit.errors import UsageError, suggestion
from convkit.funnels import obstacles, steps, trace
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis
    from convkit.core.document import Period
    from convkit.core.model import Funnel, Goals
    from convkit.core.options import ExplainOptions
    from convkit.core.progress import Progress
    from convkit.engine.partition import Partition
    from convkit.engine.plan import Plan
    from convkit.engine.stages import Run
    from convkit.files.paths import Paths
    from convkit.ingest.log_data import Part

_PLACE = ("source", "line_no")
_HIT_COLUMNS = (*_PLACE, "time", "kind", "method", "path", "event", "status", "visitor", "asset")
_SESSION = pl.col("session")


@dataclass(frozen=True)
class _Query:
    """Which sessions to select, and the funnels to show with them."""

    funnels: tuple[Funnel, ...]
    condition: str = ""
    """What the sessions did, in words, like `reached purchase`."""
    step: int | None = None
    """The step of the funnel at which they dropped off."""
    goal: str | None = None
    line: tuple[int, int] | None = None
    """The number of a log, and that of a line in it."""
    visitor: str | None = None
    """The beginning of the visitor's ID."""


@dataclass(frozen=True)
class _PartResult:
    """The selected sessions from one part."""

    sessions: tuple[ExplainedSession, ...]
    """The sessions that started last."""
    total: int
    period: Period
    visitors: int = 1
    """The number of visitors whose ID matches."""
    line: str = ""
    """How the selected line was counted, if it is in this part."""


def explain(paths: Paths, options: ExplainOptions, progress: Progress = NO_PROGRESS) -> Explanation:
    """Read logs and return the last sessions that the options select. Raises GoalsFileError, InputError, OutputError, UsageError."""
    goals = read_goals(options)
    query = _parse_query(options, goals)
    plan = plan_segment(options, goals, progress=progress)
    plan = replace(plan, segment=replace(plan.segment, session_fields=frozenset({CHANNEL_FIELD})), every_line=True)
    with partition.read(paths, plan) as partition_of_logs:
        parts = stages.with_own_hosts(partition_of_logs, goals, plan.segment.bots, plan.session_fields)
        if options.line is not None:
            query = replace(query, line=screen.line_place(parts.data.sources, options.line))
        results = parts.map(lambda part: _select_of_part(part, parts, plan, query, options.limit))
        _refuse_empty(results, parts, options)
        sessions = sorted((session for result in results for session in result.sessions), key=_start)
        return Explanation(
            goals,
            results[0].period,
            parts.data.names,
            parts.data.warnings,
            tuple(sessions[-options.limit :]),
            sum(result.total for result in results),
            query.condition,
            "".join(result.line for result in results),
            query.line,
        )


def _parse_query(options: ExplainOptions, goals: Goals) -> _Query:
    """Return the query that the options ask for. Raises UsageError if more than one of them is given, or if a name is unknown."""
    funnels = goals.funnels
    if sum(option is not None for option in (options.dropped_at, options.reached, options.line, options.visitor)) > 1:
        raise UsageError("use only one of --dropped-at, --reached, --line and --visitor")
    if options.dropped_at is not None:
        funnel, number = steps.parse_step(options.dropped_at, goals)
        return _Query((funnel,), f"dropped off at {funnel.names[number - 1]} ({funnel.name})", step=number)
    if options.reached is not None:
        names = [goal.name for goal in goals.goals]
        if options.reached not in names:
            raise UsageError(f"--reached {options.reached}: unknown goal{suggestion(options.reached, names, 'Goals')}")
        return _Query(funnels, f"reached {options.reached}", goal=options.reached)
    return _Query(funnels, visitor=options.visitor)


def _select_of_part(part: Part, parts: Partition, plan: Plan, query: _Query, limit: int) -> _PartResult:
    """Return the sessions that the query selects from a part."""
    goals, segment = plan.goals, plan.segment
    run = stages.analyze_segment(stages.match(part, goals, segment.bots, plan.session_fields), part, goals, segment)
    all_hits = stages.all_hits(part, goals)
    visitors, line = 1, ""
    if query.line is not None:
        line, sessions = _session_of_line(part, run, all_hits, query.line, parts.data.sources[query.line[0]])
    elif query.visitor is not None:
        numbers = _visitors_by_id(run.analysis, query.visitor)
        visitors = numbers.len()
        sessions = _select(run.analysis, pl.col("visitor").is_in(numbers.implode()) if visitors == 1 else pl.lit(value=False))
    elif query.step is not None:
        sessions = _select(run.analysis, _SESSION.is_in(_dropped_off(run.analysis, query.funnels[0], query.step).implode()))
    else:
        sessions = _select(run.analysis, pl.lit(value=True) if query.goal is None else pl.col(f"goal:{query.goal}"))
    explained = tuple(_explained(run.analysis, all_hits, session, query.funnels) for session in sessions.tail(limit or sessions.len()))
    return _PartResult(explained, sessions.len(), run.period, visitors, line)


def _refuse_empty(results: list[_PartResult], parts: Partition, options: ExplainOptions) -> None:
    """Raise UsageError if the line does not exist, or if the ID does not match exactly one visitor."""
    if options.line is not None and not any(result.line for result in results):
        source, _ = screen.line_place(parts.data.sources, options.line)
        lines = collect_frame(parts.data.lines.filter(pl.col("source") == source).select(pl.len()), parts.data.size).item()
        raise UsageError(f"--line {options.line}: {parts.data.sources[source]} has only {formatting.plural(lines, 'line')}")
    visitors = sum(result.visitors for result in results) if options.visitor is not None else 1
    if visitors != 1:
        many = f"{visitors} visitor IDs begin with this; add more digits"
        none = "no visitor has this ID; `convkit sessions` lists the IDs"
        raise UsageError(f"--visitor {options.visitor}: {many if visitors else none}")


def _start(session: ExplainedSession) -> tuple[Any, ...]:
    """Return the sort key of a session: its start, the visitor, and the number of the session, which increases with time."""
    return tuple(session.row[name] for name in ("started", "visitor", "session"))


def _select(analysis: Analysis, condition: pl.Expr) -> pl.Series:
    """Return the sessions in the period that meet a condition, sorted by their start."""
    return collect_frame(analysis.sessions.filter(condition).sort("started", "session").select("session"), analysis.size)["session"]


def _dropped_off(analysis: Analysis, funnel: Funnel, step: int) -> pl.Series:
    """Return the sessions that reached a step of a funnel but not the next one."""
    stopped = analysis.chains[funnel.name].filter(steps.is_dropped_at(funnel, step))
    return collect_frame(stopped.select(session=f"session{step}"), analysis.size)["session"]


def _session_of_line(part: Part, run: Run, all_hits: pl.DataFrame, line: tuple[int, int], name: str) -> tuple[str, pl.Series]:
    """Return how a line of the log `name` was counted, in words, and its session; both are empty if the line is not in this part."""
    source, number = line
    is_line = (pl.col("source") == source) & (pl.col("line_no") == number)
    parsed = part.lines.filter(is_line)
    if parsed.is_empty():
        return "", pl.Series("session", [], dtype=pl.Int64)
    frames = (all_hits.filter(is_line), collect_frame(run.analysis.hits.filter(is_line), run.analysis.size))
    hit, matched = (frame.row(0, named=True) if frame.height else None for frame in frames)
    sentence, session = screen.describe_line(f"{name}:{number}", parsed["problem"][0], hit, matched)
    return sentence, pl.Series("session", [] if session is None else [session], dtype=pl.Int64)


def _visitors_by_id(analysis: Analysis, text: str) -> pl.Series:
    """Return the numbers of the visitors whose IDs begin with the given digits."""
    visitors = collect_frame(analysis.identities.join(analysis.sessions.select("visitor").unique(), on="visitor", how="semi"), analysis.size)
    digits = text.partition("-")[0].rstrip("…").lower()
    ids = pl.Series(visitor_ids.hash_identities(visitors["identity"]), dtype=pl.String)
    return (visitors.filter(ids.str.starts_with(digits)) if digits else visitors.clear())["visitor"]


def _explained(analysis: Analysis, all_hits: pl.DataFrame, session: int, funnels: tuple[Funnel, ...]) -> ExplainedSession:
    """Return a session and everything about it that is shown."""
    counted = collect_frame(_with_remarks(analysis.hits.filter(pl.col("session") == session), analysis.goals), analysis.size)
    row: dict[str, Any] = collect_frame(analysis.sessions.filter(pl.col("session") == session), 1).row(0, named=True)
    visitor_hits = collect_frame(analysis.hits.filter(pl.col("visitor") == row["visitor"], pl.col("session").is_not_null()), analysis.size)
    identity = collect_frame(analysis.identities.filter(pl.col("visitor") == row["visitor"]), 1)["identity"]
    steps, stops = {}, {}
    for funnel in funnels:
        unit = row["visitor"] if funnel.per == "visitor" else session
        steps[funnel.name], stops[funnel.name] = _trace(analysis, visitor_hits, funnel, unit)
    spans = visitor_hits.filter(is_interaction()).group_by("session").agg(begins=pl.col("time").min(), ends=pl.col("time").max()).sort("begins")
    hits = pl.concat([counted, _uncounted_hits(all_hits, counted)], how="diagonal").sort("time", "source", "line_no")
    return ExplainedSession(row | {"id": visitor_ids.hash_identities(identity)[0]}, hits, steps, stops, spans, analysis.ends)


def _with_remarks(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return a session's hits with the columns shown; `remark` marks the landing page, the exit page, forms shown again and slow responses."""
    pages = pl.col("row").filter(is_kind("page"))
    remark = (
        pl.when(obstacles.is_form_again())
        .then(pl.lit("form shown again"))
        .when((pl.col("row") == pages.first()) & (pl.col("row") == pages.last()))
        .then(pl.lit("landing, exit"))
        .when(pl.col("row") == pages.first())
        .then(pl.lit("landing"))
        .when(pl.col("row") == pages.last())
        .then(pl.lit("exit"))
    )
    slow = pl.when(obstacles.is_slow()).then(pl.lit("slower than 3 s"))
    return hits.select(
        "row", *_HIT_COLUMNS, remark=pl.concat_str([remark, slow], separator=", ", ignore_nulls=True), goals=listing.reached_goals(goals.goals)
    )


def _uncounted_hits(all_hits: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Return the visitor's hits during the session that are not counted, with the reason in `remark`."""
    visitors = all_hits.join(counted.select(*_PLACE), on=_PLACE, how="semi")["visitor"].unique()
    during = pl.col("time").is_between(counted["time"].min(), counted["time"].max())
    others = all_hits.filter(pl.col("visitor").is_in(visitors.implode()), during).join(counted.select(*_PLACE), on=_PLACE, how="anti")
    remark = pl.when(pl.col("fate") == "background").then(pl.lit("background request, not counted")).otherwise(pl.lit("not counted"))
    return others.filter(pl.col("fate").is_in(["background", "other"])).select(
        *_HIT_COLUMNS, row=pl.lit(None, dtype=pl.UInt32), remark=remark, goals=pl.lit("")
    )


def _trace(analysis: Analysis, visitor_hits: pl.DataFrame, funnel: Funnel, unit: int) -> tuple[dict[int, int], str]:
    """Return the rows of the hits that completed a funnel's steps, and how far the session (or the visitor) got in it."""
    chain = collect_frame(analysis.chains[funnel.name].filter(pl.col("unit") == unit), 1)
    filled = {number: chain[f"row{number}"][0] for number in funnel.numbers if chain.height and chain[f"row{number}"][0] is not None}
    counted = exposure.without_earlier(visitor_hits.lazy(), funnel, analysis.goals)
    hits = trace.hits_of_unit(collect_frame(trace.traced_hits(counted, funnel), visitor_hits.height).filter(pl.col("unit") == unit))
    sessions = visitor_hits["session"] if funnel.per == "visitor" else pl.Series([unit])
    may_enter = (
        not funnel.where or not collect_frame(analysis.entering[funnel.name].filter(pl.col("session").is_in(sessions.implode())), 1).is_empty()
    )
    return filled, trace.describe_stop(funnel, hits, filled, may_enter=may_enter)
