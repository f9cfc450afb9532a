"""Matched hits and sessions -> the tallies of reports, ready to be added.

It stands alone because a part of the visitors is tallied as the whole is: in one piece, or part by part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import funnels, plugins, visitor_ids
from convkit.analysis import Analysis
from convkit.collecting import all_collected, collected
from convkit.departures import behind, departures, looked_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from convkit.definitions import Goals
    from convkit.documents import Tallies


def prepare(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, ends: datetime | None, identities: pl.LazyFrame) -> Analysis:
    """Return the analysis of some visitors' matched hits and sessions, their chains found; `identities` may know of more visitors."""
    frame, names = hits.lazy(), [funnel.name for funnel in goals.funnels]

    def at_hand(queries: Iterable[pl.LazyFrame]) -> list[pl.LazyFrame]:
        """Collect frames that several queries are built on."""
        return [found.lazy() for found in all_collected(queries, hits.height)]

    chains = dict(zip(names, at_hand(funnels.chains(frame, funnel).filter("inside") for funnel in goals.funnels), strict=True))
    seen = at_hand(looked_at(frame, funnel) for funnel in goals.funnels)
    at = list(zip(seen, chains.values(), goals.funnels, strict=True))
    later = at_hand(behind(pages, found, funnel) for pages, found, funnel in at)
    went = at_hand(departures(pages, rows, found, funnel) for rows, (pages, found, funnel) in zip(later, at, strict=True))
    return Analysis(frame, hits.height, table.lazy(), chains, dict(zip(names, went, strict=True)), goals, ends, identities)


def tally(analysis: Analysis, reports: Sequence[str]) -> Tallies:
    """Return the tallies of some reports, in which a column `visitor` holds ids that may be shown."""
    wanted = [(report, name, frame) for report in reports for name, frame in plugins.load("reports", report).tally(analysis).items()]
    tallies: Tallies = {report: {} for report in reports}
    for (report, name, _), frame in zip(wanted, all_collected([frame for _, _, frame in wanted], analysis.size), strict=True):
        tallies[report][name] = _with_ids(frame, analysis.identities) if "visitor" in frame.columns else frame
    return tallies


def _with_ids(tally: pl.DataFrame, identities: pl.LazyFrame) -> pl.DataFrame:
    """Put an id in the place of every visitor's number: ids are made of visitors that are shown, and of no others."""
    shown = collected(identities.join(tally.lazy().select("visitor").unique(), on="visitor", how="semi"), tally.height)
    ids = pl.DataFrame({"visitor": shown["visitor"], "id": pl.Series(visitor_ids.of(shown["identity"]), dtype=pl.String)})
    return tally.join(ids, on="visitor", how="left", maintain_order="left").with_columns(visitor="id").drop("id")
