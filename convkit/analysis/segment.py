"""Segments: the sessions and hits that a run analyzes, selected by period, variant and `--where`.

All lines are matched first, because a visitor's goals may span several periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import exposure
from convkit.analysis.behaviour import behaviour_of
from convkit.core.collect import collect_frame
from convkit.core.schema import session_fields_of
from convkit.goals import filters as goals_filters
from convkit.goals import variants
from convkit.goals.filters import needed_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from convkit.analysis.periods import DateRange
    from convkit.core.crowd import Crowd
    from convkit.core.model import Goals
    from convkit.goals.filters import Filter, FilterSummary
    from convkit.goals.variants import SeveralVariants


@dataclass(frozen=True)
class Segment:
    """The sessions that a run covers: their period, what to do with bots (one of BOT_MODES), the filters, and the breakdown key.

    `session_fields` are needed in addition to the ones that the filters and the key need.
    """

    date_range: DateRange
    bots: str = "drop"
    filters: Sequence[Filter] = ()
    by: str | None = None
    session_fields: frozenset[str] = frozenset()

    @property
    def variants(self) -> frozenset[str]:
        """The names of the variants that all figures involve: those of the filters and of the key, and of the sides of a comparison."""
        fields = self.session_fields | session_fields_of([self.by, *(one.field for one in self.filters)])
        return frozenset(variants.variant_names(fields))

    def needed(self, goals: Goals) -> frozenset[str]:
        """Return the session fields that are needed."""
        return self.session_fields | session_fields_of([self.by]) | needed_fields(self.filters, goals)


@dataclass(frozen=True)
class Matched:
    """Everything in the logs after matching, before a segment is selected."""

    hits: pl.DataFrame
    """All hits that were read and matched, sorted by visitor and ORDER, with a `row` column."""
    sessions: pl.DataFrame
    """The table of all sessions."""
    visitors: pl.DataFrame
    fates: pl.DataFrame
    """The fate of every line: `time, fate, reason, user_agent, source, line_no, macro`."""
    session_fields: frozenset[str]
    """The session fields that have been worked out."""
    own_hosts: tuple[str, ...]
    """Hosts assumed to be the site's own, because none are configured."""
    crowd: Crowd
    """The visitors who cannot be told apart by their addresses, if any."""


@dataclass(frozen=True)
class Selected:
    """The hits and sessions of a segment."""

    hits: pl.DataFrame
    """All hits, with those of the segment marked `inside`."""
    sessions: pl.DataFrame
    converts: bool
    """Whether any session in the period converted, including those that the filters exclude."""
    of_variants: tuple[SeveralVariants, ...]
    where: FilterSummary | None
    in_period: int
    """The number of sessions in the period, before anything else is selected."""
    values: pl.DataFrame | None = None
    """If the filters keep no session, the values of the fields that they test (`filters.values_of`)."""


def select_segment(matched: Matched, goals: Goals, segment: Segment, begin: datetime | None, end: datetime | None) -> Selected:
    """Return the hits and sessions of a segment, whose period begins and ends at these limits."""
    filters = segment.filters
    hits = matched.hits.with_columns(inside=is_inside(begin, end))
    table = matched.sessions.filter(is_inside(begin, end, "started"))
    converts, in_period = bool(table["converted"].any()), table.height
    hits, table, of_variants = _of_one_variant(hits, table, matched, goals, segment.variants)
    kept, selected, where = _filtered(hits, table, goals, filters)
    values = _values(hits, table, goals, filters) if filters and selected.is_empty() else None
    return Selected(kept, selected, converts, of_variants, where, in_period, values)


def _values(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, filters: Sequence[Filter]) -> pl.DataFrame:
    """Return the values of the fields that filters test."""
    behaviour = behaviour_of(filters, hits, table, goals)
    return collect_frame(goals_filters.values_of(table.lazy(), exposure.hits_of_sessions(hits, table), goals, filters, behaviour), hits.height)


def is_inside(begin: datetime | None, end: datetime | None, column: str | None = None) -> pl.Expr:
    """Return whether a session or hit is in the period, judged by when the session started or, for hits without a session, by their own time."""
    when = pl.col(column) if column else pl.coalesce("started", "time")
    limits = [] if begin is None else [when >= begin.astimezone(UTC)]
    limits += [] if end is None else [when < end.astimezone(UTC)]
    return pl.all_horizontal(when.is_not_null(), *limits)


def _of_one_variant(
    hits: pl.DataFrame, table: pl.DataFrame, matched: Matched, goals: Goals, involved: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return the hits and sessions without those of visitors who saw several variants, and a summary of these visitors.

    What the others did before they were first shown their variant is left out, too. Variants that are not `involved` are tested by funnels only, and
    are left to these.
    """
    named = variants.variant_names(matched.session_fields)
    if not named:
        return hits, table, ()
    hits = exposure.mark_earlier(hits, matched.sessions, named)
    all_sessions, (table, several) = table, variants.drop_several(table, [name for name in named if name in involved])
    of_funnels = tuple(exposure.of_funnels(hits, table, goals, name) for name in named if name not in involved)
    hits, kept, several = exposure.drop_earlier(hits, table, goals, several)
    several += of_funnels
    if kept.height == all_sessions.height:
        return hits, kept, several
    left_out = pl.col("session").is_in(all_sessions.join(kept, on="session", how="anti")["session"].implode()).fill_null(value=False)
    return collect_frame(hits.lazy().with_columns(inside=pl.col("inside") & ~left_out), hits.height), kept, several


def _filtered(
    hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, filters: Sequence[Filter]
) -> tuple[pl.DataFrame, pl.DataFrame, FilterSummary | None]:
    """Return the hits and sessions that pass the filters, and a summary of the filters."""
    if not filters:
        return hits, table, None
    behaviour, own = behaviour_of(filters, hits, table, goals), exposure.hits_of_sessions(hits, table)
    kept = collect_frame(goals_filters.filter_sessions(table.lazy(), own, goals, filters, behaviour), hits.height)
    return (
        collect_frame(goals_filters.restrict_hits(hits.lazy(), kept), hits.height),
        kept,
        goals_filters.summarize(filters, kept.height, table.height),
    )
