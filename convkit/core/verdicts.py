"""Verdicts on differences (rose, fell, did not move, cannot tell) and on trends (progressing, stagnating, regressing, too little data).

A difference is judged by Newcombe's interval, in every report. The figures of one table share an error rate of 5% (Bonferroni): all that have enough
data count, whether or not a screen shows them. A trend is a line through the rates of all periods, weighted by their sessions: the test of Cochran
(1954) and Armitage (1955). If rates scatter more than those of independent sessions would, the interval is widened accordingly (McCullagh and Nelder
1989, 4.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from convkit.core import stats

if TYPE_CHECKING:
    from collections.abc import Mapping


MARGIN = 0.1
"""The default of `site.margin`: how far a rate may move, relative to its earlier value, and still count as unchanged."""
MIN_CONVERSIONS, MIN_SESSIONS = 10, 30
"""The number of conversions on both sides together, and of sessions on each side, that a verdict needs."""
CANNOT_TELL = "cannot tell"


class Words(NamedTuple):
    """The verdicts on a figure that is greater, less, or within the margin (in percent, to be filled in)."""

    more: str
    less: str
    within: str

    def unchanged(self, margin: float) -> str:
        """Return the verdict on a figure within the margin."""
        return self.within.format(margin * 100)


PERIOD_WORDS = Words("rose", "fell", "did not move by more than {:g}%")
GROUP_WORDS = Words("higher", "lower", "differs by less than {:g}%")


def add_ranges(counts: pl.DataFrame, family: str | None = None) -> pl.DataFrame:
    """Add `is_tested`, `tests`, `difference_low` and `difference_high` to rows of `now, now_of, before, before_of`.

    Rows with the same value in the column `family` share an error rate of 5%; without a family, each row has 5% of its own. `tests` is the number of
    rows that share it: those with enough data, except where the column `is_given` says that the figure follows from how the sides were chosen. If two
    rows of an `item` compare the same two sides, each with the other, they are one test.
    """
    now, now_of, before, before_of = (pl.col(name) for name in ("now", "now_of", "before", "before_of"))
    has_enough = (now + before >= MIN_CONVERSIONS) & (now_of >= MIN_SESSIONS) & (before_of >= MIN_SESSIONS)
    is_given = pl.col("is_given") if "is_given" in counts.columns else pl.lit(value=False)
    rows = counts.with_columns(is_tested=(has_enough & ~is_given).fill_null(value=False))
    if family is None:
        rows = rows.with_columns(tests=pl.lit(1), _z=pl.lit(stats.Z_95))
    else:
        sides = [now, now_of, before, before_of]
        is_first = (now_of > before_of) | ((now_of == before_of) & (now >= before))
        pair = pl.struct("item", *(pl.when(is_first).then(sides[place]).otherwise(sides[place - 2]).alias(str(place)) for place in range(4)))
        rows = rows.with_columns(tests=pair.filter("is_tested").n_unique().over(family).cast(pl.Int64))
        quantiles = {number: stats.bonferroni_z(number) for number in rows["tests"].unique()}
        rows = rows.with_columns(_z=pl.col("tests").replace_strict(quantiles, return_dtype=pl.Float64))
    low, high = stats.newcombe(now, now_of, before, before_of, pl.col("_z"))
    return rows.with_columns(difference_low=low, difference_high=high).drop("_z")


def add_verdicts(counts: pl.DataFrame, margin: float = MARGIN, family: str | None = None, words: Words = PERIOD_WORDS) -> pl.DataFrame:
    """Add the columns of `add_ranges` and `verdict`, which is null where the figure follows from how the sides were chosen."""
    rows = add_ranges(counts, family).with_columns(_base=stats.ratio(pl.col("before"), pl.col("before_of")))
    bounds = {f"_{end}": pl.when("is_tested").then(f"difference_{end}") for end in ("low", "high")}
    judged = _with_verdict(rows.with_columns(**bounds), margin, words).drop("_base", *bounds)
    return judged.with_columns(verdict=pl.when(~pl.col("is_given")).then("verdict")) if "is_given" in counts.columns else judged


def difference_verdict(before: float, bounds: tuple[float, float] | None, margin: float, words: Words = PERIOD_WORDS) -> str:
    """Return the verdict on one difference with these bounds (None if they are unknown), relative to the value `before`."""
    if bounds is None or before <= 0:
        return CANNOT_TELL
    row = pl.DataFrame({"_base": [before], "_low": [bounds[0]], "_high": [bounds[1]]})
    verdict: str = _with_verdict(row, margin, words)["verdict"][0]
    return verdict


def _with_verdict(rows: pl.DataFrame, margin: float, words: Words) -> pl.DataFrame:
    """Add the `verdict` on the bounds `_low, _high`, relative to `_base`; null bounds mean `cannot tell`."""
    base, low, high = pl.col("_base"), pl.col("_low"), pl.col("_high")
    is_within = (base > 0) & (low >= -margin * base) & (high <= margin * base)
    rules = {words.more: low > 0, words.less: high < 0, words.unchanged(margin): is_within}
    verdict = pl.coalesce(*(pl.when(holds).then(pl.lit(name)) for name, holds in rules.items()), pl.lit(CANNOT_TELL))
    return rows.with_columns(verdict=verdict)


def has_enough_data(row: Mapping[str, Any]) -> bool:
    """Return whether a row of `before, before_of, now, now_of` has enough data for a verdict."""
    return bool(row["before"] + row["now"] >= MIN_CONVERSIONS and min(row["before_of"], row["now_of"]) >= MIN_SESSIONS)


def rose(verdict: str | None) -> bool:
    """Return whether a verdict is `rose` or `higher`."""
    return verdict in {PERIOD_WORDS.more, GROUP_WORDS.more}


def fell(verdict: str | None) -> bool:
    """Return whether a verdict is `fell` or `lower`."""
    return verdict in {PERIOD_WORDS.less, GROUP_WORDS.less}


def moved(verdict: str | None) -> bool:
    """Return whether a verdict is that a figure differs."""
    return rose(verdict) or fell(verdict)


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
        .with_columns(pl.col("part", "whole", "number").cast(pl.Int64))
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
