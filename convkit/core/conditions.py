"""Conditions made of any number of others, and changes made under a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def any_of(conditions: Iterable[pl.Expr | str]) -> pl.Expr:
    """Return whether one of the conditions, given as expressions or names of columns, is true.

    Without any, this is a bare literal: if a function of literals alone occurs twice in a query, Polars no longer runs the query in parallel.
    """
    given = list(conditions)
    return pl.any_horizontal(given) if given else pl.lit(value=False)


def change_where(text: pl.Expr, condition: Callable[[pl.Expr], pl.Expr], change: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return text, with a change to the values for which a condition holds.

    Only these values are changed at all. Elsewhere, under `pl.when`, Polars would also work on those that the condition has turned into nulls.
    """

    def changed(texts: pl.Series) -> pl.Series:
        rows = texts.to_frame("text").select(condition(pl.col("text")).arg_true()).to_series()
        if rows.is_empty():
            return texts
        return texts.scatter(rows, texts.gather(rows).to_frame("text").select(change(pl.col("text"))).to_series())

    return text.map_batches(changed, return_dtype=pl.String, is_elementwise=True)
