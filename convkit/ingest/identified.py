"""Rows of people who had not said who they are -> rows of the users that they turned out to be.

It stands alone because a tool that knows a browser before it knows its user says so in another row, which may stand in another file.
"""

from __future__ import annotations

import polars as pl

from convkit.core.schema import TEXT
from convkit.formats.parsers import senders
from convkit.ingest.sources import PLACE


def as_users(cells: pl.DataFrame) -> pl.LazyFrame:
    """Put into the `sender` of each row that names an `anonymous` id the user whom a later row of that id names first, else an earlier one last.

    Where a browser is shared, what was done before a user logs in is that user's; `anonymous` is left out.
    """
    if "anonymous" not in cells.columns or not cells["anonymous"].count():
        return cells.lazy().drop("anonymous", strict=False)
    return _told(cells.lazy())


def _told(cells: pl.LazyFrame) -> pl.LazyFrame:
    who = senders.add_words(cells.select("sender").unique())
    rows = cells.select(*PLACE, "time", "sender", pl.col("anonymous").cast(pl.String)).join(who, on="sender")
    known = rows.filter(pl.col("user").is_not_null() & (pl.col("user") != pl.col("anonymous")) & pl.col("time").is_not_null())
    named = known.select("time", anonymous="anonymous", named="user").drop_nulls("anonymous").sort("time")
    asked = rows.filter(pl.col("time").is_not_null()).select(*PLACE, "time", "address", anonymous="user").join(named, on="anonymous", how="semi")
    found = asked.sort("time")
    for strategy, name in (("forward", "next"), ("backward", "last")):
        found = found.join_asof(named.rename({"named": name}), on="time", by="anonymous", strategy=strategy, check_sortedness=False)  # type: ignore[arg-type]
    user = pl.coalesce("next", "last")
    told = found.select(*PLACE, told=pl.concat_str([pl.col("address").fill_null("-"), pl.lit(" - "), user]).cast(TEXT))
    return cells.join(told, on=PLACE, how="left", maintain_order="left").with_columns(sender=pl.coalesce("told", "sender")).drop("told", "anonymous")
