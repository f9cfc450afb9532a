"""Subrequests: pages that nearly always load right after another page, and the path patterns that group similar paths.

Such paths are probably loaded by a page, not by a person. The same may be true of a parameter, on whatever paths. Patterns have wildcards in place
of IDs, and of the pages in a folder with many pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.long_rows import in_memory
from convkit.core.schema import is_interaction, is_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.core.long_rows import Rows


SOON_SECONDS = 2
"""The longest time between two hits of a visitor for the second to count as coming right after the first."""
_FEWEST_VIEWS, _SOON_SHARE = 50, 0.8
"""A pattern is suspected if its paths have at least this many views, and more than this share of them come right after another page."""
_FIRST_REDIRECT, _NOT_MODIFIED = 300, 304

FEWEST_SIBLINGS = 5
"""A folder with at least this many pages becomes one pattern."""
DEEPEST_FOLDER = 4
"""The number of segments before the pages of such a folder, counting the empty one before the first slash."""
_CONTAINER = r"/(?:m|mobile|amp|[a-z]{2}(?:[-_][A-Za-z]{2})?)$"
"""Matches a prefix that all pages of a site may share, like a language."""
_IDS = (
    r"^\d+$",
    r"^(?:[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27})$",
    r"\d{5,}",
    "@",
)
"""Match segments that identify individual things: numbers, hashes, anything with a long number, email addresses."""
_LONG_ID = r"^[A-Za-z0-9_=-]{20,}$"
"""Matches another kind of such segments, provided that they contain a digit."""


def count_paths(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `path, parameters, n, soon`: how often pages that no goal names were viewed, and how often soon after another page or event.

    `hits` are sorted by visitor and ORDER, and `parameters` are the names in the query. Pages after a redirect or a form never count as `soon`,
    because the visitor asked for them; requests by scripts in between (POSTs that are not redirected) are ignored. Rows of exports are not requests
    and do not count at all.
    """
    is_loaded = (pl.col("method") == "GET") & ((pl.col("status") < _FIRST_REDIRECT) | (pl.col("status") == _NOT_MODIFIED))
    is_sent_by_script = (pl.col("method") == "POST") & (pl.col("status") < _FIRST_REDIRECT)
    follows_page = (is_interaction() & is_loaded).fill_null(value=False).shift(1)
    is_near = pl.col("time") - pl.col("time").shift(1) <= pl.duration(seconds=SOON_SECONDS)
    soon = follows_page & is_near & (pl.col("visitor") == pl.col("visitor").shift(1))
    is_viewed = is_kind("page") & pl.col("event").is_null() & ~pl.col("named") & pl.col("inside")
    return (
        hits.filter(~is_sent_by_script.fill_null(value=False))
        .with_columns(soon=soon.fill_null(value=False))
        .filter(is_viewed)
        .group_by("path", "parameters")
        .agg(n=pl.len().cast(pl.Int64), soon=pl.col("soon").sum().cast(pl.Int64))
        .with_columns(pl.col("path", "parameters").cast(pl.String))
    )


def subrequest_patterns(paths: Rows) -> pl.DataFrame:
    """Return `pattern, n, soon` for the counted paths and parameters (`?name`) that are probably not of pages, the most frequent pattern first."""
    if paths["soon"].sum() <= _SOON_SHARE * _FEWEST_VIEWS:
        return pl.DataFrame(schema={"pattern": pl.String, "n": pl.Int64, "soon": pl.Int64})
    paths = in_memory(paths)
    with_patterns = add_patterns(paths.drop_nulls("path").group_by("path").agg(pl.col("n", "soon").sum()), lambda _: pl.lit(value=False))
    of_paths = _suspected(with_patterns)
    others = paths.join(with_patterns.join(of_paths, on="pattern", how="semi"), on="path", how="anti")
    names = others.drop_nulls("parameters").with_columns(pattern=pl.col("parameters").str.split("&").list.unique()).explode("pattern")
    of_names = _suspected(names.filter(pl.col("pattern") != "").with_columns(pattern="?" + pl.col("pattern")))
    # Of parameters that always come together, one is enough.
    of_names = of_names.sort(pl.col("pattern").str.len_chars(), "pattern", descending=[True, False]).unique(("n", "soon"), keep="first")
    return pl.concat([of_paths, of_names]).sort("n", "pattern", descending=[True, False])


def _suspected(counted: pl.DataFrame) -> pl.DataFrame:
    """Return `pattern, n, soon` of the patterns that load soon after another page often enough."""
    return (
        counted.group_by("pattern")
        .agg(pl.col("n", "soon").sum())
        .filter((pl.col("n") >= _FEWEST_VIEWS) & (pl.col("soon") > _SOON_SHARE * pl.col("n")))
    )


def _nothing(_: pl.Expr) -> pl.Expr:
    return pl.lit(value=False)


def add_patterns(pages: pl.DataFrame, is_separate: Callable[[pl.Expr], pl.Expr], is_telling: Callable[[pl.Expr], pl.Expr] = _nothing) -> pl.DataFrame:
    """Add the `pattern` by which a goals file would name each distinct `path`, and `is_group`, whether it groups the pages of a folder.

    In folders whose path satisfies `is_separate`, each page stays separate, however many there are. A path that satisfies `is_telling` is never part
    of a pattern that does not contain its last segments.
    """
    parts, depth_of_path = pl.col("path").str.split("/"), pl.col("path").str.count_matches("/") + 1
    pages = pages.with_columns(pattern=pl.lit(None, dtype=pl.String))
    for depth in range(2, DEEPEST_FOLDER + 1):
        inside = pl.col("pattern").is_null() & (depth_of_path > depth)
        prefix, rest = parts.list.head(depth).list.join("/"), parts.list.slice(depth + 1).list.join("/")
        children = pages.filter(inside).select("path", prefix=prefix, child=parts.list.get(depth, null_on_oob=True), rest=rest)
        has_many = pl.col("child").n_unique() >= FEWEST_SIBLINGS
        children = children.filter(has_many.over("prefix"), ~pl.col("prefix").str.contains(_CONTAINER), ~is_separate(pl.col("prefix"))).with_columns(
            is_tail=(pl.col("rest") != "") & has_many.over("prefix", "rest")
        )
        is_deep = ~pl.col("is_tail") & (pl.col("rest") != "")
        others = pl.when(is_deep.any().over("prefix")).then(pl.lit("**")).otherwise(pl.lit("*"))
        wildcard = pl.when("is_tail").then(pl.concat_str(pl.lit("*/"), "rest")).otherwise(others)
        grouped = pl.when(pl.col("is_tail") | ~is_telling(pl.col("path"))).then(pl.concat_str("prefix", pl.lit("/"), wildcard))
        groups = children.select("path", group=grouped)
        pages = pages.join(groups, on="path", how="left", maintain_order="left").with_columns(pattern=pl.coalesce("pattern", "group")).drop("group")
    return pages.with_columns(is_group=pl.col("pattern").is_not_null(), pattern=pl.coalesce("pattern", without_ids(pl.col("path"))))


def without_ids(path: pl.Expr) -> pl.Expr:
    """Return a path with `*` for each segment that identifies an individual thing."""
    part = pl.element()
    is_id = pl.any_horizontal(*(part.str.contains(pattern) for pattern in _IDS), part.str.contains(_LONG_ID) & part.str.contains(r"\d"))
    return path.str.split("/").list.eval(pl.when(is_id).then(pl.lit("*")).otherwise(part)).list.join("/")
