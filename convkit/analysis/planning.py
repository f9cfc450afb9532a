"""Planning: how long a log must be to show a change of 20% in a goal at 80% power, and which micro goal to judge by meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting, stats

if TYPE_CHECKING:
    from typing import Any

FEW_CONVERSIONS = 100
"""Conversions below which a rate alone says little."""
_MONTH = 30
_PATIENCE = 3
"""Months of log on each side after which a site is too small to judge by its macro goal."""


@dataclass(frozen=True)
class GoalCounts:
    """What a plan is made from: `goals` with `goal, type, reached, then_converted`, of so many sessions, of which so many come a day."""

    goals: pl.DataFrame
    sessions: int
    daily: float

    def needed(self, reached: int) -> float:
        """Return how many months of log each side needs to show a change of 20 % in a goal that so many sessions reached."""
        return stats.sessions_needed(reached / self.sessions) / self.daily / _MONTH

    def length(self, reached: int) -> str:
        """Return the same in words."""
        months = self.needed(reached)
        if months < 1:
            return formatting.plural(max(round(months * _MONTH), 1), "day")
        return formatting.months(months)

    def stand_in(self, conversions: int) -> dict[str, Any] | None:
        """Return the micro goal that comes before most conversions, and of those the one nearest to them that happens often enough to be judged."""
        before = (pl.col("type") == "micro") & (pl.col("then_converted") * 2 >= conversions) & (pl.col("reached") > conversions)
        found = self.goals.filter(before).sort("then_converted", "reached", "goal", descending=[True, False, False]).rows(named=True)
        return next((row for row in found if self.needed(row["reached"]) <= _PATIENCE), None)


def describe_no_conversions(name: str) -> str:
    """Say what can be told of a macro goal that nobody reached."""
    return f"No session reached {name} yet: no change in it can be seen, and no micro goal stands for {name} yet."


def describe_few_conversions(reached: int, name: str) -> str:
    """Begin a plan with how few there are."""
    return f"{formatting.goal_count(reached, name)} {'is' if reached == 1 else 'are'} few: a"


def describe_needed_log(counts: GoalCounts, name: str, reached: int, begin: str, *, within: str = "") -> str:
    """Say how long a log shows a change in a macro goal that `reached` sessions reached, and by what to judge meanwhile.

    `begin` comes before `change of 20%`; `within` says in what, where it does not.
    """
    words = f"{begin} change of 20% needs some {counts.length(reached)} of log on each side to show{within}"
    is_too_small, stand_in = counts.needed(reached) > _PATIENCE, counts.stand_in(reached)
    verdict = f" This site is too small to see that in {name}" if is_too_small else ""
    if stand_in is None:
        return f"{words}.{f'{verdict}, and' if is_too_small else ' So far'} no micro goal stands for {name} yet."
    words += f", in {stand_in['goal']} {counts.length(stand_in['reached'])}."
    before = f"{formatting.count(min(stand_in['then_converted'], reached))} of the {formatting.count(reached)} had it before"
    return f"{words}{f'{verdict}; judge' if is_too_small else ' Judge'} by {stand_in['goal']} ({before}); see that {name} holds."
