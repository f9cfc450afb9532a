"""Figures as files hold them: integers as they are, rates with six decimals, seconds with at most two, money with at least two, never an exponent.

It stands alone because CSV, TSV, JSON and NDJSON write the same figures.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from convkit.core.tables import Column

_MILLION = 1_000_000
DECIMALS = {"rate": 6, "ratio": 6, "change": 6, "seconds": 2, "number": 6}
"""How many decimals a file holds, by unit."""


def texts(values: pl.Series, column: Column, *, missing: str, text: Callable[[object], str], before: str = "") -> list[str]:
    """Return a column's values as files hold them, missing ones as `missing`, texts as `text` writes them, each behind what comes `before`."""
    write = text if is_text(column) else _WRITERS.get(column.unit, str)
    return written(values, lambda value: before + (missing if value is None else write(value)))


def written(values: pl.Series, write: Callable[[object], str]) -> list[str]:
    """Return a column's values as `write` writes them.

    A column at a time, each distinct value once: reports of a large site have a hundred thousand rows.
    """
    found = values.to_list()
    texts_of = {value: write(value) for value in set(found)}
    return [texts_of[value] for value in found]


def _seconds(value: object) -> str:
    return f"{value:.{DECIMALS['seconds']}f}".rstrip("0").rstrip(".")


def _rate(value: object) -> str:
    return f"{value:.{DECIMALS['rate']}f}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else _rate(value)


def _flag(value: object) -> str:
    return "true" if value else "false"


def money(millionths: int) -> str:
    """Return an amount exactly, with at least two decimals."""
    text = f"{Decimal(millionths) / _MILLION:.6f}"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"


def is_text(column: Column) -> bool:
    """Tell columns that hold text, times among them."""
    return column.unit in {"text", "time"}


def harmless(value: object) -> str:
    """Return a text or a time, made harmless."""
    return value.isoformat() if isinstance(value, datetime) else safe(str(value), longest=None)


_WRITERS: dict[str, Callable[..., str]] = {
    "rate": _rate,
    "ratio": _rate,
    "change": _rate,
    "seconds": _seconds,
    "money": lambda value: money(int(str(value))),
    "number": _number,
    "flag": _flag,
}
