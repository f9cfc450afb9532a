"""The fields of filters that only funnels and obstacles show: `dropped_at` and `met` (`filters.BEHAVIOUR_FIELDS`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import exposure
from convkit.analysis.run_chains import find_chains
from convkit.core.schema import OBSTACLES
from convkit.funnels import steps
from convkit.funnels.obstacles import met

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from convkit.core.model import Goals
    from convkit.goals.filters import Filter


def behaviour_of(filters: Iterable[Filter], hits: pl.DataFrame, table: pl.DataFrame, goals: Goals) -> dict[str, pl.LazyFrame]:
    """Return `session, text` for each such field that the filters test, from matched hits (`inside` marks the period) and its sessions."""
    fields = {one.field for one in filters}
    return {field: texts_of(hits, table, goals) for field, texts_of in _TEXTS.items() if field in fields}


def _drop_offs(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals) -> pl.LazyFrame:
    """Return the steps, as FUNNEL.STEP, that a session reached without reaching the next one."""
    chains_of = dict(zip((funnel.name for funnel in goals.funnels), find_chains(hits, table, goals).chains, strict=True))
    stopped = [
        chains_of[funnel.name].filter(steps.is_dropped_at(funnel, number)).select(session=f"session{number}", text=pl.lit(name))
        for name, (funnel, number) in goals.droppable_steps.items()
    ]
    return pl.concat([_nothing(hits), *stopped])


def _obstacles(hits: pl.DataFrame, table: pl.DataFrame, _: Goals) -> pl.LazyFrame:
    """Return the obstacles that were met in a session."""
    own = exposure.hits_of_sessions(hits, table).filter(pl.col("session").is_not_null())
    return pl.concat([_nothing(hits), *(own.filter(met(name)).select("session", text=pl.lit(name)) for name in OBSTACLES)])


def _nothing(hits: pl.DataFrame) -> pl.LazyFrame:
    """Return no rows."""
    return hits.lazy().clear().select("session", text=pl.lit(""))


_TEXTS: dict[str, Callable[[pl.DataFrame, pl.DataFrame, Goals], pl.LazyFrame]] = {"dropped_at": _drop_offs, "met": _obstacles}
