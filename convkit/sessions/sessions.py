"""Hits -> sessionized hits -> the table of sessions.

It stands alone because the rule of the gap is here and nowhere else: every gap between a session's interactions is shorter than the timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import facts, windows
from convkit.core.durations import microseconds
from convkit.core.schema import interaction, is_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from polars.lazyframe.group_by import LazyGroupBy


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


def hand_over(hits: pl.LazyFrame, preferred: Sequence[str]) -> pl.LazyFrame:
    """Give hits to the visitors whom `preferred` rules tell, the first that serves: `visitor` and `told_by` of sessionized hits, cut by address.

    The rules' columns hold a visitor's number, null where a hit does not serve the rule: such a hit is lent the first number that a later hit of the
    session has.
    """
    lent = {
        name: pl.coalesce(
            name,
            pl.when(pl.col("session").is_not_null() & (windows.running(pl.col(name).is_not_null(), "session") == 0)).then(
                pl.col(name).drop_nulls().first().over("session")
            ),
        )
        for name in preferred
    }
    places = [pl.when(pl.col(name).is_not_null()).then(pl.lit(place, dtype=pl.Int8)) for place, name in enumerate(preferred)]
    return hits.with_columns(**lent).with_columns(visitor=pl.coalesce(*preferred, "visitor"), told_by=pl.coalesce(*places, "told_by"))


def set_aside(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Take sessions without a page out: their hits lose `session`, and are marked `aside`."""
    session = pl.col("session")
    with_page = session.filter(is_kind("page")).implode()
    aside = session.is_not_null() & ~session.is_in(with_page).fill_null(value=False)
    return hits.with_columns(aside=aside).with_columns(session=pl.when(~pl.col("aside")).then("session"))


def table(hits: pl.LazyFrame, macros: list[str], goals: list[str], needed: Collection[str] = ()) -> pl.LazyFrame:
    """Return one row a session (SESSIONS): of matched hits sorted by visitor and ORDER.

    Where facts are `needed`: `device` of the first interaction; `referrer` and `query`, as it was sent, of the first hit, a redirect or an error
    in front of the landing page included.

    `told_by` is the place of the rule that tells the visitor, whose sessions `number` counts from 1; `seconds` is from the first to the last
    interaction; `has_assets` is null where the log has none of anybody; `converted` tells whether one of the `macros` was reached, each of the
    `goals`' columns whether it was.
    """
    first, last = pl.col("time").first(), pl.col("time").last()
    # Every session has a page: the frames have the same rows. Plain columns of sorted groups cost a tenth of filters within them.
    return pl.concat(
        [
            _grouped(hits).agg(
                *(pl.col(name).first() for name in ("visitor", "started", "has_assets", "told_by")),
                **{column: pl.col(column).any() for column in goals},
            ),
            _grouped(hits.filter(interaction()))
            .agg(seconds=(last - first).dt.total_seconds(), interactions=pl.len().cast(pl.Int64), **_held(needed))
            .with_columns(bounced=pl.col("interactions") == 1)
            .drop("session"),
            _grouped(hits.filter(is_kind("page")))
            .agg(pages=pl.len().cast(pl.Int64), landing=pl.col("page").first(), exit=pl.col("page").last())
            .drop("session"),
            *_first_hits(hits, needed),
        ],
        how="horizontal",
    ).with_columns(
        converted=pl.any_horizontal(pl.lit(value=False), *macros),
        number=windows.running(pl.col("session").is_not_null(), "visitor").cast(pl.Int32),
    )


def _held(needed: Collection[str]) -> dict[str, pl.Expr]:
    """Return what people held in their hands: where a user signs in on two devices, the session is of the first."""
    return {"device": pl.col("device").first()} if facts.DEVICE in needed else {}


def _first_hits(hits: pl.LazyFrame, needed: Collection[str]) -> list[pl.LazyFrame]:
    """Return what brought sessions, where that is needed."""
    if facts.CHANNEL not in needed:
        return []
    kept = _grouped(hits.filter(pl.col("fate") == "kept"))
    return [kept.agg(referrer=pl.col("referrer").first(), query=pl.col("sent_query").first()).drop("session")]


def _grouped(hits: pl.LazyFrame) -> LazyGroupBy:
    """Group hits by their sessions, whose numbers rise with the hits."""
    return hits.filter(pl.col("session").is_not_null()).with_columns(pl.col("session").set_sorted()).group_by("session", maintain_order=True)
