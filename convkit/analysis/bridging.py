"""Bridges: which goals lie on the way to another goal, and after which of them it is reached more often than by others at the same point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.planning import GATE_SHARE, ROAD_SHARE
from convkit.analysis.points import Masks
from convkit.core import equal_points, stats
from convkit.core.collect import collect_frames

if TYPE_CHECKING:
    from convkit.core.model import Goals

CLASSES = GATE, ON_THE_WAY, BRIDGE, SIDE_ROAD, NO_BRIDGE, CANNOT_TELL, NO_EQUALS, TOO_FEW = (
    "gate",
    "on the way",
    "bridge",
    "side road",
    "no bridge",
    "cannot tell",
    "no equals",
    "too few",
)
"""The classes of goals, in the order in which they are shown."""
MARGIN = 1.5
"""The ratio that is worth finding; if the whole range is closer to 1 than this, a goal is not a bridge."""
FEWEST_CONVERSIONS, FEWEST_COMPARED, FEWEST_EXPECTED, FEWEST_ORDERS = 10, 30, 5, 30
_MONTH = 30
_KEYS = ("page", "visit", "channel")
_COUNTS = ("reached", "arrived", "converted_later")
_SUMS = ("with_value", "difference", "error")
_SCORES = {1 / MARGIN: "score_below", MARGIN: "score_above"}
"""The ratios within which a goal is not a bridge, and the columns of their scores."""
_FIGURES = ("compared", "then_converted", "then_rate", "others_rate", "times", "times_low", "times_high", "unseen", "months_needed")
_ORDERS = ("order_value", "others_order_value", "order_difference", "order_difference_low", "order_difference_high")


@dataclass(frozen=True)
class Bridges:
    """The goals before another goal, as `frame`, of how many `conversions`, and how many of them were judged: `tests`."""

    frame: pl.DataFrame
    """The columns of the report; `others`, `expected`, `others_orders`; `all_reached`, also of gates; `is_more`, `is_less`: whether orders differ."""
    conversions: int
    tests: int


def judge(points: pl.DataFrame, orders: pl.DataFrame, goals: Goals, to: str, days: float) -> Bridges:
    """Return the goals other than `to`, classified by tallies of points and orders from a log of so many days.

    `points` have the masks `had`, `new`, `on` and `landed`, `page`, `visit`, `channel`, `n` and `y`; `orders` the mask `had`, `page`, `visit`,
    `channel`, `n`, `worth` and `squares`.
    """
    masks, names = Masks(goals.goals), [goal.name for goal in goals.goals if goal.name != to]
    is_conversion = masks.has("new", to)
    conversions = points.filter(is_conversion)
    total = int(conversions["n"].sum())
    before = {name: int(conversions.filter(masks.has("had", name))["n"].sum()) for name in names}
    road = [name for name in names if total and before[name] >= ROAD_SHARE * total]
    counts, strata = _strata(points.filter(~is_conversion), masks, names, road)
    compared = equal_points.compare(strata, ["goal"])
    for ratio, name in _SCORES.items():
        compared = equal_points.add_score(strata, compared, ["goal"], ratio, name)
    compared = equal_points.add_bounds(strata, compared, ["goal"], stats.Z_95, ("times_low", "times_high"))
    rows = (
        pl.DataFrame({"goal": names, "had_before": before.values()}, schema={"goal": pl.String, "had_before": pl.Int64})
        .join(counts, on="goal", how="left", maintain_order="left")
        .join(compared, on="goal", how="left", maintain_order="left")
        .with_columns(pl.col(*_COUNTS, "compared", "then_converted").fill_null(0))
        .with_columns(had_before_share=stats.ratio(pl.col("had_before"), pl.lit(total)))
        .with_columns(_first_class(total))
    )
    tests = rows["class"].null_count()
    z = stats.bonferroni_z(tests)
    rows = _with_orders(rows.with_columns(_last_class(z)), orders, masks)
    is_judged = pl.col("class").is_in([BRIDGE, SIDE_ROAD, NO_BRIDGE, CANNOT_TELL])
    converted = pl.max_horizontal(pl.col("then_converted").cast(pl.Float64), "expected")
    needed = equal_points.needed(converted, z, MARGIN) * days / _MONTH
    rows = rows.with_columns(
        unseen=pl.when(is_judged).then(equal_points.unseen(pl.col("times_low"), pl.col("times_high"))),
        months_needed=pl.when(pl.col("class") == CANNOT_TELL).then(needed),
    )
    is_shown = ~pl.col("class").is_in([GATE, NO_EQUALS])
    of_gate = pl.when(pl.col("class") != GATE)
    frame = (
        rows.with_columns(all_reached="reached")
        .with_columns(*(pl.when(is_shown).then(name).alias(name) for name in (*_FIGURES, "orders", *_ORDERS, "is_more", "is_less")))
        .with_columns(of_gate.then(name).alias(name) for name in ("reached", "arrived"))
        .with_columns(rank=pl.col("class").replace_strict(CLASSES, range(len(CLASSES)), return_dtype=pl.Int32))
        .sort("rank", "had_before", "goal", descending=[False, True, False])
    )
    return Bridges(frame, total, tests)


def _strata(points: pl.DataFrame, masks: Masks, names: list[str], road: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return `goal, reached, arrived, converted_later`, and the strata of each goal: equal points at which some reach it and others have not yet.

    Points are equal if they have the same `page`, channel, visit and landing, and as much of the road behind them and on the page. All points on
    page 1 are left out, because those who land on a goal chose it elsewhere.
    """
    taker, number, converted = pl.col("is_taker"), pl.col("n"), pl.col("y")
    counts, strata = [], []
    for name in names:
        own = masks.bits(other for other in road if other != name)
        without = masks.bits([name])
        equal = [
            expression
            for word, (on_road, own_bit) in enumerate(zip(own, without, strict=True))
            for expression in (
                ((pl.col(f"had{word}") | pl.col(f"new{word}")) & on_road).alias(f"state{word}"),
                (pl.col(f"on{word}") & on_road).alias(f"on{word}"),
                (pl.col(f"landed{word}") & ~own_bit).alias(f"landed{word}"),
            )
        ]
        sides = points.lazy().filter(~masks.has("had", name)).select(*_KEYS, *equal, "n", "y", is_taker=masks.has("new", name))
        is_first = pl.col("page") == 1
        counts.append(
            sides.filter(taker).select(
                goal=pl.lit(name), reached=number.sum(), arrived=number.filter(is_first).sum(), converted_later=converted.sum()
            )
        )
        keys = pl.exclude("n", "y", "is_taker")
        strata.append(
            sides.filter(~is_first)
            .group_by(keys)
            .agg(n1=number.filter(taker).sum(), y1=converted.filter(taker).sum(), n0=number.filter(~taker).sum(), y0=converted.filter(~taker).sum())
            .select(pl.lit(name).alias("goal"), *equal_points.SIDES)
        )
    return _concat(counts, _COUNTS, points.height), _concat(strata, equal_points.SIDES, points.height)


