"""One row per hit, for your own analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import listing
from convkit.core import formatting
from convkit.core.blocks import Shown, table
from convkit.core.document import Column, Report
from convkit.core.schema import KINDS
from convkit.funnels.obstacles import is_form_again
from convkit.goals import matching
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.long_rows import Rows

PLACE = 100
IN_REPORT = False
CAN_BE_LONG = ("hits",)
_ROWS = 20
_FORM_AGAIN = "form_again"
_KIND = pl.Enum([*KINDS, _FORM_AGAIN])
"""The kinds of hits, and one for background requests that returned the form just viewed."""
_ORDER = ("time", "source", "line")
COLUMNS = (
    Column("session", "text"),
    Column("visitor", "text"),
    Column("time", "time"),
    Column("kind", "text"),
    Column("method", "text"),
    Column("path", "text"),
    Column("query", "text"),
    Column("status", "count"),
    Column("event", "text"),
    Column("value", "money"),
    Column("goals", "text"),
    Column("source", "text"),
    Column("line", "count"),
)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `hits`: one row per hit, with the keys `source` (the number of its log) and `line`; `value` is only valid where `has_value` is true.

    The hits are those that were kept, and of the background requests those that returned a form, which drop-off takes into account.
    """
    goals = analysis.goals.goals
    is_background = pl.col("fate") == "background"
    hits = (
        analysis.hits.with_columns(is_form=is_form_again() & is_background)
        .filter(pl.col("inside") & ((pl.col("fate") == "kept") | pl.col("is_form")))
        .with_columns(kind=pl.when("is_form").then(pl.lit(_FORM_AGAIN, dtype=_KIND)).otherwise(pl.col("kind").cast(_KIND)))
        .join(analysis.sessions.select("session", "number"), on="session", how="left", maintain_order="left")
        .with_columns(listing.reached_goals(goals))
        .with_columns(matching.is_counted(goal).alias(goal.column) for goal in goals)
        .pipe(matching.add_hit_value, goals)
    )
    keys = ("visitor", "number", "time", "kind", "path", "query", "event", "goals", "value")
    places = {"source": pl.col("source").cast(pl.Int32), "line": pl.col("line_no").cast(pl.Int32)}
    # A row of an export is not a request: its method and status are placeholders.
    of_log = {name: pl.when(pl.col("event").is_null()).then(name) for name in ("method", "status")}
    return {"hits": hits.select(*keys, **of_log, has_value=pl.col("value").is_not_null(), **places)}


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, sorted by time."""
    names = pl.DataFrame({"source": range(len(view.sources)), "name": view.sources}, schema={"source": pl.Int32, "name": pl.String})

    def rows_of(hits: pl.DataFrame) -> pl.DataFrame:
        named = hits.join(names, on="source", how="left", maintain_order="left")
        return named.with_columns(
            pl.col("kind", "method", "path", "query").cast(pl.String),
            pl.col("status", "line").cast(pl.Int64),
            session=listing.session_name(),
            time=pl.col("time").dt.convert_time_zone(view.period.timezone),
            value=pl.when("has_value").then("value"),
            source="name",
            event=pl.when(pl.col("event") != "").then(pl.col("event").cast(pl.String)),
        ).select(column.name for column in COLUMNS)

    rows = tally.pop("hits").sort(*_ORDER).pipe(rows_of)
    return Report("hits", COLUMNS, rows, lambda rows, screen: _draw(rows, view, screen), listing.visitor_id_notes())


def _draw(frame: Rows, view: View, screen: Screen) -> list[Block]:
    """Return one row per hit; the columns `event` and `value` are left out if they are empty."""
    shown = frame.head(screen.rows(_ROWS) or frame.height)
    if shown.is_empty():
        return []
    heading = listing.heading("HITS", "hit", (shown.height, frame.height), view.order(COLUMNS, ""))
    unknown = {name for name in ("event", "value") if frame[name].null_count() == frame.height}
    columns = {name: column for name, column in _columns(view, screen).items() if name not in unknown}
    return [heading, table(shown.rows(named=True), columns, view.sort.column if view.sort else None)]


def _columns(view: View, screen: Screen) -> dict[str, Shown]:
    """Return the columns of the screen."""
    currency = view.goals.site.currency
    longest, longest_event, longest_goals = (30, 16, 22) if screen.wide else (24, 16, 16)
    return {
        "session": Shown(text=lambda row: visitor_ids.shorten(row["session"] or row["visitor"])),
        "time": Shown("time", lambda row: listing.shown_time(row["time"], view.period, seconds=True), 7, left=True),
        "kind": Shown("kind", rank=1, left=True),
        "method": Shown(text=lambda row: row["method"] or "", rank=4, left=True),
        "path": Shown("path", lambda row: row["path"] or "", left=True, most=longest),
        "status": Shown(text=lambda row: "" if row["status"] is None else str(row["status"]), rank=6),
        "event": Shown("event", lambda row: row["event"] or "", 3, left=True, most=longest_event),
        "value": Shown("value", lambda row: "" if row["value"] is None else formatting.money(row["value"], currency), 2),
        "goals": Shown("goals", rank=5, style="dim", left=True, most=longest_goals),
    }
