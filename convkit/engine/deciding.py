"""The cells of all lines -> hits whose fate is known, and their sessions.

It stands alone because each of these steps looks at what the one before has found out about all hits, and must have it in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import schema
from convkit.core.collect import collect_frame
from convkit.core.schema import SESSION_KEY
from convkit.ingest.log_data import NO_GLOBAL_FACTS
from convkit.sessions import sessionize
from convkit.traffic import attributes, bots, events
from convkit.traffic import hits as traffic_hits
from convkit.traffic import visitors as traffic_visitors
from convkit.traffic.hits import sort_hits

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.core.model import Goals
    from convkit.ingest.log_data import GlobalFacts


def visitors(cells: pl.DataFrame, goals: Goals, mode: str, needed: Collection[str] = (), whole: GlobalFacts = NO_GLOBAL_FACTS) -> pl.DataFrame:
    """Tell visitors; what several queries ask of is collected first, or each would compute it again."""
    found = collect_frame(traffic_visitors.distinct_clients(cells.lazy()), cells.height)
    told = traffic_visitors.identify(found.lazy(), goals.site, mode, with_device=schema.DEVICE_FIELD in needed, has_assets=whole.has_assets)
    return collect_frame(told, found.height)


def settled(  # noqa: PLR0913, PLR0917 (every choice of a run tells of hits)
    cells: pl.DataFrame, visitors: pl.DataFrame, goals: Goals, mode: str, needed: Collection[str] = (), whole: GlobalFacts = NO_GLOBAL_FACTS
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the hits that agents alone do not settle, with their `fate`, and what became of all (`hits.dropped_fate_rows`).

    By all that visitors sent, whatever the period, they are bots or people. Where the `needed` facts of sessions are told by them, hits have
    `referrer` and `sent_query`.
    """
    decided = _decided(cells, visitors, goals, needed, whole)
    early = collect_frame(traffic_hits.dropped_fate_rows(decided.lazy(), mode, goals), decided.height)
    # Of all hits at once, one frame less is a tenth of the memory.
    decided = decided.filter(~traffic_hits.is_dropped_by_agent(mode))
    decided = sort_hits(decided)
    kinds = collect_frame(traffic_hits.add_kinds(decided.lazy(), goals), decided.height)
    del decided
    is_of_log = pl.col("event").is_null()
    open_cases = kinds.lazy().filter(is_of_log & pl.col("bot").is_null() & ~pl.col("spared") & ~traffic_hits.is_plain_asset())
    hits = traffic_hits.add_fates(bots.add_reasons(kinds, collect_frame(bots.behaviour_reasons(open_cases), kinds.height)), mode)
    return hits, pl.concat([early, traffic_hits.fate_rows(hits, goals)])


def everything(cells: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Return the hits of all lines, with their `kind`, `fate` and `reason`: where bots are looked at alone, who is one is told of all hits."""
    return settled(cells, visitors(cells, goals, "only"), goals, "only")[0]


def _decided(cells: pl.DataFrame, visitors: pl.DataFrame, goals: Goals, needed: Collection[str], whole: GlobalFacts) -> pl.DataFrame:
    """Decide on the lines that are records."""
    records = events.add_missing_columns(cells.filter(pl.col("problem").is_null()))
    told = events.describe_events(records, goals, traffic_hits.tested_columns(goals), names_pages=whole.names_pages)
    targets = collect_frame(traffic_hits.distinct_requests(records.lazy(), goals, needed), records.height)
    decided = traffic_hits.from_records(records.lazy(), visitors.lazy(), targets.lazy(), told, goals)
    return collect_frame(decided.drop({attributes.REFERRER} - {*schema.texts_needed(needed)}, strict=False), records.height)


def sessionized(looked_at: pl.DataFrame, goals: Goals) -> pl.LazyFrame:
    """Cut sessions; where preferred rules tell visitors, once by address and browser to find whose they are, then by those rules."""
    preferred = traffic_visitors.rule_columns(goals.site.preferred_rules)
    is_known = pl.any_horizontal(pl.lit(value=False), *(pl.col(name) != pl.col("visitor") for name in preferred))
    known = looked_at.filter(is_known).select("visitor", *preferred)
    hits = looked_at.lazy()
    if known.height:
        has_one = pl.col("visitor").is_in(pl.concat(list(known)).unique().implode())
        handed = collect_frame(
            sessionize.assign_preferred_visitors(_cut(hits.filter(has_one), goals), preferred).drop("session", "started"), looked_at.height
        )
        named = traffic_hits.add_kinds(sort_hits(handed).lazy(), goals)
        hits = pl.concat([hits.filter(~has_one), named.select(looked_at.columns)])
        hits = collect_frame(hits, looked_at.height).lazy()
    return sessionize.exclude_pageless(_cut(hits.drop(preferred), goals)).drop(SESSION_KEY, strict=False)


def _cut(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Cut sessions by the timeout, or by the export's own sessions where they are asked for."""
    by_gaps = sessionize.cut_by_gaps(hits, goals.site.session_timeout)
    return sessionize.cut_by_keys(by_gaps) if schema.SESSION_ROLE in goals.site.columns else by_gaps
