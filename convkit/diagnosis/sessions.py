"""Single sessions for `convkit explain`: selected by drop-off, goal, log line or visitor, with all their hits and what was decided about each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import listing
from convkit.core.collect import collect_frame
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import CHANNEL_FIELD, is_interaction, is_kind
from convkit.diagnosis import screen
from convkit.diagnosis.screen import ExplainedSession, Explanation
from convkit.engine import partition, stages
from convkit.engine.plan import plan_segment, read_goals
from convkit.errors import UsageError, did_you_mean
from convkit.funnels import drop_off, trace
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
    """Which sessions are asked for, and the funnels that are shown with them."""

    whose: str
    """The sessions in words."""
    funnels: tuple[Funnel, ...]
    step: int | None = None
    """The step of the funnel at which they dropped off."""
    goal: str | None = None
    line: tuple[int, int] | None = None
    """The number of a log, and of its line."""
    visitor: str | None = None
    """How the visitor's id begins."""


@dataclass(frozen=True)
class _Found:
    """What a part of the visitors has of it."""

    sessions: tuple[ExplainedSession, ...]
    """The last ones, by their start."""
    total: int
    period: Period
    visitors: int = 1
    """How many visitors' ids fit."""
    line: str = ""
    """What became of the line that was asked for, if it is in this part."""


def explain(paths: Paths, options: ExplainOptions, progress: Progress = NO_PROGRESS) -> Explanation:
    """Read logs and return the last sessions that are asked for. Raises GoalsFileError, InputError, OutputError, UsageError."""
    goals = read_goals(options)
    query = _parse_query(options, goals)
    plan = plan_segment(options, goals, progress=progress)
    plan = replace(plan, segment=replace(plan.segment, session_fields=frozenset({CHANNEL_FIELD})), every_line=True)
    with partition.read(paths, plan) as read:
        parts = stages.with_own_hosts(read, goals, plan.segment.bots, plan.session_fields)
        if options.line is not None:
            query = replace(query, line=screen.line_place(parts.data.sources, options.line))
        found = parts.map(lambda part: _find(part, parts, plan, query, options.limit))
        _refuse_nothing(found, parts, options)
        sessions = sorted((session for part in found for session in part.sessions), key=_start)
        return Explanation(
            goals,
            found[0].period,
            parts.data.names,
            parts.data.warnings,
            tuple(sessions[-options.limit :]),
            sum(part.total for part in found),
            query.whose,
            "".join(part.line for part in found),
            query.line,
        )


def _parse_query(options: ExplainOptions, goals: Goals) -> _Query:
    """Return which sessions are asked for. Raises UsageError if several things are, or one that is unknown."""
    funnels = goals.funnels
    if sum(option is not None for option in (options.dropped_at, options.reached, options.line, options.visitor)) > 1:
        raise UsageError("give one of --dropped-at, --reached, --line and --visitor")
    if options.dropped_at is not None:
        funnel, number = _step(funnels, options.dropped_at)
        return _Query(f"that dropped off at {funnel.names[number - 1]} ({funnel.name})", (funnel,), step=number)
    if options.reached is not None:
        known = [goal.name for goal in goals.goals]
        if options.reached not in known:
            raise UsageError(f"--reached {options.reached}: no goal is called so{did_you_mean(options.reached, known)}; known are {', '.join(known)}")
        return _Query(f"that reached {options.reached}", funnels, goal=options.reached)
    if options.visitor is not None:
        return _Query("of this visitor", funnels, visitor=options.visitor)
    return _Query("of the logs" if options.line is None else "with this line", funnels)


def _find(part: Part, parts: Partition, plan: Plan, query: _Query, limit: int) -> _Found:
    """Return what a part has of the sessions that are asked for."""
    goals, segment = plan.goals, plan.segment
    run = stages.look_at(stages.match(part, goals, segment.bots, plan.session_fields), part, goals, segment)
    all_hits = stages.all_hits(part, goals)
    visitors, line = 1, ""
    if query.line is not None:
        line, sessions = _session_of_line(part, run, all_hits, query.line, parts.data.sources[query.line[0]])
    elif query.visitor is not None:
        fitting = _fitting_visitors(run.analysis, query.visitor)
        visitors = fitting.len()
        sessions = _select(run.analysis, pl.col("visitor").is_in(fitting.implode()) if visitors == 1 else pl.lit(value=False))
    elif query.step is not None:
        sessions = _select(run.analysis, _SESSION.is_in(_dropped_off(run.analysis, query.funnels[0], query.step).implode()))
    else:
        sessions = _select(run.analysis, pl.lit(value=True) if query.goal is None else pl.col(f"goal:{query.goal}"))
    explained = tuple(_explained(run.analysis, all_hits, session, query.funnels) for session in sessions.tail(limit or sessions.len()))
    return _Found(explained, sessions.len(), run.period, visitors, line)


