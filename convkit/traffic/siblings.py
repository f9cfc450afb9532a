"""Paths -> patterns: pages that stand side by side in number are one pattern, and what tells single things apart is a wildcard.

It stands alone because nobody wants to read ids in a goals file, whatever is proposed with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 5
"""Pages side by side from which on they are one row."""
_DEEPEST = 4
"""Segments in front of pages side by side, the empty one in front of the first slash among them."""
_CONTAINER = r"/(?:m|mobile|amp|[a-z]{2}(?:[-_][A-Za-z]{2})?)$"
"""What stands in front of a site's pages as a whole, as a language does."""
_IDS = (
    r"^\d+$",
    r"^(?:[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27})$",
    r"\d{5,}",
    "@",
)
"""Segments that tell single things: numbers, hashes, what holds a long number, addresses of people."""
_LONG = r"^[A-Za-z0-9_=-]{20,}$"
"""The same, where there is a digit in it."""


def add_patterns(pages: pl.DataFrame, apart: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    """Add to distinct `path`s the `pattern` that a goals file names them by, and whether it `is_group`.

    In folders that `apart` tells by their path, each page is one of its own, however many there are.
    """
    parts, place = pl.col("path").str.split("/"), pl.col("path").str.count_matches("/") + 1
    pages = pages.with_columns(pattern=pl.lit(None, dtype=pl.String))
    for depth in range(2, _DEEPEST + 1):
        inside = pl.col("pattern").is_null() & (place > depth)
        prefix, rest = parts.list.head(depth).list.join("/"), parts.list.slice(depth + 1).list.join("/")
        found = pages.filter(inside).select("path", prefix=prefix, child=parts.list.get(depth, null_on_oob=True), rest=rest)
        many = pl.col("child").n_unique() >= MANY
        found = found.filter(many.over("prefix"), ~pl.col("prefix").str.contains(_CONTAINER), ~apart(pl.col("prefix"))).with_columns(
            is_tail=(pl.col("rest") != "") & many.over("prefix", "rest")
        )
        is_deep = ~pl.col("is_tail") & (pl.col("rest") != "")
        others = pl.when(is_deep.any().over("prefix")).then(pl.lit("**")).otherwise(pl.lit("*"))
        shape = pl.when("is_tail").then(pl.concat_str(pl.lit("*/"), "rest")).otherwise(others)
        named = found.select("path", group=pl.concat_str("prefix", pl.lit("/"), shape))
        pages = pages.join(named, on="path", how="left", maintain_order="left").with_columns(pattern=pl.coalesce("pattern", "group")).drop("group")
    return pages.with_columns(is_group=pl.col("pattern").is_not_null(), pattern=pl.coalesce("pattern", without_ids(pl.col("path"))))


def without_ids(path: pl.Expr) -> pl.Expr:
    """Return a path whose segments that tell single things are `*`."""
    part = pl.element()
    is_id = pl.any_horizontal(*(part.str.contains(pattern) for pattern in _IDS), part.str.contains(_LONG) & part.str.contains(r"\d"))
    return path.str.split("/").list.eval(pl.when(is_id).then(pl.lit("*")).otherwise(part)).list.join("/")
