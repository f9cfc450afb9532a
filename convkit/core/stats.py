"""Statistics: Wilson's interval for a rate, Newcombe's for a difference of rates, Welch's and Student's for means, quantiles of tallied values.

Sources: Wilson 1927; Newcombe 1998, method 10; Welch 1947; Hyndman and Fan 1996, type 7.
"""

from __future__ import annotations

from math import ceil, floor, sqrt
from statistics import NormalDist
from typing import NamedTuple

import polars as pl

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95% interval."""
POWER_80 = NormalDist().inv_cdf(0.8)
_MAX_SECONDS = (1 << 31) - 1
_QUANTILES = [place / 200 for place in range(1, 1_001)]
"""The quantiles that `p_value` tries: up to 5, beyond which the probability is practically 0."""


def whole_seconds(seconds: pl.Expr) -> pl.Expr:
    """Return seconds as they are tallied: as Int32, limited to between 0 and 68 years in case a clock was wrong."""
    return seconds.clip(0, _MAX_SECONDS).cast(pl.Int32)


def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Return part / whole as Float64, or null if the whole is 0."""
    return pl.when(whole > 0).then(part / whole)


def wilson(part: pl.Expr, whole: pl.Expr, z: float | pl.Expr = Z_95) -> tuple[pl.Expr, pl.Expr]:
    """Return the lower and upper bounds of part / whole, or null if the whole is 0."""
    # The square of a count may not fit into its type.
    part, whole = part.cast(pl.Float64), whole.cast(pl.Float64)
    rate = ratio(part, whole)
    middle = rate + z * z / (2 * whole)
    spread = z * (rate * (1 - rate) / whole + z * z / (4 * whole * whole)).sqrt()
    scale = 1 + z * z / whole
    low = pl.when(part == 0).then(0 * rate).otherwise((middle - spread) / scale)
    high = pl.when(part == whole).then(0 * rate + 1).otherwise((middle + spread) / scale)
    return low, high


def newcombe(part: pl.Expr, whole: pl.Expr, other_part: pl.Expr, other_whole: pl.Expr, z: float | pl.Expr = Z_95) -> tuple[pl.Expr, pl.Expr]:
    """Return the lower and upper bounds of part / whole - other_part / other_whole, or null if either whole is 0."""
    rate, other = ratio(part, whole), ratio(other_part, other_whole)
    (low, high), (other_low, other_high) = wilson(part, whole, z), wilson(other_part, other_whole, z)
    down = ((rate - low) ** 2 + (other_high - other) ** 2).sqrt()
    up = ((high - rate) ** 2 + (other - other_low) ** 2).sqrt()
    return rate - other - down, rate - other + up


def evaluated(bounds: tuple[pl.Expr, pl.Expr]) -> tuple[float, float]:
    """Return the values of bounds that depend on no column."""
    low, high = pl.select(low=bounds[0], high=bounds[1]).row(0)
    return low, high


def newcombe_low(part: pl.Expr, whole: pl.Expr, other_part: pl.Expr, other_whole: pl.Expr, z: float = Z_95) -> pl.Expr:
    """Return the lower bound of part / whole - other_part / other_whole, or null if either whole is 0."""
    return newcombe(part, whole, other_part, other_whole, z)[0]


def p_value(part: int, whole: int, other_part: int, other_whole: int) -> float:
    """Return the two-sided p-value of a difference between two rates, from the quantile at which Newcombe's interval first contains 0.

    It is 1.0 if the rates are equal or either whole is 0.
    """
    counts = [pl.lit(count, dtype=pl.Int64) for count in (part, whole, other_part, other_whole)]
    quantiles = pl.DataFrame({"z": _QUANTILES})
    low, high = newcombe(counts[0], counts[1], counts[2], counts[3], pl.col("z"))
    outside = quantiles.filter((low > 0) | (high < 0))["z"]
    return 2 * (1 - NormalDist().cdf(outside[-1])) if outside.len() else 1.0


