"""Single sessions for `convkit explain`: selected by drop-off, goal, log line or visitor, with all their hits and what was decided about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import listing
from convkit.core.collect import collect_frame
from convkit.core.progress import NO_PROGRESS
from convkit.core.schema import is_interaction, is_kind
from convkit.diagnosis import screen
from convkit.diagnosis.screen import ExplainedSession, Explanation
from convkit.engine import analyzing, deciding
from convkit.errors import UsageError, did_you_mean
from convkit.funnels import drop_off, trace
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis, Run
    from convkit.analysis.segment import Segment
    from convkit.core.model import Funnel, Goals
    from convkit.core.progress import Progress
    from convkit.files.paths import Paths
    from convkit.ingest.log_data import Taken

_PLACE = ("source", "line_no")
_HIT_COLUMNS = (*_PLACE, "time", "kind", "method", "path", "event", "status", "visitor", "asset")


@dataclass(frozen=True)
class SessionQuery:
    """Which sessions are asked for: by one of these, or the last ones of the logs."""

    dropped_at: str | None = None
    """A step's name, or FUNNEL.STEP."""
    reached: str | None = None
    """A goal's name."""
    line: str | None = None
    """FILE:N."""
    visitor: str | None = None
    """An id, or how it begins."""


@dataclass(frozen=True)
class _Selection:
    """Sessions that fit a wish: `session` of each, who they are in words, the funnels to tell of, and what is said of a line."""

    sessions: pl.Series
    whose: str
    funnels: tuple[Funnel, ...]
    line: str = ""
    place: tuple[int, int] | None = None


def explain(  # noqa: PLR0913 (what is read, what is asked of it, and how much of the answer)
    paths: Paths, goals: Goals, wish: SessionQuery, scope: Segment, count: int, *, log_format: str, progress: Progress = NO_PROGRESS
) -> Explanation:
    """Read logs and return the last `count` of the sessions that are asked for. Raises InputError, UsageError."""
    taken = analyzing.read(paths, goals, log_format, needed=scope.needed(goals), progress=progress)
    run = analyzing.analyze_cells(taken.intake, goals, scope)
    everything = deciding.everything(taken.intake.cells, goals)
    found = _selection(run, everything, taken, wish)
    shown = tuple(_explained(run.analysis, everything, session, found.funnels) for session in found.sessions.tail(count or found.sessions.len()))
    return Explanation(
        goals,
        run.period,
        taken.names,
        (*taken.copies, *run.losses),
        shown,
        found.sessions.len(),
        found.whose,
        found.line,
        found.place,
    )


def _selection(run: Run, everything: pl.DataFrame, taken: Taken, wish: SessionQuery) -> _Selection:
    """Return the sessions that fit a wish, in the order of their start."""
    analysis = run.analysis
    funnels = analysis.goals.funnels
    if wish.dropped_at is not None:
        funnel, number = _step(funnels, wish.dropped_at)
        following = pl.col(f"row{funnel.next_step(number)}")
        stopped = analysis.chains[funnel.name].filter(pl.col(f"row{number}").is_not_null(), following.is_null())
        ids = collect_frame(stopped.select(session=f"session{number}"), analysis.size)["session"]
        return _Selection(_by_start(analysis, ids), f"that dropped off at {funnel.names[number - 1]} ({funnel.name})", (funnel,))
    if wish.reached is not None:
        known = [goal.name for goal in analysis.goals.goals]
        if wish.reached not in known:
            raise UsageError(f"--reached {wish.reached}: no goal is called so{did_you_mean(wish.reached, known)}; known are {', '.join(known)}")
        ids = collect_frame(analysis.sessions.filter(f"goal:{wish.reached}").select("session"), analysis.size)["session"]
        return _Selection(_by_start(analysis, ids), f"that reached {wish.reached}", funnels)
    if wish.visitor is not None:
        visitor = _visitor(analysis, wish.visitor)
        ids = collect_frame(analysis.sessions.filter(pl.col("visitor") == visitor).select("session"), analysis.size)["session"]
        return _Selection(_by_start(analysis, ids), "of this visitor", funnels)
    if wish.line is not None:
        return _with_line(run, everything, taken.intake.cells, taken.sources, wish.line)
    ids = collect_frame(analysis.sessions.select("session"), analysis.size)["session"]
    return _Selection(_by_start(analysis, ids), "of the logs", funnels)


def _with_line(run: Run, everything: pl.DataFrame, cells: pl.DataFrame, names: tuple[str, ...], asked: str) -> _Selection:
    """Return what became of a line, and its session."""
    source, number = place = screen.line_place(names, asked)
    here = (pl.col("source") == source) & (pl.col("line_no") == number)
    cell, decided = cells.filter(here), everything.filter(here)
    if cell.is_empty():
        lines = cells.filter(pl.col("source") == source).height
        raise UsageError(f"--line {asked}: {names[source]} has no such line; it has {lines:,}")
    found = collect_frame(run.analysis.hits.filter(here), run.analysis.size)
    rows = [frame.row(0, named=True) if frame.height else None for frame in (decided, found)]
    said, session = screen.describe_line(f"{names[source]}:{number}", cell["problem"][0], rows[0], rows[1], run.bots)
    return _Selection(
        pl.Series("session", [] if session is None else [session], dtype=pl.Int64), "with this line", run.analysis.goals.funnels, said, place
    )


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


def _visitor(analysis: Analysis, text: str) -> int:
    """Return the number of the visitor whose id begins so."""
    known = collect_frame(analysis.identities.join(analysis.sessions.select("visitor").unique(), on="visitor", how="semi"), analysis.size)
    digits = text.partition("-")[0].rstrip("…").lower()
    ids = pl.Series(visitor_ids.hash_identities(known["identity"]), dtype=pl.String)
    fits = known.filter(ids.str.starts_with(digits)) if digits else known.clear()
    if fits.height == 1:
        return int(fits["visitor"][0])
    what = (
        f"{fits.height} visitors' ids begin so; write more digits" if fits.height else "no visitor has such an id here; `convkit sessions` shows ids"
    )
    raise UsageError(f"--visitor {text}: {what}")


def _by_start(analysis: Analysis, ids: pl.Series) -> pl.Series:
    """Return those of the sessions that are in the period, by their start."""
    found = analysis.sessions.filter(pl.col("session").is_in(ids.implode())).sort("started", "session").select("session")
    return collect_frame(found, analysis.size)["session"]


def _explained(analysis: Analysis, everything: pl.DataFrame, session: int, funnels: tuple[Funnel, ...]) -> ExplainedSession:
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
    hits = pl.concat([own, _uncounted_hits(everything, own)], how="diagonal").sort("time", "source", "line_no")
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


def _uncounted_hits(everything: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Return what the same visitor sent meanwhile and nobody looks at, with `remark` saying so."""
    whose = everything.join(own.select(*_PLACE), on=_PLACE, how="semi")["visitor"].unique()
    during = pl.col("time").is_between(own["time"].min(), own["time"].max())
    found = everything.filter(pl.col("visitor").is_in(whose.implode()), during).join(own.select(*_PLACE), on=_PLACE, how="anti")
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
