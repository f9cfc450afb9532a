"""The expected figures of a log: every figure of the overview, goals, funnels, pages and channels, and how every line is classified.

This module only counts; sessions, matches and chains are determined elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from .simulator_acts import Device, Hit, Kind
from .simulator_bots import reasons_of
from .simulator_channels import channels_of, origins_of
from .simulator_figures import median, quantile, ratio, wilson
from .simulator_goals import Chain, Reached, amount, chains_of, reach
from .simulator_sessions import Session, Visits, visits_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .simulator_log import Written
    from .simulator_site import Funnel, Goal, Site

Row = dict[str, object]
Period = tuple[float, float]
ALWAYS: Period = (float("-inf"), float("inf"))


@dataclass
class Truth:
    """The expected figures of one log under one goals file, in one period."""

    fates: dict[str, int]
    overview: Row
    goals: dict[str, Row]
    funnels: dict[tuple[str, int], Row]
    pages: dict[str, Row]
    channels: dict[str, Row]
    origins: dict[tuple[str, str, str, str], int]
    """Sessions by source, medium, campaign and channel."""
    bots: dict[str, int]
    """Bot lines by the reason why the visitor is a bot."""
    sessions: list[Session] = field(default_factory=list)
    """The sessions in the period that count: those with a page view, or in an export all of them."""
    visits: Visits = field(default_factory=lambda: Visits([], [], {}))


def _within(period: Period, time: int) -> bool:
    return period[0] <= time < period[1]


def _fate(hit: Hit, site: Site, bots: dict[Device, str]) -> str:
    """Return how the line of a hit is classified, ignoring the period."""
    if hit.kind is Kind.ASSET and not site.names(hit.tags):
        return "asset"
    if hit.device.excluded:
        return "excluded"
    if hit.device in bots:
        return "bot"
    return "person"


def _fates(fates: list[str], visits: Visits, written: Written, period: Period) -> dict[str, int]:
    counts = Counter(fates)
    counts["person"] = 0
    homes = {hit: session.start for session in visits.sessions for hit in session.hits}
    for hit, kind in visits.kinds.items():
        if kind in {"other", "background"}:
            counts[kind] += 1
        else:
            counts["kept" if _within(period, homes.get(hit, hit.time)) else "outside"] += 1
    names = ("asset", "excluded", "bot", "other", "background", "outside", "kept")
    classified = {"blank": written.blank, "comment": 0, "unparsed": written.unparsed, "duplicate": 0} | {name: counts[name] for name in names}
    return {"lines": len(written.lines)} | classified


def _overview(sessions: list[Session], converted: set[Session], value: Fraction) -> Row:
    pageviews = sum(len(session.pages) for session in sessions)
    bounces = sum(len(session.interactions) == 1 for session in sessions)
    seconds = [session.interactions[-1].time - session.start for session in sessions if len(session.interactions) > 1]
    low, high = wilson(len(converted), len(sessions))
    return {
        "sessions": len(sessions),
        "visitors": len({session.visitor for session in sessions}),
        "pageviews": pageviews,
        "pages_per_session": ratio(pageviews, len(sessions)),
        "bounces": bounces,
        "bounce_rate": ratio(bounces, len(sessions)),
        "median_session_seconds": median(seconds),
        "converted_sessions": len(converted),
        "conversion_rate": ratio(len(converted), len(sessions)),
        "conversion_rate_low": low,
        "conversion_rate_high": high,
        "value": value,
    }


def _first(results: Iterable[Reached]) -> list[Hit]:
    return [result.matches[0] for result in results if result.matches]


def _goal(goal: Goal, sessions: list[Session], results: dict[Session, Reached], last_macro: dict[Session, tuple[int, int]]) -> Row:
    reached = [session for session in sessions if results[session].matches]
    counted = [hit for session in sessions for hit in results[session].counted]
    first = {session: results[session].matches[0] for session in reached}
    low, high = wilson(len(reached), len(sessions))
    converted_later = sum((first[session].time, first[session].line_no) < last_macro.get(session, (0, 0)) for session in reached)
    rate = ratio(len(reached), len(sessions))
    return {
        "type": "macro" if goal.macro else "micro",
        "conversions": len(counted),
        "reached": len(reached),
        "reached_visitors": len({session.visitor for session in reached}),
        "rate": rate,
        "rate_low": low,
        "rate_high": high,
        "then_converted": None if goal.macro else converted_later,
        "value": None if goal.value is None else sum((amount(goal, hit) for hit in counted), Fraction(0)),
        "median_seconds": median([max(0, first[session].time - session.start) for session in reached]),
        "last_reached": max((hit.time for hit in counted), default=None),
        "target": goal.target,
        "target_met": None if goal.target is None or rate is None else rate >= goal.target,
    }


def _funnel(funnel: Funnel, chains: list[Chain]) -> dict[tuple[str, int], Row]:
    rows: dict[tuple[str, int], Row] = {}
    depths = [len(chain.times) for chain in chains]
    for step in range(1, len(funnel.steps) + 1):
        here, further = (sum(depth >= least for depth in depths) for least in (step, step + 1))
        row: Row = {"reached": here, "of_first": ratio(here, len(chains))}
        if step < len(funnel.steps):
            seconds = [chain.times[step] - chain.times[step - 1] for chain in chains if len(chain.times) > step]
            low, high = wilson(here - further, here)
            row |= {"went_on": further, "went_on_rate": ratio(further, here), "drop_offs": here - further}
            row |= {"drop_off_rate": ratio(here - further, here), "drop_off_low": low, "drop_off_high": high}
            for name, share in (("q1", 1), ("median", 2), ("q3", 3)):
                row[f"{name}_seconds_to_next"] = quantile(seconds, Fraction(share, 4))
        else:
            names = ("went_on", "went_on_rate", "drop_offs", "drop_off_rate", "drop_off_low", "drop_off_high")
            row |= dict.fromkeys((*names, "q1_seconds_to_next", "median_seconds_to_next", "q3_seconds_to_next"))
        rows[funnel.name, step] = row
    return rows


def _pages(sessions: list[Session], converted: set[Session], site: Site) -> dict[str, Row]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: dict[str, list[int]] = defaultdict(list)
    for session in sessions:
        names = [site.page(hit.path, hit.query) for hit in session.pages]
        for name in set(names):
            counts[name]["sessions"] += 1
        landing, leaving = counts[names[0]], counts[names[-1]]
        landing.update(landings=1, bounces=len(session.interactions) == 1, landings_converted=session in converted)
        leaving.update(exits=1, exits_converted=session in converted)
        for place, hit in enumerate(session.interactions):
            if hit.kind is Kind.PAGE:
                name = site.page(hit.path, hit.query)
                counts[name]["pageviews"] += 1
                seconds[name] += [after.time - hit.time for after in session.interactions[place + 1 : place + 2]]
    columns = ("sessions", "pageviews", "landings", "bounces", "landings_converted", "exits", "exits_converted")
    return {
        name: {column: count[column] for column in columns}
        | {
            "bounce_rate": ratio(count["bounces"], count["landings"]),
            "exit_rate": ratio(count["exits"], count["pageviews"]),
            "median_seconds": median(seconds[name]),
            "timed_share": ratio(len(seconds[name]), count["pageviews"]),
        }
        for name, count in counts.items()
    }


def truth_of(plan: list[Hit], site: Site, written: Written, period: Period = ALWAYS, *, export: bool = False) -> Truth:
    """Return all expected figures; a session or chain belongs entirely to the period in which it starts. An export reveals fewer origins."""
    bots = reasons_of(plan, site)
    fates = [_fate(hit, site, bots) for hit in plan]
    visits = visits_of([hit for hit, fate in zip(plan, fates, strict=True) if fate == "person"], site)
    # In an export, sessions without a page view count like any others.
    counted = sorted(
        (session for session in visits.sessions if session.pages or (export and session.interactions)), key=lambda session: session.start
    )
    reached = {goal.name: reach(counted, goal, visits.kinds) for goal in site.goals}
    inside = [session for session in counted if _within(period, session.start)]
    last_macro: dict[Session, tuple[int, int]] = {}
    for session in inside:
        matches = [hit for goal in site.goals if goal.macro for hit in reached[goal.name][session].matches]
        if matches:
            last_macro[session] = max((hit.time, hit.line_no) for hit in matches)
    goals = {goal.name: _goal(goal, inside, reached[goal.name], last_macro) for goal in site.goals}
    paid = [goal for goal in site.goals if goal.macro and goal.value is not None]
    worth = {session: sum((amount(goal, hit) for goal in paid for hit in reached[goal.name][session].counted), Fraction(0)) for session in inside}
    value = sum(worth.values(), Fraction(0))
    funnels: dict[tuple[str, int], Row] = {}
    for funnel in site.funnels:
        chains = chains_of(counted if funnel.per_visitor else inside, funnel, site, reached)
        funnels |= _funnel(funnel, [chain for chain in chains if not funnel.per_visitor or _within(period, chain.times[0])])
    origins = origins_of(counted, visits.kinds, export=export)
    return Truth(
        fates=_fates(fates, visits, written, period),
        bots=Counter(bots[hit.device] for hit, fate in zip(plan, fates, strict=True) if fate == "bot"),
        overview=_overview(inside, set(last_macro), value),
        goals=goals,
        funnels=funnels,
        pages=_pages([session for session in inside if session.pages], set(last_macro), site),
        channels=channels_of(origins, inside, set(last_macro), worth),
        origins=Counter(origins[session].names for session in inside),
        sessions=inside,
        visits=visits,
    )
