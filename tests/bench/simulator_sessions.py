"""The expected visitors and sessions, computed from the acts by simple bookkeeping.

All other expected figures are based on these sessions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .simulator_acts import Device, Hit, Kind
from .simulator_site import TIMEOUT, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

Who = Device | str


@dataclass(eq=False)
class Session:
    """One session: all of its hits in order, and those that are interactions."""

    visitor: Who
    hits: list[Hit] = field(default_factory=list)
    interactions: list[Hit] = field(default_factory=list)

    @property
    def start(self) -> int:
        """Return the time of the first interaction."""
        return self.interactions[0].time

    @property
    def pages(self) -> list[Hit]:
        """Return the page views."""
        return [hit for hit in self.interactions if hit.kind is Kind.PAGE]


@dataclass
class Visits:
    """All sessions (including those set aside), the hits that belong to none, and the kind of each hit under the goals."""

    sessions: list[Session]
    loose: list[Hit]
    kinds: dict[Hit, str]


def in_order(hits: Iterable[Hit]) -> list[Hit]:
    """Sort hits by time, and within a second by line number."""
    return sorted(hits, key=lambda hit: (hit.time, hit.line_no))


def _by(hits: Iterable[Hit], key: Callable[[Hit], Hashable]) -> dict[Hashable, list[Hit]]:
    groups: dict[Hashable, list[Hit]] = defaultdict(list)
    for hit in hits:
        groups[key(hit)].append(hit)
    return groups


def kinds_of(hits: list[Hit], site: Site) -> dict[Hit, str]:
    """Return the kind of each human hit under the goals; `hits` must be in order."""
    kinds: dict[Hit, str] = {}
    last_range: dict[tuple[Device, str], int] = {}
    for hit in hits:
        named = site.names(hit.tags)
        if hit.kind is Kind.DOWNLOAD:
            before = last_range.get((hit.device, hit.path))
            named = named and (before is None or hit.time - before >= TIMEOUT)
            last_range[hit.device, hit.path] = hit.time
        event = named and hit.kind not in {Kind.PAGE, Kind.ERROR, Kind.OTHER}
        kinds[hit] = "event" if event else hit.kind.value
    return kinds


def _home(hit: Hit, before: Hit | None, after: Hit | None) -> Hit | None:
    """Return the interaction whose session a hit belongs to, or None."""
    if before is not None and hit.time - before.time < TIMEOUT:
        return before
    if after is not None and after.time - hit.time < TIMEOUT:
        return after
    return None


def cut(visitor: Who, hits: list[Hit], kinds: dict[Hit, str]) -> tuple[list[Session], list[Hit]]:
    """Split one visitor's hits into sessions; return these, and the hits that belong to none."""
    interactions = [hit for hit in hits if kinds[hit] in {"page", "event"}]
    sessions: dict[Hit, Session] = {}
    ordered: list[Session] = []
    for position, hit in enumerate(interactions):
        if position == 0 or hit.time - interactions[position - 1].time >= TIMEOUT:
            ordered.append(Session(visitor))
        sessions[hit] = ordered[-1]
        ordered[-1].interactions.append(hit)
    loose: list[Hit] = []
    seen = 0
    for hit in hits:
        if seen < len(interactions) and interactions[seen] is hit:
            seen += 1
            sessions[hit].hits.append(hit)
            continue
        before = interactions[seen - 1] if seen else None
        home = _home(hit, before, interactions[seen] if seen < len(interactions) else None)
        (loose if home is None else sessions[home].hits).append(hit)
    return ordered, loose


def _visitors(hits: list[Hit], kinds: dict[Hit, str]) -> dict[Hit, Who]:
    """Return the visitor of each hit: the log user, or else the device; hits before a sign-in in the same session belong to the user too."""
    who: dict[Hit, Who] = {hit: hit.user or hit.device for hit in hits}
    for device, own in _by(hits, lambda hit: hit.device).items():
        for session in cut(device, own, kinds)[0]:  # type: ignore[arg-type]
            first = next((place for place, hit in enumerate(session.hits) if hit.user), 0)
            for hit in session.hits[:first]:
                who[hit] = session.hits[first].user
    return who


def visits_of(hits: list[Hit], site: Site) -> Visits:
    """Split the hits of all humans into sessions; assets that no goal names must already be removed."""
    hits = in_order(hits)
    kinds = kinds_of(hits, site)
    who = _visitors(hits, kinds)
    visits = Visits([], [], kinds)
    for visitor, own in _by(hits, lambda hit: who[hit]).items():
        sessions, loose = cut(visitor, own, kinds)  # type: ignore[arg-type]
        visits.sessions += sessions
        visits.loose += loose
    return visits
