"""Bounces and exits, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import stats
from convkit.schema import interaction, is_kind
from convkit.tables import Column, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis import Analysis, View
    from convkit.tables import Block, Room

IN_REPORT = 5
COLUMNS = (
    Column("page", "text"),
    Column("sessions", "count"),
    Column("pageviews", "count"),
    Column("landings", "count"),
    Column("bounces", "count"),
    Column("bounce_rate", "rate"),
    Column("landings_converted", "count"),
    Column("exits", "count"),
    Column("exits_converted", "count"),
    Column("exit_rate", "rate"),
    Column("median_seconds", "seconds"),
    Column("timed_share", "rate"),
)
_COUNTS = ("sessions", "pageviews", "landings", "bounces", "landings_converted", "exits", "exits_converted", "timed")


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `pages` (a row a page) and `seconds` (views of a page by the whole seconds until the session's next interaction)."""
    seen = analysis.hits.filter(pl.col("inside") & interaction()).select("session", "time", "kind", pl.col("page").cast(pl.String))
    took = (pl.col("time").shift(-1) - pl.col("time")).dt.total_seconds().cast(pl.Int32)
    same = pl.col("session").shift(-1) == pl.col("session")
    views = seen.with_columns(seconds=pl.when(same).then(took)).filter(is_kind("page"))
    by_view = views.group_by("page").agg(
        sessions=pl.col("session").n_unique().cast(pl.Int64), pageviews=_count(), timed=_count(pl.col("seconds").is_not_null())
    )
    ends = analysis.sessions.with_columns(pl.col("landing", "exit").cast(pl.String))
    by_landing = ends.group_by(page="landing").agg(
        landings=_count(), bounces=_count(pl.col("bounced")), landings_converted=_count(pl.col("converted"))
    )
    by_exit = ends.group_by(page="exit").agg(exits=_count(), exits_converted=_count(pl.col("converted")))
    pages = by_view.join(by_landing, on="page", how="left").join(by_exit, on="page", how="left")
    return {
        "pages": pages.select("page", pl.col(*_COUNTS).fill_null(0)),
        "seconds": views.drop_nulls("seconds").group_by("page", "seconds").agg(n=pl.len().cast(pl.Int64)),
    }


def _count(fits: pl.Expr | None = None) -> pl.Expr:
    """Count the rows of a group, or those that fit."""
    return (pl.len() if fits is None else fits.sum()).cast(pl.Int64)


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report by exits of sessions that had not converted."""
    medians = tally["seconds"].sort("page", "seconds").group_by("page").agg(
        median_seconds=stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5)
    )
    frame = (
        tally["pages"]
        .join(medians, on="page", how="left")
        .with_columns(
            bounce_rate=stats.ratio(pl.col("bounces"), pl.col("landings")),
            exit_rate=stats.ratio(pl.col("exits"), pl.col("pageviews")),
            timed_share=stats.ratio(pl.col("timed"), pl.col("pageviews")),
            lost=pl.col("exits") - pl.col("exits_converted"),
        )
        .sort("lost", "exits", "pageviews", "page", descending=[True, True, True, False])
    )
    return Report("pages", COLUMNS, frame.select(column.name for column in COLUMNS), lambda room: _draw(frame, view, room))


def _draw(frame: pl.DataFrame, view: View, room: Room) -> list[Block]:
    return []
