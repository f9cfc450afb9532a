"""Running counts and neighbours within a session or a visitor.

Every function needs a frame in which the rows of a group are consecutive and in the order of hits. Fills and cumulative sums over the whole column
then replace window functions, in a tenth of the time.
"""

from __future__ import annotations

import polars as pl


def running_count(matches: pl.Expr, group: str) -> pl.Expr:
    """Return the number of matching rows in the group up to and including this one, as UInt32."""
    return running_sum(matches.cast(pl.UInt32), group)


def running_sum(number: pl.Expr, group: str) -> pl.Expr:
    """Return the sum of whole numbers in the group up to and including this row."""
    total = number.cum_sum()
    return total - pl.when(_starts_group(group)).then(total - number).forward_fill()


def is_nth(matches: pl.Expr, number: int, group: str) -> pl.Expr:
    """Return whether this is the group's `number`-th matching row."""
    return matches & (running_count(matches, group) == number)


def previous(value: pl.Expr, group: str) -> pl.Expr:
    """Return the value in the previous row of the group, or null in the group's first row."""
    return pl.when(~_starts_group(group)).then(value.shift(1))


def previous_group(value: pl.Expr, number: int, group: str, whole: str) -> pl.Expr:
    """Return `value` at the start of the `number`-th previous group in the same whole (such as a visitor's earlier session), or null.

    The result is meaningless for rows that belong to no group.
    """
    begins = _starts_group(group) & pl.col(group).is_not_null()
    place = pl.when(running_count(begins, whole) > number).then(begins.cast(pl.Int64).cum_sum() - 1 - number)
    return value.filter(begins).gather(place)


def last_matching(value: pl.Expr, matches: pl.Expr, group: str) -> pl.Expr:
    """Return the value in the last matching row before this one in the group, or null if there is none."""
    last_value = pl.when(matches).then(value).forward_fill().shift(1)
    last_group = pl.when(matches).then(group).forward_fill().shift(1)
    return pl.when(last_group == pl.col(group)).then(last_value)


def _starts_group(group: str) -> pl.Expr:
    """Return whether this is the first row of a group."""
    return pl.col(group).ne_missing(pl.col(group).shift(1)).fill_null(value=True)
