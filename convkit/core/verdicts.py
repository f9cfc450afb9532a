"""Verdicts on differences (rose, fell, did not move, cannot tell) and on trends (progressing, stagnating, regressing, too little data).

A difference is judged by the cautious end of its 95% interval, relative to the `before` rate. A trend is a line through the rates of all periods,
weighted by their sessions: the test of Cochran (1954) and Armitage (1955). If rates scatter more than those of independent sessions would, the
interval is widened accordingly (McCullagh and Nelder 1989, 4.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import stats

if TYPE_CHECKING:
    from collections.abc import Mapping


MARGIN = 0.1
"""The default of `site.margin`: how far a rate may move, relative to its earlier value, and still count as unchanged."""
MIN_CONVERSIONS, MIN_SESSIONS = 10, 30
"""The number of conversions on both sides together, and of sessions on each side, that a verdict needs."""
CANNOT_TELL = "cannot tell"
_ROSE, _FELL = "rose", "fell"
_MIN_CHANGE = 0.0001
"""The smallest relative change that counts as a change."""
_MAX_CHANGE = 1e9


def add_verdicts(counts: pl.DataFrame, margin: float = MARGIN) -> pl.DataFrame:
    """Add `difference_low`, `difference_high` and `verdict` to rows of `now, now_of, before, before_of`.

    If the `before` rate is 0, its upper bound is used instead.
    """
    now, now_of, before, before_of = (pl.col(name) for name in ("now", "now_of", "before", "before_of"))
    low, high = stats.newcombe(now, now_of, before, before_of)
    at_most = stats.wilson(before, before_of)[1]
    has_enough = (now + before >= MIN_CONVERSIONS) & (now_of >= MIN_SESSIONS) & (before_of >= MIN_SESSIONS)
    # This is done in stages, because repeating an expression inside another makes it large, and slow to optimize in every run.
    rows = counts.with_columns(difference_low=low, difference_high=high, _base=pl.when(before > 0).then(before / before_of).otherwise(at_most))
    bounds = {f"_{end}": pl.when(has_enough).then(f"difference_{end}") for end in ("low", "high")}
    return _with_verdict(rows.with_columns(**bounds), margin).drop("_base", *bounds)


def difference_verdict(before: float, bounds: tuple[float, float] | None, margin: float) -> str:
    """Return the verdict on one difference with these bounds (None if they are unknown), relative to the value `before`."""
    if bounds is None or before <= 0:
        return CANNOT_TELL
    row = pl.DataFrame({"_base": [before], "_low": [bounds[0]], "_high": [bounds[1]]})
    verdict: str = _with_verdict(row, margin)["verdict"][0]
    return verdict


def _with_verdict(rows: pl.DataFrame, margin: float) -> pl.DataFrame:
    """Add the `verdict` on the bounds `_low, _high`, relative to `_base` (above 0); null bounds mean `cannot tell`."""
    base, rise, fall = pl.col("_base"), pl.col("_rise"), pl.col("_fall")
    # The percentage is formatted even if nothing moved, so it must be a number.
    percent = (pl.max_horizontal(rise, fall) * 100).clip(_MIN_CHANGE * 100, _MAX_CHANGE * 100)
    verdict = (
        pl.when(rise >= _MIN_CHANGE)
        .then(pl.format(f"{_ROSE}, by at least {{}}%", "_percent"))
        .when(fall >= _MIN_CHANGE)
        .then(pl.format(f"{_FELL}, by at least {{}}%", "_percent"))
        .when((rise >= -margin) & (fall >= -margin))
        .then(pl.lit(f"did not move by more than {margin * 100:g}%"))
        .otherwise(pl.lit(CANNOT_TELL))
    )
    staged = rows.with_columns(_rise=pl.col("_low") / base, _fall=-pl.col("_high") / base).with_columns(_percent=percent)
    return staged.with_columns(_percent=_rounded_down(pl.col("_percent"))).with_columns(verdict=verdict).drop("_rise", "_fall", "_percent")


def has_enough_data(row: Mapping[str, Any]) -> bool:
    """Return whether a row of `before, before_of, now, now_of` has enough data for a verdict."""
    return bool(row["before"] + row["now"] >= MIN_CONVERSIONS and min(row["before_of"], row["now_of"]) >= MIN_SESSIONS)


def rose(verdict: str | None) -> bool:
    """Return whether a verdict is `rose`."""
    return verdict is not None and verdict.startswith(_ROSE)


def fell(verdict: str | None) -> bool:
    """Return whether a verdict is `fell`."""
    return verdict is not None and verdict.startswith(_FELL)


def moved(verdict: str | None) -> bool:
    """Return whether a verdict is `rose` or `fell`."""
    return rose(verdict) or fell(verdict)


def _rounded_down(percent: pl.Expr) -> pl.Expr:
    """Return a relative change in percent, rounded down to at most two significant digits and, at 1% or more, to a whole number."""
    digit = pl.lit(10.0).pow(percent.log10().floor() - 1)
    whole = pl.when(percent < 10).then(percent.floor()).otherwise((percent / digit).floor() * digit)  # noqa: PLR2004 (two digits from here on)
    small = pl.when(percent < 0.1).then((percent * 1000).floor() / 1000).otherwise((percent * 100).floor() / 100)  # noqa: PLR2004 (as above)
    return pl.when(percent >= 1).then(whole.round().cast(pl.Int64).cast(pl.String)).otherwise(small.round(3).cast(pl.String))


TREND_VERDICTS = PROGRESSING, STAGNATING, REGRESSING, TOO_LITTLE = "progressing", "stagnating", "regressing", "too little data"
MIN_PERIODS, MIN_REACHED = 3, 10
"""The number of periods, and of conversions in all of them together, that a trend needs."""
_LINE_FACTOR = 6
"""A line needs three times as many sessions as two sides that differ by as much as its ends do, so six times as many as one side."""


def fit_trends(counts: pl.DataFrame) -> pl.DataFrame:
    """Fit a line through `part / whole` for each `item` in counts with `item, number, part, whole`; return one row per item, in order.

    `number` is the period's position; periods whose `whole` is 0 are ignored. Columns: `periods`, `reached`, `sessions` (sums), `rate`; `first_rate`,
    `last_rate` (on the line); the `change` between them, relative to `rate`, with `change_low` and `change_high` (95%); `scatter`, the variance
    relative to that of independent sessions, at least 1. Values for which there is too little data are null.
    """
    part, whole, number, distance, rate = (pl.col(name) for name in ("part", "whole", "number", "distance", "rate"))
    mean, weight = part.sum() / whole.sum(), (whole * distance**2).sum()
    on_line, variance = rate.first() + pl.col("slope").first() * distance, rate.first() * (1 - rate.first())
    rows = (
        counts.filter(whole > 0)
        .with_columns(rate=mean.over("item"), distance=number - ((number * whole).sum() / whole.sum()).over("item"))
        .with_columns(slope=pl.when(weight.over("item") > 0).then((part * distance).sum().over("item") / weight.over("item")))
    )
    trends = rows.group_by("item", maintain_order=True).agg(
        rate.first(),
        pl.col("slope").first(),
        periods=pl.len().cast(pl.Int64),
        reached=part.sum(),
        sessions=whole.sum(),
        first_rate=on_line.first().clip(0, 1),
        last_rate=on_line.last().clip(0, 1),
        relative=pl.when(rate.first() > 0).then((number.last() - number.first()) / rate.first()),
        error=(variance / weight).sqrt(),
        # A line has two parameters, so the degrees of freedom are the periods minus two.
        scatter=pl.when(variance > 0, pl.len() >= MIN_PERIODS).then(((part - whole * on_line) ** 2 / whole).sum() / variance / (pl.len() - 2)),
    )
    scatter, slope = pl.col("scatter").fill_null(1).clip(1), pl.col("slope")
    margin = stats.Z_95 * pl.col("error") * scatter.sqrt()
    change = {"change": slope, "change_low": slope - margin, "change_high": slope + margin}
    return trends.with_columns(scatter=scatter, **{name: value * pl.col("relative") for name, value in change.items()}).drop(
        "slope", "relative", "error"
    )


def trend_verdict(margin: float) -> pl.Expr:
    """Return the verdict on a row of `fit_trends`, depending on whether its interval excludes 0 or lies within the margin."""
    low, high = pl.col("change_low"), pl.col("change_high")
    is_few = (pl.col("periods") < MIN_PERIODS) | (pl.col("reached") < MIN_REACHED)
    rules = {TOO_LITTLE: is_few, PROGRESSING: low > 0, REGRESSING: high < 0, STAGNATING: (low > -margin) & (high < margin)}
    return pl.coalesce(*(pl.when(holds).then(pl.lit(name)) for name, holds in rules.items()), pl.lit(TOO_LITTLE))


def trend_sessions_needed(rate: float, change: float) -> int:
    """Return how many sessions a trend needs in total to detect a change between its ends, relative to the mean (80% power, 5% level)."""
    return _LINE_FACTOR * stats.sessions_needed(rate, change)
