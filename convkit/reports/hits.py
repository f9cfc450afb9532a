"""One row a hit, for questions of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import listing
from convkit.core import formatting
from convkit.core.blocks import Cell, Grid, Row
from convkit.core.document import Column, Report
from convkit.goals import matching
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen

IN_REPORT = None
_ROWS = 20
_DROPS = {"kind": 2, "value": 7, "event": 6, "method": 3, "goals": 8, "status": 5, "time": 1}
"""The columns of a screen that are left out where not all fit, the least important first; never the one that the rows are sorted by."""
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
    """Return `hits`: a row a hit, `source` (the number of its log) and `line` its keys; `value` is one where `has_value` says so."""
    goals = analysis.goals.goals
    found = (
        analysis.hits.filter(pl.col("inside") & (pl.col("fate") == "kept"))
        .join(analysis.sessions.select("session", "number"), on="session", how="left", maintain_order="left")
        .with_columns(listing.reached_goals(goals))
        .with_columns(matching.is_counted(goal).alias(goal.column) for goal in goals)
        .with_columns(value=matching.hit_amount(goals))
    )
    keys = ("visitor", "number", "time", "kind", "path", "query", "event", "goals", "value")
    places = {"source": pl.col("source").cast(pl.Int32), "line": pl.col("line_no").cast(pl.Int32)}
    # A row of an export is no request: what stands for its method and its answer is nobody's word.
    of_log = {name: pl.when(pl.col("event").is_null()).then(name) for name in ("method", "status")}
    return {"hits": found.select(*keys, **of_log, has_value=pl.col("value").is_not_null(), **places)}


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report in the order of hits."""
    names = pl.DataFrame({"source": range(len(view.sources)), "name": view.sources}, schema={"source": pl.Int32, "name": pl.String})
    frame = (
        tally["hits"]
        .sort(*_ORDER)
        .join(names, on="source", how="left", maintain_order="left")
        .with_columns(
            pl.col("kind", "method", "path", "query").cast(pl.String),
            pl.col("status", "line").cast(pl.Int64),
            session=listing.session_name(),
            time=pl.col("time").dt.convert_time_zone(view.period.timezone),
            value=pl.when("has_value").then("value"),
            source="name",
            event=pl.when(pl.col("event") != "").then(pl.col("event").cast(pl.String)),
        )
        .select(column.name for column in COLUMNS)
    )
    return Report("hits", COLUMNS, frame, lambda rows, room: _draw(rows, view, room), listing.visitor_id_notes())


def _draw(frame: pl.DataFrame, view: View, room: Screen) -> list[Block]:
    """Return a row a hit; what no hit has is left out."""
    shown = frame.head(room.rows(_ROWS) or frame.height)
    if shown.is_empty():
        return []
    heading = listing.heading("HITS", "hit", (shown.height, frame.height), view.order(COLUMNS, ""))
    titles = ["", "time", "kind", "", "path", "", "event", "value", "goals"]
    headings = [Cell(title, "dim", left=title != "value") for title in titles]
    hidden = tuple(column for column, name in ((6, "event"), (7, "value")) if frame[name].null_count() == frame.height)
    most = {4: 30, 6: 16, 8: 22} if room.wide else {4: 24, 6: 16, 8: 16}
    drops = listing.dropped_columns(_DROPS, hidden, view.sort)
    rows = [Row(_cells(row, view)) for row in shown.rows(named=True)]
    return [heading, Grid(rows, headings, hidden=hidden, drops=drops, most=most)]


def _cells(row: dict[str, Any], view: View) -> list[Cell]:
    """Return the cells of a hit."""
    return [
        Cell(visitor_ids.shorten(row["session"] or row["visitor"])),
        Cell(listing.shown_time(row["time"], view.period, seconds=True), left=True),
        Cell(row["kind"], left=True),
        Cell(row["method"] or "", left=True),
        Cell(row["path"] or "", left=True),
        Cell("" if row["status"] is None else str(row["status"])),
        Cell(row["event"] or "", left=True),
        Cell("" if row["value"] is None else formatting.money(row["value"], view.goals.site.currency)),
        Cell(row["goals"], "dim", left=True),
    ]
