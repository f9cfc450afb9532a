"""Equal points: how often those who have just reached something go on, compared with others who stand at the same point and have not reached it.

Units that share a point are a stratum. Within strata, nobody has had more time, is further on the way, or arrived elsewhere, so the usual reasons why
those who did more also convert more are gone; what a log cannot show, such as the wish to buy, is not. Strata are combined by the ratio of Mantel and
Haenszel (1959); its bounds are the ratios that their score test does not reject. That a unit may be among the others of several strata does not
matter: whether it takes the step now is decided anew each time, given its past (Danaei et al. 2013, doi 10.1177/0962280211403603).
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDES = ("n1", "y1", "n0", "y0")
"""The counts of a stratum: takers, those of them who go on, others, those of them who go on."""
FIGURES = {
    "compared": pl.Int64,
    "then_converted": pl.Int64,
    "others": pl.Int64,
    "expected": pl.Float64,
    "then_rate": pl.Float64,
    "others_rate": pl.Float64,
    "times": pl.Float64,
    "score": pl.Float64,
}
"""The columns that `compare` adds to the keys, with their types."""
BANDS = (1, 2, 3, 4, 5, 7, 10, 15, 25)
"""The smallest number in each band of positions, counted from 1."""
_LOWEST, _HIGHEST, _HALVINGS = 1e-4, 1e4, 60


def band(position: pl.Expr) -> pl.Expr:
    """Return the band of a position, named by its smallest number: equal points need not be equally far along, but in the same band."""
    return pl.max_horizontal(pl.when(position >= smallest).then(smallest) for smallest in BANDS).cast(pl.Int32)


def compare(strata: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return `keys` and FIGURES of rows of `keys` and SIDES (Int64, one row per stratum): one row for each key that has a stratum with both sides.

    `compared` is the number of takers in such strata, `then_converted` that of those who go on, and `others` counts the other side. `then_rate` and
    `others_rate` weight each stratum by n1 n0 / n, and `times` is their ratio, null if no other goes on. `expected` is how many takers would go on at
    the rate of the others in their stratum. `score` is the test statistic of the hypothesis that both sides go on equally often.
    """
    number = pl.col("number")
    n1, y1, n0, y0 = (pl.col(name).cast(pl.Float64) for name in SIDES)
    weight, ones, zeros, expected = ((number * term).sum() for term in (n1 * n0 / (n1 + n0), y1 * n0 / (n1 + n0), y0 * n1 / (n1 + n0), n1 * y0 / n0))
    distinct = _distinct(strata, keys)
    sums = distinct.group_by(keys, maintain_order=True).agg(
        compared=(number * pl.col("n1")).sum(),
        then_converted=(number * pl.col("y1")).sum(),
        others=(number * pl.col("n0")).sum(),
        expected=expected,
        then_rate=ones / weight,
        others_rate=zeros / weight,
        times=pl.when(zeros > 0).then(ones / zeros),
    )
    scores = _scores(distinct, keys, pl.lit(1.0))
    return sums.join(scores, on=keys, maintain_order="left").select(*keys, *(pl.col(name).cast(dtype) for name, dtype in FIGURES.items()))


def add_bounds(strata: pl.DataFrame, figures: pl.DataFrame, keys: Sequence[str], z: float, names: tuple[str, str]) -> pl.DataFrame:
    """Add the lower and the upper bound of `times` to the result of `compare` as columns `names`, at a normal quantile.

    The lower bound is 0 if no taker goes on, and the upper one null if no other does or if nothing limits it.
    """
    distinct = _distinct(strata, keys).join(figures.select(keys), on=keys, how="semi", maintain_order="left")
    goes_on = distinct.group_by(keys, maintain_order=True).agg(takers=pl.col("y1").sum() > 0, others=pl.col("y0").sum() > 0)
    at_lowest, at_highest = (_scores(distinct, keys, pl.lit(ratio))["score"] for ratio in (_LOWEST, _HIGHEST))
    bounds = goes_on.with_columns(
        pl.when(pl.col("takers") & (at_lowest >= z)).then(_ratio_at(distinct, keys, z)).otherwise(0.0).alias(names[0]),
        pl.when(pl.col("others") & (at_highest <= -z)).then(_ratio_at(distinct, keys, -z)).alias(names[1]),
    )
    return figures.join(bounds.drop("takers", "others"), on=keys, how="left", maintain_order="left")


