"""The points of sessions and visitors on their way to a goal, walked hit by hit, and what `bridges` counts and compares at them.

Input are the rows of the reports `hits` and `sessions`, so whatever these say is taken for granted here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from math import exp, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime, timedelta

Row = dict[str, Any]
Z_95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Point:
    """Where a session or a visitor stands at a hit."""

    had: frozenset[str]
    new: frozenset[str]
    on: frozenset[str]
    landed: frozenset[str]
    page: int
    visit: int
    channel: str
    goes_on: bool
    day: date
    begins: bool
    is_timed: bool
    """Whether the log goes on for long enough to see what comes of it."""


@dataclass(frozen=True)
class Walk:
    """The points of a session or a visitor up to the first hit of the goal, the last of which is that hit if it is `reached`."""

    points: list[Point]
    reached: bool
    goals: frozenset[str]
    """The goals reached by the end."""


def walks(hits: Sequence[Row], sessions: Iterable[Row], to: str, window: timedelta | None = None, ends: datetime | None = None) -> list[Walk]:
    """Return the walks of all sessions or, with a window, of all visitors; hits are in the order of time, which must be in UTC if there is a window.

    Python ignores changes of summer time in differences of times of one zone.
    """
    channels = {row["session"]: row["channel"] for row in sessions}
    unit: Callable[[Row], str] = lambda row: row["visitor" if window else "session"]  # noqa: E731 (a key for sorting)
    counted = sorted((row for row in hits if row["session"]), key=lambda row: (row["visitor"], int(row["session"].rpartition("-")[2])))
    return [_walk(list(rows), channels, to, window, ends) for _, rows in groupby(counted, key=unit)]


def _walk(rows: list[Row], channels: dict[str, str], to: str, window: timedelta | None, ends: datetime | None) -> Walk:
    """Return the walk of a session or a visitor."""
    goals = [frozenset((row["goals"] or "").split()) for row in rows]
    interacts = [row["kind"] in {"page", "event"} for row in rows]
    reached = [place for place, here in enumerate(goals) if to in here]
    points: list[Point] = []
    for place, row in enumerate(rows[: reached[0] + 1] if reached else rows):
        if not interacts[place] and not goals[place]:
            continue
        same = [other for other in range(place + 1) if rows[other]["session"] == row["session"]]
        steps = [other for other in same if interacts[other]]
        pages = [other for other in same if rows[other]["kind"] == "page"] or steps
        had = frozenset[str]().union(*goals[:place])
        points.append(
            Point(
                had,
                goals[place] - had,
                goals[pages[-1]] if pages else frozenset(),
                goals[steps[0]] if steps else frozenset(),
                max(len(steps), 1),
                min(int(row["session"].rpartition("-")[2]), 3),
                channels[row["session"]],
                bool(reached) and place < reached[0] and (window is None or rows[reached[0]]["time"] - row["time"] <= window),
                points[0].day if points else row["time"].date(),
                not points,
                window is None or ends is None or row["time"] + window <= ends,
            )
        )
    return Walk(points, bool(reached), frozenset[str]().union(*goals))


def band(page: int) -> str:
    """Return the band of a number of pages, as text."""
    return next(name for last, name in ((4, str(page)), (6, "5-6"), (9, "7-9"), (14, "10-14"), (24, "15-24"), (page, "25+")) if page <= last)


def bridges(of_all: list[Walk], names: list[str], to: str) -> tuple[dict[str, Row], int]:
    """Return the figures of every goal other than `to`, and the number of conversions."""
    ends = [walk.points[-1] for walk in of_all if walk.reached]
    before = {name: sum(name in end.had for end in ends) for name in names}
    road = frozenset(name for name in names if name != to and ends and 2 * before[name] >= len(ends))
    points = [point for walk in of_all for point in walk.points if to not in point.new and point.is_timed]
    found = {name: _row(points, name, road, before[name], len(ends)) for name in names if name != to}
    judged = [row for row in found.values() if row["class"] == ""]
    for row in judged:
        z = NormalDist().inv_cdf(1 - 0.05 / len(judged) / 2)
        low, high = bounds(row["strata"], z)
        high = float("inf") if high is None else high
        within = low > 2 / 3 and high < 1.5
        row["class"] = "bridge" if low > 1 else "side road" if high < 1 else "no bridge" if within else "cannot tell"
        row["needed"] = ((z + NormalDist().inv_cdf(0.8)) / log(1.5)) ** 2 / max(row["then_converted"], row["expected"])
    return found, len(ends)


def _row(points: list[Point], name: str, road: frozenset[str], before: int, total: int) -> Row:
    """Return the figures of one goal; its class is empty if it depends on the range."""
    takers = [point for point in points if name in point.new]
    strata: dict[object, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for point in points:
        if name in point.had or point.page == 1:
            continue
        way = road - {name}
        equal = (point.had | point.new) & way, point.on & way, point.landed - {name}, band(point.page), point.visit, point.channel
        side = 0 if name in point.new else 2
        strata[equal][side] += 1
        strata[equal][side + 1] += point.goes_on
    both = [(n1, y1, n0, y0) for n1, y1, n0, y0 in strata.values() if n1 and n0]
    row: Row = {"reached": len(takers), "arrived": sum(point.page == 1 for point in takers), "had_before": before, "strata": both}
    row |= {"compared": sum(n1 for n1, *_ in both), "then_converted": sum(y1 for _, y1, *_ in both), "expected": 0.0}
    if both:
        weight = sum(n1 * n0 / (n1 + n0) for n1, _, n0, _ in both)
        ones, zeros = sum(y1 * n0 / (n1 + n0) for n1, y1, n0, _ in both), sum(y0 * n1 / (n1 + n0) for n1, _, n0, y0 in both)
        low, high = bounds(both, Z_95)
        row |= {"expected": sum(n1 * y0 / n0 for n1, _, n0, y0 in both), "then_rate": ones / weight, "others_rate": zeros / weight}
        row |= {"times": ones / zeros if zeros else None, "times_low": low, "times_high": high}
    later, rest = sum(point.goes_on for point in takers), row["reached"] - row["arrived"]
    row["class"] = (
        "too few"
        if total < 10
        else "gate"
        if before >= 0.9 * total
        else "on the way"
        if name in road or (later >= 10 and 2 * later >= len(takers))
        else "too few"
        if not takers
        else "no equals"
        if not rest or 2 * row["compared"] < rest
        else "too few"
        if row["compared"] < 30 or row["expected"] < 5
        else ""
    )
    return row


def bounds(strata: list[tuple[int, int, int, int]], z: float) -> tuple[float, float | None]:
    """Return the ratios between which the score lies within `z`."""

    def score(ratio: float) -> float:
        difference = variance = 0.0
        for n1, y1, n0, y0 in strata:
            n = n1 + n0
            rate = min((y1 + y0) / (ratio * n1 + n0), 1 / max(ratio, 1))
            difference += (y1 * n0 - ratio * y0 * n1) / n
            spread = n1 * ratio * rate * (1 - ratio * rate) * n0**2 + ratio**2 * n0 * rate * (1 - rate) * n1**2
            variance += spread / n / (n - 1)
        return difference / sqrt(variance) if variance > 0 else 0.0

    def ratio_with(target: float) -> float:
        low, high = log(1e-4), log(1e4)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if score(exp(middle)) > target else (low, middle)
        return exp(low)

    some, others = any(y1 for _, y1, *_ in strata), any(y0 for *_, y0 in strata)
    low = ratio_with(z) if some and score(1e-4) >= z else 0.0
    return low, ratio_with(-z) if others and score(1e4) <= -z else None
