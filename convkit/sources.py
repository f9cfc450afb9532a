"""Several logs as one: their order, whatever the command line says, and events that stand in more than one of them.

It stands alone because only here rows of different logs know of each other before they are hits.
"""

from __future__ import annotations

import polars as pl

from convkit.schema import PROBLEM

PLACE = ("source", "line_no")
"""What tells a line from all others."""


def without_duplicates(cells: pl.DataFrame) -> pl.DataFrame:
    """Say of events whose id was seen before that they are duplicates."""
    if "event_number" not in cells.columns or not cells["event_number"].count():
        return cells
    number = pl.col("event_number")
    has_id = number.is_not_null() & pl.col("problem").is_null()
    places = cells.filter(has_id).sort("source", "line_no").filter(number.is_duplicated() & ~number.is_first_distinct())
    return marked(cells, places, "duplicate")


def marked(cells: pl.DataFrame, places: pl.DataFrame, problem: str) -> pl.DataFrame:
    """Say of the lines in some places (`source, line_no`) that they have this problem, whatever was said of them before."""
    marks = places.select(*PLACE, mark=pl.lit(problem, dtype=PROBLEM))
    joined = cells.join(marks, on=PLACE, how="left", maintain_order="left")
    return joined.with_columns(problem=pl.coalesce("mark", "problem")).drop("mark")


def ranks(records: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Return `source, rank` in the order of ranks, by (time of a source's first parsed line, name): the order on the command line does not matter."""
    return (
        records.filter(pl.col("time").is_not_null())
        .group_by("source")
        .agg(first=pl.col("time").sort_by("line_no").first())
        .join(pl.LazyFrame({"source": range(len(names)), "name": names}, schema_overrides={"source": pl.UInt32}), on="source", how="right")
        .sort("first", "name", "source", nulls_last=True)
        .select("source", rank=pl.int_range(pl.len(), dtype=pl.UInt32))
    )


def ranked(records: pl.LazyFrame, ranks: pl.LazyFrame) -> pl.LazyFrame:
    """Renumber `source` by its rank."""
    return records.join(ranks, on="source", how="left").with_columns(source="rank").drop("rank")
