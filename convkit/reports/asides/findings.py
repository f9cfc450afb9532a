"""Findings: at most three sentences at the end of `convkit report`, each with the command that shows more.

Gains are upper bounds, in conversions; no sentence names a cause.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import planning
from convkit.core import formatting, stats
from convkit.core.document import Finding
from convkit.funnels.friction import KEYS, add_stakes, describe, judge_friction
from convkit.funnels.points import EVENT, WHOLE_SITE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import View
    from convkit.core.document import Report

_FEWEST_LANDINGS = 100
_BEYOND_CHANCE = "That is more than chance would explain."


def findings_of(reports: Mapping[str, Report], tally: Mapping[str, pl.DataFrame], view: View, command: str) -> tuple[Finding, ...]:
    """Return the findings of `convkit report`, from its reports and the tally of friction.

    `command` explains individual sessions, and is empty if it cannot be run again.
    """
    judged = add_stakes(judge_friction(tally), reports["funnel"].frame.select("funnel", "step", "reached"), view.steps, view.period.days)
    candidates = [
        _largest_loss(judged, view, command),
        _landing_page(reports, view, judged.select(pl.col("tests").max()).item() or 0),
        # How much a log can show depends on all of its sessions.
        None if view.is_narrowed else _few_conversions(reports["goals"].frame, view, reports["overview"].frame),
    ]
    return tuple(finding for finding in candidates if finding)


def _at_stake(number: int, goal: str) -> str:
    """Return a number of conversions in words; a goal whose name has no plural is named after them."""
    return formatting.plural(number, goal) if formatting.is_noun(goal) else f"{formatting.plural(number, 'conversion')} ({goal})"


def _largest_loss(judged: pl.DataFrame, view: View, command: str) -> Finding | None:
    """Return what loses the most conversions, as far as equal points show it; what visitors do themselves counts only if it may lose any."""
    losing = judged.filter("loses", ~pl.col("acts") | (pl.col("up_to") > 0))
    rows = losing.sort(-pl.col("up_to"), -pl.col("lost"), pl.col("what") == EVENT, *KEYS, nulls_last=True)
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    if row["funnel"] == WHOLE_SITE:
        return Finding(f"Anywhere on the site: {describe(row, 'session')}. {_BEYOND_CHANCE}")
    funnels = {funnel.name: funnel for funnel in view.goals.funnels}
    funnel = funnels[row["funnel"]]
    name, up_to = funnel.names[row["step"] - 1], row["up_to"] or 0
    gain = f" At most {_at_stake(up_to, funnel.names[-1])} a month {'is' if up_to == 1 else 'are'} at stake." if up_to else ""
    is_unique = [step for one in funnels.values() for step in one.names[:-1]].count(name) == 1
    place = name if is_unique else f"{funnel.name}.{name}"
    return Finding(f"{name}: {describe(row, funnel.per)}. {_BEYOND_CHANCE}{gain}", f"{command} --dropped-at {shlex.quote(place)}" if command else "")


def _landing_page(reports: Mapping[str, Report], view: View, tests: int) -> Finding | None:
    """Return the landing page with the most landings among those whose bounce rate is clearly above that of the other sessions.

    `tests` is the number of other tests that share its error rate.
    """
    overview = reports["overview"].frame
    sessions, bounces = overview["sessions"][0], overview["bounces"][0]
    rest, rest_bounces = sessions - pl.col("landings"), bounces - pl.col("bounces")
    low = stats.newcombe_low(pl.col("bounces"), pl.col("landings"), rest_bounces, rest, stats.bonferroni_z(tests))
    worse = reports["pages"].rows.filter(pl.col("landings") >= _FEWEST_LANDINGS, low > 0).sort("landings", "page", descending=[True, False])
    if worse.is_empty():
        return None
    row = worse.row(0, named=True)
    others = formatting.share(bounces - row["bounces"], sessions - row["landings"])
    share = formatting.share(row["bounces"], row["landings"])
    separate = [f"{formatting.count(row[f'landings_converted:{goal}'])} reached {goal}" for goal in view.separate_macros]
    counted = " and ".join(separate) or f"{formatting.count(row['landings_converted'])} converted"
    converted = f", and {counted}" if overview["converted_sessions"][0] is not None else ""
    rest_of = "the other sessions" if view.is_narrowed else "the rest of the site"
    landed = f"{row['page']}: {formatting.count(row['landings'])} sessions landed here"
    return Finding(f"{landed}; {share} of them viewed nothing else ({rest_of}: {others}){converted}.")


def _few_conversions(goals: pl.DataFrame, view: View, overview: pl.DataFrame) -> Finding | None:
    """Return how long a log a macro goal with few conversions needs, and which micro goal to judge by in the meantime."""
    macros = goals.filter(type="macro").rows(named=True)
    if not macros or overview["converted_sessions"][0] is None or macros[0]["reached"] >= planning.FEW_CONVERSIONS:
        return None
    name, reached, sessions = macros[0]["goal"], macros[0]["reached"], overview["sessions"][0]
    if not reached:
        return Finding(planning.describe_no_conversions(name))
    counts = planning.GoalCounts(goals, sessions, sessions / view.period.days)
    return Finding(planning.describe_needed_log(counts, name, reached, planning.describe_few_conversions(reached, name)))
