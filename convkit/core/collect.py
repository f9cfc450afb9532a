"""Collecting lazy frames: with the engine that suits their size, and in one chunk.

A report on a small log is a hundred queries that take no time each: starting the streaming engine's threads for every one takes longer than the
queries. What streams comes in a hundred chunks, from which gathering rows takes five times as long, and more memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

_FEW_ROWS = 200_000
"""Rows below which the engine that works on whole frames is the faster one."""


def collect_frame(query: pl.LazyFrame, rows: int) -> pl.DataFrame:
    """Return what a query on frames of so many rows gives."""
    return query.collect(engine=_engine(rows)).rechunk()


def collect_frames(queries: Iterable[pl.LazyFrame], rows: int) -> list[pl.DataFrame]:
    """Return what several queries give, run together."""
    return [found.rechunk() for found in pl.collect_all(list(queries), engine=_engine(rows))]


def materialize(queries: Iterable[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """Return what several queries give that fill and gather: of these nothing can be streamed, on however many rows."""
    return [found.lazy() for found in pl.collect_all(list(queries), engine="in-memory")]


def _engine(rows: int) -> Literal["in-memory", "streaming"]:
    return "in-memory" if rows < _FEW_ROWS else "streaming"
