"""Conditions made of any number of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable


def any_of(conditions: Iterable[pl.Expr | str]) -> pl.Expr:
    """Return whether one of the conditions, given as expressions or names of columns, is true.

    Without any, this is a bare literal: if a function of literals alone occurs twice in a query, Polars no longer runs the query in parallel.
    """
    given = list(conditions)
    return pl.any_horizontal(given) if given else pl.lit(value=False)
