"""Subrequests: pages that nearly always load right after another page, and the path patterns that group similar paths.

Such paths are probably loaded by a page, not by a person. Patterns replace ids and many pages of one folder by a wildcard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import is_interaction, is_kind

if TYPE_CHECKING:
    from collections.abc import Callable


SOON_SECONDS = 2
"""After another hit of the visitor, at most."""
_FEWEST_VIEWS, _SOON_SHARE = 50, 0.8
"""Times that paths of a shape were seen, at least, and the share above which they came so soon."""
_FIRST_REDIRECT, _NOT_MODIFIED = 300, 304

FEWEST_SIBLINGS = 5
"""Pages side by side from which on they are one row."""
_DEEPEST_FOLDER = 4
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
_LONG_ID = r"^[A-Za-z0-9_=-]{20,}$"
"""The same, where there is a digit in it."""


def count_paths(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `path, n, soon`: how often pages that no goal names were seen, and how often soon after a page or an event of the same visitor.

    `hits` are sorted by visitor and ORDER. What follows a redirect or a form is the page that somebody asked for; rows of exports are no requests.
    """
    is_loaded = (pl.col("method") == "GET") & ((pl.col("status") < _FIRST_REDIRECT) | (pl.col("status") == _NOT_MODIFIED))
    opened = (is_interaction() & is_loaded).fill_null(value=False).shift(1)
    is_near = pl.col("time") - pl.col("time").shift(1) <= pl.duration(seconds=SOON_SECONDS)
    soon = opened & is_near & (pl.col("visitor") == pl.col("visitor").shift(1))
    seen = is_kind("page") & pl.col("event").is_null() & ~pl.col("named") & pl.col("inside")
    return (
        hits.with_columns(soon=soon.fill_null(value=False))
        .filter(seen)
        .group_by(pl.col("path").cast(pl.String))
        .agg(n=pl.len().cast(pl.Int64), soon=pl.col("soon").sum().cast(pl.Int64))
    )


def subrequest_patterns(paths: pl.DataFrame) -> pl.DataFrame:
    """Return `pattern, n, soon` of the shapes that look like no pages, of counted paths; the most frequent first."""
    if paths["soon"].sum() <= _SOON_SHARE * _FEWEST_VIEWS:
        return pl.DataFrame(schema={"pattern": pl.String, "n": pl.Int64, "soon": pl.Int64})
    shaped = add_patterns(paths.drop_nulls("path"), lambda _: pl.lit(value=False))
    return (
        shaped.group_by("pattern")
        .agg(pl.col("n", "soon").sum())
        .filter((pl.col("n") >= _FEWEST_VIEWS) & (pl.col("soon") > _SOON_SHARE * pl.col("n")))
        .sort("n", "pattern", descending=[True, False])
    )


def add_patterns(pages: pl.DataFrame, apart: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    """Add to distinct `path`s the `pattern` that a goals file names them by, and whether it `is_group`.

    In folders that `apart` tells by their path, each page is one of its own, however many there are.
    """
    parts, place = pl.col("path").str.split("/"), pl.col("path").str.count_matches("/") + 1
    pages = pages.with_columns(pattern=pl.lit(None, dtype=pl.String))
    for depth in range(2, _DEEPEST_FOLDER + 1):
        inside = pl.col("pattern").is_null() & (place > depth)
        prefix, rest = parts.list.head(depth).list.join("/"), parts.list.slice(depth + 1).list.join("/")
        found = pages.filter(inside).select("path", prefix=prefix, child=parts.list.get(depth, null_on_oob=True), rest=rest)
        many = pl.col("child").n_unique() >= FEWEST_SIBLINGS
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
    is_id = pl.any_horizontal(*(part.str.contains(pattern) for pattern in _IDS), part.str.contains(_LONG_ID) & part.str.contains(r"\d"))
    return path.str.split("/").list.eval(pl.when(is_id).then(pl.lit("*")).otherwise(part)).list.join("/")
