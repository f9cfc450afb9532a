"""On which visit of its visitor the first conversion came, and how long after the first visit: the last lines of `overview -v`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting, schema, stats
from convkit.core.blocks import BlankLine, Heading, Paragraph, Shown, table
from convkit.core.conditions import any_of

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis
    from convkit.core.blocks import Block

_REMARK = "A visitor's visits before the log begins are unknown: who came before counts as new."


def tally(analysis: Analysis) -> pl.LazyFrame:
    """Return `visit, seconds, n`: the visitors by the visit of their first conversion, and the seconds from their first visit to it.

    Visits and conversions are those in all lines read; only first conversions in the sessions of the analysis count.
    """
    reached = pl.col("session").is_not_null() & any_of(goal.column for goal in analysis.goals.macros)
    first = analysis.hits.filter(reached).unique("visitor", keep="first", maintain_order=True).select("visitor", "session", "time")
    begun = analysis.hits.filter(pl.col("session").is_not_null()).join(first.select("visitor"), on="visitor", how="semi")
    begun = begun.group_by("visitor").agg(begun=pl.col("started").min())
    counted = first.join(analysis.sessions.select("session", visit=schema.visit()), on="session").join(begun, on="visitor")
    seconds = stats.whole_seconds((pl.col("time") - pl.col("begun")).dt.total_seconds())
    return counted.group_by(pl.col("visit").cast(pl.String), seconds=seconds).agg(n=pl.len().cast(pl.Int64))


def draw(counts: pl.DataFrame) -> list[Block]:
    """Return the table of visits and the sentence on the time, if anybody converted."""
    total = int(counts["n"].sum())
    if not total:
        return []
    visits = dict(counts.group_by("visit").agg(pl.col("n").sum()).rows())
    rows = [{"visit": visit, "n": visits.get(visit, 0)} for visit in schema.VISITS]
    columns = {
        "visit": Shown("visit"),
        "n": Shown("visitors", "count", style="bold"),
        "share": Shown("share", lambda row: formatting.share(row["n"], total)),
    }
    quartiles = counts.sort("seconds").select(
        stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), part).alias(str(part)) for part in (0.25, 0.5, 0.75)
    )
    low, middle, high = (formatting.duration(value) for value in quartiles.row(0))
    time = f"From the first visit to the first conversion: half took up to {middle} (a quarter up to {low}, three quarters up to {high})."
    times = [Paragraph(time)] if total >= formatting.MIN_BASE else []
    heading = Heading("VISITS", f"on which visit the first conversion came, of {formatting.plural(total, 'visitor')} who converted")
    return [BlankLine(), heading, table(rows, columns), *times, Paragraph(_REMARK, style="dim")]
