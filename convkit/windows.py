"""Running counts within a session or a visitor.

It stands alone because depth, first matches and repeats are all running counts. Every function asks for a frame in the order of hits: one
sort serves all of them.
"""

from __future__ import annotations

import polars as pl


def running(fits: pl.Expr, group: str) -> pl.Expr:
    """Return how many fitting rows the group has up to and including this one, as UInt32."""
    return fits.cast(pl.UInt32).cum_sum().over(group)


def is_nth(fits: pl.Expr, number: int, group: str) -> pl.Expr:
    """Tell the group's `number`-th fitting row."""
    return fits & (running(fits, group) == number)
