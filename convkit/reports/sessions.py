"""One row per session, for your own analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import listing
from convkit.core import formatting, schema
from convkit.core.blocks import Shown, table
from convkit.core.document import Column, Report
from convkit.goals import matching, money
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.long_rows import Rows

PLACE = 90
IN_REPORT = False
CAN_BE_LONG = ("sessions",)
SESSION_FIELDS = (schema.DEVICE_FIELD, schema.CHANNEL_FIELD)
_ROWS, _LONGEST = 20, 17
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
    """Return `sessions`: one row per session, with the keys `visitor` and `number`."""
    sessions = analysis.sessions.join(_worth(analysis), on="session", how="left")
    sums = (pl.col("seconds", "pages"), pl.col("value").fill_null(0))
    keys = ("visitor", "number", "started", "bounced", "converted", *_FIELDS)
    return {"sessions": sessions.select(*keys, listing.reached_goals(analysis.goals.goals), *sums)}


def _worth(analysis: Analysis) -> pl.LazyFrame:
    """Return `session, value`: the total value of the session's counted hits of macro goals."""
    amounts = [matching.counted_hits(analysis.hits, goal).select("session", "amount") for goal in analysis.goals.macros]
    nothing = analysis.hits.clear().select("session", pl.lit(0, dtype=pl.Int64).alias("amount"))
    return pl.concat([nothing, *amounts]).group_by("session").agg(value=money.total())


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, sorted by start; columns about conversions are empty if no macro goal is known."""
    has_value = view.knows_macro and any(goal.value is not None for goal in view.goals.macros)

    def rows_of(sessions: pl.DataFrame) -> pl.DataFrame:
        return sessions.with_columns(
            pl.col(_FIELDS).cast(pl.String),
            pl.col("seconds").cast(pl.Float64),
            session=listing.session_name(),
            started=pl.col("started").dt.convert_time_zone(view.period.timezone),
            converted=pl.when(view.knows_macro).then("converted"),
            value=pl.when(has_value).then("value"),
        ).select(column.name for column in COLUMNS)

    rows = tally.pop("sessions").pipe(rows_of).sort("started", "session")
    return Report("sessions", COLUMNS, rows, lambda rows, screen: _draw(rows, view, screen), listing.visitor_id_notes())


def _draw(frame: Rows, view: View, screen: Screen) -> list[Block]:
    """Return one row per session; a narrow screen leaves out the channel, exit and value."""
    shown = frame.head(screen.rows(_ROWS) or frame.height)
    if shown.is_empty():
        return []
    heading = listing.heading("SESSIONS", "session", (shown.height, frame.height), view.order(COLUMNS, ""))
    has_value = view.knows_macro and frame["value"].null_count() < frame.height
    return [heading, table(shown.rows(named=True), _columns(view, has_value=has_value), view.sort.column if view.sort else None)]


def _columns(view: View, *, has_value: bool) -> dict[str, Shown]:
    """Return the columns of the screen."""
    currency = view.goals.site.currency
    converted = {"converted": Shown(view.macro_name, lambda row: "yes" if row["converted"] else "", 4)} if view.knows_macro else {}
    value = {"value": Shown("value", lambda row: formatting.money(row["value"], currency) if row["value"] else "", 3)} if has_value else {}
    return {
        "session": Shown(text=lambda row: visitor_ids.shorten(row["session"])),
        "started": Shown("started", lambda row: listing.shown_time(row["started"], view.period), 8, left=True),
        "seconds": Shown("time", "seconds", 6),
        "pages": Shown("pages", "count", 5),
        "landing": Shown("landing", rank=9, left=True, most=_LONGEST),
        "exit": Shown("exit", rank=2, left=True, most=_LONGEST),
        **converted,
        **value,
        "goals": Shown("goals", rank=7, style="dim", left=True, most=_LONGEST),
        "channel": Shown("channel", rank=1, left=True),
    }
