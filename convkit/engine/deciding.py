"""The cells of all lines -> hits whose fate is known, and their sessions.

It stands alone because each of these steps looks at what the one before has found out about all hits, and must have it in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import facts, schema
from convkit.core.collecting import collected
from convkit.core.schema import SESSION_KEY
from convkit.ingest.whole import ALL_AT_HAND
from convkit.sessions import session_keys, sessions
from convkit.traffic import askers, behaviour, events, identities, referrers, traffic
from convkit.traffic.hit_order import in_order

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.core.definitions import Goals
    from convkit.ingest.whole import Whole


def visitors(cells: pl.DataFrame, goals: Goals, mode: str, needed: Collection[str] = (), whole: Whole = ALL_AT_HAND) -> pl.DataFrame:
    """Tell visitors; what several queries ask of is collected first, or each would compute it again."""
    found = collected(askers.askers(cells.lazy()), cells.height)
    told = askers.visitors(found.lazy(), goals.site, mode, with_device=facts.DEVICE in needed, has_assets=whole.has_assets)
    return collected(told, found.height)


def settled(  # noqa: PLR0913, PLR0917 (every choice of a run tells of hits)
    cells: pl.DataFrame, visitors: pl.DataFrame, goals: Goals, mode: str, needed: Collection[str] = (), whole: Whole = ALL_AT_HAND
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the hits that agents alone do not settle, with their `fate`, and what became of all (`traffic.told`).

    By all that visitors sent, whatever the period, they are bots or people. Where the `needed` facts of sessions are told by them, hits have
    `referrer` and `sent_query`.
    """
    decided = _decided(cells, visitors, goals, needed, whole)
    early = collected(traffic.told(decided.lazy(), mode, goals), decided.height)
    # Of all hits at once, one frame less is a tenth of the memory.
    decided = decided.filter(~traffic.is_told(mode))
    decided = in_order(decided)
    kinds = collected(traffic.name_kinds(decided.lazy(), goals), decided.height)
    del decided
    is_of_log = pl.col("event").is_null()
    open_cases = kinds.lazy().filter(is_of_log & pl.col("bot").is_null() & ~pl.col("spared") & ~traffic.is_plain_asset())
    hits = traffic.settle(behaviour.judge(kinds, collected(behaviour.reasons(open_cases), kinds.height)), mode)
    return hits, pl.concat([early, traffic.met(hits, goals)])


def everything(cells: pl.DataFrame, goals: Goals) -> pl.DataFrame:
    """Return the hits of all lines, with their `kind`, `fate` and `reason`: where bots are looked at alone, who is one is told of all hits."""
    return settled(cells, visitors(cells, goals, "only"), goals, "only")[0]


def _decided(cells: pl.DataFrame, visitors: pl.DataFrame, goals: Goals, needed: Collection[str], whole: Whole) -> pl.DataFrame:
    """Decide on the lines that are records."""
    records = events.complete(cells.filter(pl.col("problem").is_null()))
    told = events.tell(records, goals, traffic.tested_columns(goals), names_pages=whole.names_pages)
    targets = collected(traffic.targets(records.lazy(), goals, needed), records.height)
    decided = traffic.decide(records.lazy(), visitors.lazy(), targets.lazy(), told, goals)
    return collected(decided.drop({referrers.COLUMN} - {*facts.texts(needed)}, strict=False), records.height)


def sessionized(looked_at: pl.DataFrame, goals: Goals) -> pl.LazyFrame:
    """Cut sessions; where preferred rules tell visitors, once by address and browser to find whose they are, then by those rules."""
    preferred = identities.columns(goals.site.preferred_rules)
    is_known = pl.any_horizontal(pl.lit(value=False), *(pl.col(name) != pl.col("visitor") for name in preferred))
    known = looked_at.filter(is_known).select("visitor", *preferred)
    hits = looked_at.lazy()
    if known.height:
        has_one = pl.col("visitor").is_in(pl.concat(list(known)).unique().implode())
        handed = collected(sessions.hand_over(_cut(hits.filter(has_one), goals), preferred).drop("session", "started"), looked_at.height)
        named = traffic.name_kinds(in_order(handed).lazy(), goals)
        hits = pl.concat([hits.filter(~has_one), named.select(looked_at.columns)])
        hits = collected(hits, looked_at.height).lazy()
    return sessions.set_aside(_cut(hits.drop(preferred), goals)).drop(SESSION_KEY, strict=False)


def _cut(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Cut sessions by the timeout, or by the export's own sessions where they are asked for."""
    by_gaps = sessions.cut(hits, goals.site.session_timeout)
    return session_keys.cut(by_gaps) if schema.SESSION_ROLE in goals.site.columns else by_gaps
