"""All figures of the reports, counted from lists of hits by enumeration.

`figures_of` is the model: it turns hits and a goals file into every figure, to be compared with the product's JSON.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from model.figures import Figures, amount, quantile, rate, wilson
from model.funnels import funnel_figures
from model.origins import Origin, origin_of, own_host
from model.robots import reasons_of
from model.sessions import Session, Traffic, Visits, cut, fate, matches_of, visitors_of, with_kinds
from model.variants import Exposure, exposure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from model.goals import Goal, GoalsFile
    from model.hits import Hit

    Where = Callable[["Model", int], bool]

_OF_CHANNEL = (
    "sessions", "bounce_rate", "pages_per_session", "converted_sessions", "conversion_rate", "conversion_rate_low", "conversion_rate_high", "value",
)  # fmt: skip
FATES = ("asset", "excluded", "bot", "other", "background", "outside", "kept")


@dataclass(frozen=True)
class Period:
    """A period in seconds since 1970; `end` is the first second after it."""

    start: float = float("-inf")
    end: float = float("inf")

    def holds(self, time: int) -> bool:
        """Return whether a time is in the period."""
        return self.start <= time < self.end


@dataclass
class Model:
    """The sessions of a log and the goals that they match, without sessions that have no page view, unless the site counts them."""

    goals: GoalsFile
    period: Period
    traffic: Traffic
    robots: dict[str, str]
    bots: str
    sessions: list[Session]
    matches: dict[Goal, list[list[Hit]]]
    where: Where | None = None
    exposures: dict[str, Exposure] = field(default_factory=dict)
    """What visitors were shown of the variants that the figures involve."""
    of_funnels: dict[str, Exposure] = field(default_factory=dict)
    """What visitors were shown of the variants that only funnels test."""
    reached_early: dict[str, frozenset[str]] = field(default_factory=dict)
    """By variant, the visitors who reached a goal, or a step of such a funnel, before it was first shown to them, in a session of the period."""

    @cached_property
    def early(self) -> frozenset[int]:
        """Return the positions of hits that count for no variant."""
        return frozenset(position for exposure in self.exposures.values() for position in exposure.early)

    def pages(self, number: int) -> list[Hit]:
        """Return the page views of a session that count."""
        return [hit for hit in self.sessions[number].pages if hit.position not in self.early]

    @cached_property
    def origins(self) -> list[Origin]:
        """Return the origin of each session."""
        own = own_host(self.sessions)
        return [origin_of(session, own) for session in self.sessions]

    @property
    def shown(self) -> list[int]:
        """Return the numbers of the sessions that are counted."""
        return [number for number in range(len(self.sessions)) if self.shows(number)]

    def shows(self, number: int) -> bool:
        """Return whether a session is in the period, of a visitor who did not see several variants, and passes the filter."""
        session = self.sessions[number]
        if not self.period.holds(session.started) or any(session.visitor in exposure.several for exposure in self.exposures.values()):
            return False
        return self.where is None or self.where(self, number)

    def of(self, name: str) -> list[list[Hit]]:
        """Return the matches of a named goal in each session."""
        return self.matches[self.goals.goals[name]]

    def converted(self, number: int) -> bool:
        """Return whether a session reached a macro goal."""
        return any(self.of(name)[number] for name in self.goals.macro)


def analyze(  # noqa: PLR0913, PLR0917 (every filter of a run is an argument)
    hits: list[Hit],
    goals: GoalsFile,
    period: Period | None = None,
    bots: str = "drop",
    where: Where | None = None,
    variants: Sequence[str] = (),
) -> Model:
    """Return the model of a log; bots are excluded (`drop`), included (`keep`) or counted alone (`only`).

    `variants` are the names of the variants that the figures involve: what visitors did before these were first shown is matched, but does not count.
    """
    robots = reasons_of(hits, goals.site) if bots != "keep" else {}
    analyzed = [hit for hit in hits if fate(hit, "", goals.site, robots, bots) == "kept"]
    traffic = with_kinds(analyzed, visitors_of(analyzed, goals), goals)
    sessions = [session for session in cut(traffic, goals.site.timeout) if session.pages or goals.site.pageless]
    visits = Visits(tuple(sessions), traffic, goals.site)
    matches = {goal: matches_of(goal, visits) for goal in goals.all_goals}
    model = Model(goals, period or Period(), traffic, robots, bots, sessions, matches, where)
    tested = {funnel.variant[0] for funnel in goals.funnels.values() if funnel.variant is not None}
    exposures, of_funnels = ({name: exposure_of(goals.variants[name], sessions) for name in names} for names in (variants, tested - {*variants}))
    reached_early = {name: early_visitors(model, exposure, [*goals.goals.values()]) for name, exposure in exposures.items()}
    for name, exposure in of_funnels.items():
        steps = [step for funnel in goals.funnels.values() if funnel.variant and funnel.variant[0] == name for step in funnel.steps]
        reached_early[name] = early_visitors(model, exposure, [goal for step in steps for goal in step.goals])
    early = replace(model, exposures=exposures).early
    later = {goal: [[hit for hit in own if hit.position not in early] for own in of_sessions] for goal, of_sessions in matches.items()}
    return replace(model, matches=later, exposures=exposures, of_funnels=of_funnels, reached_early=reached_early)


def early_visitors(model: Model, exposure: Exposure, goals: Sequence[Goal]) -> frozenset[str]:
    """Return the visitors who reached one of these goals in the period before they were first shown a variant, in the session that shows it."""
    numbers = [number for number in range(len(model.sessions)) if model.period.holds(model.sessions[number].started)]
    reached = {number: [hit for goal in goals for hit in model.matches[goal][number]] for number in numbers}
    return frozenset(model.sessions[number].visitor for number, hits in reached.items() if any(hit.position in exposure.early for hit in hits))


def figures_of(  # noqa: PLR0913 (every filter of a run is an argument)
    hits: list[Hit], goals: GoalsFile, period: Period | None = None, bots: str = "drop", where: Where | None = None, *, channels: bool = False
) -> Figures:
    """Return every figure of every report, plus the classification of lines if there is neither a period nor a filter.

    Figures of `channels` are added on request, because `convkit report` does not include them.
    """
    model = analyze(hits, goals, period, bots, where)
    fates = fate_figures(hits, model) if period is None and where is None else {}
    return fates | report_figures(model, channels=channels)


def report_figures(model: Model, *, channels: bool = False) -> Figures:
    """Return every figure of every report."""
    goals = model.goals
    figures = overview_figures(model)
    for name in goals.goals:
        figures |= goal_figures(model, name)
    figures |= page_figures(model)
    figures |= channel_figures(model) if channels else {}
    for name in goals.funnels:
        figures |= funnel_figures(model, name)
    return figures


def fate_figures(hits: list[Hit], model: Model) -> Figures:
    """Count the lines in each class."""
    # Hits that are not analyzed have kinds too: `other` and `background` do not depend on who sent them.
    kinds = with_kinds(hits, {hit.position: hit.browser for hit in hits}, model.goals).kinds | model.traffic.kinds
    fates = [fate(hit, kinds[hit.position], model.goals.site, model.robots, model.bots) for hit in hits]
    counts = Counter(fates)
    reasons = Counter(model.robots[hit.browser] for hit, one in zip(hits, fates, strict=True) if one == "bot")
    figures: Figures = {("input", "lines"): len(hits)} | {("input", name): counts[name] for name in FATES}
    return figures | {("input", "bot", reason): number for reason, number in reasons.items()}


def overview_figures(model: Model) -> Figures:
    """Count sessions, bounces and conversions."""
    shown = [model.sessions[number] for number in model.shown]
    pageviews = sum(len(model.pages(number)) for number in model.shown)
    bounces = sum(len(session.interactions) == 1 for session in shown)
    converted = sum(model.converted(number) for number in model.shown)
    low, high = wilson(converted, len(shown))
    row = {
        "sessions": len(shown),
        "visitors": len({session.visitor for session in shown}),
        "pageviews": pageviews,
        "pages_per_session": rate(pageviews, len(shown)),
        "bounces": bounces,
        "bounce_rate": rate(bounces, len(shown)),
        "median_session_seconds": quantile([session.seconds for session in shown if len(session.interactions) > 1], 0.5),
        "converted_sessions": converted,
        "conversion_rate": rate(converted, len(shown)),
        "conversion_rate_low": low,
        "conversion_rate_high": high,
        "value": sum((worth(model, name) for name in model.goals.macro), Decimal(0)),
    }
    return {("overview", column): figure for column, figure in row.items()}


def counted(model: Model, name: str) -> list[Hit]:
    """Return the hits that `conversions` and `value` count; with `once_per: session`, only the first of each session."""
    matches = [model.of(name)[number] for number in model.shown]
    if model.goals.goals[name].once_per == "session":
        matches = [hits[:1] for hits in matches]
    return [hit for hits in matches for hit in hits]


def worth(model: Model, name: str) -> Decimal:
    """Return the total value of a goal's counted hits."""
    value = model.goals.goals[name].value
    hits = counted(model, name)
    if value is None:
        return Decimal(0)
    if value.startswith("query."):
        return sum((amount(hit.parameter(value.removeprefix("query."))) for hit in hits), Decimal(0))
    return Decimal(value) * len(hits)


