"""The chain of some steps in order that counts, of each group of hits.

It stands alone because two passes of fills are enough, and greedy search from each start would be wrong. Forward, a hit of a step takes the latest
hit of the step before that a chain reaches: if that one is too long ago, or what may not be lies between, so it is with every earlier one, and no
other chain starts later. Backward from the depth, a hit points to the earliest hit of the next step from which the chain can be completed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.durations import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.core.definitions import Funnel

    Link = tuple[pl.Expr, pl.Expr, int]


def deepest(hits: pl.LazyFrame, funnel: Funnel, steps: tuple[int, ...]) -> pl.LazyFrame:
    """Return one row a group with a chain: `unit, visitor, inside`, and for each of the steps `row<k>, at<k>, session<k>`, null if not filled.

    `hits` are those of `funnels.fitting`. Chains fill all of the steps, or the first of them.
    """
    known = _pointers(_depth(hits, funnel, steps), funnel, steps).with_columns(counts=windows.is_nth(pl.col("begins"), 1, "group"))
    places = {steps[0]: pl.col("place").filter("counts")}
    for step, later in pairwise(steps):
        places[later] = pl.col(f"next{step}").gather(places[step])
    return known.select(pl.col("unit", "visitor", "inside").filter("counts"), **filled(places))


def filled(places: Mapping[int, pl.Expr]) -> dict[str, pl.Expr]:
    """Return what is told of the hits that fill steps, by the hits' places."""
    return {f"{name}{step}": pl.col(name).gather(place) for step, place in places.items() for name in ("row", "at", "session")}


def _links(funnel: Funnel, earlier: int, step: int) -> Iterator[Link]:
    """Yield what must hold between the hits of neighbouring steps of a chain: the first, at the later hit, is at most so much more than the second.

    Running counts tell what lies between: they are equal where nothing does.
    """
    within = funnel.step(step).within
    if within is not None:
        yield pl.col("at"), pl.col("at"), microseconds(within)
    if funnel.order == "strict":
        others = pl.col(f"others{earlier}")
        yield others - 1 + pl.col(f"fits{earlier}").cast(pl.Int64), others, 0
    for number, one in enumerate(funnel.without):
        if one.after <= earlier and step <= one.before:
            # A hit that fills a step between those two lies between them as well.
            met = pl.col(f"met{number}")
            yield (met - pl.col(f"meets{number}").cast(pl.Int64) if step == one.before else met), met, 0


def _depth(hits: pl.LazyFrame, funnel: Funnel, steps: tuple[int, ...]) -> pl.LazyFrame:
    """Add `depth`, how many of the steps the group's deepest chain fills."""
    starts = [f"start{step}" for step in steps]
    hits = hits.with_columns(pl.when(f"fits{steps[0]}", "enters").then("place").alias(starts[0]))
    for number in range(1, len(steps)):
        (earlier, step), (start, own) = steps[number - 1 : number + 1], starts[number - 1 : number + 1]
        latest = pl.when(pl.col(start).is_not_null()).then("place").forward_fill()
        before = pl.col("before")
        holds = [later - sooner.gather(before) <= most for later, sooner, most in _links(funnel, earlier, step)]
        hits = hits.with_columns(before=latest if funnel.step(earlier).is_condition else latest.shift(1)).with_columns(
            pl.when(f"fits{step}", before >= pl.col("first"), *holds).then(pl.col(start).gather(before)).alias(own)
        )
        if funnel.window is not None:
            took = pl.col("at") - pl.col("at").gather(pl.col(own))
            hits = hits.with_columns(pl.when(took <= microseconds(funnel.window)).then(own).alias(own))
    reached = [pl.when(pl.col(start).is_not_null()).then(number) for number, start in enumerate(starts, 1)]
    return hits.with_columns(depth=pl.max_horizontal(reached).cast(pl.Int64).fill_null(0).max().over("group")).drop(starts)


def _pointers(hits: pl.LazyFrame, funnel: Funnel, steps: tuple[int, ...]) -> pl.LazyFrame:
    """Add `next<k>`, for a hit of a step the place of the hit of the next, null beyond the depth; and `begins`, where a chain that deep begins.

    `end`, the place where the chain ends on which a hit of the step lies, tells that it can be completed: the earliest next hits end it earliest.
    """
    hits = hits.with_columns(end=pl.when(pl.col(f"fits{steps[-1]}") & (pl.col("depth") == len(steps))).then("place"))
    for number in range(len(steps) - 1, 0, -1):
        step, later = steps[number - 1], steps[number]
        earliest = pl.when(pl.col("end").is_not_null()).then("place").backward_fill()
        after, fits = pl.col("after"), pl.col(f"fits{step}")
        holds = [following.gather(after) - own <= most for following, own, most in _links(funnel, step, later)]
        goes_on = [fits, pl.col("depth") > number, after <= pl.col("last"), *holds]
        hits = (
            hits.with_columns(after=earliest if funnel.step(step).is_condition else earliest.shift(-1))
            .with_columns(pl.when(*goes_on).then(after).alias(f"next{step}"))
            .with_columns(end=pl.when(fits & (pl.col("depth") == number)).then("place").otherwise(pl.col("end").gather(pl.col(f"next{step}"))))
        )
    took = pl.col("at").gather(pl.col("end")) - pl.col("at")
    in_time = pl.lit(value=True) if funnel.window is None else took <= microseconds(funnel.window)
    return hits.with_columns(begins=(pl.col("enters") & pl.col("end").is_not_null() & in_time).fill_null(value=False))
