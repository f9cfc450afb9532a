"""The few formulas behind the expected figures (rates, bounds, medians), as found in textbooks.

They are written independently of the product, which is tested against them.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Z = 1.959963984540054


def ratio(part: int, whole: int) -> Fraction | None:
    """Return a rate, or None if the base is 0."""
    return Fraction(part, whole) if whole else None


def wilson(part: int, whole: int) -> tuple[float | None, float | None]:
    """Return the 95% bounds of a rate (Wilson, no continuity correction)."""
    if not whole:
        return None, None
    rate, square = part / whole, Z * Z
    middle = (rate + square / (2 * whole)) / (1 + square / whole)
    half = Z * math.sqrt(rate * (1 - rate) / whole + square / (4 * whole * whole)) / (1 + square / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def quantile(values: Sequence[int], share: Fraction) -> Fraction | None:
    """Return an interpolated quantile (type 7)."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = place.numerator // place.denominator
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def median(values: Sequence[int]) -> Fraction | None:
    """Return the median."""
    return quantile(values, Fraction(1, 2))
