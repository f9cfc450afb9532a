"""Matched hits + Funnel -> for every session or visitor, the steps reached and the hits that filled them.

It stands alone because one definition serves the funnel, the drop-off and the findings: of all chains the deepest counts, of those the one that
starts earliest, of those the one that takes the earliest hit at each next step; one hit never fills two steps.

Two passes of fills are enough. Forward, a hit of step k inherits the *latest* start of a chain that reaches it: if that one is outside the window,
all are. Backward from the depth, a hit carries the places of the earliest hits behind it that complete the chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.durations import microseconds

if TYPE_CHECKING:
    from convkit.definitions import Funnel

_BEYOND = -1
"""The place of a step that the chain does not reach, while places are carried."""
WAYS = ("window", "order", "earlier", "before", "without")
"""How a last step was reached without the funnel showing it, in the order in which they are tried."""


def fitting(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the hits of sessions that fit any step, in order: `unit` (session or visitor), `row`, `place`, `at` (microseconds), `fits1`, ...

    `row` is the hit's number among all hits, which are sorted by visitor and ORDER, `place` its number here; `first` and `last` are the places of the
    unit's first and last hit: what a fill over the whole column brings from outside them is another unit's.
    """
    fits = {f"fits{number}": pl.any_horizontal(step.columns) for number, step in enumerate(funnel.steps, 1)}
    unit = pl.col("unit")
    return (
        hits.filter(pl.col("session").is_not_null(), pl.any_horizontal(list(fits.values())))
        .select("visitor", "session", "inside", "row", at=pl.col("time").dt.epoch("us"), **fits)
        .with_columns(unit=funnel.per, place=pl.int_range(pl.len(), dtype=pl.Int64))
        .with_columns(
            first=pl.when(unit.ne_missing(unit.shift(1))).then("place").forward_fill(),
            last=pl.when(unit.ne_missing(unit.shift(-1))).then("place").backward_fill(),
        )
    )


