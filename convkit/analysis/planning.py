"""Planning: how long a log must be to show a 20% change in a goal at 80% power, and which micro goal to judge by until then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting, stats

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FEW_CONVERSIONS = 100
"""The number of conversions below which a rate alone says little."""
GATE_SHARE, ROAD_SHARE = 0.9, 0.5
"""The shares of conversions that came after a gate, and after a goal on the way."""
_MONTH = 30
_LARGEST_SHARE = 3
"""A goal that more than one in so many sessions reaches cannot stand in for conversions."""
_PATIENCE = 3
"""If more months of logs than this are needed on each side, the site is too small to be judged by its macro goal."""


@dataclass(frozen=True)
class GoalCounts:
    """The counts that a plan is based on: `goals` (with `goal, type, reached, then_converted`), all `sessions` in the log, and those per day."""

    goals: pl.DataFrame
    sessions: int
    daily: float

    def needed(self, reached: int) -> float:
        """Return how many months of logs each side needs to show a change of 20% in a goal that `reached` sessions reached."""
        return stats.sessions_needed(reached / self.sessions) / self.daily / _MONTH

    def length(self, reached: int) -> str:
        """Return, in words, how long the log must be on each side."""
        months = self.needed(reached)
        if months < 1:
            return formatting.plural(max(round(months * _MONTH), 1), "day")
        return formatting.months(months)

    def stand_in(self, conversions: int) -> dict[str, Any] | None:
        """Return the micro goal to judge by while there are few conversions, or None if no goal is suitable.

        It is the goal on the way that most conversions came after, if at most a third of all sessions reach it. A gate is never suitable: nearly all
        conversions come after it, so it says nothing about who converts.
        """
        came_after, reached = pl.col("then_converted"), pl.col("reached")
        is_gate = came_after >= GATE_SHARE * conversions
        is_on_the_way = came_after >= ROAD_SHARE * conversions
        is_selective = (reached > conversions) & (reached * _LARGEST_SHARE <= self.sessions)
        suitable = self.goals.filter((pl.col("type") == "micro") & is_on_the_way & ~is_gate & is_selective)
        candidates = suitable.sort("then_converted", "goal", descending=[True, False]).rows(named=True)
        return next((row for row in candidates if self.needed(row["reached"]) <= _PATIENCE), None)


def describe_no_conversions(name: str) -> str:
    """Return the sentence about a macro goal that nobody reached."""
    return f"No session has reached {name} yet, so no change in it can be seen. No micro goal can stand in for {name} yet."


def describe_few_conversions(reached: int, name: str) -> str:
    """Return the start of the sentence about how long a log is needed, with the number of conversions."""
    conversions = formatting.goal_count(reached, name)
    return f"With only {conversions}, a" if formatting.is_noun(name) else f"Only {formatting.plural(reached, 'session')} reached {name}: a"


def describe_needed_log(counts: GoalCounts, name: str, reached: int, begin: str, *, within: str = "") -> str:
    """Return how long a log must be to show a change in a macro goal that `reached` sessions reached, and which goal to judge by until then.

    `begin` is the text before `change of 20%`; `within` names the goal if `begin` does not.
    """
    words = f"{begin} change of 20%{within} would take about {counts.length(reached)} of logs before and after it to show up"
    is_too_small, stand_in = counts.needed(reached) > _PATIENCE, counts.stand_in(reached)
    if stand_in is None:
        return f"{words}. {'Too few to judge by, and no' if is_too_small else 'No'} micro goal can stand in for {name} yet."
    words += f"; in {stand_in['goal']}, about {counts.length(stand_in['reached'])}."
    return f"{words} {describe_stand_in(stand_in, name, reached, is_too_small=is_too_small)}"


def describe_stand_in(stand_in: Mapping[str, Any], name: str, reached: int, *, is_too_small: bool = True) -> str:
    """Return which micro goal to judge by while a macro goal has too few conversions."""
    with_both = f"{formatting.count(min(stand_in['then_converted'], reached))} of {formatting.goal_count(reached, name)} came after it"
    few = f"Too few sessions reach {name} to judge by. " if is_too_small else ""
    return f"{few}Judge by {stand_in['goal']} ({with_both}), and check that {name} does not drop."