def _concat(queries: list[pl.LazyFrame], counts: tuple[str, ...], size: int) -> pl.DataFrame:
    """Return the rows of queries about one goal each, with `goal` and these counts, also if there are none."""
    nothing = pl.DataFrame(schema={"goal": pl.String, **dict.fromkeys(counts, pl.Int64)})
    return pl.concat([nothing, *collect_frames(queries, size)])


def _first_class(total: int) -> pl.Expr:
    """Return the `class` of a goal that is not judged, or null."""
    before = pl.col("had_before")
    is_synonym = (pl.col("converted_later") >= FEWEST_CONVERSIONS) & (pl.col("converted_later") >= ROAD_SHARE * pl.col("reached"))
    rest = pl.col("reached") - pl.col("arrived")
    rules = {
        TOO_FEW: pl.lit(total < FEWEST_CONVERSIONS) | (pl.col("reached") == 0) & (before < ROAD_SHARE * total),
        GATE: before >= GATE_SHARE * total,
        ON_THE_WAY: (before >= ROAD_SHARE * total) | is_synonym,
        NO_EQUALS: (rest == 0) | (pl.col("compared") < ROAD_SHARE * rest),
    }
    few = (pl.col("compared") < FEWEST_COMPARED) | (pl.col("expected") < FEWEST_EXPECTED)
    return pl.coalesce(*(pl.when(fits).then(pl.lit(name)) for name, fits in rules.items()), pl.when(few).then(pl.lit(TOO_FEW))).alias("class")


