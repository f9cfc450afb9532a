"""The model's goals and funnels, and which hits meet a goal's conditions on single hits.

Each object also holds its YAML, as a user would write it in goals.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from model.hits import NO_PAGES, Hit, Site, can_match_listed_path, matches

if TYPE_CHECKING:
    from model.variants import Variant


@dataclass(frozen=True)
class Goal:
    """A goal; `written` is its YAML value, and all other fields are the meaning of that value."""

    written: Any = field(compare=False, hash=False)
    what: str | None = None
    pattern: str = "**"
    method: str = "GET"
    parts: tuple[Goal, ...] = ()
    status: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    referrers: tuple[tuple[str, ...], ...] = ()
    exceptions: tuple[Goal, ...] = ()
    after: tuple[tuple[Goal, ...], ...] = ()
    at_least: int | None = None
    stayed: int | None = None
    visits: int | None = None
    within: int | None = None
    once_per: str | tuple[str, ...] = "session"
    value: str | None = None
    target: str | None = None
    passive: bool = False
    """Whether a hit that no other goal names is a match without being an interaction."""

    @property
    def is_state_only(self) -> bool:
        """Return whether the goal requires nothing but an interaction after some time in the session, or in a returning visitor's session."""
        has_hit_conditions = bool(self.query or self.referrers or self.exceptions or self.after)
        return self.what is None and not has_hit_conditions and (self.stayed is not None or self.visits is not None)

    @property
    def is_condition(self) -> bool:
        """Return whether the goal only sets conditions and has no *what*; for a list, whether this is true of all its parts."""
        if self.what == "any":
            return all(part.is_condition for part in self.parts)
        return self.what is None

    @property
    def is_about_pages(self) -> bool:
        """Return whether `at_least` counts different pages."""
        if self.what == "any":
            return all(part.is_about_pages for part in self.parts)
        return self.what in {None, "page"}

    def allows(self, hit: Hit) -> bool:
        """Return whether a hit meets `query`, `referrer` and `status`; a list of alternatives has no status of its own."""
        if not all(fits_parameter(pattern, hit.parameter(name)) for name, pattern in self.query):
            return False
        if not all(any(fits_referrer(pattern, hit.referrer) for pattern in patterns) for patterns in self.referrers):
            return False
        return not self.status or any(fits_status(hit.status, wanted) for wanted in self.status)

    def part(self, number: int) -> Goal:
        """Return one goal of a list, with the list's conditions added to its own."""
        own = self.parts[number]
        return replace(
            own,
            query=own.query + self.query,
            referrers=own.referrers + self.referrers,
            exceptions=own.exceptions + self.exceptions,
            after=own.after + self.after,
        )

    @property
    def named(self) -> list[Goal]:
        """Return the goals that name hits because of this one: itself, and the goals under its own `after` or that of its parts."""
        earlier = [other for goal in (self, *self.parts) for others in goal.after for other in others]
        return [self, *(goal for other in earlier for goal in other.named)]


@dataclass(frozen=True)
class Step:
    """A funnel step, reached by any of its goals; `written` is a goal's name or the step's YAML, and `within` is in seconds."""

    goals: tuple[Goal, ...]
    written: Any = field(compare=False, hash=False)
    within: int | None = None
    is_optional: bool = False

    @property
    def is_condition(self) -> bool:
        """Return whether the hit that fills the step may also fill the next one."""
        return all(goal.is_condition for goal in self.goals)


@dataclass(frozen=True)
class Without:
    """Goals that must not be reached between two steps, counted from 0."""

    goals: tuple[Goal, ...]
    after: int
    before: int


@dataclass(frozen=True)
class Funnel:
    """A funnel; `window` is in seconds, `same` is a query parameter or `path`, and `landing` is the landing page required of the first session."""

    steps: tuple[Step, ...]
    written: Any = field(compare=False, hash=False)
    per: str = "session"
    window: int | None = None
    order: str = "ordered"
    is_open: bool = False
    without: tuple[Without, ...] = ()
    same: str | None = None
    landing: str | None = None
    variant: tuple[str, str, bool] | None = None
    """The name of a variant, the value that sessions which enter have, or with True do not have."""

    @property
    def required(self) -> list[int]:
        """Return the steps that a chain must not skip, counted from 0."""
        return [number for number, step in enumerate(self.steps) if not step.is_optional]

    def next_step(self, step: int) -> int | None:
        """Return the next step that a visitor must reach to continue, or None after the last one."""
        return next((number for number in self.required if number > step), None)


