"""How many sessions with few and with many pages converted: the last table of `goals -v`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import exposure
from convkit.core import formatting, stats
from convkit.core.blocks import BlankLine, Heading, Paragraph, Shown, table

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Record

_NUMBERS = {"0": 0, "1": 1, "2-3": 3, "4-6": 6, "7-10": 10}
"""The rows of the table, each with the largest number of pages in it."""
_MORE = "11+"
_REMARK = "Nothing is compared here: people who want to buy look at more pages anyway, so more pages need not mean more conversions."


def tally(analysis: Analysis) -> pl.LazyFrame:
    """Return `pages, sessions, converted`: the sessions with so many page views, and how many of them converted."""
    number = exposure.counted_pages(analysis.sessions)
    rows = [pl.when(number <= most).then(pl.lit(name)) for name, most in _NUMBERS.items()]
    sums = {"sessions": pl.len().cast(pl.Int64), "converted": pl.col("converted").sum().cast(pl.Int64)}
    return analysis.sessions.group_by(pages=pl.coalesce(*rows, pl.lit(_MORE))).agg(**sums)


def draw(counts: pl.DataFrame, view: View) -> list[Block]:
    """Return the table, if there are sessions and a macro goal is known."""
    if counts.is_empty() or not view.knows_macro:
        return []
    low, high = stats.wilson(pl.col("converted"), pl.col("sessions"))
    rows = {row["pages"]: row for row in counts.with_columns(low=low, high=high).rows(named=True)}
    columns = {
        "pages": Shown("pages"),
        "sessions": Shown("sessions", "count"),
        "converted": Shown(view.macro_name, "count", style="bold"),
        "rate": Shown("rate", lambda row: formatting.share(row["converted"], row["sessions"])),
        "range": Shown("likely range", _likely),
    }
    shown = [rows[name] for name in (*_NUMBERS, _MORE) if name in rows]
    return [
        BlankLine(),
        Heading("PAGES", "how many sessions with so many page views converted"),
        table(shown, columns),
        Paragraph(_REMARK, style="dim"),
    ]


def _likely(row: Record) -> str:
    return formatting.rate_interval(row["low"], row["high"], row["sessions"])
