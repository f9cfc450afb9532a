"""The model of a goals file: the site, goals as expressions on hits, and funnels as steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    import polars as pl


BOT_MODES = ("drop", "keep", "only")
"""What to do with bots: exclude them, count them like people, or report only on them."""


ChannelRule = Mapping[str, tuple[str, ...]]
"""Patterns for `source`, `medium` and `campaign`, and source categories for `category`; for each key, one of its values must match."""


USER_RULE, ADDRESS_RULES = "user", ("address+browser", "address")
"""Rules that identify visitors: by the user in the log, and by fields that nearly every line has."""

VariantSource = str | tuple[str, ...]
"""Where a variant is read from: a value in a hit, like `query.v`; the `path`; or path patterns, of which the matching one is the variant."""


@dataclass(frozen=True)
class VariantRule:
    """How to recognise which variant a visitor was shown, and how many visitors were meant to see each."""

    source: VariantSource
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The properties, and their alternative values, of the events that show a variant."""
    split: Mapping[str, float] | tuple[float, ...] = ()
    """The planned sizes of the variants, by name or in the order of two names; if it is empty, they are meant to be equal."""

    def planned_share(self, name: str, other: str) -> float:
        """Return the planned share of one of two variants."""
        if not self.split:
            return 0.5
        sizes = self.split if isinstance(self.split, Mapping) else dict(zip(sorted((name, other)), self.split, strict=True))
        total = sizes.get(name, 0) + sizes.get(other, 0)
        return sizes.get(name, 0) / total if total else 0.5


@dataclass(frozen=True)
class Consent:
    """The goals that are true where people agree to be written to, and where they withdraw that; without any, consent is kept in another system."""

    given: str = ""
    withdrawn: str = ""

    @property
    def goals(self) -> tuple[str, ...]:
        """The names of the goals."""
        return tuple(name for name in (self.given, self.withdrawn) if name)


@dataclass(frozen=True)
class Site:
    """The settings under `site:`."""

    timezone: str = "UTC"
    log_timezone: str = ""
    """The time zone of times that do not name one; if empty, `timezone`."""
    encoding: str = ""
    """The encoding of the logs' text; if it is empty, it is detected."""
    day_first: bool | None = None
    """Whether the day comes first in dates like 10/11/2026; None if the values of the column show it."""
    currency: str = ""
    decimal: str = ""
    """The decimal sign of amounts that could be read in two ways."""
    hosts: tuple[str, ...] = ()
    session_timeout: timedelta = timedelta(minutes=30)
    pageless_sessions: bool = False
    """Whether sessions of an access log count even if they have no page view."""
    visitor: tuple[str, ...] = (USER_RULE, ADDRESS_RULES[0])
    trusted_proxy: tuple[str, ...] = ()
    """Networks of proxies whose X-Forwarded-For is trusted."""
    ignore_paths: tuple[str, ...] = ()
    ignore_addresses: tuple[str, ...] = ()
    ignore_events: tuple[str, ...] = ()
    ignore_users: tuple[str, ...] = ()
    ignore_case: bool = False
    """Whether paths are the same if they differ only in case."""
    hash_routes: bool | None = None
    """Whether the path stands behind `#/`; None to decide by how many URLs have one."""
    group: tuple[str, ...] = ()
    keep_query: tuple[str, ...] = ()
    payment: tuple[str, ...] = ()
    """Hosts from which visitors return after paying."""
    channels: Mapping[str, tuple[ChannelRule, ...]] = field(default_factory=dict)
    """The site's own channels, which override the built-in ones: for each channel its rules, one of which must match."""
    log_format: str = "auto"
    columns: Mapping[str, str | int] = field(default_factory=dict)
    """The columns of exports by role, given as a name, or as a position starting at 1."""
    bots_keep: tuple[str, ...] = ()
    bots_drop: tuple[str, ...] = ()
    notes: tuple[tuple[date, str], ...] = ()
    """Days and what happened on them, earliest first."""
    variants: Mapping[str, VariantSource | VariantRule] = field(default_factory=dict)
    """For each name, how to recognise which variant a visitor was shown."""
    margin: float = 0.1
    """How far a rate may move, relative to its earlier value, and still count as unchanged."""
    consent: Consent | None = None
    """How people agree to be written to; None if the site does not say."""

    def variant(self, name: str) -> VariantRule:
        """Return how to recognise the variants with a name."""
        variant = self.variants[name]
        return variant if isinstance(variant, VariantRule) else VariantRule(variant)

    @property
    def has_session_column(self) -> bool:
        """Whether `columns` names the column with an export's own session IDs."""
        return self.columns.get("session", "none") != "none"

    @property
    def visitor_rules(self) -> tuple[str, ...]:
        """The rules that identify visitors, most preferred first: those in `visitor`, to which an address rule and the user are always added."""
        fallback = [] if any(rule in ADDRESS_RULES for rule in self.visitor) else [ADDRESS_RULES[0]]
        return tuple(dict.fromkeys((*self.visitor, *fallback, USER_RULE)))

    @property
    def address_rule(self) -> str:
        """The rule that identifies visitors by IP address."""
        return next(rule for rule in self.visitor_rules if rule in ADDRESS_RULES)

    @property
    def preferred_rules(self) -> tuple[str, ...]:
        """The rules that take precedence over the address rule."""
        return self.visitor_rules[: self.visitor_rules.index(self.address_rule)]


