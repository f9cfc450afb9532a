"""Figures as files hold them: integers as they are, rates with six decimals, seconds with at most two, money with at least two, never an exponent.

It stands alone because CSV and JSON write the same figures.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from convkit.text import no_formula, safe

if TYPE_CHECKING:
    from convkit.tables import Column

_MILLION = 1_000_000


def number(value: object, unit: str) -> str:
    """Return a figure that is there, as text."""
    if unit in {"rate", "ratio"}:
        return f"{value:.6f}"
    if unit == "seconds":
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if unit == "money":
        return money(int(str(value)))
    return str(value)


def money(millionths: int) -> str:
    """Return an amount exactly, with at least two decimals."""
    text = f"{Decimal(millionths) / _MILLION:.6f}"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"


def is_text(column: Column) -> bool:
    """Tell columns that hold text, times among them."""
    return column.unit in {"text", "time"}


def text(value: object, *, for_spreadsheet: bool = False) -> str:
    """Return a text or a time, made harmless."""
    if isinstance(value, datetime):
        return value.isoformat()
    harmless = safe(str(value), longest=None)
    return no_formula(harmless) if for_spreadsheet else harmless
