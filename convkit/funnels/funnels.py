"""Matched hits + Funnel -> for every session or visitor, the steps reached and the hits that filled them.

It stands alone because one definition serves the funnel, the drop-off and the findings: of all chains the one that gets furthest counts, of those the
one that fills most steps, of those the one that starts earliest, of those the one that takes the earliest hit at each next step.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import interaction
from convkit.funnels import any_order, chains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.core.definitions import Funnel


def fitting(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the hits of sessions that fit any step; a stage of its own, to be collected, in which `best` looks for chains.

    `unit` is the session or visitor that is counted, `group` those hits of it of which one chain may be made: they stand together and in order. `row`
    is the hit's number among all hits, which are sorted by visitor and ORDER, `place` its number here; `first` and `last` are the places of the
    group's first and last hit: what a fill over the whole column brings from outside them is another group's. `at` is in microseconds, `enters` tells
    whether a chain may begin, `fits<k>` which steps the hit fits; `others<k>` counts interactions that do not fit a step, `met<n>` hits that
    a `without` names.
    """
    fits = {f"fits{number}": pl.any_horizontal(step.columns) for number, step in zip(funnel.numbers, funnel.steps, strict=True)}
    bans = {number: pl.any_horizontal(one.columns) for number, one in enumerate(funnel.without)}
    is_seen = [pl.col("session").is_not_null(), *([interaction()] if funnel.order == "strict" else [])]
    return (
        hits.filter(*is_seen)
        .select(
            "visitor",
            "session",
            "inside",
            "row",
            unit=funnel.per,
            at=pl.col("time").dt.epoch("us"),
            enters=pl.col("enters") if funnel.where else pl.lit(value=True),
            value=pl.col(funnel.same) if funnel.same else pl.lit(0),
            number=pl.int_range(pl.len(), dtype=pl.Int64) if funnel.order == "strict" else pl.lit(0),
            **fits,
            **{f"meets{number}": ban for number, ban in bans.items()},
            **{f"met{number}": ban.cast(pl.Int64).cum_sum() for number, ban in bans.items()},
        )
        .filter(pl.any_horizontal(list(fits)))
        .pipe(_by_value, funnel)
        .pipe(_in_groups)
        .with_columns(**_others(funnel))
    )


def _others(funnel: Funnel) -> dict[str, pl.Expr]:
    """Return the running counts of interactions that do not fit a step, where nothing else may come behind it."""
    if funnel.order != "strict":
        return {}
    return {f"others{number}": pl.col("number") - pl.col(f"fits{number}").cast(pl.Int64).cum_sum() for number in funnel.numbers}


def _by_value(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Put hits of one value together, where it must be the same on all hits of a chain; a hit without one fits no step."""
    if funnel.same is None:
        return hits
    has_one = (pl.col("value").cast(pl.String) != "").fill_null(value=False)
    return hits.filter(has_one).with_columns(pl.col("value").to_physical()).sort("visitor", "unit", "value", "row")


def _in_groups(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Add `place, group, first, last`."""
    unit, value, group = pl.col("unit"), pl.col("value"), pl.col("group")
    begins = unit.ne_missing(unit.shift(1)) | value.ne_missing(value.shift(1))
    return hits.with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64), group=begins.cum_sum()).with_columns(
        first=pl.when(group.ne_missing(group.shift(1))).then("place").forward_fill(),
        last=pl.when(group.ne_missing(group.shift(-1))).then("place").backward_fill(),
    )


def best(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return one row a unit with a chain: `unit, visitor, inside, depth`, and for each step `row<k>, at<k>, session<k>`, null where it is not filled.

    `hits` are those of `fitting`, in memory; `inside` is that of the chain's first hit; `depth` is the number of the furthest step that is not
    optional, 0 where an open funnel's chain fills none; in any order it is how many steps were done.
    """
    is_any = funnel.order == "any"
    found = [any_order.most(hits, funnel)] if is_any else [chains.deepest(hits, funnel, steps) for steps in _sequences(funnel)]
    rows = [f"row{number}" for number in funnel.numbers]
    depth = pl.max_horizontal(0, *(pl.when(pl.col(f"row{number}").is_not_null()).then(number) for number in funnel.required)).cast(pl.Int64)
    known = pl.concat(found, how="diagonal").with_columns(depth=depth)
    if len(found) == 1 and funnel.same is None:
        return known
    # The first hit that is filled begins the chain; one that fills a step comes before one that jumps over it.
    begins, filled = pl.min_horizontal(rows), pl.sum_horizontal(pl.col(row).is_not_null().cast(pl.Int64) for row in rows)
    order = ["visitor", "unit", -pl.col("depth"), -filled, begins, *rows]
    return known.sort(order, nulls_last=True).unique("unit", keep="first", maintain_order=True)


def _sequences(funnel: Funnel) -> Iterator[tuple[int, ...]]:
    """Yield the steps that a chain may fill: one sequence for each choice of optional steps and, in an open funnel, of the first step."""
    optional = [number for number in funnel.numbers if number not in funnel.required]
    kept = (chosen for count in range(len(optional) + 1) for chosen in combinations(optional, count))
    every = [tuple(sorted((*funnel.required, *chosen))) for chosen in kept]
    begins = len(funnel.steps) if funnel.is_open else 1
    yield from dict.fromkeys(steps[begin:] for steps in every for begin in range(min(begins, len(steps))))
