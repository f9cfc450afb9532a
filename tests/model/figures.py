"""Arithmetic of the model's reports: rates, intervals, quantiles and money, written a second time.

It stands alone because every report of the model ends in it.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Figure = int | float | Decimal | bool | str | None
Figures = dict[tuple[str, ...], Figure]
"""A figure by report, the keys of its row, and its column."""

Z = 1.959963984540054


def rate(part: int, whole: int) -> float | None:
    """Return a share, None of nothing."""
    return part / whole if whole else None


def wilson(part: int, whole: int) -> tuple[float | None, float | None]:
    """Return the 95 % bounds of a share after Wilson (1927), equation without continuity correction."""
    if not whole:
        return None, None
    share = part / whole
    middle = share + Z * Z / (2 * whole)
    half = Z * math.sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    scale = 1 + Z * Z / whole
    return (middle - half) / scale, (middle + half) / scale


def quantile(values: Sequence[int], share: float) -> float | None:
    """Return a quantile of type 7, None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = math.floor(place)
    return ranked[low] + (place - low) * (ranked[math.ceil(place)] - ranked[low])


def amount(text: str | None) -> Decimal:
    """Return what a text is worth: nothing unless it is a plain number."""
    return Decimal(text) if text is not None and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else Decimal(0)
