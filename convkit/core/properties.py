"""Values of event properties as text: lists, of which one value is enough, and the two ways to write true and false."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

_BOOLEANS = ["true", "false"]
_NOT = "!="


def matches_property(value: pl.Expr, test: str, matches: Callable[[pl.Expr, str], pl.Expr]) -> pl.Expr:
    """Return whether a property meets a test, according to `matches`; of a list, one value must meet it, or every one if the test is `!=`."""
    sign = _NOT if test.startswith(_NOT) else ""
    wanted = test.removeprefix(sign).strip()
    test = f"{sign}{wanted.lower()}" if wanted.lower() in _BOOLEANS else test
    of_values = pl.when(_is_list(value)).then(value.map_batches(_values, return_dtype=pl.List(pl.String), is_elementwise=True))
    met = of_values.list.eval(matches(_uniform(pl.element()), test))
    return pl.when(_is_list(value)).then(met.list.all() if sign else met.list.any()).otherwise(matches(_uniform(value), test)).fill_null(value=False)


def _is_list(value: pl.Expr) -> pl.Expr:
    """Return whether a value is written like a JSON list."""
    return value.str.starts_with("[") & value.str.ends_with("]")


def _uniform(value: pl.Expr) -> pl.Expr:
    """Return a value with `True` and `False` in lower case, as JSON writes them."""
    lower = value.str.to_lowercase()
    return pl.when(lower.is_in(_BOOLEANS)).then(lower).otherwise(value)


def _values(texts: pl.Series) -> pl.Series:
    """Return the values in JSON lists; any other text is a single value."""
    return pl.Series([None if text is None else _of_list(text) for text in texts], dtype=pl.List(pl.String))


def _of_list(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return [item if isinstance(item, str) else json.dumps(item) for item in items if item is not None] if isinstance(items, list) else [text]
