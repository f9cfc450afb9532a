"""The arithmetic of the model (rates, intervals, quantiles and money), written independently of the product."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Figure = int | float | Decimal | bool | str | None
Figures = dict[tuple[str, ...], Figure]
"""Figures by report, row keys and column."""

Z = 1.959963984540054


def rate(part: int, whole: int) -> float | None:
    """Return a share, or None if the whole is 0."""
    return part / whole if whole else None


def wilson(part: int, whole: int) -> tuple[float | None, float | None]:
    """Return the 95% bounds of a share, or None if the whole is 0."""
    return score_bounds(part, whole, Z) if whole else (None, None)


def score_bounds(part: int, whole: int, z: float) -> tuple[float, float]:
    """Return the bounds of a share at a normal quantile (Wilson 1927, without continuity correction)."""
    share = part / whole
    middle = share + z * z / (2 * whole)
    half = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    scale = 1 + z * z / whole
    return (middle - half) / scale, (middle + half) / scale


def quantile(values: Sequence[int], share: float) -> float | None:
    """Return a quantile of type 7, or None if there are no values."""
    if not values:
        return None
    ranked = sorted(values)
    position = share * (len(ranked) - 1)
    low = math.floor(position)
    return ranked[low] + (position - low) * (ranked[math.ceil(position)] - ranked[low])


def amount(text: str | None) -> Decimal:
    """Return the amount that a string contains, or 0 if it is not a plain number."""
    return Decimal(text) if text is not None and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else Decimal(0)
