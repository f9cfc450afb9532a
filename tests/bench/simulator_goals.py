"""The expected goals and funnels: which hits match them, which of those count, and which chain is chosen.

Every possible chain is enumerated, and the wording of the definition decides which one counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from .simulator_acts import Hit, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .simulator_sessions import Session, Who
    from .simulator_site import Funnel, Goal, Site

Moment = tuple[int, frozenset[str]]
"""The time of a hit, and the goals that it matches."""


@dataclass
class Reached:
    """The result of one goal in one session: the hits that match, and those of them that count."""

    matches: list[Hit] = field(default_factory=list)
    counted: list[Hit] = field(default_factory=list)


def true_hits(session: Session, goal: Goal, kinds: dict[Hit, str]) -> list[Hit]:
    """Return the hits of a session that match a goal, before `once_per` is applied."""
    if goal.stayed:
        return [hit for hit in session.interactions if hit.time - session.start >= goal.stayed][:1]
    fitting = [hit for hit in session.hits if hit.tags & goal.tags and kinds[hit] != Kind.DOWNLOAD.value]
    if goal.at_least == 1:
        return fitting
    if goal.different:
        fitting = [hit for place, hit in enumerate(fitting) if hit.path not in {other.path for other in fitting[:place]}]
    return fitting[goal.at_least - 1 : goal.at_least]


def _turn(goal: Goal, hit: Hit, visitor: Who) -> tuple[Who | None, str] | None:
    """Return what may count only once, or None if the goal has no such limit: a visitor, or a value, whoever sends it.

    A hit without the value counts once per visitor.
    """
    if goal.once_per in {"session", "hit"}:
        return None
    if goal.once_per == "visitor":
        return visitor, ""
    value = hit.path if goal.once_per == "path" else hit.query.get(goal.once_per.removeprefix("query."), "")
    return (None, value) if value else (visitor, "")


def reach(sessions: list[Session], goal: Goal, kinds: dict[Hit, str]) -> dict[Session, Reached]:
    """Return the result of a goal in every session; `sessions` have a page view."""
    used: set[tuple[Who | None, str]] = set()
    reached = {session: Reached() for session in sessions}
    fitting = [(hit, session) for session in sessions for hit in true_hits(session, goal, kinds)]
    for hit, session in sorted(fitting, key=lambda pair: (pair[0].time, pair[0].line_no)):
        turn = _turn(goal, hit, session.visitor)
        if turn is None or turn not in used:
            reached[session].matches.append(hit)
        if turn is not None:
            used.add(turn)
    for result in reached.values():
        result.counted = result.matches[:1] if goal.once_per == "session" else result.matches
    return reached


_AMOUNTS = {"EUR 12.50": "12.5", "1.234,50": "1234.5", "1,234.50": "1234.5", "€7": "7", "12,-": "12", "2 000,00": "2000", "(3.00)": "-3"}
"""The values of amounts that are not plain numbers."""


def amount(goal: Goal, hit: Hit) -> Fraction:
    """Return the value of a counted hit: numbers, some with a decimal comma, and amounts in euros."""
    if isinstance(goal.value, Fraction):
        return goal.value
    if hit.query.get("currency", "EUR") != "EUR" or "$" in hit.query.get(str(goal.value), ""):
        return Fraction(0)
    text = hit.query.get(str(goal.value), "")
    text = _AMOUNTS.get(text, text).replace(",", ".")
    whole, _, rest = text.removeprefix("-").partition(".")
    return Fraction(text) if whole.isdecimal() and (rest.isdecimal() or not rest) else Fraction(0)


@dataclass
class _Search:
    """A search over all chains in one stream of hits: which hits may come next, and how many steps a chain can still reach."""

    moments: Sequence[Moment]
    steps: Sequence[tuple[str, ...]]
    conditions: Sequence[bool]
    window: int | None
    depths: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def fits(self, step: int, place: int) -> bool:
        """Return whether a hit matches a step."""
        return bool(self.moments[place][1] & set(self.steps[step]))

    def following(self, step: int, place: int, start: int) -> list[int]:
        """Return the hits that may match the step after `step`, which is matched at `place` in a chain from `start`."""
        first = place if self.conditions[step] else place + 1
        latest = float("inf") if self.window is None else self.moments[start][0] + self.window
        places = range(first, len(self.moments))
        return [after for after in places if self.fits(step + 1, after) and self.moments[after][0] <= latest]

    def depth(self, step: int, place: int, start: int) -> int:
        """Return how many steps the deepest chain from `start` reaches, counted from `step` at `place`."""
        if step + 1 == len(self.steps):
            return 1
        key = (step, place, start)
        if key not in self.depths:
            self.depths[key] = 1 + max((self.depth(step + 1, after, start) for after in self.following(step, place, start)), default=0)
        return self.depths[key]


def chain(moments: Sequence[Moment], steps: Sequence[tuple[str, ...]], conditions: Sequence[bool], window: int | None) -> list[int]:
    """Return the positions of the hits in the chain that counts: the deepest one or, among equally deep ones, the one that starts earliest.

        If several start at the same hit, the one with the earliest next hits counts.

    `conditions[k]` is whether the hit that matches step k may match step k + 1 too.
    """
    search = _Search(moments, steps, conditions, window)
    depths = {place: search.depth(0, place, place) for place in range(len(moments)) if search.fits(0, place)}
    if not depths:
        return []
    deepest = max(depths.values())
    start = min(place for place, depth in depths.items() if depth == deepest)
    places = [start]
    while len(places) < deepest:
        step = len(places)
        candidates = search.following(step - 1, places[-1], start)
        places.append(min(place for place in candidates if search.depth(step, place, start) >= deepest - step))
    return places


@dataclass(frozen=True)
class Chain:
    """The chain of one session or visitor: the times of the steps that it reached, from step 1 on."""

    owner: Session | Who
    times: tuple[int, ...]


def chains_of(sessions: list[Session], funnel: Funnel, site: Site, reached: dict[str, dict[Session, Reached]]) -> list[Chain]:
    """Return the chain of every session that entered the funnel, or of every visitor across all of their sessions."""
    conditions = [all(site.goal(name).condition for name in step) for step in funnel.steps]
    named = {name for step in funnel.steps for name in step}
    streams: dict[Session | Who, dict[Hit, set[str]]] = defaultdict(lambda: defaultdict(set))
    for session in sessions:
        owner = session.visitor if funnel.per_visitor else session
        for name in named:
            for hit in reached[name][session].matches:
                streams[owner][hit].add(name)
    chains = []
    for owner, stream in streams.items():
        hits = sorted(stream, key=lambda hit: (hit.time, hit.line_no))
        moments = [(hit.time, frozenset(stream[hit])) for hit in hits]
        places = chain(moments, funnel.steps, conditions, funnel.window)
        if places:
            chains.append(Chain(owner, tuple(moments[place][0] for place in places)))
    return chains
