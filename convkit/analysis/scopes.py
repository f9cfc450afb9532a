"""Which sessions a run looks at, and which hits: those of a period, of one variant each, that answer questions as asked.

It stands alone because all is matched first, whatever of it is looked at: goals of a visitor reach from one period into another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import facts as core_facts
from convkit.core.collecting import collected
from convkit.goals import questions, variants

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from convkit.analysis.periods import Wanted
    from convkit.core.definitions import Goals
    from convkit.goals.questions import Narrowed, Question
    from convkit.goals.variants import Several


@dataclass(frozen=True)
class Scope:
    """What of the cells is looked at: a period, what becomes of bots (one of BOTS), questions that sessions hold, a key by which they are split.

    `facts` are those of sessions that are needed beside.
    """

    wanted: Wanted
    bots: str = "drop"
    asked: Sequence[Question] = ()
    by: str | None = None
    facts: frozenset[str] = frozenset()

    def needed(self, goals: Goals) -> frozenset[str]:
        """Return the facts of sessions that must be known."""
        return self.facts | core_facts.of([self.by]) | questions.needed(self.asked, goals)


@dataclass(frozen=True)
class Matched:
    """All that goals make of logs, whatever of it is looked at."""

    hits: pl.DataFrame
    """Matched hits of all that was read, sorted by visitor and ORDER, with `row`."""
    sessions: pl.DataFrame
    """The table of all sessions."""
    visitors: pl.DataFrame
    met: pl.DataFrame
    """What became of all: `time, fate, reason, user_agent, source, line_no, macro`."""
    needed: frozenset[str]
    """Facts of sessions that are known."""
    own_hosts: tuple[str, ...]
    """Hosts that are taken for the site's own because nobody named them."""


@dataclass(frozen=True)
class Within:
    """What of all that was matched is looked at."""

    hits: pl.DataFrame
    """All hits, which of them are `inside`."""
    sessions: pl.DataFrame
    converts: bool
    """Whether a session of the period converted, be it kept or not."""
    of_variants: tuple[Several, ...]
    where: Narrowed | None


def within(matched: Matched, goals: Goals, asked: Sequence[Question], begin: datetime | None, end: datetime | None) -> Within:
    """Return what of all that was matched lies in a period, and is as asked for."""
    hits = matched.hits.with_columns(inside=is_inside(begin, end))
    table = matched.sessions.filter(is_inside(begin, end, "started"))
    converts = bool(table["converted"].any())
    hits, table, of_variants = _of_one_variant(hits, table, matched.needed)
    hits, table, where = _kept(hits, table, goals, asked)
    return Within(hits, table, converts, of_variants, where)


def is_inside(begin: datetime | None, end: datetime | None, column: str | None = None) -> pl.Expr:
    """Tell what lies in the period: a session, whole, by its start; a hit of no session by its own time."""
    when = pl.col(column) if column else pl.coalesce("started", "time")
    limits = [] if begin is None else [when >= begin.astimezone(UTC)]
    limits += [] if end is None else [when < end.astimezone(UTC)]
    return pl.all_horizontal(when.is_not_null(), *limits)


def _of_one_variant(hits: pl.DataFrame, table: pl.DataFrame, needed: Collection[str]) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Several, ...]]:
    """Return hits and sessions, of which those of visitors who saw several variants are no longer inside, and what is said of that."""
    kept, several = variants.of_one(table, variants.names(needed))
    if kept.height == table.height:
        return hits, kept, several
    left_out = pl.col("session").is_in(table.join(kept, on="session", how="anti")["session"].implode()).fill_null(value=False)
    return collected(hits.lazy().with_columns(inside=pl.col("inside") & ~left_out), hits.height), kept, several


def _kept(hits: pl.DataFrame, table: pl.DataFrame, goals: Goals, asked: Sequence[Question]) -> tuple[pl.DataFrame, pl.DataFrame, Narrowed | None]:
    """Return hits and sessions, of which only those that the questions keep are inside, and what is said of that."""
    if not asked:
        return hits, table, None
    kept = collected(questions.kept(table.lazy(), hits.lazy().filter("inside"), goals, asked), hits.height)
    return collected(questions.only(hits.lazy(), kept), hits.height), kept, questions.narrowed(asked, kept.height, table.height)
