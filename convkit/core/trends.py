"""Whether a rate rises or falls over periods: a line through the rates of all of them, each of the weight of its sessions, and a verdict.

It stands alone because a verdict must not depend on where the counts come from, nor on how it is worded. The test is Cochran and Armitage's
(Cochran 1954; Armitage 1955). Where rates scatter more than those of independent sessions do, the range is wider by as much (McCullagh and Nelder
1989, 4.5).
"""

from __future__ import annotations

import polars as pl

from convkit.core import stats

VERDICTS = PROGRESSING, STAGNATING, REGRESSING, TOO_LITTLE = "progressing", "stagnating", "regressing", "too little data"
FEWEST_PERIODS, FEWEST_REACHED = 3, 10
"""Without as many periods, and as many that reached it in all of them, there is no verdict."""
_OF_A_SIDE = 6
"""A line whose ends differ by so much needs three times the sessions that two sides need which differ by as much, six times those of one."""


def fitted(counts: pl.DataFrame) -> pl.DataFrame:
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
        scatter=pl.when(variance > 0, pl.len() >= FEWEST_PERIODS).then(((part - whole * on_line) ** 2 / whole).sum() / variance / (pl.len() - 2)),
    )
    scatter, slope = pl.col("scatter").fill_null(1).clip(1), pl.col("slope")
    beside = stats.Z_95 * pl.col("error") * scatter.sqrt()
    change = {"change": slope, "change_low": slope - beside, "change_high": slope + beside}
    return found.with_columns(scatter=scatter, **{name: value * pl.col("relative") for name, value in change.items()}).drop(
        "slope", "relative", "error"
    )


def verdict(margin: float) -> pl.Expr:
    """Return the verdict on a `fitted` row: the range lies beyond nothing, or inside of the margin, or there is too little data."""
    low, high = pl.col("change_low"), pl.col("change_high")
    is_few = (pl.col("periods") < FEWEST_PERIODS) | (pl.col("reached") < FEWEST_REACHED)
    rules = {TOO_LITTLE: is_few, PROGRESSING: low > 0, REGRESSING: high < 0, STAGNATING: (low > -margin) & (high < margin)}
    return pl.coalesce(*(pl.when(holds).then(pl.lit(name)) for name, holds in rules.items()), pl.lit(TOO_LITTLE))


def sessions_needed(rate: float, change: float) -> int:
    """Return how many sessions a line needs in all to show a change between its ends, relative to the mean, with 80 % power at 5 %."""
    return _OF_A_SIDE * stats.sessions_needed(rate, change)
