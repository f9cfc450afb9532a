"""The tallies of reports, computed from matched hits and sessions; those of different groups of visitors can be added up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.analysis import Analysis
from convkit.analysis.breakdown import VALUE, VALUES_TALLY
from convkit.analysis.run_chains import collected_frames, find_chains
from convkit.core import plugins
from convkit.core.collect import collect_frame, collect_frames, collect_unshared, materialize
from convkit.core.schema import OBSTACLES
from convkit.funnels import detours, points
from convkit.funnels.drop_off import drop_off_counts, viewed_hits, views_after_steps
from convkit.funnels.obstacles import met
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from convkit.core.document import Tallies
    from convkit.core.model import Goals


def build_analysis(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, ends: datetime | None, identities: pl.LazyFrame) -> Analysis:
    """Return the analysis of some visitors' matched hits and sessions, with their chains; `identities` may include other visitors as well."""
    names, frame = [funnel.name for funnel in goals.funnels], hits.lazy()
    entering, hits_of, chains = find_chains(hits, table, goals)
    last = collected_frames((detours.finisher_hits(own, funnel) for own, funnel in zip(hits_of, goals.funnels, strict=True)), hits.height)
    ways = materialize(detours.find_detours(finishers, chain, funnel) for finishers, chain, funnel in zip(last, chains, goals.funnels, strict=True))
    drop_off = _drop_off(frame, chains, goals, hits.height)
    chains_of, drop_off_of, ways_of, entering_of = (dict(zip(names, frames, strict=True)) for frames in (chains, drop_off, ways, entering))
    at_points = _points(frame, chains_of, goals)
    return Analysis(frame, hits.height, table.lazy(), chains_of, drop_off_of, at_points, ways_of, entering_of, goals, ends, identities)


def _points(
    hits: pl.LazyFrame, chains: Mapping[str, pl.LazyFrame], goals: Goals, by: tuple[str, ...] = (), values: pl.LazyFrame | None = None
) -> dict[str, pl.LazyFrame]:
    """Return the tallies of the points behind steps, if hits have obstacles."""
    if met(OBSTACLES[0]) not in hits.collect_schema():
        return {}
    stops = collect_unshared(points.stops_of(hits))
    walks = points.find_walks(collect_unshared(points.reached_steps(stops, chains, goals.funnels, by, values)), stops)
    meetings = collect_unshared(points.first_meetings(hits, walks, goals))
    names = ("points", "met")
    return dict(zip(names, materialize([points.tally_points(walks, stops, by), points.tally_met(meetings, stops, by)]), strict=True))


def _drop_off(hits: pl.LazyFrame, chains: Sequence[pl.LazyFrame], goals: Goals, size: int, by: tuple[str, ...] = ()) -> list[pl.LazyFrame]:
    """Return one frame per funnel that shows where visitors went next; frames that several queries use are collected in between."""
    views = collected_frames((viewed_hits(hits, funnel) for funnel in goals.funnels), size)
    at = list(zip(views, chains, goals.funnels, strict=True))
    later = collected_frames((views_after_steps(pages, chain, funnel, by) for pages, chain, funnel in at), size)
    return collected_frames((drop_off_counts(pages, rows, chain, funnel, by) for rows, (pages, chain, funnel) in zip(later, at, strict=True)), size)


def break_down(analysis: Analysis, values: pl.DataFrame) -> Analysis:
    """Return the analysis split by `values` (`session, by`), which may include other sessions as well."""
    split, funnels = replace(analysis, by=(VALUE,), values=values.lazy()), analysis.goals.funnels
    # A chain belongs to the session of its first hit, which is the one with the lowest number: a visitor's sessions are numbered in order.
    first = [pl.min_horizontal(f"session{number}" for number in funnel.numbers) for funnel in funnels]
    began = (analysis.chains[funnel.name].with_columns(began=session) for funnel, session in zip(funnels, first, strict=True))
    chains = collected_frames((split.split(chain, "began") for chain in began), analysis.size)
    drop_off = _drop_off(analysis.hits, chains, analysis.goals, analysis.size, split.by)
    chains_of, drop_off_of = (dict(zip((funnel.name for funnel in funnels), frames, strict=True)) for frames in (chains, drop_off))
    at_points = _points(analysis.hits, chains_of, analysis.goals, split.by, split.values)
    return replace(split, chains=chains_of, drop_off=drop_off_of, points=at_points)


def tally(analysis: Analysis, reports: Sequence[str]) -> Tallies:
    """Return the tallies of these reports; if they have a column of `visitor_ids.ID_COLUMNS`, it holds IDs that may be shown."""
    frames = [(report, name, frame) for report in reports for name, frame in _report_tallies(analysis, report).items()]
    tallies: Tallies = {report: {} for report in reports}
    for (report, name, _), frame in zip(frames, collect_frames([frame for _, _, frame in frames], analysis.size), strict=True):
        tallies[report][name] = _with_ids(frame, analysis)
    return tallies


def _report_tallies(analysis: Analysis, report: str) -> dict[str, pl.LazyFrame]:
    """Return the tallies of a report, and in a breakdown also the number of sessions per value."""
    tallies: dict[str, pl.LazyFrame] = plugins.load("reports", report).tally(analysis)
    if not analysis.by:
        return tallies
    return {VALUES_TALLY: analysis.summed(analysis.split(analysis.sessions), sessions=pl.len().cast(pl.Int64)), **tallies}


def _with_ids(tally: pl.DataFrame, analysis: Analysis) -> pl.DataFrame:
    """Replace each visitor's number with an ID; IDs are computed only for the visitors in the tally."""
    for column in (name for name in visitor_ids.ID_COLUMNS if name in tally.columns):
        numbers = tally.lazy().select(visitor=column).unique()
        shown = collect_frame(analysis.identities.join(numbers, on="visitor", how="semi"), tally.height)
        texts = visitor_ids.ids_of(column, shown["identity"].to_list(), analysis.goals.site.visitor_rules)
        ids = pl.DataFrame({column: shown["visitor"], "id": pl.Series(texts, dtype=pl.String)})
        tally = tally.join(ids, on=column, how="left", maintain_order="left").with_columns(pl.col("id").alias(column)).drop("id")
    return tally
