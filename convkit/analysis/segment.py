"""Segment: the sessions and hits that a run looks at, by period, variant and `--where`.

All lines are matched first: a visitor's goals may reach from one period into another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.schema import session_fields_of
from convkit.goals import filters as goals_filters
from convkit.goals import variants
from convkit.goals.filters import needed_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from convkit.analysis.periods import DateRange
    from convkit.core.model import Goals
    from convkit.goals.filters import Filter, FilterSummary
    from convkit.goals.variants import SeveralVariants


@dataclass(frozen=True)
class Segment:
    """What a run looks at: a period, what becomes of bots (one of BOT_MODES), filters that sessions meet, a key by which they are broken down.

    `session_fields` are the fields of sessions that are needed whatever the rest asks for.
    """

    date_range: DateRange
    bots: str = "drop"
    filters: Sequence[Filter] = ()
    by: str | None = None
    session_fields: frozenset[str] = frozenset()

    def needed(self, goals: Goals) -> frozenset[str]:
        """Return the fields of sessions that must be known."""
        return self.session_fields | session_fields_of([self.by]) | needed_fields(self.filters, goals)


@dataclass(frozen=True)
class Matched:
    """All that goals make of logs, whatever of it is looked at."""

    hits: pl.DataFrame
    """Matched hits of all that was read, sorted by visitor and ORDER, with `row`."""
    sessions: pl.DataFrame
    """The table of all sessions."""
    visitors: pl.DataFrame
    fates: pl.DataFrame
    """What became of all: `time, fate, reason, user_agent, source, line_no, macro`."""
    session_fields: frozenset[str]
    """Fields of sessions that are known."""
    own_hosts: tuple[str, ...]
    """Hosts that are taken for the site's own because nobody named them."""


@dataclass(frozen=True)
class Selected:
    """What of all that was matched is looked at."""

    hits: pl.DataFrame
    """All hits, which of them are `inside`."""
    sessions: pl.DataFrame
    converts: bool
    """Whether a session of the period converted, be it kept or not."""
    of_variants: tuple[SeveralVariants, ...]
    where: FilterSummary | None


def select_segment(matched: Matched, goals: Goals, asked: Sequence[Filter], begin: datetime | None, end: datetime | None) -> Selected:
    """Return what of all that was matched lies in a period, and is as asked for."""
    hits = matched.hits.with_columns(inside=is_inside(begin, end))
    table = matched.sessions.filter(is_inside(begin, end, "started"))
    converts = bool(table["converted"].any())
    hits, table, of_variants = _of_one_variant(hits, table, matched.session_fields)
    hits, table, where = _filtered(hits, table, goals, asked)
    return Selected(hits, table, converts, of_variants, where)


def is_inside(begin: datetime | None, end: datetime | None, column: str | None = None) -> pl.Expr:
    """Tell what lies in the period: a session, whole, by its start; a hit of no session by its own time."""
    when = pl.col(column) if column else pl.coalesce("started", "time")
    limits = [] if begin is None else [when >= begin.astimezone(UTC)]
    limits += [] if end is None else [when < end.astimezone(UTC)]
    return pl.all_horizontal(when.is_not_null(), *limits)


def _of_one_variant(
    hits: pl.DataFrame, table: pl.DataFrame, needed: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return hits and sessions, of which those of visitors who saw several variants are no longer inside, and what is said of that."""
    kept, several = variants.drop_several(table, variants.variant_names(needed))
    if kept.height == table.height:
        return hits, kept, several
    left_out = pl.col("session").is_in(table.join(kept, on="session", how="anti")["session"].implode()).fill_null(value=False)
    return collect_frame(hits.lazy().with_columns(inside=pl.col("inside") & ~left_out), hits.height), kept, several


def _filtered(
    hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, asked: Sequence[Filter]
) -> tuple[pl.DataFrame, pl.DataFrame, FilterSummary | None]:
    """Return hits and sessions, of which only those that the questions keep are inside, and what is said of that."""
    if not asked:
        return hits, table, None
    kept = collect_frame(goals_filters.filter_sessions(table.lazy(), hits.lazy().filter("inside"), goals, asked), hits.height)
    return collect_frame(goals_filters.restrict_hits(hits.lazy(), kept), hits.height), kept, goals_filters.summarize(asked, kept.height, table.height)
