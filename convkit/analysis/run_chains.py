"""The chains of a run: for each funnel, the sessions that may enter it, its hits, and the chains found in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from convkit.analysis import exposure
from convkit.core.collect import collect_frames, materialize
from convkit.funnels import chains as funnels_chains
from convkit.goals import filters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from convkit.core.model import Funnel, Goals


class FunnelChains(NamedTuple):
    """For each funnel, in the order of the goals file: the sessions that may enter it, its hits, and its chains that begin in the period."""

    entering: list[pl.LazyFrame]
    hits: list[pl.LazyFrame]
    chains: list[pl.LazyFrame]


def find_chains(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals) -> FunnelChains:
    """Return the chains of matched hits (`inside` marks the period) and of the sessions in the period."""
    frame, funnels, collected = hits.lazy(), goals.funnels, partial(collected_frames, size=hits.height)
    entering = collected(_entering_sessions(hits, table, goals, funnel) for funnel in funnels)
    hits_of = [_funnel_hits(frame, sessions, goals, funnel) for sessions, funnel in zip(entering, funnels, strict=True)]
    fitting = collected(funnels_chains.fitting_hits(funnel_hits, funnel) for funnel_hits, funnel in zip(hits_of, funnels, strict=True))
    chains = materialize(funnels_chains.best_chains(fits, funnel).filter("inside") for fits, funnel in zip(fitting, funnels, strict=True))
    return FunnelChains(entering, hits_of, chains)


def collected_frames(queries: Iterable[pl.LazyFrame], size: int) -> list[pl.LazyFrame]:
    """Collect frames that several queries use, one frame per funnel."""
    return [frame.lazy() for frame in collect_frames(queries, size)]


def _entering_sessions(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, funnel: Funnel) -> pl.LazyFrame:
    """Return `session, visitor` of the sessions that are allowed to enter a funnel."""
    conditions, sessions = filters.parse_filters(funnel.where, goals), exposure.without_several(table.lazy(), funnel, goals)
    return filters.filter_sessions(sessions, exposure.hits_of_sessions(hits, table), goals, conditions).select("session", "visitor")


def _funnel_hits(hits: pl.LazyFrame, entering: pl.LazyFrame, goals: Goals, funnel: Funnel) -> pl.LazyFrame:
    """Return the hits of a funnel; if it has conditions, `enters` says whether they belong to one of the sessions that may enter it."""
    return filters.add_enters(exposure.without_earlier(hits, funnel, goals), entering) if funnel.where else hits
