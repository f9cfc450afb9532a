"""Hits -> sessionized hits -> the table of sessions.

It stands alone because the rule of the gap is here and nowhere else: every gap between a session's interactions is shorter than the timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import windows
from convkit.durations import microseconds
from convkit.schema import interaction, is_kind

if TYPE_CHECKING:
    from datetime import timedelta


def cut(hits: pl.LazyFrame, timeout: timedelta) -> pl.LazyFrame:
    """Add `session` to hits sorted by visitor and ORDER: a running number, null for hits of no session; and `started`, its first interaction's time.

    Interactions are cut where the gap is the timeout or longer. Other hits belong to the session of the visitor's interaction before them if that is
    less than the timeout ago, else to that of the next one within the timeout.
    """
    is_in = interaction()
    longest = pl.lit(microseconds(timeout), dtype=pl.Int64)
    now = pl.col("time").dt.epoch("us")
    marked = hits.with_columns(
        last_time=pl.when(is_in).then(now).forward_fill().shift(1),
        last_visitor=pl.when(is_in).then("visitor").forward_fill().shift(1),
        next_time=pl.when(is_in).then(now).backward_fill(),
        next_visitor=pl.when(is_in).then("visitor").backward_fill(),
    ).with_columns(
        follows=((pl.col("last_visitor") == pl.col("visitor")) & (now - pl.col("last_time") < longest)).fill_null(value=False),
        precedes=((pl.col("next_visitor") == pl.col("visitor")) & (pl.col("next_time") - now < longest)).fill_null(value=False),
    )
    begins = is_in & ~pl.col("follows")
    return (
        marked.with_columns(number=begins.cast(pl.Int64).cum_sum())
        .with_columns(
            next_number=pl.when(is_in).then("number").backward_fill(),
            begun=pl.when(begins).then("time").forward_fill(),
            next_begun=pl.when(is_in).then(pl.when(begins).then("time").forward_fill()).backward_fill(),
        )
        .with_columns(
            session=pl.when(is_in | pl.col("follows")).then("number").when("precedes").then("next_number"),
            started=pl.when(is_in | pl.col("follows")).then("begun").when("precedes").then("next_begun"),
        )
        .drop("last_time", "last_visitor", "next_time", "next_visitor", "follows", "precedes", "number", "next_number", "begun", "next_begun")
    )


def hand_to_users(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Give a session's hits before a user id first appears in it to that user: `visitor` of sessionized hits, cut by address and browser.

    `user_visitor` is the visitor's number by user id, null where the hit has none.
    """
    has_user = pl.col("user_visitor").is_not_null()
    first = pl.col("user_visitor").drop_nulls().first().over("session")
    earlier = pl.col("session").is_not_null() & (windows.running(has_user, "session") == 0)
    return hits.with_columns(visitor=pl.coalesce("user_visitor", pl.when(earlier).then(first), "visitor"))


def set_aside(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Take sessions without a page out: their hits lose `session`, and are marked `aside`."""
    with_page = hits.filter(is_kind("page")).select("session").unique().with_columns(has_page=pl.lit(value=True))
    aside = pl.col("session").is_not_null() & pl.col("has_page").is_null()
    return (
        hits.join(with_page, on="session", how="left", maintain_order="left")
        .with_columns(aside=aside)
        .with_columns(session=pl.when(~pl.col("aside")).then("session"))
        .drop("has_page")
    )


def table(hits: pl.LazyFrame, macros: list[str], goals: list[str]) -> pl.LazyFrame:
    """Return one row a session (SESSIONS): of matched hits sorted by visitor and ORDER.

    `seconds` is from the first to the last interaction; `has_assets` is null where the log has none of anybody,
    `converted` tells whether one of the `macros` was reached; each of the `goals`' columns tells
    whether it was.
    """
    is_in, is_page = interaction(), is_kind("page")
    seen = pl.col("time").filter(is_in)
    return (
        hits.filter(pl.col("session").is_not_null())
        .group_by("session", maintain_order=True)
        .agg(
            visitor=pl.col("visitor").first(),
            started=pl.col("started").first(),
            seconds=(seen.max() - seen.min()).dt.total_seconds(),
            interactions=is_in.sum().cast(pl.Int64),
            pages=is_page.sum().cast(pl.Int64),
            landing=pl.col("page").filter(is_page).first(),
            exit=pl.col("page").filter(is_page).last(),
            has_assets=pl.col("has_assets").first(),
            by_user=pl.col("user_visitor").is_not_null().any(),
            **{column: pl.col(column).any() for column in goals},
        )
        .with_columns(bounced=pl.col("interactions") == 1, converted=pl.any_horizontal(pl.lit(value=False), *macros))
    )
