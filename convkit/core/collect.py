"""Collecting lazy frames into a single chunk, with the engine that suits their size.

A report on a small log runs about a hundred tiny queries; starting the streaming engine's threads for each would take longer than the queries
themselves. Streamed results come in about a hundred chunks, and gathering rows from those takes five times as long and uses more memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FEW_ROWS = 200_000
"""Below this many rows the in-memory engine is faster than the streaming one."""

_GROUPED_AT_ONCE, _SEED = 100_000, 3
"""The number of rows of tallies that are grouped at once, and the seed of the hash by which they are divided."""


def collect_frame(query: pl.LazyFrame, rows: int) -> pl.DataFrame:
    """Return the result of a query on frames of about `rows` rows."""
    return query.collect(engine=_engine(rows)).rechunk()


def collect_frames(queries: Iterable[pl.LazyFrame], rows: int) -> list[pl.DataFrame]:
    """Return the results of several queries, run together."""
    return [frame.rechunk() for frame in pl.collect_all(list(queries), engine=_engine(rows))]


def materialize(queries: Iterable[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """Return the results of queries with fills and gathers, which cannot be streamed, whatever their size."""
    return [frame.lazy() for frame in pl.collect_all(list(queries), engine="in-memory")]


def collect_unshared(query: pl.LazyFrame) -> pl.DataFrame:
    """Return the result of a query with parts that are shorter than its frames, like the numbers of matches.

    Polars computes parts that occur twice only once, as a column, and then fails if they are too short for one.
    """
    return query.collect(engine="in-memory", optimizations=pl.QueryOptFlags(comm_subexpr_elim=False)).rechunk()


def collect_groups(rows: pl.LazyFrame, keys: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield rows, some at a time, but all rows with the same keys at once: grouping takes several times their memory. Without keys, yield all."""
    number = rows.select(pl.len()).collect().item() // _GROUPED_AT_ONCE + 1 if keys else 1
    if number == 1:
        yield rows.collect()
        return
    piece = pl.struct(keys).hash(_SEED) % number
    yield from (rows.filter(piece == place).collect() for place in range(number))


def _engine(rows: int) -> Literal["in-memory", "streaming"]:
    return "in-memory" if rows < _FEW_ROWS else "streaming"
