"""What the log holds beside the figures of reports: when each session reached what, and every request that anybody sent.

It stands alone because a goals file is judged, and proposed, by what did not match as well as by what did.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import TIME
from convkit.goals import channel_rules

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.core.definitions import Goals

_SAID = ("path", "method", "status", "event", "kind", "asset", "background", "download", "listed", "other")
_OF_VISITORS = ("time", "visitor")
"""What a visitor's hits together tell is told here of each request alone."""


@dataclass(frozen=True)
class Survey:
    """A goals file, and what the logs say of it; without logs both frames are empty."""

    goals: Goals
    sessions: pl.DataFrame
    """`session, visitor, told_by` of each session of the period, and of every goal `goal:<name>`: the `row` of the hit that first reached it.

    Rows rise with the time of a visitor's hits."""
    requests: pl.DataFrame
    """Each distinct request of the period: `path, method, status, event, kind, asset, background, download, listed, other`, whether it `is_bot`'s or
    `is_excluded`, `names:<goal>`, and its number `n`; with all that the conditions of goals look at, so that they can be asked once more."""
    unassigned: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`source, medium, n` of the sessions without a channel, most first; without columns where nobody asked."""
    followers: pl.DataFrame = field(default_factory=pl.DataFrame)
    """`pattern, n, soon` of paths that look like no pages (`followers.found`)."""


def without_logs(goals: Goals) -> Survey:
    """Return the survey of a goals file alone."""
    return Survey(goals, pl.DataFrame(), pl.DataFrame())


def moments(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return when sessions reached what (`Survey.sessions`), of matched hits with `row`, sorted by visitor and ORDER."""
    first = {goal.column: pl.col("row").cast(pl.Int64).filter(pl.col(goal.column)).min() for goal in goals.all}
    inside = hits.filter(pl.col("session").is_not_null(), "inside")
    return inside.group_by("session", maintain_order=True).agg(pl.col("visitor", "told_by").first(), **first)


def unassigned(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return what has no channel (`Survey.unassigned`), of the table of sessions."""
    left = sessions.filter(pl.col("channel").cast(pl.String) == channel_rules.UNASSIGNED).select(pl.col("source", "medium").cast(pl.String))
    counted = left.group_by("source", "medium").agg(n=pl.len().cast(pl.Int64))
    return counted.sort("n", "source", "medium", descending=[True, False, False])


def requests(hits: pl.LazyFrame, columns: Collection[str], goals: Goals) -> pl.LazyFrame:
    """Return every distinct request (`Survey.requests`) of settled hits with these columns, bots and assets among them."""
    named = {name: expr for goal in goals.all for name, expr in goal.named.items()}
    asked = {name for expr in named.values() for name in expr.meta.root_names()}
    told = sorted(({*asked, *named} & {*columns}) - {*_SAID, *_OF_VISITORS})
    return (
        hits.with_columns(is_bot=pl.col("reason").is_not_null(), is_excluded=pl.col("fate") == "excluded")
        .group_by(*_SAID, "is_bot", "is_excluded", *told)
        .agg(n=pl.len().cast(pl.Int64))
        .cast(dict.fromkeys(("path", "method", "event"), pl.String))
        .sort("n", "path", "method", "status", descending=[True, False, False, False], nulls_last=True)
        .with_columns(time=pl.lit(None, dtype=TIME), visitor=pl.int_range(pl.len(), dtype=pl.Int64))
    )
