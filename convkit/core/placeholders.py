"""Values that say nothing: empty ones, and what tools write in their place. Such a value never hides the next candidate for a field."""

from __future__ import annotations

import polars as pl

from convkit.core import datafiles

_LISTED = [line.split(": ", 1) for line in datafiles.lines("placeholders")]
_MISSING = ["", *(value for kind, value in _LISTED if kind == "missing")]
_NOBODY = [value for kind, value in _LISTED if kind == "nobody"]
_LONGEST = max(map(len, [*_MISSING, *_NOBODY]))
_ZEROS = "0-.{}"


def value_or_null(text: pl.Expr) -> pl.Expr:
    """Return a value without blanks around it, or null if it says nothing: if it is empty, or a placeholder like `null` or `(not set)`."""
    return _unless(text.str.strip_chars(), _MISSING)


def identity_or_null(text: pl.Expr) -> pl.Expr:
    """Return a value that identifies something, or null if it says nothing; so do `guest`, `0`, and IDs that consist of zeros."""
    value = _unless(text.str.strip_chars(), [*_MISSING, *_NOBODY])
    return pl.when(value.str.strip_chars(_ZEROS) != "").then(value)


def _unless(value: pl.Expr, placeholders: list[str]) -> pl.Expr:
    """Return a value, or null if it is one of these placeholders in any case."""
    # Long values cannot be placeholders, and nulls cost almost nothing.
    short = pl.when(value.str.len_bytes() <= _LONGEST).then(value).str.to_lowercase()
    return pl.when(~short.is_in(placeholders).fill_null(value=False)).then(value)