def _refuse_nothing(found: list[_Found], parts: Partition, options: ExplainOptions) -> None:
    """Raise UsageError where no line, or not just one visitor, is what was asked for."""
    if options.line is not None and not any(part.line for part in found):
        source, _ = screen.line_place(parts.data.sources, options.line)
        lines = collect_frame(parts.data.lines.filter(pl.col("source") == source).select(pl.len()), parts.data.size).item()
        raise UsageError(f"--line {options.line}: {parts.data.sources[source]} has no such line; it has {lines:,}")
    visitors = sum(part.visitors for part in found) if options.visitor is not None else 1
    if visitors != 1:
        many = f"{visitors} visitors' ids begin so; write more digits"
        none = "no visitor has such an id here; `convkit sessions` shows ids"
        raise UsageError(f"--visitor {options.visitor}: {many if visitors else none}")


def _start(session: ExplainedSession) -> tuple[Any, ...]:
    """Return by what sessions are sorted: their start, then the visitor, whose sessions are numbered in order."""
    return tuple(session.row[name] for name in ("started", "visitor", "session"))


def _select(analysis: Analysis, condition: pl.Expr) -> pl.Series:
    """Return the sessions of the period for which a condition holds, by their start."""
    return collect_frame(analysis.sessions.filter(condition).sort("started", "session").select("session"), analysis.size)["session"]


def _dropped_off(analysis: Analysis, funnel: Funnel, step: int) -> pl.Series:
    """Return the sessions that reached a step of a funnel and not the next."""
    stopped = pl.col(f"row{step}").is_not_null(), pl.col(f"row{funnel.next_step(step)}").is_null()
    return collect_frame(analysis.chains[funnel.name].filter(*stopped).select(session=f"session{step}"), analysis.size)["session"]


def _session_of_line(part: Part, run: Run, all_hits: pl.DataFrame, line: tuple[int, int], name: str) -> tuple[str, pl.Series]:
    """Return what became of a line of the log `name`, in words, and its session; empty if the line is not in this part."""
    source, number = line
    is_it = (pl.col("source") == source) & (pl.col("line_no") == number)
    parsed = part.lines.filter(is_it)
    if parsed.is_empty():
        return "", pl.Series("session", [], dtype=pl.Int64)
    frames = (all_hits.filter(is_it), collect_frame(run.analysis.hits.filter(is_it), run.analysis.size))
    hit, matched = (frame.row(0, named=True) if frame.height else None for frame in frames)
    sentence, session = screen.describe_line(f"{name}:{number}", parsed["problem"][0], hit, matched)
    return sentence, pl.Series("session", [] if session is None else [session], dtype=pl.Int64)


def _step(funnels: tuple[Funnel, ...], text: str) -> tuple[Funnel, int]:
    """Return the funnel and the number of a step at which one can drop off: by its name, which may stand behind the funnel's and a dot."""
    known = {f"{funnel.name}.{name}": (funnel, number) for funnel in funnels for number, name in zip(funnel.numbers[:-1], funnel.names, strict=False)}
    steps: dict[str, tuple[Funnel, int]] = {}
    for name, place in known.items():
        steps.setdefault(name.partition(".")[2], place)
    if text in steps or text in known:
        return steps[text] if text in steps else known[text]
    last = [funnel.name for funnel in funnels if text == funnel.names[-1]]
    why = f"it is the last step of {last[0]}, where nobody drops off" if last else f"no step is called so{did_you_mean(text, steps)}"
    raise UsageError(f"--dropped-at {text}: {why}; steps are {', '.join(steps) or 'none: the goals file has no funnel'}")