def goal_figures(model: Model, name: str) -> Figures:
    """Return the figures of one goal."""
    reached = [number for number in model.shown if model.of(name)[number]]
    hits = counted(model, name)
    share = rate(len(reached), len(model.shown))
    low, high = wilson(len(reached), len(model.shown))
    target = model.goals.goals[name].target
    target_rate = float(target.removesuffix("%")) / 100 if target else None
    seconds = [max(0, model.of(name)[number][0].time - model.sessions[number].started) for number in reached]
    row = {
        "type": "macro" if name in model.goals.macro else "micro",
        "conversions": len(hits),
        "reached": len(reached),
        "reached_visitors": len({model.sessions[number].visitor for number in reached}),
        "rate": share,
        "rate_low": low,
        "rate_high": high,
        "then_converted": sum(then_converted(model, name, number) for number in reached),
        "value": worth(model, name),
        "median_seconds": quantile(seconds, 0.5),
        "last_reached": max((hit.time for hit in hits), default=None),
        "target": target_rate,
        "target_met": None if target_rate is None or share is None else share >= target_rate,
    }
    return {("goals", name, column): figure for column, figure in row.items()}


def then_converted(model: Model, name: str, number: int) -> bool:
    """Return whether a session matched a macro goal after its first match of this micro goal."""
    if name in model.goals.macro:
        return False
    first = model.of(name)[number][0]
    return any(hit.order > first.order for macro in model.goals.macro for hit in model.of(macro)[number])


