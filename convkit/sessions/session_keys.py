"""Sessions as an export has cut them: a visitor's hits of one key are one session, whatever the gaps.

It stands alone because such sessions may lie beside each other in time, as those of two devices do, which no rule of gaps allows.
"""

from __future__ import annotations

import polars as pl

from convkit.core.schema import SESSION_KEY, interaction


def cut(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Cut sessions anew by `session_key`: of hits in memory that `sessions.cut` returns. Sessions of one visitor follow each other as they began.

    A hit without a key belongs to the session of the key before it, as far as the gaps allow; before any key, gaps alone cut.
    """
    key = pl.col(SESSION_KEY)
    lead = pl.col("place").filter(interaction()).first().over("visitor", "lane", "alone")
    return (
        hits.with_columns(
            place=pl.int_range(pl.len(), dtype=pl.Int64),
            lane=key.to_physical(),
            last_lane=pl.when(key.is_not_null()).then(key.to_physical()).forward_fill(),
            last_session=pl.when(key.is_not_null()).then("session").forward_fill(),
        )
        .with_columns(lane=pl.coalesce("lane", pl.when(pl.col("last_session") == pl.col("session")).then("last_lane")))
        .with_columns(alone=pl.when(pl.col("lane").is_null()).then("session"))
        .with_columns(lead=pl.when(pl.col("lane").is_not_null() | pl.col("alone").is_not_null()).then(lead))
        .with_columns(started=pl.col("time").gather("lead"))
        .sort("visitor", pl.coalesce("lead", "place"), "place")
        .with_columns(begins=pl.col("lead").is_not_null() & pl.col("lead").ne_missing(pl.col("lead").shift(1)))
        .with_columns(session=pl.when(pl.col("lead").is_not_null()).then(pl.col("begins").cast(pl.Int64).cum_sum()))
        .drop("place", "lane", "last_lane", "last_session", "alone", "lead", "begins")
    )