def _fitting_visitors(analysis: Analysis, text: str) -> pl.Series:
    """Return the numbers of the visitors whose ids begin with a text."""
    known = collect_frame(analysis.identities.join(analysis.sessions.select("visitor").unique(), on="visitor", how="semi"), analysis.size)
    digits = text.partition("-")[0].rstrip("…").lower()
    ids = pl.Series(visitor_ids.hash_identities(known["identity"]), dtype=pl.String)
    return (known.filter(ids.str.starts_with(digits)) if digits else known.clear())["visitor"]


def _explained(analysis: Analysis, all_hits: pl.DataFrame, session: int, funnels: tuple[Funnel, ...]) -> ExplainedSession:
    """Return one session with all that is shown of it."""
    own = collect_frame(_with_remarks(analysis.hits.filter(pl.col("session") == session), analysis.goals), analysis.size)
    facts: dict[str, Any] = collect_frame(analysis.sessions.filter(pl.col("session") == session), 1).row(0, named=True)
    of_visitor = collect_frame(analysis.hits.filter(pl.col("visitor") == facts["visitor"], pl.col("session").is_not_null()), analysis.size)
    identity = collect_frame(analysis.identities.filter(pl.col("visitor") == facts["visitor"]), 1)["identity"]
    steps, told = {}, {}
    for funnel in funnels:
        unit = facts["visitor"] if funnel.per == "visitor" else session
        steps[funnel.name], told[funnel.name] = _of_funnel(analysis, of_visitor, funnel, unit)
    spans = of_visitor.filter(is_interaction()).group_by("session").agg(begins=pl.col("time").min(), ends=pl.col("time").max()).sort("begins")
    hits = pl.concat([own, _uncounted_hits(all_hits, own)], how="diagonal").sort("time", "source", "line_no")
    return ExplainedSession(facts | {"id": visitor_ids.hash_identities(identity)[0]}, hits, steps, told, spans, analysis.ends)


def _with_remarks(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return what is shown of a session's hits: `remark` names the landing page, the exit page, forms that came back and slow answers."""
    pages = pl.col("row").filter(is_kind("page"))
    remark = (
        pl.when(drop_off.is_form_again())
        .then(pl.lit("the form came back"))
        .when((pl.col("row") == pages.first()) & (pl.col("row") == pages.last()))
        .then(pl.lit("landing, exit"))
        .when(pl.col("row") == pages.first())
        .then(pl.lit("landing"))
        .when(pl.col("row") == pages.last())
        .then(pl.lit("exit"))
    )
    slow = pl.when(drop_off.is_slow()).then(pl.lit("slower than 3 s"))
    return hits.select(
        "row", *_HIT_COLUMNS, remark=pl.concat_str([remark, slow], separator=", ", ignore_nulls=True), goals=listing.reached_goals(goals.goals)
    )


def _uncounted_hits(all_hits: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Return what the same visitor sent meanwhile and nobody looks at, with `remark` saying so."""
    whose = all_hits.join(own.select(*_PLACE), on=_PLACE, how="semi")["visitor"].unique()
    during = pl.col("time").is_between(own["time"].min(), own["time"].max())
    found = all_hits.filter(pl.col("visitor").is_in(whose.implode()), during).join(own.select(*_PLACE), on=_PLACE, how="anti")
    return found.filter(pl.col("fate").is_in(["background", "other"])).select(
        *_HIT_COLUMNS, row=pl.lit(None, dtype=pl.UInt32), remark=pl.lit("nobody looks at it"), goals=pl.lit("")
    )


def _of_funnel(analysis: Analysis, of_visitor: pl.DataFrame, funnel: Funnel, unit: int) -> tuple[dict[int, int], str]:
    """Return the rows that filled a funnel's steps, and how far it got in the session, or with the visitor."""
    chain = collect_frame(analysis.chains[funnel.name].filter(pl.col("unit") == unit), 1)
    filled = {number: chain[f"row{number}"][0] for number in funnel.numbers if chain.height and chain[f"row{number}"][0] is not None}
    seen = trace.hits_of_unit(collect_frame(trace.traced_hits(of_visitor.lazy(), funnel), of_visitor.height).filter(pl.col("unit") == unit))
    sessions = of_visitor["session"] if funnel.per == "visitor" else pl.Series([unit])
    may_enter = (
        not funnel.where or not collect_frame(analysis.entering[funnel.name].filter(pl.col("session").is_in(sessions.implode())), 1).is_empty()
    )
    return filled, trace.describe_stop(funnel, seen, filled, may_enter=may_enter)
