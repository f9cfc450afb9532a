"""Findings: at most three sentences at the end of `convkit report`, each with the command that shows more.

Gains are upper bounds, in conversions; no sentence names a cause.
"""

from __future__ import annotations

import shlex
from math import floor
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import planning
from convkit.core import formatting, stats
from convkit.core.document import Finding
from convkit.funnels.drop_off import ANY_PATH, count_tests, describe_difference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import View
    from convkit.core.document import Report

_FEWEST_LANDINGS = 100
_MONTH = 30


def findings_of(reports: Mapping[str, Report], view: View, command: str) -> tuple[Finding, ...]:
    """Return the findings of `convkit report`; `command` explains individual sessions, and is empty if it cannot be run again."""
    steps = reports["funnel"].frame
    candidates = [
        _largest_difference(reports["drop-off"].details, steps, view, command),
        _landing_page(reports, view),
        # How much a log can show depends on all of its sessions.
        None if view.is_narrowed else _few_conversions(reports["goals"].frame, view, reports["overview"].frame),
    ]
    return tuple(finding for finding in candidates if finding)


def _at_stake(number: int, goal: str) -> str:
    """Return a number of conversions in words; a goal whose name has no plural is named after them."""
    return formatting.plural(number, goal) if formatting.is_noun(goal) else f"{formatting.plural(number, 'conversion')} ({goal})"


def _largest_difference(judged: pl.DataFrame | None, steps: pl.DataFrame, view: View, command: str) -> Finding | None:
    """Return the step where those who dropped off clearly differ from those who continued, with the largest upper bound."""
    if judged is None:
        return None
    best: tuple[float, str, str] | None = None
    names = {funnel.name: funnel.names[-1] for funnel in view.goals.funnels}
    steps_of_all = [name for funnel in view.goals.funnels for name in funnel.names[:-1]]
    for row in judged.filter(pl.col("more") & (pl.col("item") == ANY_PATH)).rows(named=True):
        of_funnel = steps.filter(funnel=row["funnel"])
        reached = of_funnel.filter(step=row["step"])["reached"][0]
        up_to = row["dropped"] * of_funnel["reached"][-1] / reached * _MONTH / view.period.days
        gain = (
            f" At most {_at_stake(floor(up_to), names[row['funnel']])} a month {'is' if floor(up_to) == 1 else 'are'} at stake." if up_to >= 1 else ""
        )
        if best is None or up_to > best[0]:
            place = row["name"] if steps_of_all.count(row["name"]) == 1 else f"{row['funnel']}.{row['name']}"
            best = up_to, f"{row['name']}: {describe_difference(row)}. That is more than chance would explain.{gain}", place
    if best is None:
        return None
    return Finding(best[1], f"{command} --dropped-at {shlex.quote(best[2])}" if command else "")


def _landing_page(reports: Mapping[str, Report], view: View) -> Finding | None:
    """Return the landing page with the most landings among those whose bounce rate is clearly above that of the other sessions."""
    pages, steps, overview = (reports[name].frame for name in ("pages", "funnel", "overview"))
    sessions, bounces = overview["sessions"][0], overview["bounces"][0]
    sides = steps.select("funnel", "step", stopped="drop_offs", continued="went_on").drop_nulls()
    rest, rest_bounces = sessions - pl.col("landings"), bounces - pl.col("bounces")
    low = stats.newcombe_low(
        pl.col("bounces"), pl.col("landings"), rest_bounces, rest, stats.bonferroni_z(count_tests(sides, reports["drop-off"].frame))
    )
    worse = pages.filter(pl.col("landings") >= _FEWEST_LANDINGS).filter(low > 0).sort("landings", "page", descending=[True, False])
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
