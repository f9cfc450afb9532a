"""The model's sessions: the visitor of each hit, where sessions are split, and which goals each session matched."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.goals import Goal, GoalsFile, names
from model.hits import MEASURED_METHODS, Hit, Site

INTERACTIONS = frozenset({"page", "event"})


@dataclass
class Session:
    """A session's hits in order, whether interactions or not, each with its kind."""

    visitor: str
    hits: list[tuple[Hit, str]] = field(default_factory=list)

    @property
    def interactions(self) -> list[Hit]:
        """Return page views and events."""
        return [hit for hit, kind in self.hits if kind in INTERACTIONS]

    @property
    def pages(self) -> list[Hit]:
        """Return page views."""
        return [hit for hit, kind in self.hits if kind == "page"]

    @property
    def started(self) -> int:
        """Return the time of the first interaction."""
        return self.interactions[0].time

    @property
    def seconds(self) -> int:
        """Return the seconds between the first and the last interaction."""
        return self.interactions[-1].time - self.started


def fate(hit: Hit, kind: str, site: Site, robots: dict[str, str], bots: str) -> str:
    """Return the class of a line by the first rule that applies; `robots` are the visitors that are bots, `bots` is how to count them."""
    if hit.is_asset:
        return "asset"
    if hit.address in site.ignored_addresses:
        return "excluded"
    if hit.browser in robots and bots == "drop":
        return "bot"
    if kind in {"other", "background"}:
        return kind
    return "outside" if bots == "only" and hit.browser not in robots else "kept"


def first_downloads(hits: list[Hit], visitors: dict[int, str], site: Site) -> frozenset[int]:
    """Return the positions of downloads that do not repeat one of the same file and visitor within the timeout."""
    last: dict[tuple[str, str], int] = {}
    first = set()
    for hit in sorted((hit for hit in hits if site.is_download(hit)), key=lambda hit: hit.order):
        file = (visitors[hit.position], hit.path)
        if file not in last or hit.time - last[file] >= site.timeout:
            first.add(hit.position)
        last[file] = hit.time
    return frozenset(first)


def kind_of(hit: Hit, site: Site, *, is_named: bool, is_passive: bool) -> str:
    """Return the kind of a hit by the first rule that applies; passive hits are those that only passive goals name."""
    if hit.method not in MEASURED_METHODS or hit.path == "/robots.txt":
        return "other"
    if hit.status >= 400:
        return "error"
    if is_passive:
        return "passive"
    if site.is_page(hit):
        return "page"
    return "event" if is_named or hit.event else unnamed_kind(hit, site)


def unnamed_kind(hit: Hit, site: Site) -> str:
    """Return the kind of a hit that is neither an interaction nor an error."""
    if site.is_background(hit):
        return "background"
    if site.is_download(hit):
        return "download"
    return "redirect" if hit.method == "GET" and 300 <= hit.status < 400 else "background"


@dataclass
class Traffic:
    """All analyzed hits, with their visitors, kinds and first downloads."""

    hits: list[Hit]
    visitors: dict[int, str]
    kinds: dict[int, str]
    first_downloads: frozenset[int]


def with_kinds(hits: list[Hit], visitors: dict[int, str], goals: GoalsFile) -> Traffic:
    """Return the hits with their kinds, given their visitors."""
    first = first_downloads(hits, visitors, goals.site)
    kinds = {}
    for hit in hits:
        naming = [goal for goal in goals.all_goals if names(goal, hit, goals.site, first)]
        is_passive = bool(naming) and all(goal.passive for goal in naming)
        kinds[hit.position] = kind_of(hit, goals.site, is_named=bool(naming), is_passive=is_passive)
    return Traffic(hits, visitors, kinds, first)


def cut(traffic: Traffic, timeout: int) -> list[Session]:
    """Split each visitor's interactions at gaps of at least the timeout, then attach the other hits."""
    sessions: list[Session] = []
    for visitor in sorted(set(traffic.visitors.values())):
        own = sorted((hit for hit in traffic.hits if traffic.visitors[hit.position] == visitor), key=lambda hit: hit.order)
        acts = [hit for hit in own if traffic.kinds[hit.position] in INTERACTIONS]
        of_act: dict[int, Session] = {}
        for number, hit in enumerate(acts):
            if number and hit.time - acts[number - 1].time < timeout:
                of_act[hit.position] = of_act[acts[number - 1].position]
            else:
                of_act[hit.position] = Session(visitor)
                sessions.append(of_act[hit.position])
        for hit in own:
            act = home(hit, acts, timeout)
            if act is not None:
                of_act[act.position].hits.append((hit, traffic.kinds[hit.position]))
    return sorted(sessions, key=lambda session: session.interactions[0].order)


def home(hit: Hit, acts: list[Hit], timeout: int) -> Hit | None:
    """Return an interaction of the session that a hit belongs to: the hit itself, otherwise the previous interaction, otherwise the next one."""
    before = [act for act in acts if act.order <= hit.order]
    after = [act for act in acts if act.order > hit.order]
    if before and (before[-1] == hit or hit.time - before[-1].time < timeout):
        return before[-1]
    return after[0] if after and after[0].time - hit.time < timeout else None


