"""Campaigns: campaign tags and click IDs in the query of a landing page, in all the ways that people write them."""

from __future__ import annotations

import polars as pl

from convkit.core import datafiles
from convkit.core.escapes import percent_decode

_FIELDS = ("source", "medium", "campaign")
_SECOND_MARK = r"\?([A-Za-z][A-Za-z_-]*=)"
"""Matches a second `?`, which some links have instead of `&`."""
_AMPERSANDS = "^(?:amp(?:;|%3b))+"
_BLANKS = r"(?i)^(?:\s|%0[9ad])+|(?:\s|%0[9ad])+$"


def tags_of_queries(queries: pl.LazyFrame) -> pl.LazyFrame:
    """Return `landing_query, tag_source, tag_medium, tag_campaign, click_source, click_medium` for distinct queries with a tag or a click ID.

    Each field takes the first value that is not empty, in the order in which the parameters are listed; sources and mediums are in lower case.
    """
    listed = _listed_parameters()
    has_listed = pl.col("landing_query").str.contains_any(listed["name"].to_list(), ascii_case_insensitive=True)
    parameters = (
        _parameters(queries.filter(has_listed))
        .join(listed.lazy(), on="name", how="inner", maintain_order="left")
        .with_columns(value=_decoded(pl.col("value")))
        .filter(pl.col("value") != "")
        .sort("rank", "position")
    )
    tags = {f"tag_{field}": pl.col("value").filter(pl.col("field") == field).first() for field in _FIELDS}
    clicks = {f"click_{field}": pl.col(field).drop_nulls().first() for field in ("source", "medium")}
    tagged = parameters.group_by("landing_query", maintain_order=True).agg(**tags, **clicks)
    return tagged.with_columns(pl.col("tag_source", "tag_medium").str.to_lowercase())


def _listed_parameters() -> pl.DataFrame:
    """Return the listed parameters: `rank, name`, and the `field` of a tag or the `source, medium` of a click ID."""
    tags = [[*line.split(), None, None] for line in datafiles.lines("tags")]
    clicks = [[name, None, source, medium] for name, source, medium in map(str.split, datafiles.lines("click_ids"))]
    return pl.DataFrame([*tags, *clicks], schema=dict.fromkeys(("name", "field", "source", "medium"), pl.String), orient="row").with_row_index("rank")


def _parameters(queries: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per parameter: `landing_query, position`, its `name` in lower case, and its `value` as written."""
    name = pl.col("side").struct[0].str.to_lowercase().str.replace_all("%5f", "_", literal=True).str.replace(_AMPERSANDS, "")
    return (
        queries.with_columns(part=pl.col("landing_query").str.replace_all(_SECOND_MARK, "&${1}").str.split("&"))
        .with_columns(position=pl.int_ranges(pl.col("part").list.len()))
        .explode("part", "position")
        .with_columns(side=pl.col("part").str.splitn("=", 2))
        .select("landing_query", "position", name=name, value=pl.col("side").struct[1].fill_null(""))
    )


def _decoded(value: pl.Expr) -> pl.Expr:
    """Decode a value, even if it was encoded twice, and strip spaces; a value that cannot be decoded is kept as written."""
    once = percent_decode(value.str.replace_all("+", " ", literal=True), slash=True)
    return percent_decode(once, slash=True).str.replace_all(_BLANKS, "")
