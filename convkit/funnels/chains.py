"""Chains: for each session or visitor, the funnel steps reached and the hits that filled them.

Of all possible chains, the one that gets furthest counts. If there are several, it is the one that fills the most steps; then the one that starts
earliest; then the one that takes the earliest hit at each next step.

It is found in two passes, a forward fill and a backward fill; a greedy search from each start would be wrong. In the forward pass, a hit of a step is
linked to the latest hit of the previous step that a chain reaches: if that hit is too far back, or if something forbidden happened in between, the
same is true of every earlier hit, and no other chain starts later. In the backward pass, which begins at the deepest step reached, a hit points to
the earliest hit of the next step from which the chain can be completed. If steps may come in any order, they do not wait for each other: starting
at each hit, a step is filled by the first hit that fits it and does not already fill a step listed earlier.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.durations import microseconds
from convkit.core.schema import is_interaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.core.model import Funnel

    Link = tuple[pl.Expr, pl.Expr, int]


def fitting_hits(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the hits of sessions that fit any step, to be collected before `best_chains` looks for chains in them.

    `unit` is the session or visitor that is counted. A `group` consists of the hits of a unit that one chain may use; they are consecutive and in
    order. `row` is the hit's number among all hits, which are sorted by visitor and ORDER, and `position` is its number in this frame. `first` and
    `last` are the positions of the group's first and last hits: a value that a fill over the whole column brings from beyond them belongs to
    another group. `at` is in microseconds, `enters` is whether a chain may begin here, and `fits<k>` is whether the hit fits a step. `others<k>`
    counts interactions that do not fit a step, `met<n>` counts hits that match an exclusion (`without`), and `meets<n>` is whether this hit does.
    """
    fits = {f"fits{number}": pl.any_horizontal(step.columns) for number, step in zip(funnel.numbers, funnel.steps, strict=True)}
    exclusions = {number: pl.any_horizontal(exclusion.columns) for number, exclusion in enumerate(funnel.without)}
    conditions = [pl.col("session").is_not_null(), *([is_interaction()] if funnel.order == "strict" else [])]
    return (
        hits.filter(*conditions)
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
            **{f"meets{number}": meets for number, meets in exclusions.items()},
            **{f"met{number}": meets.cast(pl.Int64).cum_sum() for number, meets in exclusions.items()},
        )
        .filter(pl.any_horizontal(list(fits)))
        .pipe(_by_value, funnel)
        .pipe(_in_groups)
        .with_columns(**_others(funnel))
    )


def _others(funnel: Funnel) -> dict[str, pl.Expr]:
    """Return the running counts of interactions that do not fit each step, if the funnel allows nothing else between steps."""
    if funnel.order != "strict":
        return {}
    return {f"others{number}": pl.col("number") - pl.col(f"fits{number}").cast(pl.Int64).cum_sum() for number in funnel.numbers}


