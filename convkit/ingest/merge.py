"""Merging several logs: their order, events that are in more than one of them, and users who were anonymous at first."""

from __future__ import annotations

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.schema import PROBLEM, TEXT
from convkit.formats.parsers import requests

LINE_KEY = ("source", "line_no")
"""What tells a line from all others."""


_IDS_AT_ONCE = 5_000_000


def mark_duplicates(cells: pl.DataFrame) -> pl.LazyFrame:
    """Say of events whose id was seen before that they are duplicates."""
    if "event_number" not in cells.columns or not cells["event_number"].count():
        return cells.lazy()
    number = pl.col("event_number")
    has_id = number.is_not_null() & pl.col("problem").is_null()
    places = cells.filter(has_id).sort("source", "line_no").filter(number.is_duplicated() & ~number.is_first_distinct())
    return mark_problem(cells.lazy(), places, "duplicate")


def find_duplicates(cells: pl.LazyFrame, size: int) -> pl.DataFrame:
    """Return the places of the same events among PARSED on disk; some millions of ids are looked at together."""
    number = pl.col("event_number")
    with_id = cells.filter(number.is_not_null() & pl.col("problem").is_null()).select(*LINE_KEY, "event_number")
    passes, found = size // _IDS_AT_ONCE + 1, list[pl.DataFrame]()
    for turn in range(passes):
        mine = with_id.filter(number % passes == turn)
        twice = mine.group_by("event_number").len().filter(pl.col("len") > 1)
        several = collect_frame(mine.join(twice, on="event_number", how="semi"), size).sort(LINE_KEY)
        found.append(several.filter(~number.is_first_distinct()).select(LINE_KEY))
    return pl.concat(found)


def mark_problem(cells: pl.LazyFrame, places: pl.DataFrame, problem: str) -> pl.LazyFrame:
    """Say of the lines in some places (`source, line_no`) that they have this problem, whatever was said of them before."""
    marks = places.select(*LINE_KEY, mark=pl.lit(problem, dtype=PROBLEM))
    joined = cells.join(marks.lazy(), on=LINE_KEY, how="left", maintain_order="left")
    return joined.with_columns(problem=pl.coalesce("mark", "problem")).drop("mark")


def source_ranks(records: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Return `source, rank` in the order of ranks, by (time of a source's first parsed line, name): the order on the command line does not matter."""
    has_time = records.filter(pl.col("time").is_not_null())
    first = has_time.group_by("source").agg(pl.col("line_no").min())
    return (
        has_time.join(first, on=LINE_KEY, how="semi")
        .select("source", first="time")
        .join(pl.LazyFrame({"source": range(len(names)), "name": names}, schema_overrides={"source": pl.UInt32}), on="source", how="right")
        .sort("first", "name", "source", nulls_last=True)
        .select("source", rank=pl.int_range(pl.len(), dtype=pl.UInt32))
    )


def rank_sources(records: pl.LazyFrame, ranks: pl.LazyFrame) -> pl.LazyFrame:
    """Renumber `source` by its rank."""
    return records.join(ranks, on="source", how="left").with_columns(source="rank").drop("rank")


def identify_users(cells: pl.DataFrame) -> pl.LazyFrame:
    """Put into the `sender` of each row that names an `anonymous` id the user whom a later row of that id names first, else an earlier one last.

    Where a browser is shared, what was done before a user logs in is that user's; `anonymous` is left out.
    """
    if "anonymous" not in cells.columns or not cells["anonymous"].count():
        return cells.lazy().drop("anonymous", strict=False)
    return _with_later_users(cells.lazy())


def _with_later_users(cells: pl.LazyFrame) -> pl.LazyFrame:
    who = requests.split_senders(cells.select("sender").unique())
    rows = cells.select(*LINE_KEY, "time", "sender", pl.col("anonymous").cast(pl.String)).join(who, on="sender")
    known = rows.filter(pl.col("user").is_not_null() & (pl.col("user") != pl.col("anonymous")) & pl.col("time").is_not_null())
    named = known.select("time", anonymous="anonymous", named="user").drop_nulls("anonymous").sort("time")
    asked = rows.filter(pl.col("time").is_not_null()).select(*LINE_KEY, "time", "address", anonymous="user").join(named, on="anonymous", how="semi")
    found = asked.sort("time")
    for strategy, name in (("forward", "next"), ("backward", "last")):
        found = found.join_asof(named.rename({"named": name}), on="time", by="anonymous", strategy=strategy, check_sortedness=False)  # type: ignore[arg-type]
    user = pl.coalesce("next", "last")
    told = found.select(*LINE_KEY, told=pl.concat_str([pl.col("address").fill_null("-"), pl.lit(" - "), user]).cast(TEXT))
    return (
        cells.join(told, on=LINE_KEY, how="left", maintain_order="left").with_columns(sender=pl.coalesce("told", "sender")).drop("told", "anonymous")
    )
