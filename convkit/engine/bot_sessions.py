"""What bots would add to the headline: their sessions, and how many of them reached a macro goal.

It stands alone because only what bots sent is analyzed for it, as if they were people, beside the analysis without them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis.segment import select_segment
from convkit.core.collect import collect_frame
from convkit.core.quality import BotSessions
from convkit.engine.analyzing import match
from convkit.ingest.merge import LINE_KEY

if TYPE_CHECKING:
    from convkit.analysis.analysis import Run
    from convkit.analysis.segment import Matched, Segment
    from convkit.core.model import Goals
    from convkit.ingest.load import LogData


def are_worth_telling(matched: Matched, goals: Goals, *, is_asked: bool) -> bool:
    """Tell whether there are bots that were left out, and somebody asked of them, or one of their lines is one of a macro goal."""
    sent = matched.met.filter(pl.col("fate") == "bot")
    return not sent.is_empty() and bool(sent["macro"].any() or (is_asked and goals.macros))


def added_by_bots(done: Run, matched: Matched, taken_in: LogData, scope: Segment) -> BotSessions:
    """Return what the bots that were left out would add to a run."""
    goals, sent = done.analysis.goals, matched.met.filter(pl.col("fate") == "bot")
    if sent.is_empty():
        return BotSessions(0, 0, *_counts(done.analysis.sessions, done.analysis.size))
    cells = collect_frame(taken_in.cells.lazy().join(sent.lazy(), on=LINE_KEY, how="semi"), taken_in.cells.height)
    as_people = match(replace(taken_in, cells=cells), goals, "keep", scope.needed(goals))
    # The period is that of all lines: of the bots' alone, the last days would be others.
    kept = select_segment(as_people, goals, scope.asked, *scope.wanted.limits(done.analysis.ends, goals.site.timezone))
    return BotSessions(*_counts(kept.sessions.lazy(), kept.hits.height), *_counts(done.analysis.sessions, done.analysis.size))


def _counts(sessions: pl.LazyFrame, size: int) -> tuple[int, int]:
    """Return how many sessions there are, and how many converted."""
    counts = sessions.select(pl.len().cast(pl.Int64), pl.col("converted").sum().cast(pl.Int64))
    number, converted = collect_frame(counts, size).row(0)
    return number, converted