def add_score(strata: pl.DataFrame, figures: pl.DataFrame, keys: Sequence[str], ratio: float, name: str) -> pl.DataFrame:
    """Add the test statistic of the hypothesis that takers go on `ratio` times as often as others to the result of `compare`, as column `name`.

    It is above z if the lower bound of `times` at z is above the ratio, and below -z if the upper bound is below it.
    """
    scores = _scores(_distinct(strata, keys), keys, pl.lit(ratio)).rename({"score": name})
    return figures.join(scores, on=keys, how="left", maintain_order="left")


def unseen(low: pl.Expr, high: pl.Expr) -> pl.Expr:
    """Return how strong something that the log does not show must be to explain a ratio with these bounds; null if they contain 1.

    It must make both the step and going on likelier by this factor: the E-value of the bound that is nearer to 1 (VanderWeele and Ding 2017).
    """
    nearest = pl.when(low > 1).then(low).when(high < 1).then(1 / high)
    return nearest + (nearest * (nearest - 1)).sqrt()


def needed(converted: pl.Expr, z: float, times: float) -> pl.Expr:
    """Return how many times as much data would show a ratio of `times` at a quantile with 80% power, given how many converted on the smaller side."""
    return ((z + stats.POWER_80) / log(times)) ** 2 / converted


def _distinct(strata: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return the distinct strata with both sides and their `number`, sorted, so that sums do not depend on the order of strata."""
    both = strata.filter(pl.col("n1") > 0, pl.col("n0") > 0)
    return both.group_by(*keys, *SIDES).agg(number=pl.len().cast(pl.Int64)).sort(*keys, *SIDES)


def _scores(distinct: pl.DataFrame, keys: Sequence[str], ratio: pl.Expr) -> pl.DataFrame:
    """Return `keys, score`: the score of the hypothesis that takers go on `ratio` times as often as others; a column or a number."""
    n1, y1, n0, y0 = (pl.col(name).cast(pl.Float64) for name in SIDES)
    n = n1 + n0
    rate = pl.min_horizontal((y1 + y0) / (ratio * n1 + n0), 1 / pl.max_horizontal(ratio, pl.lit(1.0)))
    taken = ratio * rate
    difference = (y1 * n0 - ratio * y0 * n1) / n
    variance = (n1 * taken * (1 - taken) * n0**2 + ratio**2 * n0 * rate * (1 - rate) * n1**2) / n**2 * n / (n - 1)
    number = pl.col("number")
    sums = distinct.group_by(keys, maintain_order=True).agg(u=(number * difference).sum(), v=(number * variance).sum())
    return sums.select(*keys, score=pl.when(pl.col("v") > 0).then(pl.col("u") / pl.col("v").sqrt()).otherwise(0.0))


def _ratio_at(distinct: pl.DataFrame, keys: Sequence[str], target: float) -> pl.Series:
    """Return, for each key, the ratio at which the score, which falls as the ratio rises, is `target`; found by bisection of its logarithm."""
    found = distinct.select(keys).unique(maintain_order=True).with_columns(low=pl.lit(log(_LOWEST)), high=pl.lit(log(_HIGHEST)))
    group = distinct.select(pl.struct(keys).rle_id().alias("group"))["group"]
    for _ in range(_HALVINGS):
        found = found.with_columns(middle=(pl.col("low") + pl.col("high")) / 2)
        scores = _scores(distinct.with_columns(ratio=found["middle"].exp().gather(group)), keys, pl.col("ratio"))["score"]
        is_above = scores > target
        found = found.with_columns(low=pl.when(is_above).then("middle").otherwise("low"), high=pl.when(is_above).then("high").otherwise("middle"))
    return found["low"].exp()
