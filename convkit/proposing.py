"""Logs -> the text of a goals file that fits them: proposed, counted and checked.

It stands alone because what is proposed is matched as any goals are, and what `check` finds amiss with it is taken out again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit import checks, evidence, figures, goal_words, goals_writing, proposals, surveying
from convkit.collecting import all_collected, collected
from convkit.definitions import Goals, Site
from convkit.figures import plural
from convkit.goals import parse_goals
from convkit.proposals import FEWEST, Proposal
from convkit.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.evidence import Evidence
    from convkit.goals_writing import Written
    from convkit.surveying import Logs
    from convkit.surveys import Survey

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
_FACTS = {
    "timezone": "in which days begin: like Europe/Berlin",
    "log_format": "of the logs",
    "ignore": "nobody looks at these; a goal still finds them",
    "keep_query": "where the page is the query",
    "group": "each pattern is one row in the reports; the first that fits",
}
_A_MACRO = "What the site is for: one or two."
_NO_MACRO = "What the site is for. Nothing in the logs looks like a purchase or an enquiry; this is the nearest sign: put yours in its place."


@dataclass(frozen=True)
class Draft:
    """What is proposed: facts, goals, and a funnel; and what the logs say of it."""

    facts: Mapping[str, Written]
    macro: str
    goals: tuple[Proposal, ...]
    funnel: Mapping[str, Written]
    """`steps` and what else it has; empty where there is none."""
    survey: Survey | None = None

    def reached(self, goal: str) -> int:
        """Return how many sessions reached a goal."""
        return int(self.survey.sessions[f"goal:{goal}"].count()) if self.survey else 0


def draft(logs: Logs, facts: Mapping[str, Written]) -> Draft | None:
    """Return what to propose for logs, None where they hold nothing to go by; `facts` of `site:` are known."""
    facts = {**facts, **_page_parameters(logs)}
    found = _evidence(logs, facts)
    facts = {**facts, **_facts(found)}
    offered = proposals.propose(found)
    probes = _probes(offered)
    survey = _survey(logs, Draft(facts, "", (*offered, *probes), {}))
    goals = _sensible(survey, [_with_parameters(proposal, probes, survey) for proposal in offered])
    for _ in range(_MOST_ROUNDS):
        macro = _macro(goals)
        if macro is None:
            return None
        made = Draft(facts, macro, tuple(goals), _funnel(survey, macro, goals))
        survey = _survey(logs, made)
        made = replace(made, survey=survey)
        amiss = [remark for remark in checks.check(survey, has_logs=True) if remark.is_warning]
        if not amiss:
            return made
        if all(remark.names == (_funnel_name(macro),) for remark in amiss):
            return replace(made, funnel={})
        goals = _sensible(survey, goals)
    return replace(made, funnel={})


def _page_parameters(logs: Logs) -> dict[str, Written]:
    """Return which parameters say what page it is, where many requests ask for the same file with one."""
    request = logs.taken_in.cells["request"].drop_nulls().cast(pl.String)
    kept = [name for name in goal_words.words("page") if request.str.contains(rf"\.php\?(?:[^ ]*&)?{name}=").sum() > _OFTEN * request.len()]
    return {"keep_query": [*kept]} if kept else {}


def _evidence(logs: Logs, facts: Mapping[str, Written]) -> Evidence:
    """Return what there is to be seen where no goal says what to look at."""
    analysis = surveying.analyzed(logs, replace(_parsed(Draft(facts, "", (), {})), file="goals.yaml"))
    queries = evidence.queries(collected(evidence.looked_at(analysis), analysis.size).lazy())
    return evidence.gather(dict(zip(queries, all_collected(queries.values(), analysis.size), strict=True)))


def _facts(found: Evidence) -> dict[str, Written]:
    """Return what is to be said of the site: what nobody looks at, and pages side by side."""
    groups = found.pages.filter("is_group", pl.col("n") >= FEWEST).head(_MOST_GROUPS)
    # The first pattern that fits names the row: the more it says, the earlier it stands.
    ordered = groups.with_columns(is_deep=pl.col("pattern").str.ends_with("**")).sort("is_deep", maintain_order=True)["pattern"].to_list()
    return {**({"ignore": {"paths": [*found.files]}} if found.files else {}), **({"group": ordered} if ordered else {})}


def _parsed(made: Draft) -> Goals:
    return parse_goals(_text(made), "goals.yaml") if made.goals or made.facts else Goals("goals.yaml", Site(), ())


def _survey(logs: Logs, made: Draft) -> Survey:
    return surveying.survey(logs, _parsed(made))


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


def _macro(goals: Sequence[Proposal]) -> str | None:
    """Return what the site is for: the first goal that may be it, else the strongest other sign."""
    names = [proposal.name for proposal in goals]
    best = [*(proposal.name for proposal in goals if proposal.may_be_macro), *(name for name in _NEXT_BEST if name in names), *names]
    return best[0] if best else None


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


def _funnel(survey: Survey, macro: str, goals: Sequence[Proposal]) -> dict[str, Written]:
    """Return the goals that came before the macro in most of its sessions, in their usual order; nothing where the macro is but a sign."""
    if not any(proposal.may_be_macro for proposal in goals if proposal.name == macro):
        return {}
    last = pl.col(f"goal:{macro}")
    sessions = survey.sessions.filter(last.is_not_null())
    ahead: dict[str, tuple[int, float]] = {}
    for name in (proposal.name for proposal in goals if proposal.name not in {macro, *_STATES}):
        before = sessions.select(by=last - pl.col(f"goal:{name}")).filter(pl.col("by") > 0)["by"]
        if before.len() > _MOSTLY * sessions.height and before.len() >= FEWEST:
            ahead[name] = before.len(), float(before.median() or 0)  # type: ignore[arg-type]
    most = sorted(ahead, key=lambda name: -ahead[name][0])[:_MOST_BEFORE]
    steps = sorted(most, key=lambda name: -ahead[name][1])
    return {"steps": [*steps, macro]} if steps else {}


def _funnel_name(macro: str) -> str:
    return f"to_{macro}"


def text(made: Draft, logs: Logs) -> str:
    """Return the text of a goals file."""
    timezone = _parsed(made).site.timezone
    first, last = logs.taken_in.cells.select(first=pl.col("time").min(), last=pl.col("time").max()).row(0)
    begin, end = logs.wanted.limits(last, timezone)
    days = (max(first, begin or first).astimezone(ZoneInfo(timezone)), min(last, end - _SECOND if end else last).astimezone(ZoneInfo(timezone)))
    sessions = plural(made.survey.sessions.height if made.survey else 0, "session")
    head = [
        f"# Goals for convkit, proposed from {', '.join(logs.names)}: {sessions}, {figures.dates(*days)}.",
        "# All of it is guessed from addresses; a number is how many sessions reached the goal. Take out what means nothing to you, correct",
        "# what is wrong, and give it names of your own. Then run `convkit check LOG` and `convkit report LOG`.",
    ]
    return "\n".join([*(safe(line, None) for line in head), "", _text(made)])


def _text(made: Draft) -> str:
    """Return the blocks of a file."""
    macros, micros = (
        {one.name: (one.goal, _count(made, one)) for one in made.goals if (one.name == made.macro) is wanted} for wanted in (True, False)
    )
    is_sign = not any(one.may_be_macro for one in made.goals if one.name == made.macro)
    steps = made.funnel.get("steps", []) if list(made.funnel) == ["steps"] else {**made.funnel}
    before = f"What came before {made.macro} in most of its sessions, in the usual order."
    blocks = [
        goals_writing.block(
            "site", "", {"timezone": ("UTC", _FACTS["timezone"]), **{name: (value, _FACTS[name]) for name, value in made.facts.items()}}
        ),
        goals_writing.block("macro", _NO_MACRO if is_sign else _A_MACRO, macros),
        goals_writing.block("micro", "Steps and signs of interest: as many as you like.", micros),
        goals_writing.block("funnels", before, {_funnel_name(made.macro): (steps, "")} if steps else {}),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _count(made: Draft, proposal: Proposal) -> str:
    """Return how many sessions reached a goal, and what else speaks for it."""
    if made.survey is None:
        return ""
    reached, sessions = made.reached(proposal.name), made.survey.sessions.height
    share = f" ({figures.share(reached, sessions)})" if sessions >= figures.FEWEST else ""
    return f"{plural(reached, 'session')}{share}" + (f", {proposal.said}" if proposal.said else "")