@dataclass(frozen=True)
class GoalsFile:
    """The content of a goals file."""

    macro: dict[str, Goal]
    micro: dict[str, Goal] = field(default_factory=dict)
    funnels: dict[str, Funnel] = field(default_factory=dict)
    site: Site = field(default_factory=Site)
    variants: dict[str, Variant] = field(default_factory=dict)

    @property
    def goals(self) -> dict[str, Goal]:
        """Return macro and micro goals by name."""
        return {**self.macro, **self.micro}

    @property
    def all_goals(self) -> list[Goal]:
        """Return all goals that name hits: the named ones, and those written out in steps or under `without` or `after`."""
        steps = [step for funnel in self.funnels.values() for step in funnel.steps]
        forbidden = [goal for funnel in self.funnels.values() for one in funnel.without for goal in one.goals]
        goals = [*self.goals.values(), *(goal for step in steps for goal in step.goals), *forbidden]
        return [named for goal in goals for named in goal.named]


def fits_status(status: int, pattern: str) -> bool:
    """Return whether a status equals a pattern like `404` or belongs to a class like `4xx`."""
    return str(status) == pattern or (pattern.endswith("xx") and str(status)[0] == pattern[0])


def fits_parameter(pattern: str, value: str | None) -> bool:
    """Return whether a query parameter is present and matches; an empty pattern matches any value."""
    return value is not None and (not pattern or matches(pattern, value))


def fits_referrer(pattern: str, referrer: str) -> bool:
    """Return whether a referrer's host and path match; a pattern without a slash is a host, with any path."""
    if not referrer:
        return False
    _, _, rest = referrer.partition("://")
    host, _, path = rest.split("?")[0].split("#")[0].partition("/")
    host, path = host.split(":")[0].lower(), path.rstrip("/")
    return matches(pattern, f"{host}/{path}") if "/" in pattern else matches(pattern, host)


def names(goal: Goal, hit: Hit, site: Site, first_downloads: frozenset[int]) -> bool:
    """Return whether a hit meets a goal's conditions on single hits, before sessions are split.

    `first_downloads` are the positions of downloads that do not repeat another one within the timeout.
    """
    if goal.is_state_only or not goal.allows(hit):
        return False
    if any(names(exception, hit, site, first_downloads) for exception in goal.exceptions):
        return False
    if goal.what == "any":
        return any(names(goal.part(number), hit, site, first_downloads) for number in range(len(goal.parts)))
    if goal.what == "event" or hit.event:
        return goal.what == "event" and matches(goal.pattern, hit.event)
    return hit.method == goal.method and matches(goal.pattern, hit.path) and names_answer(goal, hit, site, first_downloads)


def names_answer(goal: Goal, hit: Hit, site: Site, first_downloads: frozenset[int]) -> bool:
    """Return whether a goal accepts the status, and the place among repeats, of a hit that otherwise matches."""
    if goal.what == "download":
        return hit.position in first_downloads
    return names_request(goal, hit) if goal.what == "request" else names_page(goal, hit, site)


def names_request(goal: Goal, hit: Hit) -> bool:
    """Return whether `request:` accepts the status of a hit that otherwise matches."""
    return bool(goal.status) or hit.status < 400


def names_page(goal: Goal, hit: Hit, site: Site) -> bool:
    """Return whether `page:`, or a goal without a *what*, accepts the status of a hit that otherwise matches."""
    if hit.is_subrequest:
        return False
    listed = site.is_listed(hit)
    if listed and not (goal.what == "page" and can_match_listed_path(goal.pattern)):
        return False
    # A response without content is not a page, but a goal that names a listed path counts it: a pixel or a feed, for example.
    return bool(goal.status) or (hit.succeeded and (listed or hit.status not in NO_PAGES))
