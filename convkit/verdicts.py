"""Rose, fell, did not move, or cannot tell: the four verdicts, decided in one place.

It stands alone because whatever compares says the same words by the same rule: the cautious end of the likely range, relative to the rate before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import stats

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


def verdict(before: pl.Expr, low: pl.Expr, high: pl.Expr, margin: float = MARGIN) -> pl.Expr:
    """Return the verdict on a difference with the bounds `low` and `high`, in words; `before` is what it is relative to, above 0.

    Null bounds cannot be told.
    """
    rise, fall = low / before, -high / before
    return (
        pl.when(rise >= _LEAST)
        .then(pl.format(f"{_ROSE}, by at least {{}}%", _cautious(rise)))
        .when(fall >= _LEAST)
        .then(pl.format(f"{_FELL}, by at least {{}}%", _cautious(fall)))
        .when((rise >= -margin) & (fall >= -margin))
        .then(pl.lit(f"did not move by more than {margin * 100:g}%"))
        .otherwise(pl.lit(CANNOT_TELL))
    )


def of_rates(part: pl.Expr, whole: pl.Expr, other_part: pl.Expr, other_whole: pl.Expr, margin: float = MARGIN) -> pl.Expr:
    """Return the verdict on part / whole beside other_part / other_whole, the rate before; 0 before is held for as much as it may be at most."""
    low, high = stats.newcombe(part, whole, other_part, other_whole)
    before = pl.when(other_part > 0).then(other_part / other_whole).otherwise(stats.wilson(other_part, other_whole)[1])
    are_enough = (part + other_part >= FEWEST_CONVERSIONS) & (whole >= FEWEST) & (other_whole >= FEWEST)
    return verdict(before, pl.when(are_enough).then(low), pl.when(are_enough).then(high), margin)


def is_enough(row: Mapping[str, Any]) -> bool:
    """Tell whether a row of `before, before_of, now, now_of` has enough for any answer."""
    return bool(row["before"] + row["now"] >= FEWEST_CONVERSIONS and min(row["before_of"], row["now_of"]) >= FEWEST)


def told(before: float, bounds: tuple[float, float] | None, margin: float) -> str:
    """Return the verdict on one difference with these bounds; None where there are none."""
    if bounds is None or before <= 0:
        return CANNOT_TELL
    words: str = pl.select(verdict(pl.lit(before), pl.lit(bounds[0]), pl.lit(bounds[1]), margin)).item()
    return words


def rose(words: str | None) -> bool:
    """Tell whether a verdict is that something rose."""
    return words is not None and words.startswith(_ROSE)


def fell(words: str | None) -> bool:
    """Tell whether a verdict is that something fell."""
    return words is not None and words.startswith(_FELL)


def moved(words: str | None) -> bool:
    """Tell whether a verdict is that something rose or fell."""
    return rose(words) or fell(words)


def _cautious(relative: pl.Expr) -> pl.Expr:
    """Return a movement in percent, rounded down: whole from 1 % on, and two significant digits at most."""
    # Where nothing moved it is evaluated all the same, and what is no number has no digits.
    percent = (relative * 100).clip(_LEAST * 100, _MOST * 100)
    digit = pl.lit(10.0).pow(percent.log10().floor() - 1)
    whole = pl.when(percent < 10).then(percent.floor()).otherwise((percent / digit).floor() * digit)  # noqa: PLR2004 (where a figure has two digits)
    small = pl.when(percent < 0.1).then((percent * 1000).floor() / 1000).otherwise((percent * 100).floor() / 100)  # noqa: PLR2004 (as above)
    return pl.when(percent >= 1).then(whole.round().cast(pl.Int64).cast(pl.String)).otherwise(small.round(3).cast(pl.String))
