"""The model's funnels and drop-off: one chain per session or visitor, and what happened between its steps."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.chains import Ban, Fill, Rules, best_chain
from model.figures import Figures, quantile, rate, wilson
from model.hits import matches
from model.sessions import INTERACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from model.brute_force import Model
    from model.goals import Funnel, Goal, Step
    from model.hits import Hit

LEFT, ANY = "(left)", "(any)"
"""Used in place of a path: the session ended, or the item may have occurred on any path."""


@dataclass
class Walk:
    """The hits of one session or visitor with their kinds and session numbers, and the number of the hit that fills each step."""

    hits: list[tuple[Hit, str, int]]
    chain: dict[int, int]

    @property
    def entry(self) -> tuple[Hit, str, int]:
        """Return the hit that begins the chain."""
        return self.hits[min(self.chain.values())]

    def time(self, step: int) -> int:
        """Return the time at which a step was reached."""
        return self.hits[self.chain[step]][0].time

    def rest(self, step: int) -> list[tuple[Hit, str]]:
        """Return the later hits of the session in which a step was reached."""
        _, _, session = self.hits[self.chain[step]]
        return [(hit, kind) for hit, kind, number in self.hits[self.chain[step] + 1 :] if number == session]

    def between(self, step: int, end_step: int | None) -> list[tuple[Hit, str, Hit | None]]:
        """Return the hits between two steps, or up to the end of the session if that comes first, each with the last page viewed before it."""
        start = self.chain[step]
        end = self.chain.get(end_step, len(self.hits)) if end_step is not None else len(self.hits)
        _, _, session = self.hits[start]
        hits = []
        for number in range(start + 1, end):
            hit, kind, session_of_hit = self.hits[number]
            if session_of_hit == session:
                pages = [page for page, its_kind, its_session in self.hits[:number] if its_kind == "page" and its_session == session]
                hits.append((hit, kind, pages[-1] if pages else None))
        return hits


def walks_of(model: Model, funnel: Funnel) -> list[Walk]:
    """Return the walks of all sessions or visitors that entered a funnel in the period."""
    by_unit: dict[str, list[tuple[Hit, str, int]]] = defaultdict(list)
    for number, session in enumerate(model.sessions):
        unit = session.visitor if funnel.per == "visitor" else str(number)
        by_unit[unit] += [(hit, kind, number) for hit, kind in session.hits]
    walks = []
    for hits in by_unit.values():
        walk = Walk(sorted(hits, key=lambda row: row[0].order), {})
        fills = [fill_of(model, step, walk, early_of(model, funnel)) for step in funnel.steps]
        walk.chain = dict(best_chain(fills, [hit.time for hit, _, _ in walk.hits], rules_of(model, funnel, walk)))
        walks.append(walk)
    return [walk for walk in walks if walk.chain and model.shows(walk.entry[2])]


def matched(model: Model, goals: Iterable[Goal]) -> set[int]:
    """Return the positions of the hits that match one of the goals."""
    return {hit.position for goal in goals for hits in model.matches[goal] for hit in hits}


def numbers_of(walk: Walk, positions: set[int]) -> frozenset[int]:
    """Return the numbers of a walk's hits at these positions."""
    return frozenset(number for number, row in enumerate(walk.hits) if row[0].position in positions)


def early_of(model: Model, funnel: Funnel) -> frozenset[int]:
    """Return the positions of hits before the variant that a funnel tests was first shown."""
    exposure = None if funnel.variant is None else model.of_funnels.get(funnel.variant[0])
    return frozenset() if exposure is None else exposure.early


def fill_of(model: Model, step: Step, walk: Walk, early: frozenset[int]) -> Fill:
    """Return the hits of a walk that may fill a step; those that come too early may not."""
    return Fill(numbers_of(walk, matched(model, step.goals) - early), step.is_condition, step.within, step.is_optional)


def rules_of(model: Model, funnel: Funnel, walk: Walk) -> Rules:
    """Return a funnel's rules for the chains of a walk."""
    return Rules(
        window=funnel.window,
        order=funnel.order,
        is_open=funnel.is_open,
        bans=tuple(Ban(numbers_of(walk, matched(model, one.goals) - early_of(model, funnel)), one.after, one.before) for one in funnel.without),
        acts=frozenset(number for number, (_, kind, _) in enumerate(walk.hits) if kind in INTERACTIONS),
        values=None if funnel.same is None else [value_of(hit, funnel.same) for hit, _, _ in walk.hits],
        entries=frozenset(number for number, (_, _, session) in enumerate(walk.hits) if may_enter(model, funnel, session)),
    )


def value_of(hit: Hit, same: str) -> str | None:
    """Return the value that must be equal throughout a chain, or None if the parameter is empty or missing."""
    return hit.path if same == "path" else hit.parameter(same.removeprefix("query.")) or None


