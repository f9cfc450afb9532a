"""Bounces and exits, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown, exposure
from convkit.analysis.breakdown_screen import BreakdownTable, Section
from convkit.core import formatting, long_rows, stats
from convkit.core.blocks import Heading, Shown, table
from convkit.core.document import Column, Report, map_groups
from convkit.core.schema import is_interaction, is_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.long_rows import Rows

PLACE = 50
IN_REPORT = True
CAN_BE_LONG = ("pages", "seconds")
_ROWS, _ROWS_IN_REPORT = 20, 6
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
_LANDINGS = "landings_converted"
_OF_MACRO = (_LANDINGS, "exits_converted")
"""Columns that are shown on a screen only if a macro goal is known."""
_COUNTS = ("sessions", "pageviews", "landings", "bounces", "landings_converted", "exits", "exits_converted", "timed")


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `pages` (one row per page) and `seconds` (views of a page by whole seconds until the session's next interaction)."""
    keys = [*analysis.by, "page"]
    seen = analysis.hits.filter(pl.col("inside") & is_interaction()).select("session", "time", "kind", "page")
    took = (pl.col("time").shift(-1) - pl.col("time")).dt.total_seconds()
    same = pl.col("session").shift(-1) == pl.col("session")
    views = seen.with_columns(seconds=stats.whole_seconds(pl.when(same).then(took))).filter(is_kind("page"))
    # Session and page are combined into one integer: counting distinct sessions page by page takes three times as long.
    visit = pl.col("session") * (1 << 32) + pl.col("page").to_physical().cast(pl.Int64)
    by_view = (
        analysis.split(views.with_columns(is_first=visit.is_first_distinct()))
        .group_by(keys)
        .agg(sessions=_count(pl.col("is_first")), pageviews=_count(), timed=_count(pl.col("seconds").is_not_null()))
    )
    ends = analysis.split(analysis.sessions)
    by_landing = (
        ends.filter(exposure.counts_landing(analysis.sessions))
        .group_by(*analysis.by, page="landing")
        .agg(
            landings=_count(),
            bounces=_count(pl.col("bounced")),
            landings_converted=_count(pl.col("converted")),
            **{f"{_LANDINGS}:{goal.name}": _count(pl.col(goal.column)) for goal in analysis.goals.separate_macros},
        )
    )
    by_exit = (
        ends.filter(exposure.counts_exit(analysis.sessions))
        .group_by(*analysis.by, page="exit")
        .agg(exits=_count(), exits_converted=_count(pl.col("converted")))
    )
    separate = [f"{_LANDINGS}:{goal.name}" for goal in analysis.goals.separate_macros]
    pages = by_view.join(by_landing, on=keys, how="left").join(by_exit, on=keys, how="left")
    return {
        "pages": pages.select(*analysis.by, pl.col("page").cast(pl.String), pl.col(*_COUNTS, *separate).fill_null(0)),
        "seconds": analysis.split(views.drop_nulls("seconds"))
        .group_by(*keys, "seconds")
        .agg(n=pl.len().cast(pl.Int64))
        .with_columns(pl.col("page").cast(pl.String)),
    }


def _count(fits: pl.Expr | None = None) -> pl.Expr:
    """Return the number of rows in a group, or of those that match."""
    return (pl.len() if fits is None else fits.sum()).cast(pl.Int64)


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, with the pages that have the most exits without a conversion first."""
    keys, lost = [*view.by, "page"], pl.col("exits") - pl.col("exits_converted")
    figures = long_rows.join({name: tally.pop(name) for name in ("pages", "seconds")}, keys, lambda of: _figures(of["pages"], of["seconds"], keys))
    rows = figures.sort(lost, pl.col("exits"), pl.col("pageviews"), pl.col("page"), descending=[True, True, True, False])
    ordered = breakdown.in_value_order(rows, tally, view) if isinstance(rows, pl.DataFrame) else rows
    columns = (*view.keys, *COLUMNS, *(Column(f"{_LANDINGS}:{name}", "count") for name in view.separate_macros))

    def shown(rows: pl.DataFrame) -> pl.DataFrame:
        unknown = () if view.knows_macro else _OF_MACRO
        return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias(name) for name in unknown).select(column.name for column in columns)

    return Report("pages", columns, ordered.pipe(shown), lambda rows, screen: _draw(rows, view, screen))


def _figures(pages: pl.DataFrame, seconds: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the counts of pages with their rates and medians."""
    rates = {"bounce_rate": ("bounces", "landings"), "exit_rate": ("exits", "pageviews"), "timed_share": ("timed", "pageviews")}
    medians = _medians(pages.select(keys), seconds)
    return pages.with_columns(medians, **{name: stats.ratio(pl.col(part), pl.col(whole)) for name, (part, whole) in rates.items()}).drop("timed")