def _last_class(z: float) -> pl.Expr:
    """Return the `class` of all goals: those without one yet are judged by the range at a normal quantile that they share."""
    score, below, above = pl.col("score"), pl.col(_SCORES[1 / MARGIN]), pl.col(_SCORES[MARGIN])
    rules = {BRIDGE: score > z, SIDE_ROAD: score < -z, NO_BRIDGE: (below > z) & (above < -z)}
    return pl.coalesce("class", *(pl.when(fits).then(pl.lit(name)) for name, fits in rules.items()), pl.lit(CANNOT_TELL)).alias("class")


def _with_orders(rows: pl.DataFrame, orders: pl.DataFrame, masks: Masks) -> pl.DataFrame:
    """Add what orders were worth that came after each goal, compared with others in sessions with as many pages, of the same visit and channel.

    Columns: `orders` and `others_orders`, the numbers that were compared; `order_value`, `others_order_value` and `order_difference` with its 95%
    bounds, null if there are too few; `is_more` and `is_less`, whether the range that all goals share excludes 0.
    """
    sums = _order_sums(orders, masks, rows["goal"].to_list())
    is_judged = pl.min_horizontal("orders", "others_orders") >= FEWEST_ORDERS
    z = stats.bonferroni_z(sums.filter(is_judged).height)
    difference, error = pl.col("difference"), pl.col("error")
    values = {
        "order_value": pl.col("with_value"),
        "others_order_value": pl.col("with_value") - difference,
        "order_difference": difference,
        "order_difference_low": difference - stats.Z_95 * error,
        "order_difference_high": difference + stats.Z_95 * error,
    }
    judged = sums.with_columns(
        **{name: pl.when(is_judged).then(value.round()).cast(pl.Int64) for name, value in values.items()},
        is_more=is_judged & (difference - z * error > 0),
        is_less=is_judged & (difference + z * error < 0),
    ).drop(_SUMS)
    return rows.join(judged, on="goal", how="left", maintain_order="left").with_columns(
        pl.col("orders", "others_orders").fill_null(0), pl.col("is_more", "is_less").fill_null(value=False)
    )


def _order_sums(orders: pl.DataFrame, masks: Masks, names: list[str]) -> pl.DataFrame:
    """Return `goal, orders, others_orders` and _SUMS, in millionths."""
    number, worth, squares = (pl.col(name).cast(pl.Float64) for name in ("n", "worth", "squares"))
    n1, s1 = number.filter("has").sum(), worth.filter("has").sum()
    # Sums of floats depend on their order, so it must not depend on how the tally holds text.
    orders, found = orders.with_columns(pl.col("channel").cast(pl.String)), []
    for name in names:
        strata = (
            orders.lazy()
            .with_columns(has=masks.has("had", name))
            .sort(_KEYS)
            .group_by(_KEYS, maintain_order=True)
            .agg(m1=n1, m=number.sum(), s1=s1, s=worth.sum(), q=squares.sum() * 1e8)
            .filter(pl.col("m1") > 0, pl.col("m1") < pl.col("m"))
        )
        m1, m, s1_of, s, q = (pl.col(column) for column in ("m1", "m", "s1", "s", "q"))
        m0 = m - m1
        weight = (m1 * m0 / m).sum()
        found.append(
            strata.select(
                goal=pl.lit(name),
                orders=m1.sum().cast(pl.Int64),
                others_orders=m0.sum().cast(pl.Int64),
                with_value=(s1_of * m0 / m).sum() / weight,
                difference=(s1_of - m1 * s / m).sum() / weight,
                error=(m1 * m0 / (m * (m - 1)) * (q - s * s / m).clip(0)).sum().sqrt() / weight,
            )
        )
    types = {"goal": pl.String, **dict.fromkeys(("orders", "others_orders"), pl.Int64), **dict.fromkeys(_SUMS, pl.Float64)}
    return pl.concat([pl.DataFrame(schema=types), *collect_frames(found, orders.height)])
