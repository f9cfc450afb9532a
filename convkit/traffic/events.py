"""Events of exports: which of them are page views, which are sent by tools, and how goals test their names and properties.

Events classify the rows of an export, as paths classify the lines of an access log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles, patterns
from convkit.core.collect import collect_frame
from convkit.core.properties import matches_property
from convkit.core.schema import TEXT
from convkit.formats.parsers.exports import NO_PAGE
from convkit.traffic import paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.core.model import Goals

_WORD_START, _NO_WORD = "([a-z0-9])([A-Z])", "[^a-z0-9]+"
_PAGE_NAME = (
    r"^(?:(?:amplitude|mp|web|app|virtual|the|a) )*"
    r"(?:(?:page|screen) ?(?:views?|viewed|loads?|loaded|hits?|visits?|visited|opens?|opened|shown|seen|impressions?|appeared|entered|enter)?"
    r"|(?:views?|viewed|loads?|loaded|visits?|visited|opens?|opened|saw|entered) (?:a |the )?(?:page|screen))$"
)
"""Matches the words of an event's name, in lower case, that mean a page view, like `page load`, `loaded a page` or `screen view`."""
NAMED, WITH_URL, EVERY = "named", "with a URL", "every"
"""Which events of a run are pages: those named like a page view; if none is, those with a URL; if none has one, every event, under its name."""
_ROUTE_SHARE = 1 / 3
"""The share of URLs with `#/` from which the path is what follows."""
_ANSWERED = 200
"""Rows of exports record what people did, so they count as successful requests."""


@dataclass(frozen=True)
class EventFacts:
    """The distinct events of a run and how goals test them; `names` is None and `properties` empty if there are no rows from exports."""

    names: pl.LazyFrame | None
    """`event, is_page, is_tool` and `event~PATTERN` for each distinct name."""
    properties: tuple[pl.LazyFrame, ...]
    """For each property that goals test, its distinct values and `prop.NAME~TEST`."""
    tested: tuple[str, ...]
    """The names of all columns by which goals test events."""
    pages: str = NAMED
    """Which events are pages (NAMED, WITH_URL or EVERY)."""


def is_event_column(name: str) -> bool:
    """Return whether a column that a goal uses is a test or a property of events."""
    return name.startswith(("event~", "prop."))


def add_missing_columns(records: pl.DataFrame) -> pl.DataFrame:
    """Add null columns `event` and `event_number` if all records are from access logs."""
    missing = {"event": pl.lit(None, dtype=TEXT), "event_number": pl.lit(None, dtype=pl.Int64)}
    return records.with_columns(**{name: null for name, null in missing.items() if name not in records.columns})


def describe_events(records: pl.DataFrame, goals: Goals, tested: Sequence[str], pages: str | None) -> EventFacts:
    """Return the facts about the events in records; `pages` tells which of them are pages."""
    event_columns = tuple(name for name in tested if is_event_column(name))
    if not records["event"].count():
        return EventFacts(None, (), event_columns)
    tests = [patterns.split_named_column(name) for name in event_columns if "~" in name]
    properties = sorted({column for column, _ in tests if column in records.columns and column != "event"})
    return EventFacts(
        _event_names(records.lazy(), goals, [test for column, test in tests if column == "event"]),
        tuple(_property_values(records.lazy(), column, [test for tested, test in tests if tested == column]) for column in properties),
        event_columns,
        pages or NAMED,
    )


def _event_names(records: pl.LazyFrame, goals: Goals, tests: Sequence[str]) -> pl.LazyFrame:
    """Return `event, is_page, is_tool` and tests for each distinct name."""
    text = pl.col("event").cast(pl.String)
    return records.select(pl.col("event").drop_nulls().unique()).with_columns(
        is_page=_is_page(text, goals), is_tool=_is_tool(text, goals), **{f"event~{test}": patterns.matches(text, test) for test in tests}
    )


def facts_of_events(parsed: pl.LazyFrame, goals: Goals, size: int) -> tuple[str, bool]:
    """Return which events of PARSED are pages (NAMED, WITH_URL or EVERY), and whether paths stand behind `#/`; `size` is the number of rows."""
    request = pl.col("request").cast(pl.String)
    counts = {"urls": (request != NO_PAGE).sum().cast(pl.Int64), "routes": paths.has_route(request).sum().cast(pl.Int64)}
    rows = parsed.filter(pl.col("problem").is_null(), pl.col("event").is_not_null())
    names = collect_frame(rows.group_by(pl.col("event").cast(pl.String)).agg(**counts), size)
    text = pl.col("event")
    facts = {"named": _is_page(text, goals).any(), "with_url": ((pl.col("urls") > 0) & ~_is_tool(text, goals)).any()}
    named, with_url, urls, routes = names.select(**facts, urls=pl.col("urls").sum(), routes=pl.col("routes").sum()).row(0)
    site = goals.site
    hash_routes = routes > 0 and routes >= _ROUTE_SHARE * urls if site.hash_routes is None else site.hash_routes
    return NAMED if named else WITH_URL if with_url else EVERY, hash_routes


