"""What got in the way behind a step, in plain steps: a model of `funnels.points` and `funnels.friction`, slow and short."""

from __future__ import annotations

from collections import defaultdict
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convkit.core.model import Funnel

OBSTACLES = ("form_again", "error", "slow", "reload", "back_forth", "search_again")
Thing = tuple[str, str]
Stratum = tuple[int, int, int, int]
"""Those who met something, those of them who go on, others, those of them who go on."""


class Point(NamedTuple):
    """A moment behind a step: the page on show, and the one before."""

    funnel: str
    step: int
    band: int
    page: str
    page_before: str
    had: frozenset[Thing]
    new: frozenset[Thing]
    goes_on: bool


def band(number: int) -> int:
    """Return the band of a number: 0 to 3 each have their own; then 4-5, 6-8, 9-13, 14-23, and 24 or more."""
    return sum(number >= first for first in (1, 2, 3, 4, 6, 9, 14, 24))


def happens(thing: Thing) -> bool:
    """Return whether a goal or an event happens to visitors, by its name; only the words that tests use are known here."""
    return any(word in thing[1] for word in ("error", "bug"))


def acts(thing: Thing) -> bool:
    """Return whether a thing is something that visitors do themselves."""
    return thing[0] not in OBSTACLES and not happens(thing)


def things(hit: Mapping[str, Any], goals: Iterable[str], deciding: set[str]) -> set[Thing]:
    """Return what a hit meets: obstacles, goals and events, apart from the goals that decide how far the funnel goes."""
    found = {(name, "(any)") for name in OBSTACLES if hit[f"met:{name}"]}
    found |= {("goal", goal) for goal in goals if hit[f"goal:{goal}"] and f"goal:{goal}" not in deciding}
    is_event = hit["kind"] in {"event", "passive"} or (hit["kind"] == "page" and hit["event"] == hit["page"])
    if is_event and hit["event"] and not any(hit[column] for column in deciding):
        found.add(("event", hit["event"]))
    return found


def walk(session: Sequence[Mapping[str, Any]], first: int, end: int, met: Mapping[int, set[Thing]]) -> list[tuple[str, str, set[Thing]]]:
    """Return the page, the page before and what is met for each point from hit `first` of a session to `end` (exclusive)."""
    interactions = [place for place, hit in enumerate(session) if hit["kind"] in {"page", "event"}]

    def shown(place: int) -> str:
        pages = [session[other]["page"] for other in interactions if other <= place and session[other]["kind"] == "page"]
        return pages[-1] if pages else ""

    points: list[tuple[str, str, set[Thing]]] = []
    for place in range(first, end):
        if place == first or place in interactions:
            here = [other for other in interactions if other <= place]
            points.append((shown(place), shown(here[-2]) if len(here) > 1 else "", set()))
        for thing in met[place]:
            is_before = happens(thing) and thing[0] not in OBSTACLES and place in interactions and len(points) > 1
            points[-2 if is_before else -1][2].add(thing)
    return points


def points_of(
    hits: Sequence[Mapping[str, Any]],
    chains: Mapping[str, Sequence[Mapping[str, Any]]],
    funnels: Iterable[Funnel],
    goals: Iterable[str],
    macros: set[str],
) -> list[Point]:
    """Return all points behind steps, given the hits of sessions in order and the chains of each funnel."""
    sessions = defaultdict(list)
    for hit in hits:
        sessions[hit["session"]].append(hit)
    found: list[Point] = []

    def add(funnel: str, step: int, points: list[tuple[str, str, set[Thing]]], until: int) -> None:
        had: frozenset[Thing] = frozenset()
        for number, (page, page_before, now) in enumerate(points):
            found.append(Point(funnel, step, band(number), page, page_before, had, frozenset(now) - had, number < until))
            had |= now

    for funnel in funnels:
        deciding = (
            macros | {column for step in funnel.steps for column in step.columns} | {column for part in funnel.without for column in part.columns}
        )
        for chain in chains[funnel.name]:
            for number in range(1, len(funnel.steps)):
                if chain[f"row{number}"] is None:
                    continue
                session, next_row = sessions[chain[f"session{number}"]], chain[f"row{funnel.next_step(number)}"]
                rows = [hit["row"] for hit in session]
                end = sum(row < next_row for row in rows) if next_row is not None else len(rows)
                met = {place: things(hit, goals, deciding) for place, hit in enumerate(session)}
                points = walk(session, rows.index(chain[f"row{number}"]), end, met)
                add(funnel.name, number, points, 0 if next_row is None else len(points))
    for session in sessions.values():
        first = next(place for place, hit in enumerate(session) if hit["kind"] in {"page", "event"})
        met = {place: {(name, "(any)") for name in OBSTACLES if hit[f"met:{name}"]} for place, hit in enumerate(session)}
        points = walk(session, first, len(session), met)
        add("", 0, points, len(points) - 1)
    return found


