"""What a property is compared with: a number, `>= 30` and its like, a pattern, or `!=` and either.

It stands alone because the patterns know nothing of numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPARISON = re.compile(r"(<=|>=|!=|<|>|=)\s*(.*)", re.DOTALL)
_OF_SIZE = {"<", "<=", ">", ">="}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
TEXT = rf"^(?:(?:<=|>=|<|>)\s*{_NUMBER.pattern}$|(?![<>])(?!(?:!?=\s*)?(?:re:)?$)[\s\S])"
"""A regular expression of what something can be compared with, for JSON Schema."""
_SIGNS: dict[str, Callable[[pl.Expr, float], pl.Expr]] = {
    "<=": lambda value, number: value <= number,
    ">=": lambda value, number: value >= number,
    "<": lambda value, number: value < number,
    ">": lambda value, number: value > number,
    "=": lambda value, number: value == number,
    "!=": lambda value, number: value != number,
}


def problem(text: str) -> str | None:
    """Return why nothing can be compared with this, or None."""
    sign, rest = _parts(text)
    if sign in _OF_SIZE and not _NUMBER.fullmatch(rest):
        return f"{sign} compares numbers, like '{sign} 30'; {rest!r} is none"
    return patterns.problem(rest)


def holds(value: pl.Expr, text: str) -> pl.Expr:
    """Tell whether a text compares so; one that is missing, or is no number where one is asked for, does not."""
    sign, rest = _parts(text)
    if _NUMBER.fullmatch(rest):
        number = value.str.strip_chars().cast(pl.Float64, strict=False)
        # `nan` and `inf` are words that tools write, and no numbers: Polars holds the one for larger than all.
        return _SIGNS[sign](pl.when(number.is_finite()).then(number), float(rest)).fill_null(value=False)
    fits = patterns.matches(value, rest)
    return ~fits & value.is_not_null() if sign == "!=" else fits


def _parts(text: str) -> tuple[str, str]:
    """Return the sign, `=` where there is none, and what is compared."""
    match = _COMPARISON.fullmatch(text)
    return (match[1], match[2]) if match else ("=", text)
