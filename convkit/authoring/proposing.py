"""Logs -> the text of a goals file that fits them: proposed, counted and checked.

It stands alone because what is proposed is matched as any goals are, and what `check` finds amiss with it is taken out again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.authoring import checks, drafts, evidence, goal_words, proposals, surveying
from convkit.authoring.drafts import Draft
from convkit.authoring.proposals import FEWEST, Proposal
from convkit.core.collecting import all_collected, collected
from convkit.goals.goals import parse_goals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.authoring.evidence import Evidence
    from convkit.authoring.goals_writing import Written
    from convkit.authoring.surveying import Logs
    from convkit.authoring.surveys import Survey
    from convkit.core.definitions import Goals

_MOST_BEFORE, _MOSTLY = 4, 0.5
"""Steps of a funnel before the last, and in what share of its sessions each of them came."""
_MOST_GROUPS = 8
_LIKELY = 0.9
"""Share of purchases that have a parameter, from which on it is one of the page."""
_OFTEN = 0.1
"""Share of requests with a parameter, from which on it says what page it is."""
_MOST_ROUNDS = 4
_SECOND = timedelta(seconds=1)
_STATES = ("reader", "looked_around", "long_visit")
"""Goals that come true at no place of their own: no steps."""
_NEXT_BEST = ("download", "contact", "reader", "looked_around", "read_one", "search", "product")
"""What a site may be for of which nothing says what was done there."""


def propose(logs: Logs, facts: Mapping[str, Written]) -> Draft | None:
    """Return what to propose for logs, None where they hold nothing to go by; `facts` of `site:` are known."""
    facts = {**facts, **_page_parameters(logs)}
    found = _evidence(logs, facts)
    facts = {**facts, **_facts(found)}
    offered = proposals.propose(found)
    probes = _probes(offered)
    survey = _survey(logs, Draft(facts, [*offered, *probes]))
    goals = _sensible(survey, [_with_parameters(proposal, probes, survey) for proposal in offered])
    for _ in range(_MOST_ROUNDS):
        macro = _macro(goals)
        if macro is None:
            return None
        draft = Draft(facts, goals, macro.name, _steps(survey, macro, goals))
        survey = _survey(logs, draft)
        draft = replace(draft, survey=survey)
        amiss = {remark.names for remark in checks.check(survey, has_logs=True) if remark.is_warning}
        if amiss <= {(draft.funnel,)}:
            return replace(draft, steps=() if amiss else draft.steps)
        goals = _sensible(survey, goals)
    return replace(draft, steps=())


def text(draft: Draft, logs: Logs) -> str:
    """Return the text of a goals file that was proposed for logs."""
    timezone = _parsed(draft).site.timezone
    first, last = logs.taken_in.cells.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)
    begin, end = logs.wanted.limits(last, timezone)
    days = max(first, begin or first), min(last, end - _SECOND if end else last)
    return drafts.headed(draft, logs.names, *(day.astimezone(ZoneInfo(timezone)) for day in days))


def _page_parameters(logs: Logs) -> dict[str, Written]:
    """Return which parameters say what page it is, where many requests ask for the same file with one."""
    request = logs.taken_in.cells["request"].drop_nulls().cast(pl.String)
    kept = [name for name in goal_words.words("page") if request.str.contains(rf"\.php\?(?:[^ ]*&)?{name}=").sum() > _OFTEN * request.len()]
    return {"keep_query": [*kept]} if kept else {}


def _evidence(logs: Logs, facts: Mapping[str, Written]) -> Evidence:
    """Return what there is to be seen where no goal says what to look at."""
    analysis = surveying.analyzed(logs, _parsed(Draft(facts, ())))
    queries = {**evidence.queries(collected(evidence.looked_at(analysis), analysis.size).lazy()), "followers": evidence.followers_of(analysis)}
    return evidence.gather(dict(zip(queries, all_collected(queries.values(), analysis.size), strict=True)))


def _facts(found: Evidence) -> dict[str, Written]:
    """Return what is to be said of the site: what nobody looks at, and pages side by side."""
    groups = found.pages.filter("is_group", pl.col("n") >= FEWEST).head(_MOST_GROUPS)
    # The first pattern that fits names the row: the more it says, the earlier it stands.
    ordered = groups.with_columns(is_deep=pl.col("pattern").str.ends_with("**")).sort("is_deep", maintain_order=True)["pattern"].to_list()
    return {**({"ignore": {"paths": [*found.files]}} if found.files else {}), **({"group": ordered} if ordered else {})}


def _parsed(draft: Draft) -> Goals:
    return parse_goals(drafts.text(draft), "goals.yaml")


def _survey(logs: Logs, draft: Draft) -> Survey:
    return surveying.survey(logs, _parsed(draft))


def _sensible(survey: Survey, goals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that enough sessions reached, and with which nothing is amiss; of two that say the same the first."""
    kept = [proposal for proposal in goals if survey.sessions[f"goal:{proposal.name}"].count() >= FEWEST]
    while kept:
        names = {proposal.name for proposal in kept}
        listed = tuple(goal for goal in survey.goals.goals if goal.name in names)
        judged = checks.check(replace(survey, goals=replace(survey.goals, goals=listed, funnels=())), has_logs=True)
        amiss = {remark.names[-1] for remark in judged if remark.is_warning and remark.names}
        if not amiss:
            break
        kept = [proposal for proposal in kept if proposal.name not in amiss]
    return kept