@dataclass(frozen=True)
class Money:
    """How the amounts of a value are written, as all lines show it."""

    decimal: str = ""
    """The decimal sign of amounts like `2,000`; if it is empty, they are not counted."""
    currency: str = ""
    """The code of the currency that is counted; empty if no amount names one."""
    others: tuple[str, ...] = ()
    """The codes of other currencies, the most frequent first; their amounts are not counted."""
    example: str = ""
    """An amount that is not counted because its decimal sign is unknown."""


@dataclass(frozen=True)
class Target:
    """What a goal should bring: a rate, or conversions or value a month (30 days)."""

    number: float
    """A rate from 0 to 1, a number of conversions, or an amount in millionths."""
    of: str = "rate"
    """`rate`, `conversions` or `value`."""


@dataclass(frozen=True)
class Alert:
    """A threshold in the goals file, as it is written there, like `purchase.rate < 0.02`."""

    text: str
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Metric:
    """A figure computed from two counts, `factor * above / below`: each is one of METRIC_COUNTS, or of the sessions that reached a goal."""

    name: str
    above: str
    below: str
    factor: float = 1

    @property
    def column(self) -> str:
        """The column of the overview that holds it."""
        return f"metric:{self.name}"

    @property
    def is_share(self) -> str:
        """The column that says whether every session that is counted above is counted below, too."""
        return f"{self.column}:is_share"

    @property
    def counts(self) -> tuple[str, str, str]:
        """The columns of both counts, and of the sessions that are counted above and not below."""
        return f"{self.column}:above", f"{self.column}:below", f"{self.column}:outside"


METRIC_COUNTS = ("sessions", "visitors", "pageviews", "bounces", "converted_sessions")
"""What a metric can count in addition to the sessions that reached a goal."""


@dataclass(frozen=True)
class Goal:
    """A goal, which is true or false for every hit.

    `named` holds an expression for each Boolean column that is determined together with the kind of a hit. `turned` holds expressions that are
    evaluated one after the other on sessionized hits; each sees the result of the previous one as `goal:<name>`.
    """

    name: str
    macro: bool = False
    named: Mapping[str, pl.Expr] = field(default_factory=dict)
    turned: tuple[pl.Expr, ...] = ()
    once_per: str | tuple[str, str] = "session"
    """A word, a value of hits, or `visitor` and a value."""
    shared: pl.Expr | None = field(default=None, compare=False)
    """The expression for hits that are the first of a value that several visitors have, evaluated with the last of `turned`; None unless `once_per`
    is a value."""
    value: int | str | None = None
    """An amount in integer millionths, or the column of hits that holds it as text."""
    target: Target | None = None
    money: Money = field(default=Money(), compare=False)
    """How amounts taken from hits are written."""
    is_condition: bool = False
    """Whether it has no *what*; if it is a funnel step, the hit that completes it may also complete the next step."""
    is_passive: bool = False
    """Whether the hits that it names are no interactions, unless another goal names them, too."""
    line: int = field(default=0, compare=False)
    """Its line in the goals file, counted from 1."""

    @property
    def column(self) -> str:
        """The Boolean column of matched hits."""
        return f"goal:{self.name}"

    @property
    def shared_column(self) -> str:
        """The Boolean column for `shared`."""
        return f"shared:{self.name}"

    @property
    def once_value(self) -> str | None:
        """The value that counts only once, or once per visitor, if there is one."""
        if isinstance(self.once_per, tuple):
            return self.once_per[1]
        return None if self.once_per in {"session", "visitor", "hit"} else self.once_per

    @property
    def counts_hits(self) -> bool:
        """Whether every match counts, not only the first per session."""
        return self.once_per != "session"

    @property
    def counts_visits(self) -> bool:
        """Whether it depends on the visitor's earlier sessions; those before the log begins are unknown."""
        return any({"visitor", "started"} <= set(expr.meta.root_names()) for expr in self.turned)

    @property
    def required_columns(self) -> set[str]:
        """The columns of the other goals that it depends on, which must be matched first."""
        names = {name for expr in self.turned for name in expr.meta.root_names()}
        return {name for name in names if name.startswith("goal:")} - {self.column}


