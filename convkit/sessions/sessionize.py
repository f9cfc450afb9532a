"""Sessions: cutting each visitor's hits into sessions at gaps, and the table of sessions.

Every gap between a session's interactions is shorter than `site.session_timeout`. Hits that are not interactions (errors, downloads, POSTs) join the
session before them if it is within the timeout, else the next one. If an export has its own session IDs, hits with the same ID are one session,
whatever the gaps. Input: hits sorted by visitor and ORDER. Output: the same hits with `session` and `started`, and SESSIONS, one row per session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import schema, windows
from convkit.core.conditions import any_of
from convkit.core.durations import microseconds
from convkit.core.schema import SESSION_KEY, is_interaction, is_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from polars.lazyframe.group_by import LazyGroupBy


def cut_by_gaps(hits: pl.LazyFrame, timeout: timedelta) -> pl.LazyFrame:
    """Add `session`, a sequential number (null for hits outside sessions), and `started`, the time of the session's first interaction.

    `hits` are sorted by visitor and ORDER. A gap between interactions that is at least as long as the timeout starts a new session. Other hits
    belong to the session of the visitor's previous interaction if it was less than the timeout ago, else to that of the next one within the timeout.
    """
    interacts = is_interaction()
    longest = pl.lit(microseconds(timeout), dtype=pl.Int64)
    now = pl.col("time").dt.epoch("us")
    marked = hits.with_columns(
        last_time=pl.when(interacts).then(now).forward_fill().shift(1),
        last_visitor=pl.when(interacts).then("visitor").forward_fill().shift(1),
        next_time=pl.when(interacts).then(now).backward_fill(),
        next_visitor=pl.when(interacts).then("visitor").backward_fill(),
    ).with_columns(
        follows=((pl.col("last_visitor") == pl.col("visitor")) & (now - pl.col("last_time") < longest)).fill_null(value=False),
        precedes=((pl.col("next_visitor") == pl.col("visitor")) & (pl.col("next_time") - now < longest)).fill_null(value=False),
    )
    begins = interacts & ~pl.col("follows")
    return (
        marked.with_columns(number=begins.cast(pl.Int64).cum_sum())
        .with_columns(
            next_number=pl.when(interacts).then("number").backward_fill(),
            begun=pl.when(begins).then("time").forward_fill(),
            next_begun=pl.when(interacts).then(pl.when(begins).then("time").forward_fill()).backward_fill(),
        )
        .with_columns(
            session=pl.when(interacts | pl.col("follows")).then("number").when("precedes").then("next_number"),
            started=pl.when(interacts | pl.col("follows")).then("begun").when("precedes").then("next_begun"),
        )
        .drop("last_time", "last_visitor", "next_time", "next_visitor", "follows", "precedes", "number", "next_number", "begun", "next_begun")
    )


def assign_preferred_visitors(hits: pl.LazyFrame, preferred: Sequence[str]) -> pl.LazyFrame:
    """Set `visitor` and `identified_by` of hits sessionized by address, according to the first of the `preferred` rules that applies.

    The columns of the rules hold visitor numbers, or null where a rule does not apply to a hit. Such a hit takes the first number found later in its
    session, unless there was one earlier.
    """
    filled = {
        name: pl.coalesce(
            name,
            pl.when(pl.col("session").is_not_null() & (windows.running_count(pl.col(name).is_not_null(), "session") == 0)).then(
                pl.col(name).drop_nulls().first().over("session")
            ),
        )
        for name in preferred
    }
    positions = [pl.when(pl.col(name).is_not_null()).then(pl.lit(position, dtype=pl.Int8)) for position, name in enumerate(preferred)]
    identified = {"visitor": pl.coalesce(*preferred, "visitor"), "identified_by": pl.coalesce(*positions, "identified_by")}
    return hits.with_columns(**filled).with_columns(**identified)


def exclude_pageless(hits: pl.LazyFrame, *, keep: bool = False) -> pl.LazyFrame:
    """Remove sessions without a page or a row of an export: their hits lose `session` and are marked `pageless`; with `keep`, remove none."""
    session = pl.col("session")
    counted = session.filter(is_kind("page") | (is_interaction() & pl.col("event").is_not_null())).implode()
    pageless = pl.lit(value=False) if keep else session.is_not_null() & ~session.is_in(counted).fill_null(value=False)
    return hits.with_columns(pageless=pageless).with_columns(session=pl.when(~pl.col("pageless")).then("session"))


def session_table(
    hits: pl.LazyFrame, macros: list[str], goals: list[str], session_fields: Collection[str] = (), *, has_pageless: bool = True
) -> pl.LazyFrame:
    """Return one row per session (SESSIONS), from matched hits sorted by visitor and ORDER.

    `number` counts the visitor's sessions from 1; `identified_by` is the position of the rule that identified the visitor; `seconds` is the time from
    the first to the last interaction; `has_assets` is null if the log contains no assets; `converted` is whether one of the `macros` was reached,
    and each column of `goals` is whether that goal was reached. If no session can lack a page, `has_pageless` is false, which is faster.

    Session fields add `device` and `browser`, taken from the first interaction; `country` and `prop.NAME`, the first values in the session; or
    `referrer` and `landing_query` (raw, as sent), taken from the first hit, which may be a redirect or an error before the landing page, and what an
    export says of the session's origin (`visit.ROLE`), taken from the first row that says anything.
    """
    columns = hits.collect_schema().names()
    first, last = pl.col("time").first(), pl.col("time").last()
    # Every session has an interaction, so these frames have the same rows. Aggregating sorted groups is ten times as fast as filtering in groups.
    pages = _by_session(hits.filter(is_kind("page"))).agg(pages=pl.len().cast(pl.Int64), landing=pl.col("page").first(), exit=pl.col("page").last())
    table = pl.concat(
        [
            _by_session(hits).agg(
                *(pl.col(name).first() for name in ("visitor", "started", "has_assets", "identified_by")),
                **{column: pl.col(column).any() for column in goals},
            ),
            _by_session(hits.filter(is_interaction()))
            .agg(seconds=(last - first).dt.total_seconds(), interactions=pl.len().cast(pl.Int64), **_device(session_fields, columns))
            .with_columns(bounced=pl.col("interactions") == 1)
            .drop("session"),
            *([] if has_pageless else [pages.drop("session")]),
            *_first_hits(hits, session_fields, columns),
        ],
        how="horizontal",
    )
    if has_pageless:
        table = table.join(pages, on="session", how="left", maintain_order="left").with_columns(pl.col("pages").fill_null(0))
    return table.with_columns(
        converted=any_of(macros),
        number=windows.running_count(pl.col("session").is_not_null(), "visitor").cast(pl.Int32),
    )


def _device(session_fields: Collection[str], columns: Collection[str]) -> dict[str, pl.Expr]:
    """Return the columns `device` and `browser` if they are needed; if a user signs in on two devices, the first one is the session's."""
    firsts = {}
    for field, dtype in ((schema.DEVICE_FIELD, schema.DEVICE), (schema.BROWSER_FIELD, schema.TEXT)):
        if field in session_fields:
            # Only rows of exports that have columns for them may lack a value.
            is_said = f"{schema.VISIT_PREFIX}{field}" in columns
            firsts[field] = pl.col(field).drop_nulls().first().fill_null(pl.lit("other", dtype=dtype)) if is_said else pl.col(field).first()
    return firsts


