"""Matched hits + Funnel -> for every session or visitor, the steps reached and the hits that filled them.

It stands alone because one definition serves the funnel, the drop-off and the findings: of all chains the deepest counts, of those the one that
starts earliest, of those the one that takes the earliest hit at each next step; one hit never fills two steps.

Two passes of fills are enough. Forward, a hit of step k inherits the *latest* start of a chain that reaches it: if that one is outside the window,
all are. Backward from the depth, a hit knows when the chain through the earliest following hits would end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.durations import microseconds

if TYPE_CHECKING:
    from convkit.definitions import Funnel

WAYS = ("window", "order", "earlier", "before", "without")
"""How a last step was reached without the funnel showing it, in the order in which they are tried."""


def fitting(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the hits of sessions that fit any step, in order: `unit` (session or visitor), `row`, `at` (microseconds), `fits1`, ...

    `row` is the hit's number among all hits, which are sorted by visitor and ORDER.
    """
    fits = {f"fits{number}": pl.any_horizontal(step.columns) for number, step in enumerate(funnel.steps, 1)}
    return (
        hits.filter(pl.col("session").is_not_null(), pl.any_horizontal(list(fits.values())))
        .select("visitor", "session", "inside", "row", at=pl.col("time").dt.epoch("us"), **fits)
        .with_columns(unit=funnel.per)
        .sort("row")
    )


def chains(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return one row a unit with a chain: `unit, visitor, depth`, and for each step `row, at, session`; `inside` is that of step 1."""
    found = _first_rows(_ends(_depth(fitting(hits, funnel), funnel), funnel), funnel).filter(pl.col("depth") > 0)
    at_step = {number: pl.col("row") == pl.col(f"row{number}") for number in _numbers(funnel)}
    return found.group_by("unit", maintain_order=True).agg(
        pl.col("visitor", "depth").first(),
        *(pl.col(f"row{number}").first() for number in at_step),
        *(pl.col("at").filter(here).first().alias(f"at{number}") for number, here in at_step.items()),
        *(pl.col("session").filter(here).first().alias(f"session{number}") for number, here in at_step.items()),
        inside=pl.col("inside").filter(at_step[1]).first(),
    )


def other_ways(hits: pl.LazyFrame, found: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return `unit, way, step` of each unit in the period that reached the last step and is not among the `found` chains that did, each once.

    `way` is one of WAYS, `step` the first step that is lacking where the way is `without`, else 0.
    """
    steps = _numbers(funnel)
    last = f"fits{steps[-1]}"
    known = _depth(fitting(hits, funnel), funnel)
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
    here_or_earlier = [pl.col(f"fits{number}") | (pl.col(f"earliest{number}") < pl.col("begins")) for number in steps]
    way = (
        pl.when((pl.col("depth") == len(steps)) & (pl.col("shown") < len(steps)))
        .then(pl.lit("window"))
        .when(pl.all_horizontal(f"fits{number}" for number in steps) & (pl.col("shown") < len(steps)))
        .then(pl.lit("order"))
        .when(pl.col("shown") == len(steps))
        .then(pl.lit("before"))
        .when(pl.all_horizontal(here_or_earlier))
        .then(pl.lit("earlier"))
        .otherwise(pl.lit("without"))
    )
    lacking = pl.coalesce(*(pl.when(~pl.col(f"fits{number}")).then(number) for number in steps), 0)
    return units.select("unit", way=way, step=pl.when(way == "without").then(lacking).otherwise(0).cast(pl.Int64))


def _numbers(funnel: Funnel) -> range:
    return range(1, len(funnel.steps) + 1)


def _depth(hits: pl.LazyFrame, funnel: Funnel, *, windowed: bool = True) -> pl.LazyFrame:
    """Add `depth`, how many steps the unit's deepest chain fills."""
    starts = [f"start{number}" for number in _numbers(funnel)]
    hits = hits.with_columns(pl.when("fits1").then("at").alias(starts[0]))
    for number in _numbers(funnel)[1:]:
        latest = pl.col(starts[number - 2]).cum_max().forward_fill()
        may_share = funnel.steps[number - 2].is_condition
        reached = pl.when(f"fits{number}").then((latest if may_share else latest.shift(1)).over("unit"))
        hits = hits.with_columns(reached.alias(starts[number - 1]))
        if windowed and funnel.window is not None:
            inside = pl.col("at") - pl.col(starts[number - 1]) <= microseconds(funnel.window)
            hits = hits.with_columns(pl.when(inside).then(starts[number - 1]).alias(starts[number - 1]))
    reached_by_any = [pl.col(start).is_not_null().any().over("unit").cast(pl.Int64) for start in starts]
    return hits.with_columns(depth=pl.sum_horizontal(reached_by_any)).drop(starts)


def _ends(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Add `end1`, ...: when the chain through a hit of the step would end at the unit's depth; null where it would not."""
    for number in reversed(_numbers(funnel)):
        end = pl.when(pl.col("depth") == number).then("at")
        if number < len(funnel.steps):
            following = pl.col(f"end{number + 1}").backward_fill()
            may_share = funnel.steps[number - 1].is_condition
            end = end.when(pl.col("depth") > number).then((following if may_share else following.shift(-1)).over("unit"))
        hits = hits.with_columns(pl.when(f"fits{number}").then(end).alias(f"end{number}"))
    if funnel.window is not None:
        hits = hits.with_columns(end1=pl.when(pl.col("end1") - pl.col("at") <= microseconds(funnel.window)).then("end1"))
    return hits


def _first_rows(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Add `row1`, ...: the hits of the chain that counts, null beyond the unit's depth."""
    for number in _numbers(funnel):
        completes = pl.col(f"end{number}").is_not_null()
        if number > 1:
            before = pl.col(f"row{number - 1}")
            completes &= (pl.col("row") >= before) if funnel.steps[number - 2].is_condition else (pl.col("row") > before)
        hits = hits.with_columns(pl.when(completes).then("row").min().over("unit").alias(f"row{number}"))
    return hits
