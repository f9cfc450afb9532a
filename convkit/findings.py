"""Worth a look: at most three sentences at the end of `convkit report`, left out where nothing holds.

It stands alone because it reads finished reports and nothing else. A gain is an upper bound and a number of goals; no sentence names a cause.
"""

from __future__ import annotations

import shlex
from math import floor
from typing import TYPE_CHECKING

import polars as pl

from convkit import figures, stats
from convkit.departures import ANY, difference, tests
from convkit.tables import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis import View
    from convkit.tables import Report

_FEW, _FEWEST_LANDINGS = 100, 100
_MONTH = 30
_PATIENCE = 3
"""Months of log on each side after which a site is too small to judge by its macro goal."""


def find(reports: Mapping[str, Report], view: View, command: str) -> tuple[Finding, ...]:
    """Return the findings of a whole report; `command` explains single sessions, empty where it cannot be run again."""
    steps = reports["funnel"].frame
    found = [
        _largest_difference(reports["drop-off"].details, steps, view, command),
        _landing_page(reports["pages"].frame, steps, reports["overview"].frame, view),
        # How much a site's log can show is no matter of some of its sessions.
        None if view.is_narrowed else _few_conversions(reports["goals"].frame, view, reports["overview"].frame),
    ]
    return tuple(finding for finding in found if finding)


def _largest_difference(judged: pl.DataFrame | None, steps: pl.DataFrame, view: View, command: str) -> Finding | None:
    """Name the step at which something differs between those who dropped off and those who went on, with the largest upper bound."""
    if judged is None:
        return None
    best: tuple[float, str, str] | None = None
    names = {funnel.name: funnel.names[-1] for funnel in view.goals.funnels}
    steps_of_all = [name for funnel in view.goals.funnels for name in funnel.names[:-1]]
    for row in judged.filter(pl.col("more") & (pl.col("item") == ANY)).rows(named=True):
        of_funnel = steps.filter(funnel=row["funnel"])
        reached = of_funnel.filter(step=row["step"])["reached"][0]
        up_to = row["dropped"] * of_funnel["reached"][-1] / reached * _MONTH / view.period.days
        gain = f" Up to {figures.times(floor(up_to), names[row['funnel']])} a month." if up_to >= 1 else ""
        if best is None or up_to > best[0]:
            place = row["name"] if steps_of_all.count(row["name"]) == 1 else f"{row['funnel']}.{row['name']}"
            best = up_to, f"{row['name']}: {difference(row)}. More than chance.{gain}", place
    if best is None:
        return None
    return Finding(best[1], f"{command} --dropped-at {shlex.quote(best[2])}" if command else "")


def _landing_page(pages: pl.DataFrame, steps: pl.DataFrame, overview: pl.DataFrame, view: View) -> Finding | None:
    """Name the landing page with most landings whose bounce rate lies above the rest of the site, or of the sessions that were asked for."""
    sessions, bounces = overview["sessions"][0], overview["bounces"][0]
    sides = steps.select("funnel", "step", stopped="drop_offs", continued="went_on").drop_nulls()
    rest, rest_bounces = sessions - pl.col("landings"), bounces - pl.col("bounces")
    low = stats.newcombe_low(pl.col("bounces"), pl.col("landings"), rest_bounces, rest, stats.shared_z(tests(sides)))
    worse = pages.filter((pl.col("landings") >= _FEWEST_LANDINGS) & (low > 0)).sort("landings", "page", descending=[True, False])
    if worse.is_empty():
        return None
    row = worse.row(0, named=True)
    others = figures.share(bounces - row["bounces"], sessions - row["landings"])
    share = figures.share(row["bounces"], row["landings"])
    converted = f", {figures.count(row['landings_converted'])} converted" if overview["converted_sessions"][0] is not None else ""
    rest_of = "the other sessions" if view.is_narrowed else "the rest of the site"
    return Finding(f"{row['page']}: {figures.count(row['landings'])} sessions land there, {share} see nothing else ({rest_of}: {others}){converted}.")


def _few_conversions(goals: pl.DataFrame, view: View, overview: pl.DataFrame) -> Finding | None:
    """Say what a macro goal reached by few can show, and which micro goal stands for it meanwhile."""
    macros = goals.filter(type="macro").rows(named=True)
    if not macros or overview["converted_sessions"][0] is None or macros[0]["reached"] >= _FEW:
        return None
    macro, sessions = macros[0], overview["sessions"][0]
    name = macro["goal"]
    if not macro["reached"]:
        return Finding(f"No session reached {name} yet: no change in it can be seen, and no micro goal stands for {name} yet.")
    daily = sessions / view.period.days
    needed = stats.sessions_needed(macro["reached"] / sessions)
    words = (
        f"{figures.times(macro['reached'], name)} {'is' if macro['reached'] == 1 else 'are'} few: a change of 20% needs some {_months(needed, daily)}"
    )
    words += " of log on each side to show"
    stand_in = _stand_in(goals, macro["reached"], sessions, daily)
    too_small = needed / daily / _MONTH > _PATIENCE
    verdict = f" This site is too small to see that in {name};" if too_small else ""
    if stand_in is None:
        return Finding(
            f"{words}.{verdict.rstrip(';') + ',' if too_small else ''}{' and' if too_small else ' So far'} no micro goal stands for {name} yet."
        )
    words += f", in {stand_in['goal']} {_months(stats.sessions_needed(stand_in['reached'] / sessions), daily)}."
    before = f"{figures.count(min(stand_in['then_converted'], macro['reached']))} of the {figures.count(macro['reached'])} had it before"
    return Finding(f"{words}{verdict}{' judge' if too_small else ' Judge'} by {stand_in['goal']} ({before}); see that {name} holds.")


def _stand_in(goals: pl.DataFrame, conversions: int, sessions: int, daily: float) -> dict[str, int] | None:
    """Return the micro goal that comes before most conversions, and of those the one nearest to them that happens often enough to be judged."""
    before = (pl.col("type") == "micro") & (pl.col("then_converted") * 2 >= conversions) & (pl.col("reached") > conversions)
    found = goals.filter(before).sort("then_converted", "reached", "goal", descending=[True, False, False]).rows(named=True)
    often = (row for row in found if stats.sessions_needed(row["reached"] / sessions) / daily / _MONTH <= _PATIENCE)
    return next(often, None)


def _months(sessions: int, daily: float) -> str:
    """Return how long a number of sessions takes, in words."""
    months = sessions / daily / _MONTH
    if months < 1:
        return figures.plural(max(round(sessions / daily), 1), "day")
    return figures.plural(round(months), "month") if months < 2 * 12 else figures.plural(round(months / 12), "year")
