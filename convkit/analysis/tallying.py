"""Matched hits and sessions -> the tallies of reports, ready to be added.

It stands alone because a part of the visitors is tallied as the whole is: in one piece, or part by part.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.analysis import Analysis
from convkit.analysis.split_tables import VALUES
from convkit.analysis.splits import BY
from convkit.core import plugins
from convkit.core.collecting import all_at_hand, all_collected, collected
from convkit.funnels import funnels, other_ways
from convkit.funnels.departures import behind, departures, looked_at
from convkit.goals import questions
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from convkit.core.definitions import Funnel, Goals
    from convkit.engine.documents import Tallies


def prepare(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, ends: datetime | None, identities: pl.LazyFrame) -> Analysis:
    """Return the analysis of some visitors' matched hits and sessions, their chains found; `identities` may know of more visitors."""
    names = [funnel.name for funnel in goals.funnels]

    at_hand = partial(_at_hand, size=hits.height)
    frame, entering = hits.lazy(), at_hand(_entering(hits, table, goals, funnel) for funnel in goals.funnels)
    of_funnel = [questions.entered(frame, sessions) if funnel.where else frame for sessions, funnel in zip(entering, goals.funnels, strict=True)]
    fitting = at_hand(funnels.fitting(mine, funnel) for mine, funnel in zip(of_funnel, goals.funnels, strict=True))
    chains = all_at_hand(funnels.best(fits, funnel).filter("inside") for fits, funnel in zip(fitting, goals.funnels, strict=True))
    del fitting
    last = at_hand(other_ways.of_last(mine, funnel) for mine, funnel in zip(of_funnel, goals.funnels, strict=True))
    ways = all_at_hand(other_ways.ways(mine, found, funnel) for mine, found, funnel in zip(last, chains, goals.funnels, strict=True))
    went = _departures(frame, chains, goals, hits.height)
    chains_of, went_of, ways_of, entering_of = (dict(zip(names, found, strict=True)) for found in (chains, went, ways, entering))
    return Analysis(frame, hits.height, table.lazy(), chains_of, went_of, ways_of, entering_of, goals, ends, identities)


def _departures(hits: pl.LazyFrame, chains: Sequence[pl.LazyFrame], goals: Goals, size: int, by: tuple[str, ...] = ()) -> list[pl.LazyFrame]:
    """Return where they went, a frame a funnel; what several queries look at is collected between the stages."""
    seen = _at_hand((looked_at(hits, funnel) for funnel in goals.funnels), size)
    at = list(zip(seen, chains, goals.funnels, strict=True))
    later = _at_hand((behind(pages, found, funnel, by) for pages, found, funnel in at), size)
    return _at_hand((departures(pages, rows, found, funnel, by) for rows, (pages, found, funnel) in zip(later, at, strict=True)), size)


def _at_hand(queries: Iterable[pl.LazyFrame], size: int) -> list[pl.LazyFrame]:
    """Collect frames, one a funnel, that several queries are built on."""
    return [found.lazy() for found in all_collected(queries, size)]


def _entering(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, funnel: Funnel) -> pl.LazyFrame:
    """Return `session, visitor` of the sessions that may enter a funnel."""
    asked = questions.parse(funnel.where, goals)
    return questions.kept(table.lazy(), hits.lazy().filter("inside"), goals, asked).select("session", "visitor")


def split_by(analysis: Analysis, values: pl.DataFrame) -> Analysis:
    """Return the analysis split by `values` (`session, by`), which may know of more sessions."""
    split, known = replace(analysis, by=(BY,), values=values.lazy()), analysis.goals.funnels
    # A chain belongs to the session of its first hit: a visitor's sessions are numbered as they follow each other.
    first = [pl.min_horizontal(f"session{number}" for number in funnel.numbers) for funnel in known]
    began = (analysis.chains[funnel.name].with_columns(began=session) for funnel, session in zip(known, first, strict=True))
    chains = _at_hand((split.split(found, "began") for found in began), analysis.size)
    went = _departures(analysis.hits, chains, analysis.goals, analysis.size, split.by)
    names = [funnel.name for funnel in known]
    return replace(split, chains=dict(zip(names, chains, strict=True)), departures=dict(zip(names, went, strict=True)))


def tally(analysis: Analysis, reports: Sequence[str]) -> Tallies:
    """Return the tallies of some reports, in which a column `visitor` holds ids that may be shown."""
    wanted = [(report, name, frame) for report in reports for name, frame in _tallies(analysis, report).items()]
    tallies: Tallies = {report: {} for report in reports}
    for (report, name, _), frame in zip(wanted, all_collected([frame for _, _, frame in wanted], analysis.size), strict=True):
        tallies[report][name] = _with_ids(frame, analysis.identities) if "visitor" in frame.columns else frame
    return tallies


def _tallies(analysis: Analysis, report: str) -> dict[str, pl.LazyFrame]:
    """Return the tallies of a report; where they are split, with how many sessions each value has."""
    found: dict[str, pl.LazyFrame] = plugins.load("reports", report).tally(analysis)
    if not analysis.by:
        return found
    return {VALUES: analysis.summed(analysis.split(analysis.sessions), sessions=pl.len().cast(pl.Int64)), **found}


def _with_ids(tally: pl.DataFrame, identities: pl.LazyFrame) -> pl.DataFrame:
    """Put an id in the place of every visitor's number: ids are made of visitors that are shown, and of no others."""
    shown = collected(identities.join(tally.lazy().select("visitor").unique(), on="visitor", how="semi"), tally.height)
    ids = pl.DataFrame({"visitor": shown["visitor"], "id": pl.Series(visitor_ids.of(shown["identity"]), dtype=pl.String)})
    return tally.join(ids, on="visitor", how="left", maintain_order="left").with_columns(visitor="id").drop("id")