def may_enter(model: Model, funnel: Funnel, session: int) -> bool:
    """Return whether a chain may begin in a session, given the funnel's landing page and variant."""
    if funnel.variant is not None:
        name, value, is_inverted = funnel.variant
        exposure = (model.exposures | model.of_funnels)[name]
        if model.sessions[session].visitor in exposure.several or (exposure.value_of[session] == value) is is_inverted:
            return False
    pages = model.sessions[session].pages
    return funnel.landing is None or (bool(pages) and matches(funnel.landing, pages[0].path))


def funnel_figures(model: Model, name: str) -> Figures:
    """Count a funnel's steps, and what visitors did instead of continuing."""
    funnel = model.goals.funnels[name]
    walks = walks_of(model, funnel)
    figures: Figures = {}
    for step in range(len(funnel.steps)):
        row = step_row(walks, funnel, step)
        figures |= {("funnel", name, str(step + 1), column): figure for column, figure in row.items()}
    for step in range(len(funnel.steps) - 1):
        for (what, item), row in drop_off_rows(model, funnel, walks, step).items():
            figures |= {("drop-off", name, str(step + 1), what, item, column): figure for column, figure in row.items()}
    return figures


def step_row(walks: list[Walk], funnel: Funnel, step: int) -> dict[str, int | float | None]:
    """Return the figures of one step; the last step has no figures about a next step."""
    here = [walk for walk in walks if step in walk.chain]
    entered = len(walks) if funnel.is_open else sum(0 in walk.chain for walk in walks)
    row: dict[str, int | float | None] = {"reached": len(here), "of_first": rate(len(here), entered)}
    row["entries"] = sum(min(walk.chain) == step for walk in walks) if funnel.is_open else None
    following = funnel.next_step(step)
    if following is None:
        empty = "went_on went_on_rate drop_offs drop_off_rate drop_off_low drop_off_high"
        return row | dict.fromkeys([*empty.split(), "q1_seconds_to_next", "median_seconds_to_next", "q3_seconds_to_next"])
    seconds = [walk.time(following) - walk.time(step) for walk in here if following in walk.chain]
    low, high = wilson(len(here) - len(seconds), len(here))
    return row | {
        "went_on": len(seconds),
        "went_on_rate": rate(len(seconds), len(here)),
        "drop_offs": len(here) - len(seconds),
        "drop_off_rate": rate(len(here) - len(seconds), len(here)),
        "drop_off_low": low,
        "drop_off_high": high,
        "q1_seconds_to_next": quantile(seconds, 0.25),
        "median_seconds_to_next": quantile(seconds, 0.5),
        "q3_seconds_to_next": quantile(seconds, 0.75),
    }


def drop_off_rows(model: Model, funnel: Funnel, walks: list[Walk], step: int) -> dict[tuple[str, str], dict[str, int | float | None]]:
    """Count what happened after a step, for those who dropped off and for those who continued; each walk counts once per item."""
    own_steps = funnel.steps if funnel.order == "any" else funnel.steps[step : step + 1]
    positions = matched(model, (goal for own_step in own_steps for goal in own_step.goals))
    following = funnel.next_step(step)
    counts: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    reached: Counter[bool] = Counter()
    for walk in walks:
        if step in walk.chain:
            went_on = following in walk.chain
            reached[went_on] += 1
            for item in destinations(model, walk, step, positions) | items_between(model, walk, step, following):
                counts[item][went_on] += 1
    return {
        item: {
            "dropped": sides[False],
            "dropped_share": rate(sides[False], reached[False]),
            "went_on": sides[True],
            "went_on_share": rate(sides[True], reached[True]),
        }
        for item, sides in counts.items()
    }


def destinations(model: Model, walk: Walk, step: int, positions: set[int]) -> set[tuple[str, str]]:
    """Return the next page after a step, and the last page of the session."""
    shown = model.goals.site.shown
    later = [shown(hit.path) for hit, kind in walk.rest(step) if kind == "page" and hit.position not in positions]
    _, _, session = walk.hits[walk.chain[step]]
    pages = model.sessions[session].pages
    return {("next", later[0] if later else LEFT), ("last_page", shown(pages[-1].path) if pages else LEFT)}


def items_between(model: Model, walk: Walk, step: int, following: int | None) -> set[tuple[str, str]]:
    """Return the pages, errors, returned forms and slow responses after a step; all except pages are also counted for all paths together."""
    site, shown = model.goals.site, model.goals.site.shown
    items = set()
    for hit, kind, page in walk.between(step, following):
        form_again = hit.method == "POST" and hit.status in {200, 400, 422} and page is not None and page.path == hit.path
        if form_again and not model.goals.site.is_background(hit):
            items |= {("form_again", shown(hit.path)), ("form_again", ANY)}
        elif kind == "error":
            items |= {("error", shown(hit.path)), ("error", ANY)}
        elif kind == "page":
            items.add(("met", shown(hit.path)))
        is_waited_for = kind in {"page", "error", "redirect", "event"} or hit.method == "POST"
        if hit.seconds is not None and hit.seconds > 3 and is_waited_for and not site.is_listed(hit):
            items |= {("slow", shown(hit.path)), ("slow", ANY)}
    return items