def identifies_session(hit: Hit, kind: str, site: Site) -> bool:
    """Return whether a hit can identify its session's visitor: background requests cannot, except unlisted POSTs, which may be logins."""
    is_form = hit.method == "POST" and not site.is_background(hit)
    return kind not in {"other", "background"} or (kind == "background" and is_form)


def visitors_of(hits: list[Hit], goals: GoalsFile) -> dict[int, str]:
    """Return the visitor of every hit, by the first rule that applies to the hit or to a later hit of the same browser's session.

    A later hit is used only if the rule applies to no earlier hit of the session. If no rule applies, the browser identifies the visitor.
    """
    rules, by_browser = goals.site.preferred, {hit.position: hit.browser for hit in hits}
    visitors = by_browser | {hit.position: visitor for hit in hits for rule in reversed(rules) if (visitor := hit.identity(rule))}
    for session in cut(with_kinds(hits, by_browser, goals), goals.site.timeout):
        own = [hit for hit, kind in session.hits if identifies_session(hit, kind, goals.site)]
        for number, hit in enumerate(own):
            identities = [hit.identity(rule) or later_identity(own, number, rule) for rule in rules]
            visitors[hit.position] = next((identity for identity in identities if identity), hit.browser)
    return visitors


def later_identity(hits: list[Hit], number: int, rule: str) -> str | None:
    """Return the visitor that a rule identifies by this hit or a later one, or None if the rule applies to an earlier hit."""
    identities = [hit.identity(rule) for hit in hits]
    return None if any(identities[:number]) else next((identity for identity in identities[number:] if identity), None)


@dataclass(frozen=True)
class Visits:
    """Sessions that count, in order, and the traffic that they were split from."""

    sessions: tuple[Session, ...]
    traffic: Traffic
    site: Site

    def completes(self, number: int, visits: int, within: int | None) -> bool:
        """Return whether a session is the last of at least this many sessions of its visitor, begun within this many seconds."""
        own = [session for session in self.sessions[: number + 1] if session.visitor == self.sessions[number].visitor]
        if len(own) < visits:
            return False
        return within is None or own[-1].started - own[-visits].started <= within


def fits(goal: Goal, number: int, visits: Visits) -> list[Hit]:
    """Return the hits of a session that match a goal, before its required number of hits, seconds or visits is applied."""
    session = visits.sessions[number]
    own = [hit for hit, kind in session.hits if kind != "other"]
    if goal.is_state_only:
        return session.interactions
    if goal.what == "any":
        of_parts = {hit for part in range(len(goal.parts)) for hit in moments(goal.part(part), number, visits)}
        return [hit for hit in own if hit in of_parts]
    named = [hit for hit in own if names(goal, hit, visits.site, visits.traffic.first_downloads)]
    reached = [[hit.order for other in others for hit in matches_of(other, visits)[number]] for others in goal.after]
    return [hit for hit in named if all(any(order < hit.order for order in orders) for orders in reached)]


def moments(goal: Goal, number: int, visits: Visits) -> list[Hit]:
    """Return the hits of a session that reach a goal, before `once_per` is applied."""
    fitting, session = fits(goal, number, visits), visits.sessions[number]
    acts = [hit for hit in fitting if hit in session.interactions]
    if goal.visits is not None:
        return acts[:1] if visits.completes(number, goal.visits, goal.within) else []
    if goal.stayed is not None:
        return [hit for hit in acts if hit.time - session.started >= goal.stayed][:1]
    if goal.at_least is not None:
        paths: set[str] = set()
        for count, hit in enumerate(fitting, start=1):
            paths.add(hit.path)
            if (len(paths) if goal.is_about_pages else count) == goal.at_least:
                return [hit]
        return []
    return fitting


def matches_of(goal: Goal, visits: Visits) -> list[list[Hit]]:
    """Return a goal's matches in each session; if it counts once per visitor or value, repeated hits do not match."""
    sessions = visits.sessions
    matches = [moments(goal, number, visits) for number in range(len(sessions))]
    if goal.once_per in {"session", "hit"}:
        return matches
    used: set[tuple[str, str]] = set()
    kept: list[list[Hit]] = [[] for _ in sessions]
    flat = [(hit, number) for number, hits in enumerate(matches) for hit in hits]
    for hit, number in sorted(flat, key=lambda pair: pair[0].order):
        unit = once_unit(goal.once_per, hit, sessions[number].visitor)
        if unit not in used:
            used.add(unit)
            kept[number].append(hit)
    return kept


_NO_VALUES = {"", "-", "0", "null", "none", "nil", "undefined", "nan", "na", "n/a", "(not set)", "[object object]"}


def once_unit(once_per: str | tuple[str, ...], hit: Hit, visitor: str) -> tuple[str, str]:
    """Return the visitor and the value that may count only once, with an empty string for the one that does not matter.

    A value counts once at all; a hit without a value counts once per visitor.
    """
    if once_per == "visitor":
        return visitor, ""
    name = once_per if isinstance(once_per, str) else once_per[-1]
    value = hit.path if name == "path" else hit.parameter(name.removeprefix("query.")) or ""
    if isinstance(once_per, tuple):
        return visitor, value
    return (visitor, "") if value.strip().lower() in _NO_VALUES else ("", value.strip())
