"""Campaigns: campaign tags and click ids in the query of a landing page, in all the ways that people write them."""

from __future__ import annotations

import polars as pl

from convkit.core import datafiles
from convkit.traffic import paths

_FIELDS = ("source", "medium", "campaign")
_SECOND_MARK = r"\?([A-Za-z][A-Za-z_-]*=)"
"""Where `?` stands a second time, in place of `&`."""
_AMPERSANDS = "^(?:amp(?:;|%3b))+"
_BLANKS = r"(?i)^(?:\s|%0[9ad])+|(?:\s|%0[9ad])+$"


def tags_of_queries(queries: pl.LazyFrame) -> pl.LazyFrame:
    """Return of distinct `query`s, text, those that say something, with `tag_source, tag_medium, tag_campaign, click_source, click_medium`.

    Of each field the first that is not empty, in the order of the parameters in their list; sources and mediums are in small letters.
    """
    known = _listed_parameters()
    says = pl.col("query").str.contains_any(known["name"].to_list(), ascii_case_insensitive=True)
    told = (
        _parameters(queries.filter(says))
        .join(known.lazy(), on="name", how="inner", maintain_order="left")
        .with_columns(value=_decoded(pl.col("value")))
        .filter(pl.col("value") != "")
        .sort("rank", "place")
    )
    tags = {f"tag_{field}": pl.col("value").filter(pl.col("field") == field).first() for field in _FIELDS}
    clicks = {f"click_{field}": pl.col(field).drop_nulls().first() for field in ("source", "medium")}
    found = told.group_by("query", maintain_order=True).agg(**tags, **clicks)
    return found.with_columns(pl.col("tag_source", "tag_medium").str.to_lowercase())


def _listed_parameters() -> pl.DataFrame:
    """Return the parameters by their `name` and `rank`: the `field` that it is, or a click id's `source` and `medium`."""
    tags = [[*line.split(), None, None] for line in datafiles.lines("tags")]
    clicks = [[name, None, source, medium] for name, source, medium in map(str.split, datafiles.lines("click_ids"))]
    return pl.DataFrame([*tags, *clicks], schema=dict.fromkeys(("name", "field", "source", "medium"), pl.String), orient="row").with_row_index("rank")


def _parameters(queries: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row a parameter: `query, place`, its `name` in small letters, and its `value` as written."""
    name = pl.col("side").struct[0].str.to_lowercase().str.replace_all("%5f", "_", literal=True).str.replace(_AMPERSANDS, "")
    return (
        queries.with_columns(part=pl.col("query").str.replace_all(_SECOND_MARK, "&${1}").str.split("&"))
        .with_columns(place=pl.int_ranges(pl.col("part").list.len()))
        .explode("part", "place")
        .with_columns(side=pl.col("part").str.splitn("=", 2))
        .select("query", "place", name=name, value=pl.col("side").struct[1].fill_null(""))
    )


def _decoded(value: pl.Expr) -> pl.Expr:
    """Decode a value, twice encoded ones too; what cannot be decoded stays as written, without blanks around it."""
    once = paths.decode(value.str.replace_all("+", " ", literal=True), slash=True)
    return paths.decode(once, slash=True).str.replace_all(_BLANKS, "")