def student_t(freedom: float) -> float:
    """Return Student's t quantile of a two-sided 95% interval (Cornish-Fisher expansion, accurate to 0.001 for 6 or more degrees of freedom)."""
    z = Z_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


class Sample(NamedTuple):
    """The number, mean and variance of some values."""

    number: int
    mean: float
    variance: float


def mean_interval(sample: Sample) -> tuple[float, float]:
    """Return the 95% bounds of the mean of at least two values, using Student's t."""
    width = student_t(sample.number - 1) * sqrt(sample.variance / sample.number)
    return sample.mean - width, sample.mean + width


def welch(sample: Sample, other: Sample) -> tuple[float, float] | None:
    """Return the 95% bounds of `sample` mean minus `other` mean, or None if either has fewer than two values."""
    if min(sample.number, other.number) < 2:  # noqa: PLR2004 (one value has no variance)
        return None
    errors = [one.variance / one.number for one in (sample, other)]
    freedom = sum(errors) ** 2 / sum(error**2 / (one.number - 1) for error, one in zip(errors, (sample, other), strict=True)) if any(errors) else 1
    width = student_t(freedom) * sqrt(sum(errors))
    return sample.mean - other.mean - width, sample.mean - other.mean + width


class Middle(NamedTuple):
    """The number and the median of some values, and the 95% bounds of the median."""

    number: int
    median: float
    low: float
    high: float


def middle(values: pl.DataFrame, value: str, weight: str) -> Middle | None:
    """Return the middle of values that occur `weight` times each, with order statistics as bounds, or None if there are none."""
    rows, number = values.sort(value), int(values[weight].sum())
    if not number:
        return None
    rank = max(floor(number / 2 - Z_95 / 2 * sqrt(number)), 1)
    at, up_to = pl.col(value).cast(pl.Float64), pl.col(weight).cum_sum()
    bounds = {name: at.filter(up_to >= place).first() for name, place in (("low", rank), ("high", number + 1 - rank))}
    return Middle(number, *rows.select(weighted_quantile(at, pl.col(weight), 0.5).alias("median"), **bounds).row(0))


def median_difference(one: Middle, other: Middle) -> tuple[float, float]:
    """Return the 95% bounds of the median of `one` minus that of `other`, joined from their own bounds as Newcombe joins those of rates."""
    difference = one.median - other.median
    down = sqrt((one.median - one.low) ** 2 + (other.high - other.median) ** 2)
    up = sqrt((one.high - one.median) ** 2 + (other.median - other.low) ** 2)
    return difference - down, difference + up


def bonferroni_z(tests: int) -> float:
    """Return the normal quantile at which `tests` two-sided intervals are jointly 95% intervals (Bonferroni)."""
    return NormalDist().inv_cdf(1 - 0.05 / max(tests, 1) / 2)


def weighted_quantile(value: pl.Expr, weight: pl.Expr, quantile: float) -> pl.Expr:
    """Return an aggregation that gives the type 7 quantile of values that occur `weight` times each, or null if there are none.

    The values must be sorted within the group.
    """
    weight = weight.cast(pl.Int64)
    position = (weight.sum() - 1) * quantile
    cumulative = weight.cum_sum()
    lower = value.filter(cumulative > position.floor()).first()
    upper = value.filter(cumulative > position.ceil()).first()
    return pl.when(weight.sum() > 0).then(lower + (upper - lower) * (position - position.floor()))


def sessions_needed(rate: float, change: float = 0.2, tests: int = 1) -> int:
    """Return how many sessions each side needs to detect a relative change with 80% power at the 5% level (Fleiss, without correction).

    The change is a rise, or a fall if the rate has no room to rise. If several `tests` share the level, each of them needs more.
    """
    other = rate * (1 + change) if rate * (1 + change) <= 1 else rate * (1 - change)
    mean = (rate + other) / 2
    spread = bonferroni_z(tests) * sqrt(2 * mean * (1 - mean)) + POWER_80 * sqrt(rate * (1 - rate) + other * (1 - other))
    return ceil((spread / (other - rate)) ** 2)