def strata_of(points: Iterable[Point]) -> dict[tuple[str, int, str, str], list[Stratum]]:
    """Return the strata of each thing that anybody met behind a step."""
    groups = defaultdict(list)
    for point in points:
        groups[point.funnel, point.step].append(point)
    found: dict[tuple[str, int, str, str], list[Stratum]] = {}
    for (funnel, step), of_step in groups.items():
        for thing in sorted({thing for point in of_step for thing in point.new}):
            counts: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
            for point in of_step:
                if thing not in point.had:
                    side, page = 0 if thing in point.new else 2, point.page_before if acts(thing) else point.page
                    counts[point.band, page][side] += 1
                    counts[point.band, page][side + 1] += point.goes_on
            found[funnel, step, *thing] = [(n1, y1, n0, y0) for n1, y1, n0, y0 in counts.values() if n1]
    return found


def figures(strata: Iterable[Stratum]) -> dict[str, float | None]:
    """Return the figures of one row: counts, rates at equal points, and the 95% bounds of their ratio."""
    strata = list(strata)
    both = [stratum for stratum in strata if stratum[2]]
    row: dict[str, float | None] = {"met": sum(n1 for n1, *_ in strata), "went_on": sum(y1 for _, y1, *_ in strata)}
    row["compared"] = sum(n1 for n1, *_ in both)
    if not both:
        return row
    weight = sum(n1 * n0 / (n1 + n0) for n1, _, n0, _ in both)
    ones, others = (sum(term / (n1 + n0) for (n1, _, n0, _), term in zip(both, terms, strict=True)) for terms in _terms(both))
    row |= {"others": sum(n0 for _, _, n0, _ in both), "expected": sum(n1 * y0 / n0 for n1, _, n0, y0 in both)}
    row |= {"went_on_rate": ones / weight, "others_rate": others / weight, "times": ones / others if others else None, "score": score(both, 1.0)}
    row["times_low"] = _bound(both, 1.959963984540054) if any(y1 for _, y1, *_ in both) else 0.0
    row["times_high"] = _bound(both, -1.959963984540054) if any(y0 for *_, y0 in both) and score(both, 1e4) <= -1.959963984540054 else None
    return row


def _terms(both: Sequence[Stratum]) -> tuple[list[int], list[int]]:
    return [y1 * n0 for _, y1, n0, _ in both], [y0 * n1 for n1, _, _, y0 in both]


def score(strata: Iterable[Stratum], ratio: float) -> float:
    """Return the score of the hypothesis that those who met it go on `ratio` times as often."""
    total = variance = 0.0
    for n1, y1, n0, y0 in strata:
        n = n1 + n0
        rate = min((y1 + y0) / (ratio * n1 + n0), 1 / max(ratio, 1))
        total += (y1 * n0 - ratio * y0 * n1) / n
        spread = n1 * ratio * rate * (1 - ratio * rate) * n0**2 + ratio**2 * n0 * rate * (1 - rate) * n1**2
        variance += spread / n**2 * n / (n - 1)
    return total / sqrt(variance) if variance > 0 else 0.0


def _bound(strata: Sequence[Stratum], z: float) -> float:
    """Return the ratio at which the score is `z`, or 0 if it never is."""
    low, high = log(1e-4), log(1e4)
    if z > 0 and score(strata, exp(low)) < z:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if score(strata, exp(middle)) > z else (low, middle)
    return exp(low)