def _by_value(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """If all hits of a chain must have the same value, sort hits by value and drop hits without one."""
    if funnel.same is None:
        return hits
    has_value = (pl.col("value").cast(pl.String) != "").fill_null(value=False)
    return hits.filter(has_value).with_columns(pl.col("value").to_physical()).sort("visitor", "unit", "value", "row")


def _in_groups(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Add `position, group, first, last`."""
    unit, value, group = pl.col("unit"), pl.col("value"), pl.col("group")
    begins = unit.ne_missing(unit.shift(1)) | value.ne_missing(value.shift(1))
    return hits.with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64), group=begins.cum_sum()).with_columns(
        first=pl.when(group.ne_missing(group.shift(1))).then("position").forward_fill(),
        last=pl.when(group.ne_missing(group.shift(-1))).then("position").backward_fill(),
    )


def best_chains(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return one row per unit with a chain: `unit, visitor, inside, depth`, and for each step `row<k>, at<k>, session<k>`, null if it is not filled.

    `hits` come from `fitting_hits` and are in memory. `inside` is that of the chain's first hit. `depth` is the number of the furthest step filled
    that is not optional, or 0 if an open funnel's chain fills no such step; if steps may come in any order, it is the number of steps done.
    """
    is_any_order = funnel.order == "any"
    candidates = [any_order_chains(hits, funnel)] if is_any_order else [deepest_chains(hits, funnel, steps) for steps in _sequences(funnel)]
    rows = [f"row{number}" for number in funnel.numbers]
    depth = pl.max_horizontal(0, *(pl.when(pl.col(f"row{number}").is_not_null()).then(number) for number in funnel.required)).cast(pl.Int64)
    chains = pl.concat(candidates, how="diagonal").with_columns(depth=depth)
    if len(candidates) == 1 and funnel.same is None:
        return chains
    # A chain begins at the first hit that fills a step; a chain that fills a step is preferred to one that skips it.
    begins, filled = pl.min_horizontal(rows), pl.sum_horizontal(pl.col(row).is_not_null().cast(pl.Int64) for row in rows)
    order = ["visitor", "unit", -pl.col("depth"), -filled, begins, *rows]
    return chains.sort(order, nulls_last=True).unique("unit", keep="first", maintain_order=True)


def _sequences(funnel: Funnel) -> Iterator[tuple[int, ...]]:
    """Yield the steps that a chain may fill: one sequence for each choice of optional steps and, in an open funnel, of the first step."""
    optional = [number for number in funnel.numbers if number not in funnel.required]
    kept = (chosen for count in range(len(optional) + 1) for chosen in combinations(optional, count))
    every = [tuple(sorted((*funnel.required, *chosen))) for chosen in kept]
    begins = len(funnel.steps) if funnel.is_open else 1
    yield from dict.fromkeys(steps[begin:] for steps in every for begin in range(min(begins, len(steps))))


def deepest_chains(hits: pl.LazyFrame, funnel: Funnel, steps: tuple[int, ...]) -> pl.LazyFrame:
    """Return one row per group with a chain: `unit, visitor, inside`, and for each of the steps `row<k>, at<k>, session<k>`, null if not filled.

    `hits` come from `fitting_hits`. Chains fill all of the steps or the first few.
    """
    linked = _pointers(_depth(hits, funnel, steps), funnel, steps).with_columns(is_chosen=windows.is_nth(pl.col("begins"), 1, "group"))
    positions = {steps[0]: pl.col("position").filter("is_chosen")}
    for step, next_step in pairwise(steps):
        positions[next_step] = pl.col(f"next{step}").gather(positions[step])
    return linked.select(pl.col("unit", "visitor", "inside").filter("is_chosen"), **step_columns(positions))


def step_columns(positions: Mapping[int, pl.Expr]) -> dict[str, pl.Expr]:
    """Return `row<k>, at<k>, session<k>` of the hits that fill steps, given their positions."""
    return {f"{name}{step}": pl.col(name).gather(position) for step, position in positions.items() for name in ("row", "at", "session")}


def _links(funnel: Funnel, earlier: int, step: int) -> Iterator[Link]:
    """Yield the limits between hits of neighbouring steps: the value at the later hit, the value at the earlier one, and the maximum difference.

    Running counts show whether there is anything between two hits: they are equal if there is nothing.
    """
    within = funnel.step(step).within
    if within is not None:
        yield pl.col("at"), pl.col("at"), microseconds(within)
    if funnel.order == "strict":
        others = pl.col(f"others{earlier}")
        yield others - 1 + pl.col(f"fits{earlier}").cast(pl.Int64), others, 0
    for number, exclusion in enumerate(funnel.without):
        if exclusion.after <= earlier and step <= exclusion.before:
            # A hit that fills a step between those two also counts as a hit between them.
            met = pl.col(f"met{number}")
            yield (met - pl.col(f"meets{number}").cast(pl.Int64) if step == exclusion.before else met), met, 0


def _depth(hits: pl.LazyFrame, funnel: Funnel, steps: tuple[int, ...]) -> pl.LazyFrame:
    """Add `depth`, the number of steps that the group's deepest chain fills."""
    starts = [f"start{step}" for step in steps]
    hits = hits.with_columns(pl.when(f"fits{steps[0]}", "enters").then("position").alias(starts[0]))
    for number in range(1, len(steps)):
        (earlier, step), (start, own) = steps[number - 1 : number + 1], starts[number - 1 : number + 1]
        latest = pl.when(pl.col(start).is_not_null()).then("position").forward_fill()
        before = pl.col("before")
        limits = [later - sooner.gather(before) <= most for later, sooner, most in _links(funnel, earlier, step)]
        hits = hits.with_columns(before=latest if funnel.step(earlier).is_condition else latest.shift(1)).with_columns(
            pl.when(f"fits{step}", before >= pl.col("first"), *limits).then(pl.col(start).gather(before)).alias(own)
        )
        if funnel.window is not None:
            took = pl.col("at") - pl.col("at").gather(pl.col(own))
            hits = hits.with_columns(pl.when(took <= microseconds(funnel.window)).then(own).alias(own))
    reached = [pl.when(pl.col(start).is_not_null()).then(number) for number, start in enumerate(starts, 1)]
    return hits.with_columns(depth=pl.max_horizontal(reached).cast(pl.Int64).fill_null(0).max().over("group")).drop(starts)


def _pointers(hits: pl.LazyFrame, funnel: Funnel, steps: tuple[int, ...]) -> pl.LazyFrame:
    """Add `next<k>`, the position of the next step's hit after a hit of step k, null beyond the depth, and `begins`, whether the chain begins here.

    `end` is the position of the last hit of the chain that continues from here, or null if it cannot be completed; a chain that always takes the
    earliest next hit also ends earliest.
    """
    hits = hits.with_columns(end=pl.when(pl.col(f"fits{steps[-1]}") & (pl.col("depth") == len(steps))).then("position"))
    for number in range(len(steps) - 1, 0, -1):
        step, next_step = steps[number - 1], steps[number]
        earliest = pl.when(pl.col("end").is_not_null()).then("position").backward_fill()
        after, fits = pl.col("after"), pl.col(f"fits{step}")
        limits = [later.gather(after) - sooner <= most for later, sooner, most in _links(funnel, step, next_step)]
        continues = [fits, pl.col("depth") > number, after <= pl.col("last"), *limits]
        hits = (
            hits.with_columns(after=earliest if funnel.step(step).is_condition else earliest.shift(-1))
            .with_columns(pl.when(*continues).then(after).alias(f"next{step}"))
            .with_columns(end=pl.when(fits & (pl.col("depth") == number)).then("position").otherwise(pl.col("end").gather(pl.col(f"next{step}"))))
        )
    took = pl.col("at").gather(pl.col("end")) - pl.col("at")
    in_time = pl.lit(value=True) if funnel.window is None else took <= microseconds(funnel.window)
    return hits.with_columns(begins=(pl.col("enters") & pl.col("end").is_not_null() & in_time).fill_null(value=False))


def any_order_chains(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return one row per group in which a step is done: `unit, visitor, inside`, and for the k-th step that was done `row<k>, at<k>, session<k>`.

    `hits` come from `fitting_hits`. If the same number of steps is done in several windows, the first window counts.
    """
    fills = {number: pl.col(f"fill{number}") for number in funnel.numbers}
    done = pl.when("enters").then(pl.sum_horizontal(fill.is_not_null().cast(pl.Int64) for fill in fills.values())).otherwise(0)
    # The k-th step that was done is the one whose hit follows k - 1 other hits.
    before = {f"before{step}": pl.sum_horizontal((other < fill).cast(pl.Int64) for other in fills.values()) for step, fill in fills.items()}
    in_turn = {
        f"position{number}": pl.coalesce(*(pl.when(pl.col(f"before{step}") == number - 1).then(fill) for step, fill in fills.items()))
        for number in funnel.numbers
    }
    filled = _window_fills(hits, funnel).with_columns(done=done, **before).with_columns(most=pl.col("done").max().over("group"), **in_turn)
    filled = filled.with_columns(is_chosen=windows.is_nth((pl.col("done") == pl.col("most")) & (pl.col("most") > 0), 1, "group"))
    return filled.select(
        pl.col("unit", "visitor", "inside").filter("is_chosen"),
        **step_columns({number: pl.col(f"position{number}").filter("is_chosen") for number in funnel.numbers}),
    )


def _window_fills(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Add `fill<k>`, the position of the hit that fills a step in the window that begins here, or null if no hit does."""
    nexts = {f"next{number}": pl.when(f"fits{number}").then("position").backward_fill() for number in funnel.numbers}
    hits = hits.with_columns(**nexts)
    for number in funnel.numbers:
        hits = hits.with_columns(pl.col(f"next{number}").alias(f"fill{number}"))
        fill, next_hit = pl.col(f"fill{number}"), pl.col(f"next{number}").shift(-1)
        # Each of the steps listed before this one may have taken one hit.
        for _ in range(1, number):
            is_taken = pl.any_horizontal(fill == pl.col(f"fill{other}") for other in range(1, number))
            hits = hits.with_columns(pl.when(is_taken).then(next_hit.gather(fill)).otherwise(fill).alias(f"fill{number}"))
    if funnel.window is None:
        return hits.with_columns(_fill_where(pl.col(f"fill{number}") <= pl.col("last"), number) for number in funnel.numbers)
    took = {number: pl.col("at").gather(pl.col(f"fill{number}")) - pl.col("at") for number in funnel.numbers}
    longest = microseconds(funnel.window)
    return hits.with_columns(
        _fill_where((pl.col(f"fill{number}") <= pl.col("last")) & (took[number] <= longest), number) for number in funnel.numbers
    )


def _fill_where(condition: pl.Expr, number: int) -> pl.Expr:
    """Return `fill<k>` where the condition holds, otherwise null."""
    return pl.when(condition).then(f"fill{number}").alias(f"fill{number}")