def _is_page(name: pl.Expr, goals: Goals) -> pl.Expr:
    """Return whether an event's name means a page view."""
    return names_page_view(name) & ~_is_tool(name, goals)


def names_page_view(name: pl.Expr) -> pl.Expr:
    """Return whether an event is named like a page view."""
    words = name.str.replace_all(_WORD_START, "$1 $2").str.to_lowercase().str.replace_all(_NO_WORD, " ").str.strip_chars()
    return words.str.contains(_PAGE_NAME) | (name == "")


def _is_tool(name: pl.Expr, goals: Goals) -> pl.Expr:
    """Return whether an event's name is one that tools send by themselves, or that `site` ignores."""
    return is_of_tools(name) | patterns.matches_any(name, goals.site.ignore_events)


def is_of_tools(name: pl.Expr) -> pl.Expr:
    """Return whether an event's name is one that tools send by themselves."""
    return name.is_in(list(datafiles.lines("tool_events")))


def _property_values(records: pl.LazyFrame, column: str, tests: Sequence[str]) -> pl.LazyFrame:
    """Return the distinct values of a property and the result of each test."""
    text = pl.col(column).cast(pl.String)
    return records.select(pl.col(column).drop_nulls().unique()).with_columns(
        **{f"{column}~{test}": matches_property(text, test, patterns.matches_comparison) for test in tests}
    )


def join_events(hits: pl.LazyFrame, event_facts: EventFacts) -> pl.LazyFrame:
    """Add event tests to hits already joined with their requests; rows of exports also take their lists, method, path and page from the event."""
    if event_facts.names is None:
        tests = {name: pl.lit(value=False) if "~" in name else pl.lit(None, dtype=TEXT) for name in event_facts.tested}
        return hits.with_columns(**tests)
    for values in event_facts.properties:
        hits = hits.join(values, on=values.collect_schema().names()[0], how="left", maintain_order="left")
    hits = hits.join(event_facts.names, on="event", how="left", maintain_order="left")
    columns = _property_columns(event_facts.tested, hits.collect_schema().names())
    return hits.with_columns(**columns, **_export_columns(event_facts.pages)).drop("is_page", "is_tool")


def _property_columns(tested: Sequence[str], columns: Sequence[str]) -> dict[str, pl.Expr]:
    """Return the tested columns: tests with nulls replaced by false, and null columns for properties that no export has."""
    tests = {name: pl.col(name).fill_null(value=False) if name in columns else pl.lit(value=False) for name in tested if "~" in name}
    return tests | {name: pl.lit(None, dtype=TEXT) for name in tested if "~" not in name and name not in columns}


def _export_columns(pages: str) -> dict[str, pl.Expr]:
    """Return the columns that rows of exports take from their event instead of their request; log lines keep their own."""
    is_row, is_shown = pl.col("event").is_not_null(), ~pl.col("is_tool").fill_null(value=True)
    is_page_itself = is_shown if pages == EVERY else pl.lit(value=False)
    is_page = is_page_itself | (is_shown & pl.col("path").is_not_null() if pages == WITH_URL else pl.col("is_page"))
    unlisted = pl.lit(value=False)
    return {
        "background": pl.when(is_row).then("is_tool").otherwise("background"),
        "download": pl.when(is_row).then(unlisted).otherwise("download"),
        "subrequest": pl.when(is_row).then(unlisted).otherwise("subrequest"),
        "asset": pl.when(is_row).then(unlisted).otherwise("asset"),
        "probing": pl.when(is_row).then(unlisted).otherwise("probing"),
        "status": pl.when(is_row).then(pl.lit(_ANSWERED, dtype=pl.Int16)).otherwise("status"),
        "method": pl.when(is_row).then(pl.when(is_page).then(pl.lit("GET", dtype=TEXT))).otherwise("method"),
        "path": _page("path", is_page_itself),
        "page": _page("page", is_page_itself),
    }


def _page(column: str, is_page_itself: pl.Expr) -> pl.Expr:
    """Return the path, or the event's name if the event is a page itself or has no path."""
    name = pl.when(pl.col("event") != "").then("event")
    return pl.when(is_page_itself).then(name).otherwise(pl.coalesce(column, name))
