"""Trace: how far a session or visitor got in a funnel, and the first rule that stopped it."""

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
_FIELDS = ("row", "at", "name", "is_interaction", "value", "fits", "exclusions")


@dataclass(frozen=True)
class TracedHit:
    """One hit of a session or visitor, with the facts that funnels need."""

    row: int
    at: int
    """The time in microseconds."""
    name: str
    """The page or the event."""
    is_interaction: bool
    value: str
    """The value that must be the same throughout a chain; empty if the hit has none, or none is required."""
    fits: frozenset[int]
    """The numbers of the steps that it fits."""
    exclusions: frozenset[int]
    """The exclusions that it matches, as positions in the funnel's `without`."""


def traced_hits(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return `unit` and the fields of a `TracedHit` for each hit of a session, with its steps and exclusions as lists."""
    steps = [pl.when(pl.any_horizontal(funnel.step(number).columns)).then(number) for number in funnel.numbers]
    exclusions = [pl.when(pl.any_horizontal(exclusion.columns)).then(position) for position, exclusion in enumerate(funnel.without)]
    return hits.filter(pl.col("session").is_not_null()).select(
        "row",
        unit=funnel.per,
        at=pl.col("time").dt.epoch("us"),
        name=pl.coalesce(pl.col("event", "page").cast(pl.String)),
        is_interaction=is_interaction(),
        value=pl.col(funnel.same).cast(pl.String).fill_null("") if funnel.same else pl.lit(""),
        fits=pl.concat_list(steps).list.drop_nulls(),
        exclusions=pl.concat_list(exclusions).list.drop_nulls() if exclusions else pl.lit(None, dtype=pl.List(pl.Int32)),
    )


def hits_of_unit(rows: pl.DataFrame) -> list[TracedHit]:
    """Return the hits of one unit, in order."""
    return [
        TracedHit(row, at, name or "", interacts, value, frozenset(fits), frozenset(exclusions or ()))
        for row, at, name, interacts, value, fits, exclusions in rows.select(_FIELDS).sort("row").rows()
    ]


def describe_stop(funnel: Funnel, hits: Sequence[TracedHit], filled: Mapping[int, int], *, may_enter: bool = True) -> str:
    """Return how far a session or visitor got in a funnel and what stopped it: `3 of 4 steps; step 4, purchase, was never reached`.

    `hits` are all hits of the session or visitor, and `filled` gives the rows of those that filled steps, by step.
    """
    count = f"{len(filled)} of {len(funnel.steps)} steps"
    if not filled:
        return f"{count}; {_why_not_entered(funnel, hits, may_enter=may_enter)}"
    if funnel.order == "any":
        return _describe_any_order(funnel, hits, filled, count)
    if len(funnel.steps) in filled:
        return f"all {len(filled)} steps" if len(filled) == len(funnel.steps) else f"{count}, including the last"
    return f"{count}; {_why_stopped(funnel, hits, filled)}"


def _describe_step(funnel: Funnel, number: int) -> str:
    """Return a step as the subject of a sentence."""
    return f"step {number}, {funnel.step(number).name},"


def _why_not_entered(funnel: Funnel, hits: Sequence[TracedHit], *, may_enter: bool) -> str:
    """Return why no chain begins."""
    step = _describe_step(funnel, 1)
    if not may_enter:
        return f"it only starts where {' and '.join(funnel.where)}"
    if not any(1 in hit.fits for hit in hits):
        return f"{step} was never reached"
    return f"{step} had no {funnel.same_name}" if funnel.same else f"{step} was reached, but not by a page or an event"


def _describe_any_order(funnel: Funnel, hits: Sequence[TracedHit], filled: Mapping[int, int], count: str) -> str:
    """Return how many steps were completed within one window, and which ones were missing."""
    if len(filled) == len(funnel.steps):
        return f"all {len(filled)} steps"
    done = {number for hit in hits if hit.row in filled.values() for number in hit.fits}
    missing = [funnel.step(number).name for number in funnel.numbers if number not in done]
    never_reached = [step.name for number, step in zip(funnel.numbers, funnel.steps, strict=True) if not any(number in hit.fits for hit in hits)]
    if never_reached:
        return f"{count}; never reached: {', '.join(never_reached)}"
    if missing and funnel.window:
        return f"{count} within {formatting.duration_in_words(funnel.window)}; outside that window: {', '.join(missing)}"
    return f"{count}; one hit cannot fill two steps"


def _why_stopped(funnel: Funnel, hits: Sequence[TracedHit], filled: Mapping[int, int]) -> str:
    """Return why a chain that fills these steps did not continue to the next step that is not optional."""
    by_row, last = {hit.row: hit for hit in hits}, max(filled)
    following = next(number for number in funnel.required if number > last)
    last_hit, step, shares_hit = by_row[filled[last]], _describe_step(funnel, following), funnel.step(last).is_condition
    later = [hit for hit in hits if following in hit.fits and (hit.row > last_hit.row or (shares_hit and hit is last_hit))]
    if not later:
        is_before = any(following in hit.fits and hit.row < last_hit.row for hit in hits)
        if following in last_hit.fits and not shares_hit and not is_before:
            return f"{step} was reached only by the hit that filled step {last}, and one hit cannot fill two steps"
        return f"{step} was reached only before step {last}" if is_before else f"{step} was never reached"
    next_hit, first_hit = later[0], by_row[min(filled.values())]
    if funnel.same and next_hit.value != last_hit.value:
        other = f"{funnel.same_name} {next_hit.value}" if next_hit.value else f"no {funnel.same_name}"
        return f"{step} had {other}, not {last_hit.value}"
    between = [hit for hit in hits if last_hit.row < hit.row < next_hit.row]
    why = _why_between(funnel, between, next_hit, last, following) or _why_too_late(funnel, (first_hit, last_hit, next_hit), last, following)
    return f"{step} {why or 'could not be reached by any chain'}"


def _why_between(funnel: Funnel, between: Sequence[TracedHit], next_hit: TracedHit, last: int, following: int) -> str:
    """Return which hit in between breaks the chain, or an empty string if none does; `next_hit` is the first later hit of the following step."""
    if funnel.order == "strict" and not next_hit.is_interaction:
        return "was reached, but not by a page or an event"
    if funnel.order == "strict":
        other = next((hit for hit in between if hit.is_interaction and last not in hit.fits), None)
        return f"did not come next: {other.name} came in between" if other else ""
    for position, exclusion in enumerate(funnel.without):
        excluded_from = [*between, *([next_hit] if following < exclusion.before else [])]
        applies = exclusion.after <= last and following <= exclusion.before
        if applies and any(position in hit.exclusions for hit in excluded_from):
            return f"came after {exclusion.name}, which must not come between steps {exclusion.after} and {exclusion.before}"
    return ""


def _why_too_late(funnel: Funnel, hits: tuple[TracedHit, TracedHit, TracedHit], last: int, following: int) -> str:
    """Return which time limit was exceeded, if any; `hits` are the chain's first and last hits, and the first hit of the following step."""
    (first_hit, last_hit, next_hit), within, window = hits, funnel.step(following).within, funnel.window
    if within is not None and (late := next_hit.at - last_hit.at - microseconds(within)) > 0:
        return f"came {formatting.duration(late / _SECOND)} too late: the limit is {formatting.duration_in_words(within)} after step {last}"
    if window is not None and (late := next_hit.at - first_hit.at - microseconds(window)) > 0:
        return f"came {formatting.duration(late / _SECOND)} after the {formatting.duration_in_words(window)} window ended"
    return ""
