"""Buckets: how near to a goal sessions or visitors are, by rules from the first part of a log, with figures from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.points import Masks
from convkit.core import stats

if TYPE_CHECKING:
    from datetime import date

    from convkit.core.model import Goals

NAMES = {1: ("everybody",), 2: ("nearly there", "passing by")}
NAMES |= {3: ("nearly there", "interested", "passing by"), 4: ("nearly there", "interested", "looking", "passing by")}
"""The names of the buckets by how many there are, nearest first: they stand for ranks, not for motives."""
HELD, ROSE, FELL, TOO_FEW = "held", "rose", "fell", "too few"
FEWEST_DAYS, FEWEST_CONVERSIONS, FEWEST_ENTERED, FEWEST_FORETOLD = 7, 10, 30, 5
_FIRST = 0.6
"""The share of units that have begun by the end of the first part."""
_COUNTS = {"entered": pl.Int64, "converted": pl.Int64}


@dataclass(frozen=True)
class Buckets:
    """The buckets, as `frame` with the columns of the report, nearest first, and the days that they are based on."""

    frame: pl.DataFrame
    days: tuple[date, date, date] | None
    """The first day, the last one of the first part, and the last one of all; None if nothing began."""
    has_enough: bool
    """Whether there are enough days and conversions for rules."""


def judge(moments: pl.DataFrame, ends: pl.DataFrame, goals: Goals, to: str) -> Buckets:
    """Return the buckets of units on their way to the goal `to`.

    `moments` have `day`, the masks `had` and `new`, `begins`, `n`, `y`; `ends`, of units that never reached it, have `day`, the mask `had`, `n`.
    """
    masks, names = Masks(goals.goals), [goal.name for goal in goals.goals if goal.name != to]
    days = _days(moments)
    if days is None:
        return Buckets(_frame(moments.clear(), moments.clear(), ends.clear(), masks, []), None, has_enough=False)
    is_first = pl.col("day") <= days[1]
    first, rest = moments.filter(is_first), moments.filter(~is_first)
    converted = [_counted(part, masks, [])["converted"][-1] for part in (first, rest)]
    has_enough = (days[2] - days[0]) + timedelta(days=1) >= timedelta(days=FEWEST_DAYS) and min(converted) >= FEWEST_CONVERSIONS
    groups = _merged(_ranked(first, masks, names), first, masks) if has_enough else []
    return Buckets(_frame(first, rest, ends.filter(~is_first), masks, groups), days, has_enough)


def _days(moments: pl.DataFrame) -> tuple[date, date, date] | None:
    """Return the first day, the one by which the first part of all units have begun, and the last day."""
    begun = moments.filter("begins").group_by("day").agg(pl.col("n").sum()).sort("day").with_columns(total=pl.col("n").cum_sum())
    if begun.is_empty():
        return None
    cut = begun.filter(pl.col("total") >= _FIRST * pl.col("total").last())["day"][0]
    return begun["day"][0], cut, begun["day"][-1]


def _ranked(first: pl.DataFrame, masks: Masks, names: list[str]) -> list[str]:
    """Return goals by how often units convert that reach them without one of those before them, as far as they differ from all units.

    A goal is ranked by the lower bound of its rate; it needs 30 entries and 10 conversions.
    """
    base = _counted(first, masks, []).tail(1)
    z, ranked, left = stats.bonferroni_z(len(names)), list[str](), list(names)
    while left:
        without = first.filter(~masks.has_any(("had", "new"), ranked))
        entries = {name: without.filter(masks.has("new", name)) for name in left}
        counts = pl.DataFrame(
            [(name, rows["n"].sum(), rows["y"].sum()) for name, rows in entries.items()], {"goal": pl.String, **_COUNTS}, orient="row"
        )
        converted, entered = pl.col("converted"), pl.col("entered")
        best = (
            counts.filter(entered >= FEWEST_ENTERED, converted >= FEWEST_CONVERSIONS)
            .with_columns(low=stats.wilson(converted, entered)[0])
            .sort("low", descending=True, maintain_order=True)
            .head(1)
        )
        apart = best.join(base.select(all_entered="entered", all_converted="converted"), how="cross").filter(
            stats.newcombe_low(converted, entered, pl.col("all_converted"), pl.col("all_entered"), z) > 0
        )
        if apart.is_empty():
            break
        ranked.append(apart["goal"][0])
        left.remove(ranked[-1])
    return ranked


def _merged(ranked: list[str], first: pl.DataFrame, masks: Masks) -> list[list[str]]:
    """Return the goals of each bucket but the last: neighbours that cannot be told apart are merged, and there are at most as many as NAMES."""
    groups = [[name] for name in ranked]
    while groups:
        counts = _counted(first, masks, groups)
        converted, entered = pl.col("converted"), pl.col("entered")
        difference = stats.newcombe_low(converted, entered, converted.shift(-1), entered.shift(-1), stats.bonferroni_z(len(groups)))
        lows = counts.select(low=difference)["low"].head(len(groups))
        closest = int(lows.arg_min() or 0)
        if lows[closest] > 0:
            if len(groups) < max(NAMES):
                break
            closest = int(lows.head(len(groups) - 1).arg_min() or 0)
        if closest == len(groups) - 1:
            groups.pop()
        else:
            groups[closest] += groups.pop(closest + 1)
    return groups


def _counted(part: pl.DataFrame, masks: Masks, groups: list[list[str]]) -> pl.DataFrame:
    """Return `entered, converted`, one row per bucket: when units first reach one of its goals, and none of a nearer bucket; at last, all units."""
    above, rows = list[str](), []
    for group in groups:
        enters = masks.has_any(("new",), group) & ~masks.has_any(("had", "new"), above) & ~masks.has_any(("had",), group)
        rows.append(part.filter(enters))
        above += group
    counts = [(entries["n"].sum(), entries["y"].sum()) for entries in (*rows, part.filter("begins"))]
    return pl.DataFrame(counts, _COUNTS, orient="row")


def _frame(first: pl.DataFrame, rest: pl.DataFrame, ends: pl.DataFrame, masks: Masks, groups: list[list[str]]) -> pl.DataFrame:
    """Return the columns of the report."""
    names, before, after = NAMES[len(groups) + 1], _counted(first, masks, groups), _counted(rest, masks, groups)
    stopped, above = [], list[str]()
    for group in groups:
        stopped.append(ends.filter(masks.has_any(("had",), group), ~masks.has_any(("had",), above))["n"].sum())
        above += group
    stopped.append(ends.filter(~masks.has_any(("had",), above))["n"].sum())
    converted, entered, first_converted, first_entered = (pl.col(name) for name in ("converted", "entered", "first_converted", "first_entered"))
    rate_low, rate_high = stats.wilson(converted, entered)
    low, high = stats.newcombe(converted, entered, first_converted, first_entered, stats.bonferroni_z(len(names)))
    is_few = (entered < FEWEST_ENTERED) | (pl.col("foretold") < FEWEST_FORETOLD).fill_null(value=True)
    return (
        pl.DataFrame({"bucket": names, "goals": [*(" ".join(group) for group in groups), ""]})
        .hstack(before.rename(lambda name: f"first_{name}"))
        .hstack(after)
        .with_columns(
            rate=stats.ratio(converted, entered),
            rate_low=rate_low,
            rate_high=rate_high,
            foretold=stats.ratio(first_converted * entered, first_entered),
        )
        .with_columns(
            check=pl.when(is_few).then(pl.lit(TOO_FEW)).when(low > 0).then(pl.lit(ROSE)).when(high < 0).then(pl.lit(FELL)).otherwise(pl.lit(HELD)),
            stopped=pl.Series(stopped, dtype=pl.Int64),
        )
    )