def channel_figures(model: Model) -> Figures:
    """Return the figures of every channel that brought a session or a visitor who converted."""
    converted = {model.sessions[number].visitor: number for number in reversed(model.shown) if model.converted(number)}
    firsts = {session.visitor: origin for session, origin in zip(reversed(model.sessions), reversed(model.origins), strict=True)}
    first_touch = Counter(firsts[visitor].channel for visitor in converted)
    last_touch = Counter(model.origins[number].channel for number in converted.values())
    figures: Figures = {}
    for channel in {*(model.origins[number].channel for number in model.shown), *first_touch, *last_touch}:
        of_channel = replace(model, where=lambda _, number, channel=channel: model.shows(number) and model.origins[number].channel == channel)
        row = {column: figure for (_, column), figure in overview_figures(of_channel).items()}
        names = {"median_seconds": "median_session_seconds"} | {name: name for name in _OF_CHANNEL}
        timed = sum(len(model.sessions[number].interactions) > 1 for number in of_channel.shown)
        row = {name: row[of] for name, of in names.items()} | {
            "share": rate(len(of_channel.shown), len(model.shown)),
            "timed_share": rate(timed, len(of_channel.shown)),
            "first_touch": first_touch[channel],
            "last_touch": last_touch[channel],
        }
        figures |= {("channels", channel, column): figure for column, figure in row.items()}
    return figures


def page_figures(model: Model) -> Figures:
    """Return the figures of every page viewed in the counted sessions."""
    shown = model.goals.site.shown
    paths = {shown(hit.path) for number in model.shown for hit in model.pages(number)}
    figures: Figures = {}
    for path in paths:
        figures |= {("pages", path, column): figure for column, figure in page_row(model, path).items()}
    return figures


def page_row(model: Model, path: str) -> dict[str, int | float | None]:
    """Return the figures of one page; landings and exits are views of the page, so they count if these do."""
    shown = model.goals.site.shown
    viewing = [number for number in model.shown if any(shown(hit.path) == path for hit in model.pages(number))]
    views = sum(shown(hit.path) == path for number in viewing for hit in model.pages(number))
    ends = {number: (model.sessions[number].pages[0], model.sessions[number].pages[-1]) for number in viewing}
    landed = [number for number, (first, _) in ends.items() if shown(first.path) == path and first.position not in model.early]
    left = [number for number, (_, last) in ends.items() if shown(last.path) == path and last.position not in model.early]
    bounces = sum(len(model.sessions[number].interactions) == 1 for number in landed)
    timed = [seconds for number in viewing for seconds in times_on(model, number, path)]
    return {
        "sessions": len(viewing),
        "pageviews": views,
        "landings": len(landed),
        "bounces": bounces,
        "bounce_rate": rate(bounces, len(landed)),
        "landings_converted": sum(model.converted(number) for number in landed),
        "exits": len(left),
        "exits_converted": sum(model.converted(number) for number in left),
        "exit_rate": rate(len(left), views),
        "median_seconds": quantile(timed, 0.5),
        "timed_share": rate(len(timed), views),
    }


def times_on(model: Model, number: int, path: str) -> list[int]:
    """Return the measured times on a page, each up to the session's next interaction."""
    acts = model.sessions[number].interactions
    pages = set(model.pages(number))
    shown = model.goals.site.shown
    return [after.time - act.time for act, after in pairwise(acts) if act in pages and shown(act.path) == path]
