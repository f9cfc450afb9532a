"""Verdicts on differences (rose, fell, did not move, cannot tell) and on trends (progressing, stagnating, regressing, too little data).

A difference is judged by the cautious end of its 95 % interval, relative to the rate before. A trend is a line through the rates of all periods,
weighted by their sessions: the test of Cochran (1954) and Armitage (1955). Where rates scatter more than those of independent sessions do, the range
is wider by as much (McCullagh and Nelder 1989, 4.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import stats

if TYPE_CHECKING:
    from collections.abc import Mapping


MARGIN = 0.1
"""How much may pass for no movement, relative to the rate before, where `site.margin` says nothing else."""
MIN_CONVERSIONS, MIN_SESSIONS = 10, 30
"""On both sides together, and sessions on each side, for any answer."""
CANNOT_TELL = "cannot tell"
_ROSE, _FELL = "rose", "fell"
_MIN_CHANGE = 0.0001
"""The smallest movement that is called one."""
_MAX_CHANGE = 1e9


def add_verdicts(counts: pl.DataFrame, margin: float = MARGIN) -> pl.DataFrame:
    """Add `difference_low`, `difference_high` and `verdict` to rows of `now, now_of, before, before_of`.

    A rate before of 0 is held for as much as it may be at most.
    """
    now, now_of, before, before_of = (pl.col(name) for name in ("now", "now_of", "before", "before_of"))
    low, high = stats.newcombe(now, now_of, before, before_of)
    at_most = stats.wilson(before, before_of)[1]
    are_enough = (now + before >= MIN_CONVERSIONS) & (now_of >= MIN_SESSIONS) & (before_of >= MIN_SESSIONS)
    # Stage by stage: an expression that stands in another many times is a large one, and would be looked through at every run.
    rows = counts.with_columns(difference_low=low, difference_high=high, _base=pl.when(before > 0).then(before / before_of).otherwise(at_most))
    bounds = {f"_{end}": pl.when(are_enough).then(f"difference_{end}") for end in ("low", "high")}
    return _with_verdict(rows.with_columns(**bounds), margin).drop("_base", *bounds)


def difference_verdict(before: float, bounds: tuple[float, float] | None, margin: float) -> str:
    """Return the verdict on one difference with these bounds; None where there are none. `before` is what it is relative to."""
    if bounds is None or before <= 0:
        return CANNOT_TELL
    row = pl.DataFrame({"_base": [before], "_low": [bounds[0]], "_high": [bounds[1]]})
    words: str = _with_verdict(row, margin)["verdict"][0]
    return words


def _with_verdict(rows: pl.DataFrame, margin: float) -> pl.DataFrame:
    """Add the `verdict` on bounds `_low, _high`, relative to `_base`, which is above 0; null bounds cannot be told."""
    base, rise, fall = pl.col("_base"), pl.col("_rise"), pl.col("_fall")
    # Where nothing moved it is written out all the same, and what is no number has no digits.
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
    """Tell whether a row of `before, before_of, now, now_of` has enough for any answer."""
    return bool(row["before"] + row["now"] >= MIN_CONVERSIONS and min(row["before_of"], row["now_of"]) >= MIN_SESSIONS)


def rose(words: str | None) -> bool:
    """Tell whether a verdict is that something rose."""
    return words is not None and words.startswith(_ROSE)


def fell(words: str | None) -> bool:
    """Tell whether a verdict is that something fell."""
    return words is not None and words.startswith(_FELL)


def moved(words: str | None) -> bool:
    """Tell whether a verdict is that something rose or fell."""
    return rose(words) or fell(words)


def _rounded_down(percent: pl.Expr) -> pl.Expr:
    """Return a movement in percent, rounded down: whole from 1 % on, and two significant digits at most."""
    digit = pl.lit(10.0).pow(percent.log10().floor() - 1)
    whole = pl.when(percent < 10).then(percent.floor()).otherwise((percent / digit).floor() * digit)  # noqa: PLR2004 (where a figure has two digits)
    small = pl.when(percent < 0.1).then((percent * 1000).floor() / 1000).otherwise((percent * 100).floor() / 100)  # noqa: PLR2004 (as above)
    return pl.when(percent >= 1).then(whole.round().cast(pl.Int64).cast(pl.String)).otherwise(small.round(3).cast(pl.String))


TREND_VERDICTS = PROGRESSING, STAGNATING, REGRESSING, TOO_LITTLE = "progressing", "stagnating", "regressing", "too little data"
MIN_PERIODS, MIN_REACHED = 3, 10
"""Without as many periods, and as many that reached it in all of them, there is no verdict."""
_LINE_FACTOR = 6
"""A line whose ends differ by so much needs three times the sessions that two sides need which differ by as much, six times those of one."""


def fit_trends(counts: pl.DataFrame) -> pl.DataFrame:
    """Return one row an `item` of counts `item, number, part, whole`, in order: what a line through `part / whole` says.

    `number` is the period's place; periods in which `whole` is 0 say nothing. Columns: `periods`, `reached`, `sessions` (sums), `rate`; `first_rate`,
    `last_rate` (of the line); `change` from the one to the other, relative to `rate`, with `change_low` and `change_high` (95 %); `scatter`, how many
    times the variance is that of independent sessions, at least 1. Null where the sums say nothing.
    """
    part, whole, at, far, rate = (pl.col(name) for name in ("part", "whole", "number", "far", "rate"))
    mean, weight = part.sum() / whole.sum(), (whole * far**2).sum()
    on_line, variance = rate.first() + pl.col("slope").first() * far, rate.first() * (1 - rate.first())
    rows = (
        counts.filter(whole > 0)
        .with_columns(rate=mean.over("item"), far=at - ((at * whole).sum() / whole.sum()).over("item"))
        .with_columns(slope=pl.when(weight.over("item") > 0).then((part * far).sum().over("item") / weight.over("item")))
    )
    found = rows.group_by("item", maintain_order=True).agg(
        rate.first(),
        pl.col("slope").first(),
        periods=pl.len().cast(pl.Int64),
        reached=part.sum(),
        sessions=whole.sum(),
        first_rate=on_line.first().clip(0, 1),
        last_rate=on_line.last().clip(0, 1),
        relative=pl.when(rate.first() > 0).then((at.last() - at.first()) / rate.first()),
        error=(variance / weight).sqrt(),
        # A line leaves all periods but two to tell how rates scatter.
        scatter=pl.when(variance > 0, pl.len() >= MIN_PERIODS).then(((part - whole * on_line) ** 2 / whole).sum() / variance / (pl.len() - 2)),
    )
    scatter, slope = pl.col("scatter").fill_null(1).clip(1), pl.col("slope")
    beside = stats.Z_95 * pl.col("error") * scatter.sqrt()
    change = {"change": slope, "change_low": slope - beside, "change_high": slope + beside}
    return found.with_columns(scatter=scatter, **{name: value * pl.col("relative") for name, value in change.items()}).drop(
        "slope", "relative", "error"
    )


def trend_verdict(margin: float) -> pl.Expr:
    """Return the verdict on a row of `fit_trends`: the range lies beyond nothing, or inside of the margin, or there is too little data."""
    low, high = pl.col("change_low"), pl.col("change_high")
    is_few = (pl.col("periods") < MIN_PERIODS) | (pl.col("reached") < MIN_REACHED)
    rules = {TOO_LITTLE: is_few, PROGRESSING: low > 0, REGRESSING: high < 0, STAGNATING: (low > -margin) & (high < margin)}
    return pl.coalesce(*(pl.when(holds).then(pl.lit(name)) for name, holds in rules.items()), pl.lit(TOO_LITTLE))


def trend_sessions_needed(rate: float, change: float) -> int:
    """Return how many sessions a line needs in all to show a change between its ends, relative to the mean, with 80 % power at 5 %."""
    return _LINE_FACTOR * stats.sessions_needed(rate, change)
