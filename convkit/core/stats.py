"""The statistics: Wilson's interval for a rate, Newcombe's for a difference, Welch's and Student's for means, medians of tallied values.

Sources: Wilson 1927; Newcombe 1998, method 10; Welch 1947; Hyndman and Fan 1996, type 7.
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist
from typing import NamedTuple

import polars as pl

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""
POWER_80 = NormalDist().inv_cdf(0.8)
_MAX_SECONDS = (1 << 31) - 1
_QUANTILES = [place / 200 for place in range(1, 1_001)]
"""At which it is looked how far an interval reaches: up to 5, behind which chance does next to nothing."""


def whole_seconds(seconds: pl.Expr) -> pl.Expr:
    """Return seconds as tallies count them, Int32: none is below 0, and 68 years stand for all that lasts longer, as where a clock was wrong."""
    return seconds.clip(0, _MAX_SECONDS).cast(pl.Int32)


def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Return part / whole as Float64, null where the whole is 0: 0 of 0 has no rate."""
    return pl.when(whole > 0).then(part / whole)


def wilson(part: pl.Expr, whole: pl.Expr, z: float | pl.Expr = Z_95) -> tuple[pl.Expr, pl.Expr]:
    """Return the lower and upper bound of part / whole; null where the whole is 0."""
    rate = ratio(part, whole)
    middle = rate + z * z / (2 * whole)
    spread = z * (rate * (1 - rate) / whole + z * z / (4 * whole * whole)).sqrt()
    scale = 1 + z * z / whole
    low = pl.when(part == 0).then(0 * rate).otherwise((middle - spread) / scale)
    high = pl.when(part == whole).then(0 * rate + 1).otherwise((middle + spread) / scale)
    return low, high


def newcombe(part: pl.Expr, whole: pl.Expr, other_part: pl.Expr, other_whole: pl.Expr, z: float | pl.Expr = Z_95) -> tuple[pl.Expr, pl.Expr]:
    """Return the lower and upper bound of part / whole - other_part / other_whole; null where a whole is 0."""
    rate, other = ratio(part, whole), ratio(other_part, other_whole)
    (low, high), (other_low, other_high) = wilson(part, whole, z), wilson(other_part, other_whole, z)
    down = ((rate - low) ** 2 + (other_high - other) ** 2).sqrt()
    up = ((high - rate) ** 2 + (other - other_low) ** 2).sqrt()
    return rate - other - down, rate - other + up


def newcombe_low(part: pl.Expr, whole: pl.Expr, other_part: pl.Expr, other_whole: pl.Expr, z: float = Z_95) -> pl.Expr:
    """Return the lower bound of part / whole - other_part / other_whole; null where a whole is 0."""
    return newcombe(part, whole, other_part, other_whole, z)[0]


def p_value(part: int, whole: int, other_part: int, other_whole: int) -> float:
    """Return how often chance alone makes two rates differ by as much: at the quantile at which Newcombe's interval begins to hold 0.

    1.0 where nothing differs, or where a whole is 0.
    """
    counts = [pl.lit(count, dtype=pl.Int64) for count in (part, whole, other_part, other_whole)]
    quantiles = pl.DataFrame({"z": _QUANTILES})
    low, high = newcombe(counts[0], counts[1], counts[2], counts[3], pl.col("z"))
    outside = quantiles.filter((low > 0) | (high < 0))["z"]
    return 2 * (1 - NormalDist().cdf(outside[-1])) if outside.len() else 1.0


def student_t(freedom: float) -> float:
    """Return the quantile of a two-sided 95 % interval by Student's t (Cornish and Fisher's expansion: right to 0.001 from 6 degrees on)."""
    z = Z_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


class Sample(NamedTuple):
    """What is known of values: how many they are, their mean, and their variance."""

    number: int
    mean: float
    variance: float


def mean_interval(sample: Sample) -> tuple[float, float]:
    """Return the bounds of a mean, by Student's t; of at least two values."""
    width = student_t(sample.number - 1) * sqrt(sample.variance / sample.number)
    return sample.mean - width, sample.mean + width


def welch(sample: Sample, other: Sample) -> tuple[float, float] | None:
    """Return the bounds of the difference of two means, the other one's subtracted. None where a side has fewer than two values."""
    if min(sample.number, other.number) < 2:  # noqa: PLR2004 (one value has no variance)
        return None
    errors = [one.variance / one.number for one in (sample, other)]
    freedom = sum(errors) ** 2 / sum(error**2 / (one.number - 1) for error, one in zip(errors, (sample, other), strict=True)) if any(errors) else 1
    width = student_t(freedom) * sqrt(sum(errors))
    return sample.mean - other.mean - width, sample.mean - other.mean + width


def bonferroni_z(tests: int) -> float:
    """Return the quantile for `tests` two-sided intervals that are right together in 95 of 100 cases (Bonferroni)."""
    return NormalDist().inv_cdf(1 - 0.05 / max(tests, 1) / 2)


def weighted_quantile(value: pl.Expr, weight: pl.Expr, quantile: float) -> pl.Expr:
    """Return the type 7 quantile of values that stand `weight` times each, as an aggregation; null where there are none.

    The values must come sorted within the group.
    """
    position = (weight.sum() - 1) * quantile
    upto = weight.cum_sum()
    lower = value.filter(upto > position.floor()).first()
    upper = value.filter(upto > position.ceil()).first()
    return pl.when(weight.sum() > 0).then(lower + (upper - lower) * (position - position.floor()))


def sessions_needed(rate: float, change: float = 0.2) -> int:
    """Return how many sessions each side needs to show a relative change with 80 % power at 5 % (Fleiss, without correction).

    The change is a rise; a fall where a rate has no room to rise.
    """
    other = rate * (1 + change) if rate * (1 + change) <= 1 else rate * (1 - change)
    mean = (rate + other) / 2
    spread = Z_95 * sqrt(2 * mean * (1 - mean)) + POWER_80 * sqrt(rate * (1 - rate) + other * (1 - other))
    return ceil((spread / (other - rate)) ** 2)