ORDERS = ("ordered", "strict", "any")
"""How the steps must follow each other: in the given order, in the given order with nothing in between, or in any order."""


@dataclass(frozen=True)
class Step:
    """A step of a funnel: any of the goals whose columns it names, at most `within` after the previous step."""

    name: str
    columns: tuple[str, ...]
    is_condition: bool = False
    within: timedelta | None = None
    is_optional: bool = False
    """Whether a chain may skip it."""


@dataclass(frozen=True)
class Exclusion:
    """Goals, given by their columns, that may not occur between two steps (numbered from 1) of a chain."""

    name: str
    columns: tuple[str, ...]
    after: int
    before: int


@dataclass(frozen=True)
class Funnel:
    """A series of steps, numbered from 1, in one session or across a visitor's sessions, with the last one at most `window` after the first."""

    name: str
    steps: tuple[Step, ...]
    per: str = "session"
    window: timedelta | None = None
    order: str = "ordered"
    """One of ORDERS."""
    without: tuple[Exclusion, ...] = ()
    same: str | None = None
    """The column whose value must be the same on all hits of a chain."""
    is_open: bool = False
    """Whether a chain may start at any step."""
    where: tuple[str, ...] = ()
    """Filters like `landing=/blog/**` that the session of the first hit must match."""
    line: int = field(default=0, compare=False)
    """Its line in the goals file, counted from 1."""

    @property
    def numbers(self) -> range:
        """The step numbers, starting at 1."""
        return range(1, len(self.steps) + 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rows: those of the steps or, if the steps may come in any order, how many of them were done."""
        return tuple(f"any {number}" if self.order == "any" else step.name for number, step in zip(self.numbers, self.steps, strict=True))

    @property
    def required(self) -> list[int]:
        """The numbers of the steps that are not optional."""
        return [number for number in self.numbers if not self.step(number).is_optional]

    @property
    def same_name(self) -> str:
        """The name of the value that must be the same, without its source: `sku` for query.sku."""
        same = self.same or ""
        return same.partition(".")[2] or same

    def step(self, number: int) -> Step:
        """Return the step with this number."""
        return self.steps[number - 1]

    def next_step(self, number: int) -> int | None:
        """Return the number of the next step that is not optional, or None after the last one."""
        return next((later for later in self.required if later > number), None)


@dataclass(frozen=True)
class Goals:
    """The content of a goals file; `file` is None for goals of no file, `unlisted` are goals defined inside funnel steps and under `after`."""

    file: str | None
    site: Site
    goals: tuple[Goal, ...]
    unlisted: tuple[Goal, ...] = ()
    funnels: tuple[Funnel, ...] = ()
    alerts: tuple[Alert, ...] = ()
    metrics: tuple[Metric, ...] = ()
    is_suggested: bool = False
    """Whether they are of no file, but suggested by the logs themselves."""

    @property
    def is_builtin(self) -> bool:
        """Whether these are the built-in goals, which may have nothing to do with the site."""
        return self.file is None and not self.is_suggested

    @property
    def all(self) -> tuple[Goal, ...]:
        """All goals that are matched, listed or not."""
        return self.goals + self.unlisted

    @property
    def macros(self) -> tuple[Goal, ...]:
        """The macro goals: what the site is for."""
        return tuple(goal for goal in self.goals if goal.macro)

    @property
    def separate_macros(self) -> tuple[Goal, ...]:
        """The macro goals that reports count separately, too: those of a goals file that has several."""
        return () if self.is_builtin or len(self.macros) == 1 else self.macros

    @property
    def droppable_steps(self) -> dict[str, tuple[Funnel, int]]:
        """By FUNNEL.STEP, the funnel and the number of each step at which one can drop off: those that are followed by another."""
        return {
            f"{funnel.name}.{name}": (funnel, number)
            for funnel in self.funnels
            for number, name in zip(funnel.numbers[:-1], funnel.names, strict=False)
        }

    @property
    def micros(self) -> tuple[Goal, ...]:
        """The micro goals: steps and signs of interest."""
        return tuple(goal for goal in self.goals if not goal.macro)
