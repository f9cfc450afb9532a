"""Trace of a funnel in one session or visitor: how far it got, and the first rule that stopped it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting
from convkit.core.durations import microseconds
from convkit.core.schema import is_interaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.core.model import Funnel

_SECOND = 1_000_000


@dataclass(frozen=True)
class TracedHit:
    """One hit of a unit, as a funnel sees it."""

    row: int
    at: int
    """Microseconds."""
    name: str
    """The page or the event."""
    is_interaction: bool
    value: str
    """What must be the same in a chain; empty where it has none, or nothing must."""
    fits: frozenset[int]
    """The numbers of the steps that it fits."""
    bans: frozenset[int]
    """The places of the funnel's `without` that it meets."""


def traced_hits(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return what a funnel sees of the hits of sessions: `unit`, and the fields of a `TracedHit`, its steps and bans as lists."""
    steps = [pl.when(pl.any_horizontal(funnel.step(number).columns)).then(number) for number in funnel.numbers]
    bans = [pl.when(pl.any_horizontal(one.columns)).then(place) for place, one in enumerate(funnel.without)]
    return hits.filter(pl.col("session").is_not_null()).select(
        "row",
        unit=funnel.per,
        at=pl.col("time").dt.epoch("us"),
        name=pl.coalesce(pl.col("event", "page").cast(pl.String)),
        is_interaction=is_interaction(),
        value=pl.col(funnel.same).cast(pl.String).fill_null("") if funnel.same else pl.lit(""),
        fits=pl.concat_list(steps).list.drop_nulls(),
        bans=pl.concat_list(bans).list.drop_nulls() if bans else pl.lit(None, dtype=pl.List(pl.Int32)),
    )


def hits_of_unit(rows: pl.DataFrame) -> list[TracedHit]:
    """Return the hits of one unit, in their order."""
    return [
        TracedHit(row["row"], row["at"], row["name"] or "", row["is_interaction"], row["value"], frozenset(row["fits"]), frozenset(row["bans"] or ()))
        for row in rows.sort("row").rows(named=True)
    ]


def describe_stop(funnel: Funnel, seen: Sequence[TracedHit], filled: Mapping[int, int], *, may_enter: bool = True) -> str:
    """Return how far a funnel got and what stopped it: `3 of 4 steps; step 4, purchase, was never reached`.

    `filled` are the rows of the hits that filled steps, by step; `seen` is all that the session or the visitor did.
    """
    count = f"{len(filled)} of {len(funnel.steps)} steps"
    if not filled:
        return f"{count}; {_why_not_entered(funnel, seen, may_enter=may_enter)}"
    if funnel.order == "any":
        return _describe_any_order(funnel, seen, filled, count)
    if len(funnel.steps) in filled:
        return f"all {len(filled)} steps" if len(filled) == len(funnel.steps) else f"{count}, to the last"
    return f"{count}; {_why_stopped(funnel, seen, filled)}"


def _step_words(funnel: Funnel, number: int) -> str:
    return f"step {number}, {funnel.step(number).name},"


def _why_not_entered(funnel: Funnel, seen: Sequence[TracedHit], *, may_enter: bool) -> str:
    """Return why no chain begins."""
    if not may_enter:
        return f"it begins only where {' and '.join(funnel.where)}"
    if any(1 in act.fits for act in seen) and funnel.same:
        return f"step 1, {funnel.step(1).name}, had no {funnel.same_name}"
    if any(1 in act.fits for act in seen):
        return f"step 1, {funnel.step(1).name}, was reached by no page or event"
    return f"step 1, {funnel.step(1).name}, was never reached"


def _describe_any_order(funnel: Funnel, seen: Sequence[TracedHit], filled: Mapping[int, int], count: str) -> str:
    """Return how many steps were done in one window, and what was missing in it."""
    if len(filled) == len(funnel.steps):
        return f"all {len(filled)} steps"
    done = {number for act in seen if act.row in filled.values() for number in act.fits}
    missing = [funnel.step(number).name for number in funnel.numbers if number not in done]
    lacking = [
        name for number, name in zip(funnel.numbers, (step.name for step in funnel.steps), strict=True) if not any(number in act.fits for act in seen)
    ]
    if lacking:
        return f"{count}; never reached: {', '.join(lacking)}"
    if missing and funnel.window:
        return f"{count} within {formatting.duration_in_words(funnel.window)}; outside of it: {', '.join(missing)}"
    return f"{count}; one hit never fills two of them"


def _why_stopped(funnel: Funnel, seen: Sequence[TracedHit], filled: Mapping[int, int]) -> str:
    """Return why a chain that fills these steps did not go on to the next that is not optional."""
    by_row, last = {act.row: act for act in seen}, max(filled)
    following = next(number for number in funnel.required if number > last)
    own, step, shares = by_row[filled[last]], _step_words(funnel, following), funnel.step(last).is_condition
    later = [act for act in seen if following in act.fits and (act.row > own.row or (shares and act is own))]
    if not later:
        before = any(following in act.fits and act.row < own.row for act in seen)
        if following in own.fits and not shares and not before:
            return f"{step} was reached by the hit of step {last} alone: one hit never fills two steps"
        return f"{step} came only before step {last}" if before else f"{step} was never reached"
    act, first = later[0], by_row[min(filled.values())]
    if funnel.same and act.value != own.value:
        other = f"{funnel.same_name} {act.value}" if act.value else f"no {funnel.same_name}"
        return f"{step} had {other}, not {own.value}"
    between = [one for one in seen if own.row < one.row < act.row]
    why = _why_between(funnel, between, act, last, following) or _why_too_late(funnel, (first, own, act), last, following)
    return f"{step} {why or 'could not be reached by any chain'}"


def _why_between(funnel: Funnel, between: Sequence[TracedHit], act: TracedHit, last: int, following: int) -> str:
    """Return what lies in between and may not, empty where nothing does; `act` is the first later hit of the following step."""
    if funnel.order == "strict" and not act.is_interaction:
        return "was reached by no page or event"
    if funnel.order == "strict":
        other = next((one for one in between if one.is_interaction and last not in one.fits), None)
        return f"did not come next: {other.name} came between" if other else ""
    for place, one in enumerate(funnel.without):
        met = [*between, *([act] if following < one.before else [])]
        if one.after <= last and following <= one.before and any(place in other.bans for other in met):
            return f"came behind {one.name}, which may not come between steps {one.after} and {one.before}"
    return ""


def _why_too_late(funnel: Funnel, acts: tuple[TracedHit, TracedHit, TracedHit], last: int, following: int) -> str:
    """Return which length of time was over, empty where none was; `acts` are the chain's first and last and the first of the following step."""
    (first, own, act), within, window = acts, funnel.step(following).within, funnel.window
    if within is not None and (late := act.at - own.at - microseconds(within)) > 0:
        return f"came {formatting.duration(late / _SECOND)} after the {formatting.duration_in_words(within)} from step {last}"
    if window is not None and (late := act.at - first.at - microseconds(window)) > 0:
        return f"came {formatting.duration(late / _SECOND)} after the {formatting.duration_in_words(window)} window"
    return ""