def _macro(goals: Sequence[Proposal]) -> Proposal | None:
    """Return what the site is for: the first goal that may be it, else the strongest other sign."""
    best = [proposal for proposal in goals if proposal.may_be_macro]
    best += [proposal for name in _NEXT_BEST for proposal in goals if proposal.name == name]
    return next(iter([*best, *goals]), None)


def _probes(goals: Sequence[Proposal]) -> list[Proposal]:
    """Return goals that are reached where the page of a purchase has a parameter; they are never written."""
    pages = [proposal.goal for proposal in goals if proposal.name == "purchase" and _is_of_pages(proposal.goal)]
    tests = {"value": r"re:\d+(?:\.\d+)?", "order": "**"}
    return [
        Proposal(f"probe-{kind}-{name}", {"page": page, "query": {name: test}})
        for page in pages
        for kind, test in tests.items()
        for name in goal_words.words(kind)
    ]


def _is_of_pages(goal: Written) -> bool:
    return isinstance(goal, str | list)


def _with_parameters(proposal: Proposal, probes: Sequence[Proposal], survey: Survey) -> Proposal:
    """Add what a purchase is worth, and what tells one from another, where its page says so."""
    if proposal.name != "purchase" or not _is_of_pages(proposal.goal):
        return proposal
    reached = survey.sessions["goal:purchase"].count()
    has = [probe.name for probe in probes if reached and survey.sessions[f"goal:{probe.name}"].count() >= _LIKELY * reached]
    found = {kind: [name.removeprefix(f"probe-{kind}-") for name in has if name.startswith(f"probe-{kind}-")] for kind in ("value", "order")}
    goal: dict[str, Written] = {"page": proposal.goal, **({"value": f"query.{found['value'][0]}"} if found["value"] else {})}
    if found["order"]:
        goal["once_per"] = f"query.{found['order'][0]}"
    elif "*" in str(proposal.goal):
        goal["once_per"] = "path"
    return replace(proposal, goal=goal) if len(goal) > 1 else proposal


def _steps(survey: Survey, macro: Proposal, goals: Sequence[Proposal]) -> Sequence[str]:
    """Return the goals that came before the macro in most of its sessions, in their usual order, and it; none where the macro is but a sign."""
    if not macro.may_be_macro:
        return ()
    last = pl.col(f"goal:{macro.name}")
    sessions = survey.sessions.filter(last.is_not_null())
    ahead: dict[str, tuple[int, float]] = {}
    for name in (proposal.name for proposal in goals if proposal.name not in {macro.name, *_STATES}):
        by = sessions.select(by=(last - pl.col(f"goal:{name}")).cast(pl.Float64)).filter(pl.col("by") > 0)
        if by.height > _MOSTLY * sessions.height and by.height >= FEWEST:
            ahead[name] = by.height, by.select(pl.col("by").median()).item()
    most = sorted(ahead, key=lambda name: -ahead[name][0])[:_MOST_BEFORE]
    return (*sorted(most, key=lambda name: -ahead[name][1]), macro.name) if most else ()
