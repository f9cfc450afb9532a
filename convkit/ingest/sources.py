"""Several logs as one: their order, whatever the command line says, and events that stand in more than one of them.

It stands alone because only here rows of different logs know of each other before they are hits.
"""

from __future__ import annotations

import polars as pl

from convkit.core.collecting import collected
from convkit.core.schema import PROBLEM

PLACE = ("source", "line_no")
"""What tells a line from all others."""


_AT_ONCE = 5_000_000


def without_duplicates(cells: pl.DataFrame) -> pl.LazyFrame:
    """Say of events whose id was seen before that they are duplicates."""
    if "event_number" not in cells.columns or not cells["event_number"].count():
        return cells.lazy()
    number = pl.col("event_number")
    has_id = number.is_not_null() & pl.col("problem").is_null()
    places = cells.filter(has_id).sort("source", "line_no").filter(number.is_duplicated() & ~number.is_first_distinct())
    return marked(cells.lazy(), places, "duplicate")


def duplicates(cells: pl.LazyFrame, size: int) -> pl.DataFrame:
    """Return the places of the same events among CELLS on disk; some millions of ids are looked at together."""
    number = pl.col("event_number")
    with_id = cells.filter(number.is_not_null() & pl.col("problem").is_null()).select(*PLACE, "event_number")
    passes, found = size // _AT_ONCE + 1, list[pl.DataFrame]()
    for turn in range(passes):
        mine = with_id.filter(number % passes == turn)
        twice = mine.group_by("event_number").len().filter(pl.col("len") > 1)
        several = collected(mine.join(twice, on="event_number", how="semi"), size).sort(PLACE)
        found.append(several.filter(~number.is_first_distinct()).select(PLACE))
    return pl.concat(found)


def marked(cells: pl.LazyFrame, places: pl.DataFrame, problem: str) -> pl.LazyFrame:
    """Say of the lines in some places (`source, line_no`) that they have this problem, whatever was said of them before."""
    marks = places.select(*PLACE, mark=pl.lit(problem, dtype=PROBLEM))
    joined = cells.join(marks.lazy(), on=PLACE, how="left", maintain_order="left")
    return joined.with_columns(problem=pl.coalesce("mark", "problem")).drop("mark")


def ranks(records: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Return `source, rank` in the order of ranks, by (time of a source's first parsed line, name): the order on the command line does not matter."""
    has_time = records.filter(pl.col("time").is_not_null())
    first = has_time.group_by("source").agg(pl.col("line_no").min())
    return (
        has_time.join(first, on=PLACE, how="semi")
        .select("source", first="time")
        .join(pl.LazyFrame({"source": range(len(names)), "name": names}, schema_overrides={"source": pl.UInt32}), on="source", how="right")
        .sort("first", "name", "source", nulls_last=True)
        .select("source", rank=pl.int_range(pl.len(), dtype=pl.UInt32))
    )


def ranked(records: pl.LazyFrame, ranks: pl.LazyFrame) -> pl.LazyFrame:
    """Renumber `source` by its rank."""
    return records.join(ranks, on="source", how="left").with_columns(source="rank").drop("rank")
