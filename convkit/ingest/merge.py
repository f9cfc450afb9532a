"""Merging several logs: their order, duplicate events, and users who were anonymous at first."""

from __future__ import annotations

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.schema import PROBLEM, TEXT
from convkit.formats.parsers import requests

LINE_KEY = ("source", "line_no")
"""The columns that identify a line."""


_IDS_AT_ONCE = 5_000_000
_RARE = 100
"""An export is written newest first if at most one in so many rows is newer than the one before."""


def find_duplicates(lines: pl.LazyFrame, size: int) -> pl.DataFrame:
    """Return `source, line_no` of duplicate events in lines on disk; a few million IDs are compared at a time."""
    number = pl.col("event_number")
    with_id = lines.filter(number.is_not_null() & pl.col("problem").is_null()).select(*LINE_KEY, "event_number")
    passes, duplicates = size // _IDS_AT_ONCE + 1, list[pl.DataFrame]()
    for turn in range(passes):
        some = with_id.filter(number % passes == turn)
        repeated = some.group_by("event_number").len().filter(pl.col("len") > 1)
        several = collect_frame(some.join(repeated, on="event_number", how="semi"), size).sort(LINE_KEY)
        duplicates.append(several.filter(~number.is_first_distinct()).select(LINE_KEY))
    return pl.concat(duplicates)


def find_newest_first(lines: pl.LazyFrame, size: int) -> tuple[int, ...]:
    """Return the numbers of the exports that are written newest first: hardly any of their rows is newer than the one before.

    Servers write their access logs in order.
    """
    if "event" not in lines.collect_schema():
        return ()
    timed = lines.filter(pl.col("event").is_not_null() & pl.col("time").is_not_null()).select(*LINE_KEY, "time")
    ends = timed.group_by("source").agg(pl.col("line_no").min().alias("first"), pl.col("line_no").max().alias("last"))
    at_ends = [ends.select("source", line_no=end).join(timed, on=LINE_KEY).select("source", **{end: "time"}) for end in ("first", "last")]
    falling = collect_frame(at_ends[0].join(at_ends[1], on="source").filter(pl.col("last") < pl.col("first")).select("source"), size)
    if falling.is_empty():
        return ()
    ordered = timed.filter(pl.col("source").is_in(falling["source"].implode())).sort(LINE_KEY)
    step = ordered.select("source", step=pl.col("time").diff().over("source"))
    counts = step.group_by("source").agg(rises=(pl.col("step") > pl.duration()).sum(), falls=(pl.col("step") < pl.duration()).sum())
    newest_first = counts.filter(pl.col("rises").cast(pl.Int64) * _RARE <= pl.col("falls")).select("source").sort("source")
    return tuple(collect_frame(newest_first, size)["source"])


def mark_problem(lines: pl.LazyFrame, keys: pl.DataFrame, problem: str) -> pl.LazyFrame:
    """Set the `problem` of the lines with these keys (`source, line_no`), whatever it was before."""
    marks = keys.select(*LINE_KEY, mark=pl.lit(problem, dtype=PROBLEM))
    joined = lines.join(marks.lazy(), on=LINE_KEY, how="left", maintain_order="left")
    return joined.with_columns(problem=pl.coalesce("mark", "problem")).drop("mark")


def source_ranks(records: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Return `source, rank`, in the order that ORDER uses, which does not depend on the order of logs on the command line."""
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
    """Replace `source` with its rank."""
    return records.join(ranks, on="source", how="left").with_columns(source="rank").drop("rank")


_TIES = ("anonymous", "visit_number")
"""The columns that tie rows to the users who logged in."""


def identify_users(lines: pl.DataFrame) -> pl.LazyFrame:
    """Replace anonymous IDs in `sender` with the user who logged in with that ID next or, failing that, last; drop `anonymous` and `visit_number`.

    In a shared browser, activity before a login is thus attributed to the user who logs in. Within a session of the tool, only its own users count,
    if it has any.
    """
    if "anonymous" not in lines.columns or not lines["anonymous"].count():
        return lines.lazy().drop(*_TIES, strict=False)
    return _with_later_users(lines.lazy())


def _with_later_users(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Do the work of `identify_users` for lines that have `anonymous`."""
    senders = requests.split_senders(lines.select("sender").unique())
    rows = lines.select(*LINE_KEY, "time", "sender", "visit_number", pl.col("anonymous").cast(pl.String)).join(senders, on="sender")
    with_user = rows.filter(pl.col("user").is_not_null() & (pl.col("user") != pl.col("anonymous")) & pl.col("time").is_not_null())
    logins = with_user.select("time", "visit_number", anonymous="anonymous", login="user").drop_nulls("anonymous").sort("time")
    anonymous = (
        rows.filter(pl.col("time").is_not_null())
        .select(*LINE_KEY, "time", "address", "visit_number", anonymous="user")
        .join(logins, on="anonymous", how="semi")
    )
    identified = anonymous.sort("time")
    for by in (["anonymous", "visit_number"], ["anonymous"]):
        for strategy in ("forward", "backward"):
            others = logins.select("time", *by, pl.col("login").alias(f"{strategy}:{len(by)}")).drop_nulls()
            identified = identified.join_asof(others, on="time", by=by, strategy=strategy, check_sortedness=False)
    user = pl.coalesce("forward:2", "backward:2", "forward:1", "backward:1")
    new_senders = identified.select(*LINE_KEY, new_sender=pl.concat_str([pl.col("address").fill_null("-"), pl.lit(" - "), user]).cast(TEXT))
    joined = lines.join(new_senders, on=LINE_KEY, how="left", maintain_order="left")
    return joined.with_columns(sender=pl.coalesce("new_sender", "sender")).drop("new_sender", *_TIES)
