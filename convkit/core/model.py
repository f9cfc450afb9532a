"""What a goals file describes: the site, goals as expressions, and funnels as steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    import polars as pl


BOT_MODES = ("drop", "keep", "only")
"""What becomes of bots: they are left out, counted like people, or looked at alone."""


ChannelRule = Mapping[str, tuple[str, ...]]
"""By `source`, `medium`, `campaign` patterns of which one fits, and by `category` of sources of which it is one; all keys must hold."""


USER_RULE, ADDRESS_RULES = "user", ("address+browser", "address")
"""Rules that tell visitors: by the log's user; and by what nearly every line has."""

VariantSource = str | tuple[str, ...]
"""A value taken from a hit, like `query.v`; `path`; or patterns of paths, of which the one that fits is the variant."""


@dataclass(frozen=True)
class Site:
    """Facts about the site, from `site:`."""

    timezone: str = "UTC"
    currency: str = ""
    hosts: tuple[str, ...] = ()
    session_timeout: timedelta = timedelta(minutes=30)
    visitor: tuple[str, ...] = (USER_RULE, ADDRESS_RULES[0])
    trusted_proxy: tuple[str, ...] = ()
    """Networks of proxies whose X-Forwarded-For is believed."""
    ignore_paths: tuple[str, ...] = ()
    ignore_addresses: tuple[str, ...] = ()
    ignore_events: tuple[str, ...] = ()
    ignore_users: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    keep_query: tuple[str, ...] = ()
    payment: tuple[str, ...] = ()
    """Hosts from which people come back after they have paid."""
    channels: Mapping[str, tuple[ChannelRule, ...]] = field(default_factory=dict)
    """Channels of one's own, that go before the built-in ones: of each the rules of which one fits."""
    log_format: str = "auto"
    columns: Mapping[str, str | int] = field(default_factory=dict)
    """Of exports, by role: a column's name, or its position from 1."""
    bots_keep: tuple[str, ...] = ()
    bots_drop: tuple[str, ...] = ()
    notes: tuple[tuple[date, str], ...] = ()
    """Days and what happened on them, the earliest first."""
    variants: Mapping[str, VariantSource] = field(default_factory=dict)
    """By name, what tells which variant of something a visitor was shown."""
    margin: float = 0.1
    """How much a rate may move, relative to the one before, and pass for none."""

    @property
    def visitor_rules(self) -> tuple[str, ...]:
        """What tells visitors, the first that a hit can serve: behind those of `visitor` there is always an address, and the user."""
        last = [] if any(rule in ADDRESS_RULES for rule in self.visitor) else [ADDRESS_RULES[0]]
        return tuple(dict.fromkeys((*self.visitor, *last, USER_RULE)))

    @property
    def address_rule(self) -> str:
        """The rule that tells visitors by their addresses."""
        return next(rule for rule in self.visitor_rules if rule in ADDRESS_RULES)

    @property
    def preferred_rules(self) -> tuple[str, ...]:
        """The rules that go before the one by address."""
        return self.visitor_rules[: self.visitor_rules.index(self.address_rule)]


@dataclass(frozen=True)
class Goal:
    """One goal: true or false on every hit.

    `named` holds one expression for each Boolean column that is decided together with the kind of a hit; `turned` holds expressions that are
    evaluated one after the other on sessionized hits, each seeing the one before as `goal:<name>`.
    """

    name: str
    macro: bool = False
    named: Mapping[str, pl.Expr] = field(default_factory=dict)
    turned: tuple[pl.Expr, ...] = ()
    once_per: str = "session"
    value: int | str | None = None
    """Integer millionths, or the column of hits that holds the amount as text."""
    target: float | None = None
    is_condition: bool = False
    """It has no *what*: as a funnel step, the hit that fills it may also fill the next."""
    line: int = field(default=0, compare=False)
    """Where it stands in its file, from 1."""

    @property
    def column(self) -> str:
        """The Boolean column of matched hits."""
        return f"goal:{self.name}"

    @property
    def counts_hits(self) -> bool:
        """Whether every match counts, not only a session's first."""
        return self.once_per != "session"

    @property
    def counts_visits(self) -> bool:
        """Whether it asks how often the visitor came before: of sessions before the log nothing is known."""
        return any({"visitor", "started"} <= set(expr.meta.root_names()) for expr in self.turned)

    @property
    def asked(self) -> set[str]:
        """The columns of other goals that it asks for: those must be matched before."""
        names = {name for expr in self.turned for name in expr.meta.root_names()}
        return {name for name in names if name.startswith("goal:")} - {self.column}


ORDERS = ("ordered", "strict", "any")
"""How steps follow each other: in this order, in this order and nothing between, or in whatever order."""


@dataclass(frozen=True)
class Step:
    """One step of a funnel: any of the goals whose columns it names, at most `within` after the step before."""

    name: str
    columns: tuple[str, ...]
    is_condition: bool = False
    within: timedelta | None = None
    is_optional: bool = False
    """A chain may jump over it."""


@dataclass(frozen=True)
class Exclusion:
    """Goals, by their columns, that a chain may not meet between two steps, counted from 1."""

    name: str
    columns: tuple[str, ...]
    after: int
    before: int


@dataclass(frozen=True)
class Funnel:
    """Steps, counted from 1, in one session or across a visitor's sessions, the last at most `window` after the first."""

    name: str
    steps: tuple[Step, ...]
    per: str = "session"
    window: timedelta | None = None
    order: str = "ordered"
    """One of ORDERS."""
    without: tuple[Exclusion, ...] = ()
    same: str | None = None
    """The column whose value is the same on all hits of a chain."""
    is_open: bool = False
    """Every step may begin a chain."""
    where: tuple[str, ...] = ()
    """Questions like `landing=/blog/**` that the session of the first hit holds."""
    line: int = field(default=0, compare=False)
    """Where it stands in its file, from 1."""

    @property
    def numbers(self) -> range:
        """The numbers of the steps."""
        return range(1, len(self.steps) + 1)

    @property
    def names(self) -> tuple[str, ...]:
        """What the rows are called: in any order they count how many steps were done."""
        return tuple(f"any {number}" if self.order == "any" else step.name for number, step in zip(self.numbers, self.steps, strict=True))

    @property
    def required(self) -> list[int]:
        """The numbers of the steps that no chain jumps over."""
        return [number for number in self.numbers if not self.step(number).is_optional]

    @property
    def same_name(self) -> str:
        """What is the same on all hits of a chain, without where it is taken from: `sku` of query.sku."""
        same = self.same or ""
        return same.partition(".")[2] or same

    def step(self, number: int) -> Step:
        """Return a step by its number."""
        return self.steps[number - 1]

    def next_step(self, number: int) -> int | None:
        """Return the step that those reach who go on: the next that is not optional, None behind the last."""
        return next((later for later in self.required if later > number), None)


@dataclass(frozen=True)
class Goals:
    """All that a goals file says. `file` is None for the built-in goals; `unlisted` are goals written out in funnel steps and under `after`."""

    file: str | None
    site: Site
    goals: tuple[Goal, ...]
    unlisted: tuple[Goal, ...] = ()
    funnels: tuple[Funnel, ...] = ()

    @property
    def all(self) -> tuple[Goal, ...]:
        """Every goal that is matched, listed or not."""
        return self.goals + self.unlisted

    @property
    def macros(self) -> tuple[Goal, ...]:
        """What the site is for."""
        return tuple(goal for goal in self.goals if goal.macro)

    @property
    def micros(self) -> tuple[Goal, ...]:
        """Steps and signs of interest."""
        return tuple(goal for goal in self.goals if not goal.macro)
