"""Events of exports: which of them are page views, which are sent by tools, and what goals ask of their names and properties.

For a row of an export this takes the place of what an access log's path would decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles, patterns
from convkit.core.schema import TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.core.model import Goals

_PAGE = r"(?i)^[^a-z0-9]*(?:page|page[^a-z0-9]*views?|page[^a-z0-9]*viewed|viewed[^a-z0-9]*page|screen.*)$"
_ANSWERED = 200
"""Rows of exports are what people did: they count as answered."""


@dataclass(frozen=True)
class EventFacts:
    """What is known of the events of a run; both lists of frames are empty where no row is of an export."""

    names: pl.LazyFrame | None
    """`event, is_page, is_tool` and `event~PATTERN` of each distinct name."""
    properties: tuple[pl.LazyFrame, ...]
    """Of each property that goals test: its distinct values, and `prop.NAME~TEST`."""
    tested: tuple[str, ...]
    """The names of all columns that goals ask of events."""


def is_event_column(name: str) -> bool:
    """Tell columns that goals ask of events."""
    return name.startswith(("event~", "prop."))


def add_missing_columns(records: pl.DataFrame) -> pl.DataFrame:
    """Add `event` and `event_number`, null, where all records are of access logs."""
    missing = {"event": pl.lit(None, dtype=TEXT), "event_number": pl.lit(None, dtype=pl.Int64)}
    return records.with_columns(**{name: null for name, null in missing.items() if name not in records.columns})


def describe_events(records: pl.DataFrame, goals: Goals, tested: Sequence[str], *, names_pages: bool | None = None) -> EventFacts:
    """Return what is known of the events among records; where these are not all, `names_pages` says whether any of all is named as a page's are."""
    asked = tuple(name for name in tested if is_event_column(name))
    if not records["event"].count():
        return EventFacts(None, (), asked)
    tests = [patterns.split_named_column(name) for name in asked if "~" in name]
    properties = sorted({column for column, _ in tests if column in records.columns and column != "event"})
    return EventFacts(
        _event_names(records.lazy(), goals, [test for column, test in tests if column == "event"], names_pages=names_pages),
        tuple(_property_values(records.lazy(), column, [test for of, test in tests if of == column]) for column in properties),
        asked,
    )


def _event_names(records: pl.LazyFrame, goals: Goals, tests: Sequence[str], *, names_pages: bool | None) -> pl.LazyFrame:
    """Return `event, is_page, is_tool` and tests of each distinct name; where no name is a page's, the events stand for pages."""
    text, names_page = pl.col("event").cast(pl.String), pl.col("is_page").any() if names_pages is None else pl.lit(names_pages)
    return (
        records.select(pl.col("event").drop_nulls().unique())
        .with_columns(
            is_page=_is_page(text, goals), is_tool=_is_tool(text, goals), **{f"event~{test}": patterns.matches(text, test) for test in tests}
        )
        .with_columns(stands_for_page=~names_page & ~pl.col("is_tool"))
    )


def has_page_names(cells: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Tell of PARSED with events whether one of them is named as a page's views are."""
    named = cells.filter(pl.col("problem").is_null()).select(pl.col("event").drop_nulls().unique().cast(pl.String))
    return named.select(_is_page(pl.col("event"), goals).any())


def _is_page(name: pl.Expr, goals: Goals) -> pl.Expr:
    """Tell names of events that are a page's views."""
    return (name.str.contains(_PAGE) | (name == "")) & ~_is_tool(name, goals)


def _is_tool(name: pl.Expr, goals: Goals) -> pl.Expr:
    """Tell names of events that a tool sends for itself, or that nobody wants to look at."""
    return name.is_in(list(datafiles.lines("tool_events"))) | patterns.matches_any(name, goals.site.ignore_events)


def _property_values(records: pl.LazyFrame, column: str, tests: Sequence[str]) -> pl.LazyFrame:
    """Return the distinct values of a property, and how they compare."""
    text = pl.col(column).cast(pl.String)
    return records.select(pl.col(column).drop_nulls().unique()).with_columns(
        **{f"{column}~{test}": patterns.matches_comparison(text, test) for test in tests}
    )


def join_events(hits: pl.LazyFrame, told: EventFacts) -> pl.LazyFrame:
    """Complete hits that were told by their requests by what is known of their events: tests, and for rows of exports what lists say of a path."""
    if told.names is None:
        tests = {name: pl.lit(value=False) if "~" in name else pl.lit(None, dtype=TEXT) for name in told.tested}
        return hits.with_columns(**tests)
    for values in told.properties:
        hits = hits.join(values, on=values.collect_schema().names()[0], how="left", maintain_order="left")
    hits = hits.join(told.names, on="event", how="left", maintain_order="left")
    return hits.with_columns(**_property_columns(told, hits.collect_schema().names()), **_export_columns()).drop(
        "is_page", "is_tool", "stands_for_page"
    )


def _property_columns(told: EventFacts, there: Sequence[str]) -> dict[str, pl.Expr]:
    """Return the columns of properties that no export has, and tests that are never null."""
    tests = {name: pl.col(name).fill_null(value=False) if name in there else pl.lit(value=False) for name in told.tested if "~" in name}
    return tests | {name: pl.lit(None, dtype=TEXT) for name in told.tested if "~" not in name and name not in there}


def _export_columns() -> dict[str, pl.Expr]:
    """Return what holds of rows of exports in the place of what lists say; lines of logs keep what they have."""
    is_row, stands = pl.col("event").is_not_null(), pl.col("stands_for_page").fill_null(value=False)
    is_page = pl.col("is_page") | stands
    unlisted = pl.lit(value=False)
    return {
        "background": pl.when(is_row).then("is_tool").otherwise("background"),
        "download": pl.when(is_row).then(unlisted).otherwise("download"),
        "asset": pl.when(is_row).then(unlisted).otherwise("asset"),
        "probing": pl.when(is_row).then(unlisted).otherwise("probing"),
        "status": pl.when(is_row).then(pl.lit(_ANSWERED, dtype=pl.Int16)).otherwise("status"),
        "method": pl.when(is_row).then(pl.when(is_page).then(pl.lit("GET", dtype=TEXT))).otherwise("method"),
        "path": _page("path", stands),
        "page": _page("page", stands),
    }


def _page(column: str, stands: pl.Expr) -> pl.Expr:
    """Return the path, or the event's name where that stands for it or there is no path."""
    name = pl.when(pl.col("event") != "").then("event")
    return pl.when(stands).then(name).otherwise(pl.coalesce(column, name))
