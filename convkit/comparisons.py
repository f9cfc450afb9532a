"""What a property is compared with: a number, `>= 30` and its like, or a pattern.

It stands alone because the patterns know nothing of numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convkit import patterns

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

_COMPARISON = re.compile(r"(<=|>=|!=|<|>|=)\s*(.*)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
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
    match = _COMPARISON.fullmatch(text)
    if match and not _NUMBER.fullmatch(match[2]):
        return f"{match[1]} compares numbers, like '{match[1]} 30'; {match[2]!r} is none"
    return None if match else patterns.problem(text)


def holds(value: pl.Expr, text: str) -> pl.Expr:
    """Tell whether a text compares so; one that is missing, or is no number where one is asked for, does not."""
    match = _COMPARISON.fullmatch(text)
    sign, number = (match[1], match[2]) if match else ("=", text)
    if not _NUMBER.fullmatch(number):
        return patterns.matches(value, text)
    return _SIGNS[sign](value.str.strip_chars().cast(float, strict=False), float(number)).fill_null(value=False)
