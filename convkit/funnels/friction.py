"""Friction: what got in the way behind a step, judged by those who had just met it and others at an equal point.

Equal points are behind the same step of the same funnel, as many interactions after it, with the same page on show; for what visitors do themselves,
goals and events whose names speak of no failure, that is the page on which they did it or something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import equal_points, formatting, stats
from convkit.funnels.points import STRATUM

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = ("funnel", "step", "what", "item")
_FEWEST_MET, _FEWEST_OTHERS, _FEWEST_EXPECTED = 10, 30, 5
"""How many who met something, and how many others, a test needs, and how many of the first would go on if they did so as often as the others."""

_FLAGS = {"is_judged": pl.Boolean, "loses": pl.Boolean}
NOTHING_JUDGED = pl.DataFrame(schema={"funnel": pl.String, "step": pl.Int32, "what": pl.String, "item": pl.String, **_FLAGS})
_MONTH = 30
_PASSIVE = {"form_again": "shown the form again"}
_ACTIVE = {
    "error": "got an error page",
    "slow": "waited over 3 s for a response",
    "reload": "loaded the same page three times in a row",
    "back_forth": "went back and forth between two pages",
    "search_again": "searched for something else",
}
_NAMED = {"goal": "reached", "event": "had the event"}


def judge_friction(tally: Mapping[str, pl.DataFrame], by: tuple[str, ...] = ()) -> pl.DataFrame:
    """Return one row per thing that anybody met behind a step, from the tallies of `points.tally_points`: the columns in `by`, KEYS, and figures.

    `met` and `went_on` count units; `acts` is whether it is something that visitors do themselves; `compared`, `others`, `went_on_rate`,
    `others_rate`, `times`, `expected` and `score` are those of `equal_points.compare`. `is_judged` is whether there are enough for a test. All judged
    rows, or those of one value in a breakdown, share an error rate of 5%; `loses` is whether those who met it go on less often than others at equal
    points.
    """
    keys = [*by, *KEYS]
    points, met = (tally[name].with_columns(pl.col(pl.Categorical).cast(pl.String)) for name in ("points", "met"))
    strata = _strata(points, met, by)
    figures = equal_points.compare(strata, keys).rename({"then_rate": "went_on_rate"}).drop("then_converted")
    enough = (pl.col("compared") >= _FEWEST_MET) & (pl.col("others") >= _FEWEST_OTHERS) & (pl.col("expected") >= _FEWEST_EXPECTED)
    rows = (
        met.group_by(keys)
        .agg(pl.col("met").sum(), pl.col("acts").first(), went_on=pl.col("met_went_on").sum())
        .join(figures, on=keys, how="left")
        .with_columns(pl.col("compared").fill_null(0), is_judged=enough.fill_null(value=False))
        .sort(keys)
    )
    # An event and the goal that it reaches are one test.
    test = pl.struct("funnel", "step", "met", "went_on", "compared", "expected").filter("is_judged").n_unique()
    rows = rows.with_columns(tests=(test.over(by) if by else test).cast(pl.Int64))
    quantiles = {number: stats.bonferroni_z(number) for number in rows["tests"].unique()}
    z = pl.col("tests").replace_strict(quantiles, return_dtype=pl.Float64)
    return rows.with_columns(z=z).with_columns(loses=pl.col("is_judged") & (pl.col("score") < -pl.col("z")))


def add_bounds(rows: pl.DataFrame, tally: Mapping[str, pl.DataFrame], by: tuple[str, ...] = ()) -> pl.DataFrame:
    """Add `times_low` and `times_high`, the 95% bounds of `times`, to rows of `judge_friction` with a comparison."""
    keys = [*by, *KEYS]
    points, met = (tally[name].with_columns(pl.col(pl.Categorical).cast(pl.String)) for name in ("points", "met"))
    compared = rows.filter(pl.col("compared") > 0).select(keys)
    bounds = equal_points.add_bounds(_strata(points, met, by), compared, keys, stats.Z_95, ("times_low", "times_high"))
    return rows.join(bounds, on=keys, how="left", maintain_order="left")


def add_stakes(rows: pl.DataFrame, reached: pl.DataFrame, steps: pl.DataFrame, days: float, by: tuple[str, ...] = ()) -> pl.DataFrame:
    """Add `lost` and `up_to` to judged rows of `judge_friction`, rounded down: both are upper bounds as long as nobody knows why units stopped.

    `lost` is how many more would have gone on if they had done so as often as the others; `up_to` is how many of these would have reached the last
    step within 30 days if they had then gone on like those who do. `reached` has how many units `reached` each step; `steps` is `View.steps`.
    """
    of_step = [*by, "funnel"]
    last = steps.group_by("funnel").agg(step=pl.col("step").max()).join(reached, on=["funnel", "step"]).select(*of_step, last_reached="reached")
    following = reached.select(*of_step, next_step="step", next_reached="reached")
    lost = pl.max_horizontal(pl.col("compared") * (pl.col("others_rate") - pl.col("went_on_rate")), 0.0)
    up_to = pl.when(pl.col("next_reached") > 0).then(pl.col("lost") * pl.col("last_reached") / pl.col("next_reached") * _MONTH / days)
    return (
        rows.join(steps.select("funnel", "step", "next_step"), on=["funnel", "step"], how="left", maintain_order="left")
        .join(last, on=of_step, how="left", maintain_order="left")
        .join(following, on=[*of_step, "next_step"], how="left", maintain_order="left")
        .with_columns(lost=pl.when("is_judged").then(lost))
        .with_columns(lost=pl.col("lost").floor().cast(pl.Int64), up_to=up_to.floor().cast(pl.Int64))
        .drop("next_step", "last_reached", "next_reached")
    )


def describe(row: Mapping[str, Any], unit: str) -> str:
    """Return a sentence without its full stop on a row of `judge_friction` that loses; `unit` is what the funnel counts."""
    what = row["what"]
    did = f"{formatting.were(row['met'])} {_PASSIVE[what]}" if what in _PASSIVE else _ACTIVE.get(what) or f"{_NAMED[what]} {row['item']}"
    of_them = f"{formatting.count(row['went_on'])} of them went on ({formatting.percent(row['went_on_rate'])})"
    return f"{formatting.plural(row['met'], unit)} {did}; {of_them}, against {formatting.percent(row['others_rate'])} of others at the same point"


def _strata(points: pl.DataFrame, met: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
    """Return keys and `equal_points.SIDES` of the strata in which anybody met something: others are those who had not met it, then or before."""
    return (
        met.filter(pl.col("met") > 0)
        .join(points, on=[*by, *STRATUM], how="left")
        .select(
            *by,
            *KEYS,
            n1="met",
            y1="met_went_on",
            n0=pl.col("n") - pl.col("met") - pl.col("had"),
            y0=pl.col("n_went_on") - pl.col("met_went_on") - pl.col("had_went_on"),
        )
    )