def _medians(keys: pl.DataFrame, seconds: pl.DataFrame) -> pl.Series:
    """Return `median_seconds` for each page, or null if no view of it was timed."""
    median = stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5)
    medians = map_groups(seconds.lazy(), keys.columns, lambda rows: rows.sort("seconds").group_by(keys.columns).agg(median_seconds=median))
    return keys.join(medians, on=keys.columns, how="left", maintain_order="left")["median_seconds"]


def _draw(frame: Rows, view: View, screen: Screen) -> list[Block]:
    """Return one row per page."""
    shown = frame.head(screen.rows(_ROWS_IN_REPORT if screen.part else _ROWS) or frame.height)
    some = f"; {shown.height} of {formatting.plural(frame.height, 'page')}" if shown.height < frame.height else ""
    of = view.order(COLUMNS, "most exits without a conversion first" if view.knows_macro else "most exits first")
    heading = Heading("PAGES", f"{of}{some}")
    columns = {name: column for name, column in _columns(view, screen).items() if view.knows_macro or name not in _OF_MACRO}
    return [heading, table(shown.rows(named=True), columns)] if shown.height else []


def _breakdown_section(whole: Report, _: View, screen: Screen) -> list[Section]:
    """Return the pages that are shown, taken from the report on all sessions."""
    rows = whole.rows.head(screen.rows(_ROWS_IN_REPORT if screen.part else _ROWS) or whole.rows.height)
    some = f"; {rows.height} of {formatting.plural(whole.rows.height, 'page')}" if rows.height < whole.rows.height else ""
    return [Section(Heading("PAGES", f"exits and exit rate{some}"), rows)]


BREAKDOWN = BreakdownTable("page", "exits", "pageviews", sections=_breakdown_section)


def _columns(view: View, screen: Screen) -> dict[str, Shown]:
    """Return the columns of the screen."""
    bounce_rate, exit_rate = _share_of("bounces", "landings"), _share_of("exits", "pageviews")
    if not screen.wide:
        return {
            "page": Shown(),
            "landings": Shown("landings", "count"),
            "bounce_rate": Shown("bounced", bounce_rate, 2),
            **{name: Shown(title, "count", 1) for name, title in view.shown_macros(_LANDINGS).items()},
            "sessions": Shown("   sessions", "count"),
            "exits": Shown("exits", "count"),
            "exit_rate": Shown("exit rate", exit_rate, 3),
        }
    return {
        "page": Shown(),
        "landings": Shown("landings", "count"),
        "bounces": Shown("bounces", "count", 6),
        "bounce_rate": Shown("rate", bounce_rate, 4),
        **{name: _then(name, title) for name, title in view.shown_macros(_LANDINGS).items()},
        "sessions": Shown(" sessions", "count"),
        "pageviews": Shown("views", "count", 3),
        "exits": Shown("exits", "count"),
        "exit_rate": Shown("exit rate", exit_rate),
        "exits_converted": Shown("converted", "count", 2),
        "median_seconds": Shown("time", "seconds", 1),
    }


def _then(name: str, title: str) -> Shown:
    """Return the column with how many of the sessions that landed on a page reached a macro goal."""
    return Shown(f"then {title}", lambda row: formatting.count_and_rate(row[name], row["landings"]), 5)


def _share_of(part: str, whole: str) -> Callable[[Mapping[str, Any]], str]:
    """Return a function that writes one count of a row as a share of another."""
    return lambda row: formatting.share(row[part], row[whole])
