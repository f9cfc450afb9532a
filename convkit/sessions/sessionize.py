"""Sessions: cutting visitors' hits at gaps, and the table of sessions.

Every gap between a session's interactions is shorter than `site.session_timeout`. Hits that are not interactions (errors, downloads, posts) join the
session before them within the timeout, else the next one. Where an export has session ids of its own, hits with one id are one session, whatever the
gaps. In: hits sorted by visitor and ORDER. Out: + `session`, `started`; then SESSIONS, one row per session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import schema, windows
from convkit.core.durations import microseconds
from convkit.core.schema import SESSION_KEY, is_interaction, is_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from polars.lazyframe.group_by import LazyGroupBy


def cut_by_gaps(hits: pl.LazyFrame, timeout: timedelta) -> pl.LazyFrame:
    """Add `session` to hits sorted by visitor and ORDER: a running number, null for hits of no session; and `started`, its first interaction's time.

    Interactions are cut where the gap is the timeout or longer. Other hits belong to the session of the visitor's interaction before them if that is
    less than the timeout ago, else to that of the next one within the timeout.
    """
    is_in = is_interaction()
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


def assign_preferred_visitors(hits: pl.LazyFrame, preferred: Sequence[str]) -> pl.LazyFrame:
    """Give hits to the visitors whom `preferred` rules tell, the first that serves: `visitor` and `told_by` of sessionized hits, cut by address.

    The rules' columns hold a visitor's number, null where a hit does not serve the rule: such a hit is lent the first number that a later hit of the
    session has.
    """
    lent = {
        name: pl.coalesce(
            name,
            pl.when(pl.col("session").is_not_null() & (windows.running_count(pl.col(name).is_not_null(), "session") == 0)).then(
                pl.col(name).drop_nulls().first().over("session")
            ),
        )
        for name in preferred
    }
    places = [pl.when(pl.col(name).is_not_null()).then(pl.lit(place, dtype=pl.Int8)) for place, name in enumerate(preferred)]
    return hits.with_columns(**lent).with_columns(visitor=pl.coalesce(*preferred, "visitor"), told_by=pl.coalesce(*places, "told_by"))


def exclude_pageless(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Take sessions without a page out: their hits lose `session`, and are marked `aside`."""
    session = pl.col("session")
    with_page = session.filter(is_kind("page")).implode()
    aside = session.is_not_null() & ~session.is_in(with_page).fill_null(value=False)
    return hits.with_columns(aside=aside).with_columns(session=pl.when(~pl.col("aside")).then("session"))


def session_table(hits: pl.LazyFrame, macros: list[str], goals: list[str], needed: Collection[str] = ()) -> pl.LazyFrame:
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
            _by_session(hits).agg(
                *(pl.col(name).first() for name in ("visitor", "started", "has_assets", "told_by")),
                **{column: pl.col(column).any() for column in goals},
            ),
            _by_session(hits.filter(is_interaction()))
            .agg(seconds=(last - first).dt.total_seconds(), interactions=pl.len().cast(pl.Int64), **_device(needed))
            .with_columns(bounced=pl.col("interactions") == 1)
            .drop("session"),
            _by_session(hits.filter(is_kind("page")))
            .agg(pages=pl.len().cast(pl.Int64), landing=pl.col("page").first(), exit=pl.col("page").last())
            .drop("session"),
            *_first_hits(hits, needed),
        ],
        how="horizontal",
    ).with_columns(
        converted=pl.any_horizontal(pl.lit(value=False), *macros),
        number=windows.running_count(pl.col("session").is_not_null(), "visitor").cast(pl.Int32),
    )


def _device(needed: Collection[str]) -> dict[str, pl.Expr]:
    """Return what people held in their hands: where a user signs in on two devices, the session is of the first."""
    return {"device": pl.col("device").first()} if schema.DEVICE_FIELD in needed else {}


def _first_hits(hits: pl.LazyFrame, needed: Collection[str]) -> list[pl.LazyFrame]:
    """Return what brought sessions, where that is needed."""
    if schema.CHANNEL_FIELD not in needed:
        return []
    kept = _by_session(hits.filter(pl.col("fate") == "kept"))
    return [kept.agg(referrer=pl.col("referrer").first(), query=pl.col("sent_query").first()).drop("session")]


def _by_session(hits: pl.LazyFrame) -> LazyGroupBy:
    """Group hits by their sessions, whose numbers rise with the hits."""
    return hits.filter(pl.col("session").is_not_null()).with_columns(pl.col("session").set_sorted()).group_by("session", maintain_order=True)


def cut_by_keys(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Cut sessions anew by `session_key`: of hits in memory that `cut_by_gaps` returns. Sessions of one visitor follow each other as they began.

    A hit without a key belongs to the session of the key before it, as far as the gaps allow; before any key, gaps alone cut.
    """
    key = pl.col(SESSION_KEY)
    lead = pl.col("place").filter(is_interaction()).first().over("visitor", "lane", "alone")
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
