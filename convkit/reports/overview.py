"""The headline: sessions, bounces, conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import matching, stats
from convkit.tables import Column, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis import Analysis, View
    from convkit.tables import Block, Room

IN_REPORT = 1
COLUMNS = (
    Column("sessions", "count"),
    Column("visitors", "count"),
    Column("pageviews", "count"),
    Column("pages_per_session", "ratio"),
    Column("bounces", "count"),
    Column("bounce_rate", "rate"),
    Column("median_session_seconds", "seconds"),
    Column("converted_sessions", "count"),
    Column("conversion_rate", "rate"),
    Column("conversion_rate_low", "rate"),
    Column("conversion_rate_high", "rate"),
    Column("value", "money"),
)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `sums` (one row) and `seconds` (sessions of two interactions or more by their whole seconds)."""
    sessions = analysis.sessions
    macros = analysis.goals.macros
    values = [matching.counted(analysis.hits, goal).select(value=pl.col("amount").sum(), macro_hits=pl.len().cast(pl.Int64)) for goal in macros]
    sums = sessions.select(
        sessions=pl.len().cast(pl.Int64),
        visitors=pl.col("visitor").n_unique().cast(pl.Int64),
        pageviews=pl.col("pages").sum().cast(pl.Int64),
        bounces=pl.col("bounced").sum().cast(pl.Int64),
        converted=pl.col("converted").sum().cast(pl.Int64),
    )
    amounts = pl.concat(values).sum() if values else pl.LazyFrame({"value": [0], "macro_hits": [0]})
    timed = sessions.filter(pl.col("interactions") > 1)
    return {
        "sums": pl.concat([sums, amounts], how="horizontal"),
        "seconds": timed.group_by(seconds=pl.col("seconds").cast(pl.Int32)).agg(n=pl.len().cast(pl.Int64)),
    }


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the headline; where no macro goal is known, what it would say of conversions is missing."""
    known = is_known(tally, view)
    has_value = any(goal.value is not None for goal in view.goals.macros)
    sessions, converted = pl.col("sessions"), pl.when(known).then("converted")
    low, high = stats.wilson(pl.col("converted_sessions"), sessions)
    median = tally["seconds"].sort("seconds").select(stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5)).item()
    frame = (
        tally["sums"]
        .with_columns(converted_sessions=converted, value=pl.when(known & has_value).then("value"))
        .with_columns(
            pages_per_session=stats.ratio(pl.col("pageviews"), sessions),
            bounce_rate=stats.ratio(pl.col("bounces"), sessions),
            median_session_seconds=pl.lit(median, dtype=pl.Float64),
            conversion_rate=stats.ratio(pl.col("converted_sessions"), sessions),
            conversion_rate_low=low,
            conversion_rate_high=high,
        )
        .select(column.name for column in COLUMNS)
    )
    return Report("overview", COLUMNS, frame, lambda room: _draw(frame, view, room), metrics=True)


def is_known(tally: Mapping[str, pl.DataFrame], view: View) -> bool:
    """Tell whether it is known what the site is for: a goals file says it, or a built-in macro goal was reached."""
    return bool(view.goals.macros) and (view.goals.file is not None or tally["sums"]["macro_hits"][0] > 0)


def _draw(frame: pl.DataFrame, view: View, room: Room) -> list[Block]:
    return []
