"""The buckets of `readiness`, found by walking from goal to goal: rules from the first part of the log, counts from the rest."""

from __future__ import annotations

from datetime import timedelta
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from model.figures import Z, score_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from model.points import Walk

Counts = tuple[int, int]
"""How many converted, and of how many."""
Group = frozenset[str]


def split(walks: list[Walk], to: str) -> tuple[list[Walk], list[Walk]]:
    """Return the walks that begin on the days by which 60% of all have begun, and the rest."""
    begun = sorted(day for walk in walks if (day := _day(walk)) is not None and to not in walk.points[0].new and walk.points[0].is_timed)
    cut: date = begun[-(-3 * len(begun) // 5) - 1]
    return [walk for walk in walks if walk.points and walk.points[0].day <= cut], [walk for walk in walks if walk.points and walk.points[0].day > cut]


def _day(walk: Walk) -> date | None:
    return walk.points[0].day if walk.points else None


def count(walks: Iterable[Walk], groups: list[Group], to: str) -> list[Counts]:
    """Return the counts of each bucket, and of all walks from their beginning."""
    counts = [[0, 0] for _ in (*groups, None)]
    for walk in walks:
        for point in walk.points:
            if to in point.new or not point.is_timed:
                continue
            reached = point.had | point.new
            entered = [place for place, group in enumerate(groups) if point.new & group and not point.had & group]
            entered = [place for place in entered if not any(reached & nearer for nearer in groups[:place])]
            for place in [*entered, *([len(groups)] if point.begins else [])]:
                counts[place][0] += point.goes_on
                counts[place][1] += 1
    return [(converted, number) for converted, number in counts]


def newcombe(one: Counts, other: Counts, z: float) -> tuple[float, float]:
    """Return the bounds of the difference between two rates."""
    rates = [part / whole for part, whole in (one, other)]
    (low, high), (other_low, other_high) = (score_bounds(part, whole, z) for part, whole in (one, other))
    difference = rates[0] - rates[1]
    return difference - sqrt((rates[0] - low) ** 2 + (other_high - rates[1]) ** 2), difference + sqrt(
        (high - rates[0]) ** 2 + (rates[1] - other_low) ** 2
    )


def shared(tests: int) -> float:
    """Return the quantile at which so many ranges share an error rate of 5%."""
    return NormalDist().inv_cdf(1 - 0.025 / tests)


def rules(first: list[Walk], names: list[str], to: str) -> list[Group]:
    """Return the goals of each bucket but the last, nearest first."""
    found: list[str] = []
    everybody = count(first, [], to)[0]
    while True:
        candidates = []
        for name in names:
            if name not in found:
                counts = count(first, [*map(_single, found), _single(name)], to)[len(found)]
                if counts[1] >= 30 and counts[0] >= 10:
                    candidates.append((score_bounds(*counts, Z)[0], -names.index(name), counts))
        if not candidates or newcombe(max(candidates)[2], everybody, shared(len(names)))[0] <= 0:
            break
        found.append(names[-max(candidates)[1]])
    groups = [*map(_single, found)]
    while groups:
        counts = count(first, groups, to)
        lows = [newcombe(counts[place], counts[place + 1], shared(len(groups)))[0] for place in range(len(groups))]
        if min(lows) > 0 and len(groups) <= 3:
            break
        worst = lows.index(min(lows if min(lows) <= 0 else lows[:-1]))
        if worst == len(groups) - 1:
            groups = groups[:-1]
        else:
            groups[worst : worst + 2] = [groups[worst] | groups[worst + 1]]
    return groups


def _single(name: str) -> Group:
    return frozenset({name})


def stopped(rest: list[Walk], groups: list[Group]) -> list[int]:
    """Return how many walks that never converted got as far as each bucket."""
    furthest = [next((place for place, group in enumerate(groups) if walk.goals & group), len(groups)) for walk in rest if not walk.reached]
    return [furthest.count(place) for place in range(len(groups) + 1)]


def has_enough(walks: list[Walk], first: list[Walk], rest: list[Walk], to: str) -> bool:
    """Return whether there are seven days and ten conversions in both parts."""
    days = sorted(walk.points[0].day for walk in walks if walk.points)
    return days[-1] - days[0] >= timedelta(days=6) and all(count(part, [], to)[0][0] >= 10 for part in (first, rest))
