"""The computed metrics of the overview: their counts, their columns, and how a screen shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import exposure
from convkit.analysis.breakdown import OTHER, VALUE
from convkit.core import formatting, stats
from convkit.core.blocks import Shown
from convkit.core.document import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Screen
    from convkit.core.model import Metric

_VISITORS, _PAGEVIEWS = "visitors", "pageviews"
_OF_SESSIONS = {"bounces": "bounced", "converted_sessions": "converted"}
"""The counts of sessions that have a column of their own, which marks these sessions."""
_RANK, _TIMES = 2, "\N{MULTIPLICATION SIGN}"


def sums(analysis: Analysis) -> dict[str, pl.Expr]:
    """Return the counts of each metric, from sessions."""
    goals = {goal.name: goal.column for goal in analysis.goals.goals}
    counted: dict[str, pl.Expr] = {}
    for metric in analysis.goals.metrics:
        above, below, outside = metric.counts
        marks = [_marks(name, goals) for name in (metric.above, metric.below)]
        for name, count, mark in zip((above, below), (metric.above, metric.below), marks, strict=True):
            counted[name] = (_total(count, analysis) if mark is None else mark.sum()).cast(pl.Int64)
        if marks[0] is not None and marks[1] is not None:
            counted[outside] = (marks[0] & ~marks[1]).sum().cast(pl.Int64)
    return counted


def _marks(count: str, goals: Mapping[str, str]) -> pl.Expr | None:
    """Return which sessions a count counts, or None if it counts something else."""
    if count in {_VISITORS, _PAGEVIEWS}:
        return None
    return pl.col("session").is_not_null() if count == "sessions" else pl.col(_OF_SESSIONS.get(count) or goals[count])


def _total(count: str, analysis: Analysis) -> pl.Expr:
    return pl.col("visitor").n_unique() if count == _VISITORS else exposure.counted_pages(analysis.sessions).sum()


def columns(frame: pl.DataFrame, view: View) -> list[Column]:
    """Return the columns of each metric: a rate if it is a share of sessions."""
    units = [(metric, "rate" if frame[metric.is_share].any() and metric.factor == 1 else "number") for metric in view.goals.metrics]
    return [Column(f"metric{bound}:{metric.name}", unit) for metric, unit in units for bound in ("", "_low", "_high")]


def add_figures(rows: pl.DataFrame, view: View) -> pl.DataFrame:
    """Add the figures of each metric to its counts, and whether it is a share, which only then has a likely range."""
    for metric in view.goals.metrics:
        above, below, outside = metric.counts
        is_share = outside in rows.columns and not rows[outside].sum()
        low, high = stats.wilson(pl.col(above), pl.col(below))
        bounds = {"low": low, "high": high}
        rows = rows.with_columns(
            (stats.ratio(pl.col(above), pl.col(below)) * metric.factor).alias(metric.column),
            pl.lit(is_share).alias(metric.is_share),
            **{f"metric_{end}:{metric.name}": bound * metric.factor if is_share else pl.lit(None, pl.Float64) for end, bound in bounds.items()},
        )
    return rows


def lines(facts: Mapping[str, Any], view: View, screen: Screen) -> list[tuple[str, str, str]]:
    """Return the name, the figure and the words of each metric."""
    return [(metric.name, written(facts, metric), _words(facts, metric, screen)) for metric in view.goals.metrics]


def written(facts: Mapping[str, Any], metric: Metric) -> str:
    """Return a figure: in percent if it is a share, and a dot if its base is too small."""
    figure = facts[metric.column]
    if figure is None:
        return formatting.UNKNOWN
    if facts[metric.counts[1]] < formatting.MIN_BASE:
        return formatting.TOO_FEW
    return formatting.percent(figure) if facts[metric.is_share] and metric.factor == 1 else formatting.number(figure)


def _words(facts: Mapping[str, Any], metric: Metric, screen: Screen) -> str:
    """Return what was divided, and the likely range."""
    above, below = (_counted(facts[column], name) for column, name in zip(metric.counts[:2], (metric.above, metric.below), strict=True))
    times = "" if metric.factor == 1 else f"{formatting.number(metric.factor)} {_TIMES} "
    words = f"{times}{above} {'of' if facts[metric.is_share] else '/'} {below}"
    low, high, base = facts[f"metric_low:{metric.name}"], facts[f"metric_high:{metric.name}"], facts[metric.counts[1]]
    if not screen.wide or low is None or base < formatting.MIN_BASE:
        return words
    likely = formatting.rate_interval(low, high, base) if metric.factor == 1 else f"{formatting.number(low)} – {formatting.number(high)}"
    return f"{words} (likely {likely})"


def _counted(number: int, name: str) -> str:
    nouns = {"sessions": "session", _VISITORS: "visitor", _PAGEVIEWS: "page view", "bounces": "bounce", "converted_sessions": "converted session"}
    return formatting.plural(number, nouns[name]) if name in nouns else f"{formatting.count(number)} with {name}"


def shown(view: View) -> dict[str, Shown]:
    """Return the columns of a breakdown; visitors cannot be added up across values."""
    return {metric.column: _column(metric) for metric in view.goals.metrics}


def _column(metric: Metric) -> Shown:
    def text(row: Mapping[str, Any]) -> str:
        is_sum = row[VALUE] == OTHER and _VISITORS in {metric.above, metric.below}
        return formatting.UNKNOWN if is_sum else written(row, metric)

    return Shown(metric.name, text, _RANK)