def chains(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return one row a unit with a chain: `unit, visitor, depth`, and for each step `row, at, session`; `inside` is that of step 1."""
    begins, unit = pl.col("next1_of1").is_not_null(), pl.col("unit")
    counts = begins & unit.ne_missing(pl.when(begins).then(unit).forward_fill().shift(1))
    filled = {
        f"{name}{number}": pl.col(name).gather(pl.col(f"next{number}_of1").filter("counts"))
        for name in ("row", "at", "session")
        for number in _numbers(funnel)
    }
    known = _pointers(_depth(fitting(hits, funnel), funnel), funnel).with_columns(counts=counts)
    return known.select(pl.col("unit", "visitor", "depth").filter("counts"), **filled, inside=pl.col("inside").filter("counts"))


def other_ways(hits: pl.LazyFrame, found: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return `unit, way, step` of each unit in the period that reached the last step and is not among the `found` chains that did, each once.

    `way` is one of WAYS, `step` the first step that is lacking where the way is `without`, else 0.
    """
    steps = _numbers(funnel)
    last = f"fits{steps[-1]}"
    of_last = hits.filter(pl.col("session").is_not_null(), pl.any_horizontal(funnel.steps[-1].columns))
    known = _depth(fitting(hits.join(of_last.select("visitor").unique(), on="visitor", how="semi", maintain_order="left"), funnel), funnel)
    without_window = _depth(known.rename({"depth": "shown"}), funnel, windowed=False)
    earlier = {number: pl.when(f"fits{number}").then("row").min().over("visitor") for number in steps}
    units = (
        without_window.with_columns(**{f"earliest{number}": row for number, row in earlier.items()})
        .group_by("unit", maintain_order=True)
        .agg(
            pl.col("shown", "depth").first(),
            *(pl.col(f"fits{number}").any() for number in steps),
            *(pl.col(f"earliest{number}").first() for number in steps),
            begins=pl.col("row").min(),
            inside=(pl.col("inside") & pl.col(last)).any(),
        )
        .filter("inside", last)
        .join(found.filter(pl.col("depth") == len(funnel.steps)), on="unit", how="anti")
    )
    lacking = pl.coalesce(*(pl.when(~pl.col(f"fits{number}")).then(number) for number in steps), 0)
    way = _way(steps)
    return units.select("unit", way=way, step=pl.when(way == "without").then(lacking).otherwise(0).cast(pl.Int64))


def _way(steps: range) -> pl.Expr:
    """Return how a unit reached the last step: the first of WAYS that fits."""
    here_or_earlier = [pl.col(f"fits{number}") | (pl.col(f"earliest{number}") < pl.col("begins")) for number in steps]
    is_shown = pl.col("shown") == len(steps)
    return (
        pl.when((pl.col("depth") == len(steps)) & ~is_shown)
        .then(pl.lit("window"))
        .when(pl.all_horizontal(f"fits{number}" for number in steps) & ~is_shown)
        .then(pl.lit("order"))
        .when(pl.all_horizontal(here_or_earlier) & ~is_shown)
        .then(pl.lit("earlier"))
        .when(is_shown)
        .then(pl.lit("before"))
        .otherwise(pl.lit("without"))
    )


def _numbers(funnel: Funnel) -> range:
    return range(1, len(funnel.steps) + 1)


def _depth(hits: pl.LazyFrame, funnel: Funnel, *, windowed: bool = True) -> pl.LazyFrame:
    """Add `depth`, how many steps the unit's deepest chain fills."""
    starts = [f"start{number}" for number in _numbers(funnel)]
    hits = hits.with_columns(pl.when("fits1").then("place").alias(starts[0]))
    for number in _numbers(funnel)[1:]:
        latest = pl.col(starts[number - 2]).forward_fill()
        latest = latest if funnel.steps[number - 2].is_condition else latest.shift(1)
        reached = pl.when(pl.col(f"fits{number}") & (latest >= pl.col("first"))).then(latest)
        hits = hits.with_columns(reached.alias(starts[number - 1]))
        if windowed and funnel.window is not None:
            took = pl.col("at") - pl.col("at").gather(pl.col(starts[number - 1]))
            hits = hits.with_columns(pl.when(took <= microseconds(funnel.window)).then(starts[number - 1]).alias(starts[number - 1]))
    reached_here = [pl.when(pl.col(start).is_not_null()).then(number) for number, start in enumerate(starts, 1)]
    return hits.with_columns(depth=pl.max_horizontal(reached_here).cast(pl.Int64).fill_null(0).max().over("unit")).drop(starts)


def _pointers(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Add `next1_of1`, ...: for a hit that may begin the chain that counts, the places of the hits that fill each step, null beyond the depth.

    A hit of step k whose following hits complete the chain carries their places, `next<j>_of<k>`; a hit of the step before takes them over from
    the first such hit behind it.
    """
    for number in reversed(_numbers(funnel)):
        hits = _carried(hits, number, funnel)
    if funnel.window is not None:
        ends = pl.max_horizontal(f"next{number}_of1" for number in _numbers(funnel))
        took = pl.col("at").gather(ends) - pl.col("at")
        hits = hits.with_columns(next1_of1=pl.when(took <= microseconds(funnel.window)).then("next1_of1"))
    return hits


def _carried(hits: pl.LazyFrame, number: int, funnel: Funnel) -> pl.LazyFrame:
    """Add the places that a hit of a step carries: its own, and those of the steps behind it."""
    own, is_last = f"next{number}_of{number}", pl.col(f"fits{number}") & (pl.col("depth") == number)
    behind = {f"behind{later}": f"next{later}_of{number + 1}" for later in range(number + 1, len(funnel.steps) + 1)}
    if not behind:
        return hits.with_columns(pl.when(is_last).then("place").alias(own))
    completes = pl.col(f"next{number + 1}_of{number + 1}").is_not_null()
    places = {name: pl.when(completes).then(pl.col(place).fill_null(_BEYOND)).backward_fill() for name, place in behind.items()}
    if not funnel.steps[number - 1].is_condition:
        places = {name: place.shift(-1) for name, place in places.items()}
    goes_on = pl.col(f"fits{number}") & (pl.col("depth") > number) & (pl.col(f"behind{number + 1}") <= pl.col("last"))
    taken = {f"next{name.removeprefix('behind')}_of{number}": pl.when(pl.col("goes_on") & (pl.col(name) != _BEYOND)).then(name) for name in behind}
    return (
        hits.with_columns(**places)
        .with_columns(goes_on=goes_on)
        .with_columns(pl.when(is_last | pl.col("goes_on")).then("place").alias(own), **taken)
        .drop("goes_on", *behind)
    )
