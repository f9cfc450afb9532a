"""Rose, fell, did not move, or cannot tell: the four verdicts, decided in one place.

It stands alone because whatever compares says the same words by the same rule: the cautious end of the likely range, relative to the rate before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import stats

if TYPE_CHECKING:
    from collections.abc import Mapping

MARGIN = 0.1
"""How much may pass for no movement, relative to the rate before, where `site.margin` says nothing else."""
FEWEST_CONVERSIONS, FEWEST = 10, 30
"""On both sides together, and sessions on each side, for any answer."""
CANNOT_TELL = "cannot tell"
_ROSE, _FELL = "rose", "fell"
_LEAST = 0.0001
"""The smallest movement that is called one."""
_MOST = 1e9


def judged(counts: pl.DataFrame, margin: float = MARGIN) -> pl.DataFrame:
    """Add `difference_low`, `difference_high` and `verdict` to rows of `now, now_of, before, before_of`.

    A rate before of 0 is held for as much as it may be at most.
    """
    now, now_of, before, before_of = (pl.col(name) for name in ("now", "now_of", "before", "before_of"))
    low, high = stats.newcombe(now, now_of, before, before_of)
    at_most = stats.wilson(before, before_of)[1]
    are_enough = (now + before >= FEWEST_CONVERSIONS) & (now_of >= FEWEST) & (before_of >= FEWEST)
    # Stage by stage: an expression that stands in another many times is a large one, and would be looked through at every run.
    rows = counts.with_columns(difference_low=low, difference_high=high, _base=pl.when(before > 0).then(before / before_of).otherwise(at_most))
    bounds = {f"_{end}": pl.when(are_enough).then(f"difference_{end}") for end in ("low", "high")}
    return _decided(rows.with_columns(**bounds), margin).drop("_base", *bounds)


def told(before: float, bounds: tuple[float, float] | None, margin: float) -> str:
    """Return the verdict on one difference with these bounds; None where there are none. `before` is what it is relative to."""
    if bounds is None or before <= 0:
        return CANNOT_TELL
    row = pl.DataFrame({"_base": [before], "_low": [bounds[0]], "_high": [bounds[1]]})
    words: str = _decided(row, margin)["verdict"][0]
    return words


def _decided(rows: pl.DataFrame, margin: float) -> pl.DataFrame:
    """Add the `verdict` on bounds `_low, _high`, relative to `_base`, which is above 0; null bounds cannot be told."""
    base, rise, fall = pl.col("_base"), pl.col("_rise"), pl.col("_fall")
    # Where nothing moved it is written out all the same, and what is no number has no digits.
    percent = (pl.max_horizontal(rise, fall) * 100).clip(_LEAST * 100, _MOST * 100)
    verdict = (
        pl.when(rise >= _LEAST)
        .then(pl.format(f"{_ROSE}, by at least {{}}%", "_percent"))
        .when(fall >= _LEAST)
        .then(pl.format(f"{_FELL}, by at least {{}}%", "_percent"))
        .when((rise >= -margin) & (fall >= -margin))
        .then(pl.lit(f"did not move by more than {margin * 100:g}%"))
        .otherwise(pl.lit(CANNOT_TELL))
    )
    staged = rows.with_columns(_rise=pl.col("_low") / base, _fall=-pl.col("_high") / base).with_columns(_percent=percent)
    return staged.with_columns(_percent=_cautious(pl.col("_percent"))).with_columns(verdict=verdict).drop("_rise", "_fall", "_percent")


def is_enough(row: Mapping[str, Any]) -> bool:
    """Tell whether a row of `before, before_of, now, now_of` has enough for any answer."""
    return bool(row["before"] + row["now"] >= FEWEST_CONVERSIONS and min(row["before_of"], row["now_of"]) >= FEWEST)


def rose(words: str | None) -> bool:
    """Tell whether a verdict is that something rose."""
    return words is not None and words.startswith(_ROSE)


def fell(words: str | None) -> bool:
    """Tell whether a verdict is that something fell."""
    return words is not None and words.startswith(_FELL)


def moved(words: str | None) -> bool:
    """Tell whether a verdict is that something rose or fell."""
    return rose(words) or fell(words)


def _cautious(percent: pl.Expr) -> pl.Expr:
    """Return a movement in percent, rounded down: whole from 1 % on, and two significant digits at most."""
    digit = pl.lit(10.0).pow(percent.log10().floor() - 1)
    whole = pl.when(percent < 10).then(percent.floor()).otherwise((percent / digit).floor() * digit)  # noqa: PLR2004 (where a figure has two digits)
    small = pl.when(percent < 0.1).then((percent * 1000).floor() / 1000).otherwise((percent * 100).floor() / 100)  # noqa: PLR2004 (as above)
    return pl.when(percent >= 1).then(whole.round().cast(pl.Int64).cast(pl.String)).otherwise(small.round(3).cast(pl.String))
