"""Pages that hardly ever come alone: what follows another page at once is loaded by it, and looked at by nobody.

It stands alone because it is asked of hits as they follow each other, and answered for paths that are alike.
"""

from __future__ import annotations

import polars as pl

from convkit.core.schema import interaction, is_kind
from convkit.traffic import siblings

SECONDS = 2
"""After another hit of the visitor, at most."""
_FEWEST, _MOSTLY = 50, 0.8
"""Times that paths of a shape were seen, at least, and the share above which they came so soon."""
_FIRST_REDIRECT, _NOT_MODIFIED = 300, 304


def counted(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return `path, n, soon`: how often pages that no goal names were seen, and how often soon after a page or an event of the same visitor.

    `hits` are sorted by visitor and ORDER. What follows a redirect or a form is the page that somebody asked for; rows of exports are no requests.
    """
    is_loaded = (pl.col("method") == "GET") & ((pl.col("status") < _FIRST_REDIRECT) | (pl.col("status") == _NOT_MODIFIED))
    opened = (interaction() & is_loaded).fill_null(value=False).shift(1)
    is_near = pl.col("time") - pl.col("time").shift(1) <= pl.duration(seconds=SECONDS)
    soon = opened & is_near & (pl.col("visitor") == pl.col("visitor").shift(1))
    seen = is_kind("page") & pl.col("event").is_null() & ~pl.col("named") & pl.col("inside")
    return (
        hits.with_columns(soon=soon.fill_null(value=False))
        .filter(seen)
        .group_by(pl.col("path").cast(pl.String))
        .agg(n=pl.len().cast(pl.Int64), soon=pl.col("soon").sum().cast(pl.Int64))
    )


def found(paths: pl.DataFrame) -> pl.DataFrame:
    """Return `pattern, n, soon` of the shapes that look like no pages, of counted paths; the most frequent first."""
    if paths["soon"].sum() <= _MOSTLY * _FEWEST:
        return pl.DataFrame(schema={"pattern": pl.String, "n": pl.Int64, "soon": pl.Int64})
    shaped = siblings.add_patterns(paths.drop_nulls("path"), lambda _: pl.lit(value=False))
    return (
        shaped.group_by("pattern")
        .agg(pl.col("n", "soon").sum())
        .filter((pl.col("n") >= _FEWEST) & (pl.col("soon") > _MOSTLY * pl.col("n")))
        .sort("n", "pattern", descending=[True, False])
    )
