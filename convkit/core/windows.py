"""Running counts and neighbours within a session or a visitor.

It stands alone because depth, first matches and repeats are all of this kind. Every function asks for a frame in which the rows of a group stand
together, in the order of hits: then a fill or a sum over the whole column does what a window function does, in a tenth of the time.
"""

from __future__ import annotations

import polars as pl


def running(fits: pl.Expr, group: str) -> pl.Expr:
    """Return how many fitting rows the group has up to and including this one, as UInt32."""
    number = fits.cast(pl.UInt32)
    total = number.cum_sum()
    return total - pl.when(_begins(group)).then(total - number).forward_fill()


def is_nth(fits: pl.Expr, number: int, group: str) -> pl.Expr:
    """Tell the group's `number`-th fitting row."""
    return fits & (running(fits, group) == number)


def before(value: pl.Expr, group: str) -> pl.Expr:
    """Return the value of the group's row before, null at its first."""
    return pl.when(~_begins(group)).then(value.shift(1))


def group_before(value: pl.Expr, number: int, group: str, whole: str) -> pl.Expr:
    """Return what `value` was where the `number`-th group before this one began in the same whole, as a visitor's session; null where there is none.

    Rows of no group are none of them, and what they get means nothing.
    """
    begins = _begins(group) & pl.col(group).is_not_null()
    place = pl.when(running(begins, whole) > number).then(begins.cast(pl.Int64).cum_sum() - 1 - number)
    return value.filter(begins).gather(place)


def last_seen(value: pl.Expr, fits: pl.Expr, group: str) -> pl.Expr:
    """Return the value of the last fitting row before this one in the group, null where there is none."""
    seen = pl.when(fits).then(value).forward_fill().shift(1)
    of_group = pl.when(fits).then(group).forward_fill().shift(1)
    return pl.when(of_group == pl.col(group)).then(seen)


def _begins(group: str) -> pl.Expr:
    """Tell the first row of a group."""
    return pl.col(group).ne_missing(pl.col(group).shift(1)).fill_null(value=True)