def _first_hits(hits: pl.LazyFrame, session_fields: Collection[str], columns: Collection[str]) -> list[pl.LazyFrame]:
    """Return what the session fields need of each session's kept hits."""
    names = [schema.COUNTRY_FIELD] if schema.COUNTRY_FIELD in session_fields else []
    names += sorted(schema.properties_needed(session_fields))
    firsts = {name: pl.col(name).filter(pl.col(name) != "").first() if name in columns else pl.lit(None, dtype=schema.TEXT) for name in names}
    if schema.CHANNEL_FIELD in session_fields:
        firsts |= {"referrer": pl.col("referrer").first(), "landing_query": pl.col("sent_query").first()}
        said = [name for role in schema.ORIGIN_ROLES if (name := f"{schema.VISIT_PREFIX}{role}") in columns]
        is_said = pl.any_horizontal(pl.col(name).is_not_null() for name in said) if said else pl.lit(value=False)
        firsts |= {name: pl.col(name).filter(is_said).first() for name in said}
        firsts |= {schema.NO_ORIGIN: pl.col(schema.NO_ORIGIN).first()} if schema.NO_ORIGIN in columns else {}
    return [_by_session(hits.filter(pl.col("fate") == "kept")).agg(**firsts).drop("session")] if firsts else []


def _by_session(hits: pl.LazyFrame) -> LazyGroupBy:
    """Group hits by session; they are already sorted by session number."""
    return hits.filter(pl.col("session").is_not_null()).with_columns(pl.col("session").set_sorted()).group_by("session", maintain_order=True)


def cut_by_keys(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Cut sessions again, by `session_key`, in hits in memory that `cut_by_gaps` returned; a visitor's sessions are ordered by their start.

    A hit without a key belongs to the session of the last key before it, unless there is a gap in between; before the first key, only gaps end a
    session.
    """
    key = pl.col(SESSION_KEY)
    first_row = pl.col("row").filter(is_interaction()).first().over("visitor", "key", "keyless_session")
    return (
        hits.with_columns(
            row=pl.int_range(pl.len(), dtype=pl.Int64),
            key=key.to_physical(),
            last_key=pl.when(key.is_not_null()).then(key.to_physical()).forward_fill(),
            last_session=pl.when(key.is_not_null()).then("session").forward_fill(),
        )
        .with_columns(key=pl.coalesce("key", pl.when(pl.col("last_session") == pl.col("session")).then("last_key")))
        .with_columns(keyless_session=pl.when(pl.col("key").is_null()).then("session"))
        .with_columns(first_row=pl.when(pl.col("key").is_not_null() | pl.col("keyless_session").is_not_null()).then(first_row))
        .with_columns(started=pl.col("time").gather("first_row"))
        .sort("visitor", pl.coalesce("first_row", "row"), "row")
        .with_columns(begins=pl.col("first_row").is_not_null() & pl.col("first_row").ne_missing(pl.col("first_row").shift(1)))
        .with_columns(session=pl.when(pl.col("first_row").is_not_null()).then(pl.col("begins").cast(pl.Int64).cum_sum()))
        .drop("row", "key", "last_key", "last_session", "keyless_session", "first_row", "begins")
    )
