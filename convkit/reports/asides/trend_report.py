"""The report `trend`: of goals and funnel steps over days, weeks or months, whether they progress, stagnate or regress.

It stands alone because it looks at two reports, split by a period, of which neither knows the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import period_marks
from convkit.analysis.splits import BY, PERIODS
from convkit.core import stats, trends
from convkit.core.tables import Column, Report
from convkit.reports.asides import trend_screen
from convkit.reports.asides.trend_screen import Judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from convkit.analysis.analysis import View
    from convkit.analysis.period_marks import Marks
    from convkit.core.definitions import Funnel, Goals

NAME = "trend"
COLUMNS = (
    Column("report", "text"),
    Column("item", "text"),
    Column("periods", "count"),
    Column("reached", "count"),
    Column("base", "count"),
    Column("rate", "rate"),
    Column("first_rate", "rate"),
    Column("last_rate", "rate"),
    Column("change", "change"),
    Column("change_low", "change"),
    Column("change_high", "change"),
    Column("target", "rate"),
    Column("target_met", "flag"),
    Column("verdict", "text"),
)
_OF_LINE = ("first_rate", "last_rate", "change", "change_low", "change_high")


def present(wholes: Mapping[str, Report], split: Mapping[str, Report], view: View) -> Report | None:
    """Return the report; None where it is not split by periods, or nothing in it has a trend.

    `wholes` are the reports of all sessions, `split` those of the periods of `view.key`.
    """
    found = [rows for rows in (_goals(split.get("goals"), view.goals), _steps(split.get("funnel"), view.goals)) if rows is not None]
    if view.key not in PERIODS or not found:
        return None
    counts = pl.concat(found)
    periods = counts[BY].unique().sort().to_list()
    marks = period_marks.marks(periods, view)
    over = [period for period in periods if period not in marks.unfinished]
    details = _rates(counts, over, _waiting(over, marks, view.goals), view)
    judged = Judged(details, tuple(over), marks.unfinished, wholes.get("goals"), view)
    frame = details.select(column.name for column in COLUMNS)
    said = trend_screen.notes(NAME, judged)
    return Report(NAME, COLUMNS, frame, lambda _, room: trend_screen.draw(judged, room), said, beside=("goals", "funnel"))


def _goals(report: Report | None, goals: Goals) -> pl.DataFrame | None:
    """Return how many of the sessions of each period reached each goal, in the order of all sessions."""
    if report is None or report.details is None or not goals.goals:
        return None
    growing = _growing(goals)
    names = [goal.name for goal in goals.goals if goal.column in growing]
    return report.details.sort("type", -pl.col("reached").sum().over("goal"), "goal", maintain_order=True).select(
        BY,
        "target",
        report=pl.lit("goals"),
        item="goal",
        of="goal",
        label="goal",
        is_macro=pl.col("type") == "macro",
        grows=pl.when(pl.col("goal").is_in(names)).then(pl.lit("visits")),
        part="reached",
        whole="sessions",
    )


def _steps(report: Report | None, goals: Goals) -> pl.DataFrame | None:
    """Return how many of those who entered in each period reached each step; of a first step, of all who might have entered.

    Who enters a visitor's funnel does so once: the longer the log, the fewer are left to enter, so its first step has no trend.
    """
    if report is None or report.details is None:
        return None
    grows = {funnel.name: why for funnel in goals.funnels if (why := _why_it_grows(funnel, goals))}
    is_first = (pl.col("step") == 1) & ~pl.col("is_open")
    rows = report.details.filter(~(is_first & (pl.col("unit") == "visitors"))).sort("place", "step", maintain_order=True)
    return rows.select(
        BY,
        target=pl.lit(None, dtype=pl.Float64),
        report=pl.lit("funnel"),
        item=pl.format("{} / {} / {}", "funnel", "step", "name"),
        of="funnel",
        label=pl.format("{}: {} {}", "funnel", "step", "name"),
        is_macro=pl.lit(value=False),
        grows=_named(grows),
        part="reached",
        whole=pl.when(is_first).then("everybody").otherwise("entered"),
    )


def _named(reasons: Mapping[str, str]) -> pl.Expr:
    """Return the reasons by funnel."""
    return pl.coalesce(pl.lit(None, dtype=pl.String), *(pl.when(pl.col("funnel") == name).then(pl.lit(why)) for name, why in reasons.items()))


def _growing(goals: Goals) -> set[str]:
    """Return the columns of goals that are reached the oftener the longer the log is, because it knows of more sessions before."""
    found: set[str] = set()
    for _ in goals.all:
        found |= {goal.column for goal in goals.all if goal.counts_visits or goal.asked & found}
    return found


def _why_it_grows(funnel: Funnel, goals: Goals) -> str | None:
    if _growing(goals) & {column for step in funnel.steps for column in step.columns}:
        return "visits"
    return "window" if funnel.per == "visitor" and funnel.window is None else None


def _waiting(over: Sequence[str], marks: Marks, goals: Goals) -> Iterator[pl.Expr]:
    """Yield what tells counts of funnels in periods from which chains may still go on."""
    for funnel in goals.funnels:
        if funnel.per == "visitor" and funnel.window and marks.ends:
            late = [period for period in over if not period_marks.ends_before(period, marks.ends - funnel.window)]
            yield (pl.col("report") == "funnel") & (pl.col("of") == funnel.name) & pl.col(BY).is_in(late)


def _rates(counts: pl.DataFrame, over: Sequence[str], waiting: Iterator[pl.Expr], view: View) -> pl.DataFrame:
    """Return the columns of the report, a row an item, and what its picture needs beside them."""
    places = pl.DataFrame({BY: over, "number": range(len(over))}, schema={BY: pl.String, "number": pl.Int64})
    judged = counts.filter(~pl.any_horizontal(pl.lit(value=False), *waiting)).join(places, on=BY).sort("number", maintain_order=True)
    items = counts.select("report", "item", "of", "label", "is_macro", "grows", "target").unique("item", keep="first", maintain_order=True)
    is_few = (pl.col("periods") < trends.FEWEST_PERIODS) | (pl.col("reached") < trends.FEWEST_REACHED)
    has_line = pl.col("grows").is_null() & ~is_few
    return (
        items.join(trends.fitted(judged), on="item", how="left", maintain_order="left")
        .rename({"sessions": "base"})
        .with_columns(pl.col("periods", "reached", "base").fill_null(0))
        .with_columns(rate=stats.ratio(pl.col("reached"), pl.col("base")), verdict=trends.verdict(view.goals.site.margin))
        .with_columns(
            *(pl.when(has_line).then(name).alias(name) for name in _OF_LINE),
            target_met=pl.col("rate") >= pl.col("target"),
            verdict=pl.when(has_line).then("verdict").otherwise(pl.lit(trends.TOO_LITTLE)),
        )
    )
