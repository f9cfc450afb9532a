"""The statistics: Wilson's interval for a rate, Newcombe's for a difference, medians of tallied values.

It stands alone because every report shares these definitions (Wilson 1927; Newcombe 1998, method 10; Hyndman and Fan 1996, type 7).
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

import polars as pl

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""
POWER_80 = NormalDist().inv_cdf(0.8)


def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Return part / whole as Float64, null where the whole is 0: 0 of 0 has no rate."""
    return pl.when(whole > 0).then(part / whole)


def wilson(part: pl.Expr, whole: pl.Expr, z: float = Z_95) -> tuple[pl.Expr, pl.Expr]:
    """Return the lower and upper bound of part / whole; null where the whole is 0."""
    rate = ratio(part, whole)
    middle = rate + z * z / (2 * whole)
    spread = z * (rate * (1 - rate) / whole + z * z / (4 * whole * whole)).sqrt()
    scale = 1 + z * z / whole
    low = pl.when(part == 0).then(0 * rate).otherwise((middle - spread) / scale)
    high = pl.when(part == whole).then(0 * rate + 1).otherwise((middle + spread) / scale)
    return low, high


def newcombe_low(part: pl.Expr, whole: pl.Expr, other_part: pl.Expr, other_whole: pl.Expr, z: float = Z_95) -> pl.Expr:
    """Return the lower bound of part / whole - other_part / other_whole; null where a whole is 0."""
    rate, other = ratio(part, whole), ratio(other_part, other_whole)
    low = wilson(part, whole, z)[0]
    other_high = wilson(other_part, other_whole, z)[1]
    return (rate - other) - ((rate - low) ** 2 + (other_high - other) ** 2).sqrt()


def shared_z(tests: int) -> float:
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
