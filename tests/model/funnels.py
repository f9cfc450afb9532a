"""Funnels and drop-off of the model: one chain for each session or visitor, and what lay on its way.

It stands alone because both reports ask for the same chains.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.chains import Chain, Fill, best_chain
from model.figures import Figures, quantile, rate, wilson

if TYPE_CHECKING:
    from model.brute_force import Model
    from model.goals import Funnel, Step
    from model.hits import Hit

LEFT, ANY = "(left)", "(any)"
"""Items that are no page: the session ended; an item over all paths."""


@dataclass
class Walk:
    """The hits of one session or one visitor, with kinds and session numbers, and the chain that counts."""

    hits: list[tuple[Hit, str, int]]
    chain: Chain = ()

    def time(self, step: int) -> int:
        """Return when a step was filled."""
        return self.hits[self.chain[step]][0].time

    def rest(self, step: int) -> list[tuple[Hit, str]]:
        """Return the later hits of the session in which a step was filled."""
        _, _, session = self.hits[self.chain[step]]
        return [(hit, kind) for hit, kind, number in self.hits[self.chain[step] + 1 :] if number == session]

    def way(self, step: int) -> list[tuple[Hit, str, Hit | None]]:
        """Return the hits between a step and the next, or the session's end if that comes first, each with the page just shown."""
        start = self.chain[step]
        end = self.chain[step + 1] if len(self.chain) > step + 1 else len(self.hits)
        _, _, session = self.hits[start]
        found = []
        for number in range(start + 1, end):
            hit, kind, of = self.hits[number]
            if of == session:
                pages = [page for page, its_kind, its_session in self.hits[:number] if its_kind == "page" and its_session == session]
                found.append((hit, kind, pages[-1] if pages else None))
        return found


def walks_of(model: Model, funnel: Funnel) -> list[Walk]:
    """Return the walks of all who entered a funnel in the period."""
    by_unit: dict[str, list[tuple[Hit, str, int]]] = defaultdict(list)
    for number, session in enumerate(model.sessions):
        unit = session.visitor if funnel.per == "visitor" else str(number)
        by_unit[unit] += [(hit, kind, number) for hit, kind in session.hits]
    walks = [Walk(sorted(hits, key=lambda row: row[0].order)) for hits in by_unit.values()]
    for walk in walks:
        fills = [fill_of(model, step, walk) for step in funnel.steps]
        walk.chain = best_chain(fills, [hit.time for hit, _, _ in walk.hits], funnel.window)
    return [walk for walk in walks if walk.chain and is_shown(model, walk)]


def is_shown(model: Model, walk: Walk) -> bool:
    """Tell whether a walk is looked at: as the session of step 1 is, which belongs whole to where it starts."""
    _, _, session = walk.hits[walk.chain[0]]
    return model.shows(session)


def matched(model: Model, step: Step) -> set[int]:
    """Return the positions of the hits on which a step is true."""
    return {hit.position for goal in step.goals for hits in model.matches[goal] for hit in hits}


def fill_of(model: Model, step: Step, walk: Walk) -> Fill:
    """Return what a step takes on a walk."""
    positions = matched(model, step)
    return Fill(frozenset(number for number, row in enumerate(walk.hits) if row[0].position in positions), is_condition=step.is_condition)


def funnel_figures(model: Model, name: str) -> Figures:
    """Count a funnel's steps and what those did who went no further."""
    funnel = model.goals.funnels[name]
    walks = walks_of(model, funnel)
    found: Figures = {}
    for step in range(len(funnel.steps)):
        row = step_row(walks, step, is_last=step == len(funnel.steps) - 1)
        found |= {("funnel", name, str(step + 1), column): figure for column, figure in row.items()}
    for step in range(len(funnel.steps) - 1):
        for (what, item), row in drop_off_rows(model, funnel, walks, step).items():
            found |= {("drop-off", name, str(step + 1), what, item, column): figure for column, figure in row.items()}
    return found


def step_row(walks: list[Walk], step: int, *, is_last: bool) -> dict[str, int | float | None]:
    """Count one step; the last one has nothing to look forward to."""
    reached = sum(len(walk.chain) > step for walk in walks)
    row: dict[str, int | float | None] = {"reached": reached, "of_first": rate(reached, len(walks))}
    if is_last:
        empty = "went_on went_on_rate drop_offs drop_off_rate drop_off_low drop_off_high"
        return row | dict.fromkeys([*empty.split(), "q1_seconds_to_next", "median_seconds_to_next", "q3_seconds_to_next"])
    seconds = [walk.time(step + 1) - walk.time(step) for walk in walks if len(walk.chain) > step + 1]
    low, high = wilson(reached - len(seconds), reached)
    return row | {
        "went_on": len(seconds),
        "went_on_rate": rate(len(seconds), reached),
        "drop_offs": reached - len(seconds),
        "drop_off_rate": rate(reached - len(seconds), reached),
        "drop_off_low": low,
        "drop_off_high": high,
        "q1_seconds_to_next": quantile(seconds, 0.25),
        "median_seconds_to_next": quantile(seconds, 0.5),
        "q3_seconds_to_next": quantile(seconds, 0.75),
    }


def drop_off_rows(model: Model, funnel: Funnel, walks: list[Walk], step: int) -> dict[tuple[str, str], dict[str, int | float | None]]:
    """Count what those met who went no further, and those who went on: each walk once an item."""
    positions = matched(model, funnel.steps[step])
    counts: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    everybody: Counter[bool] = Counter()
    for walk in walks:
        if len(walk.chain) > step:
            went_on = len(walk.chain) > step + 1
            everybody[went_on] += 1
            for item in destinations(model, walk, step, positions) | met(model, walk, step):
                counts[item][went_on] += 1
    return {
        item: {
            "dropped": sides[False],
            "dropped_share": rate(sides[False], everybody[False]),
            "went_on": sides[True],
            "went_on_share": rate(sides[True], everybody[True]),
        }
        for item, sides in counts.items()
    }


def destinations(model: Model, walk: Walk, step: int, positions: set[int]) -> set[tuple[str, str]]:
    """Return where a walk went next, and the last page of the session."""
    shown = model.goals.site.shown
    later = [shown(hit.path) for hit, kind in walk.rest(step) if kind == "page" and hit.position not in positions]
    _, _, session = walk.hits[walk.chain[step]]
    exit_page = model.sessions[session].pages[-1].path
    return {("next", later[0] if later else LEFT), ("last_page", shown(exit_page))}


def met(model: Model, walk: Walk, step: int) -> set[tuple[str, str]]:
    """Return pages, errors and forms that came back on the way from a step, the latter two also over all paths."""
    shown = model.goals.site.shown
    found = set()
    for hit, kind, page in walk.way(step):
        came_back = hit.method == "POST" and hit.status in {200, 400, 422} and page is not None and page.path == hit.path
        if came_back and not model.goals.site.is_background(hit):
            found |= {("form_again", shown(hit.path)), ("form_again", ANY)}
        elif kind == "error":
            found |= {("error", shown(hit.path)), ("error", ANY)}
        elif kind == "page":
            found.add(("met", shown(hit.path)))
    return found
