"""One row a session, for questions of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import listing
from convkit.core import formatting, schema
from convkit.core.blocks import Cell, Grid, Row
from convkit.core.document import Column, Report
from convkit.goals import matching
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen

IN_REPORT = None
SESSION_FIELDS = (schema.DEVICE_FIELD, schema.CHANNEL_FIELD)
_ROWS = 20
_DROPS = {"channel": 9, "exit": 5, "value": 7, "converted": 6, "pages": 3, "seconds": 2, "goals": 8, "started": 1, "landing": 4}
"""The columns of a screen that are left out where not all fit, the least important first; never the one that the rows are sorted by."""
COLUMNS = (
    Column("session", "text"),
    Column("visitor", "text"),
    Column("started", "time"),
    Column("seconds", "seconds"),
    Column("pages", "count"),
    Column("landing", "text"),
    Column("exit", "text"),
    Column("bounced", "flag"),
    Column("converted", "flag"),
    Column("value", "money"),
    Column("goals", "text"),
    Column("device", "text"),
    Column("channel", "text"),
    Column("source", "text"),
    Column("medium", "text"),
    Column("campaign", "text"),
)
_FIELDS = ("landing", "exit", "device", *schema.CHANNEL_COLUMNS)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `sessions`: a row a session, `visitor` and `number` its keys."""
    found = analysis.sessions.join(_worth(analysis), on="session", how="left")
    sums = (pl.col("seconds", "pages"), pl.col("value").fill_null(0))
    keys = ("visitor", "number", "started", "bounced", "converted", *_FIELDS)
    return {"sessions": found.select(*keys, listing.reached_goals(analysis.goals.goals), *sums)}


def _worth(analysis: Analysis) -> pl.LazyFrame:
    """Return `session, value`: what the counted hits of macro goals are worth."""
    amounts = [matching.counted_hits(analysis.hits, goal).select("session", "amount") for goal in analysis.goals.macros]
    nothing = analysis.hits.clear().select("session", pl.lit(0, dtype=pl.Int64).alias("amount"))
    return pl.concat([nothing, *amounts]).group_by("session").agg(value=pl.col("amount").sum())


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report in the order in which sessions began; where no macro goal is known, nothing is said of conversions."""
    has_value = view.knows_macro and any(goal.value is not None for goal in view.goals.macros)
    frame = (
        tally["sessions"]
        .with_columns(
            pl.col(_FIELDS).cast(pl.String),
            pl.col("seconds").cast(pl.Float64),
            session=listing.session_name(),
            started=pl.col("started").dt.convert_time_zone(view.period.timezone),
            converted=pl.when(view.knows_macro).then("converted"),
            value=pl.when(has_value).then("value"),
        )
        .sort("started", "session")
        .select(column.name for column in COLUMNS)
    )
    return Report("sessions", COLUMNS, frame, lambda rows, room: _draw(rows, view, room), listing.visitor_id_notes())


def _draw(frame: pl.DataFrame, view: View, room: Screen) -> list[Block]:
    """Return a row a session; a narrow screen has no room for where it ended and what it was worth."""
    shown = frame.head(room.rows(_ROWS) or frame.height)
    if shown.is_empty():
        return []
    heading = listing.heading("SESSIONS", "session", (shown.height, frame.height), view.order(COLUMNS, ""))
    titles = ["", "started", "time", "pages", "landing", "exit", view.macro_name, "value", "goals", "channel"]
    left = {"started", "landing", "exit", "goals", "channel"}
    hidden = (6, 7) if not view.knows_macro else (7,) if frame["value"].null_count() == frame.height else ()
    drops = listing.dropped_columns(_DROPS, hidden, view.sort)
    rows = [Row(_cells(row, view)) for row in shown.rows(named=True)]
    headings = [Cell(title, "dim", left=title in left) for title in titles]
    return [heading, Grid(rows, headings, hidden=hidden, drops=drops, most=dict.fromkeys((4, 5, 8), 17))]


def _cells(row: dict[str, Any], view: View) -> list[Cell]:
    """Return the cells of a session."""
    return [
        Cell(visitor_ids.shorten(row["session"])),
        Cell(listing.shown_time(row["started"], view.period), left=True),
        Cell(formatting.duration(row["seconds"])),
        Cell(formatting.count(row["pages"])),
        Cell(row["landing"], left=True),
        Cell(row["exit"], left=True),
        Cell("yes" if row["converted"] else ""),
        Cell(formatting.money(row["value"], view.goals.site.currency) if row["value"] else ""),
        Cell(row["goals"], "dim", left=True),
        Cell(row["channel"], left=True),
    ]
