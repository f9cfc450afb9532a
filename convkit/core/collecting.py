"""Queries -> frames in memory, by the engine that suits their size, and in one piece.

It stands alone because a report on a small log is a hundred queries that take no time: starting the streaming engine's threads for each takes longer
than they do; and because what streams comes in a hundred pieces, from which gathering rows takes five times as long, and more memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

_FEW = 200_000
"""Rows below which the engine that works on whole frames is the faster one."""


def collected(query: pl.LazyFrame, rows: int) -> pl.DataFrame:
    """Return what a query on frames of so many rows gives."""
    return query.collect(engine=_engine(rows)).rechunk()


def all_collected(queries: Iterable[pl.LazyFrame], rows: int) -> list[pl.DataFrame]:
    """Return what several queries give, run together."""
    return [found.rechunk() for found in pl.collect_all(list(queries), engine=_engine(rows))]


def all_at_hand(queries: Iterable[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """Return what several queries give that fill and gather: of these nothing can be streamed, on however many rows."""
    return [found.lazy() for found in pl.collect_all(list(queries), engine="in-memory")]


def _engine(rows: int) -> Literal["in-memory", "streaming"]:
    return "in-memory" if rows < _FEW else "streaming"
