"""Cookies as logs hold them, `name=value; name=value`: each distinct text -> the values that are asked for.

It stands alone because cookies are personal data: they are carried only where one is asked for, and left behind as soon as that is taken out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMN = "cookies"
PREFIX = "cookie."
"""Before the name of a cookie, in a goals file and as a column of hits."""
_NOTHING = ["", "-"]


def is_of_cookies(name: str) -> bool:
    """Tell columns that goals ask of cookies."""
    return name.startswith(PREFIX)


def value(name: str, cookies: pl.Expr) -> pl.Expr:
    """Return the first value of a cookie (`cookie.NAME`) in a text of cookies; null where it says nothing."""
    found = cookies.str.extract(rf'(?:^|;)[ +]*{re.escape(name.removeprefix(PREFIX))}="?([^;"]*)')
    said = found.str.strip_chars(" +")
    return pl.when(~said.is_in(_NOTHING)).then(said)


def add_values(records: pl.LazyFrame, asked: Iterable[str]) -> pl.LazyFrame:
    """Add to records in memory the columns among those `asked` that are cookies, `cookie.NAME` (TEXT); each distinct text is taken apart once."""
    values = {name: value(name, pl.col(COLUMN).cast(pl.String)).cast(TEXT) for name in asked if is_of_cookies(name)}
    if not values:
        return records
    told = records.select(pl.col(COLUMN).drop_nulls().unique()).with_columns(**values)
    return records.join(told, on=COLUMN, how="left", maintain_order="left")
