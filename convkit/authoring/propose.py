"""`convkit init LOG`: the goals file that fits a log, proposed from evidence, counted, and checked until no remark is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.authoring import check, evidence, goals_file, proposals
from convkit.authoring import survey as authoring_survey
from convkit.authoring.proposals import FEWEST, Proposal
from convkit.core import formatting
from convkit.core.collect import collect_frame, collect_frames
from convkit.core.formatting import plural
from convkit.core.text import safe
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from convkit.analysis.analysis import Analysis
    from convkit.authoring.evidence import Evidence
    from convkit.authoring.goals_file import YamlValue
    from convkit.authoring.survey import Survey, SurveyedLogs
    from convkit.core.model import Goals

_FACTS = {
    "timezone": "in which days begin: like Europe/Berlin",
    "log_format": "of the logs",
    "ignore": "nobody looks at these; a goal still finds them",
    "keep_query": "where the page is the query",
    "group": "each pattern is one row in the reports; the first that fits",
}
_A_MACRO = "What the site is for: one or two."
_NO_MACRO = "What the site is for. Nothing in the logs looks like a purchase or an enquiry; this is the nearest sign: put yours in its place."
_MICROS = "Steps and signs of interest: as many as you like."
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


@dataclass(frozen=True)
class Draft:
    """Facts of `site:`, goals, which of them is the macro, and the steps of a funnel to it; and what the logs say of them, once they were asked."""

    facts: Mapping[str, YamlValue]
    goals: Sequence[Proposal]
    macro: str = ""
    steps: Sequence[str] = ()
    survey: Survey | None = None

    @property
    def funnel(self) -> str:
        """The funnel's name."""
        return f"to_{self.macro}"


def headed_text(draft: Draft, logs: Sequence[str], begin: datetime, end: datetime) -> str:
    """Return the whole file for logs of some names and their days; the draft was counted."""
    sessions = plural(draft.survey.sessions.height if draft.survey else 0, "session")
    head = [
        f"# Goals for convkit, proposed from {', '.join(logs)}: {sessions}, {formatting.dates(begin, end)}.",
        "# All of it is guessed from addresses; a number is how many sessions reached the goal. Take out what means nothing to you, correct",
        "# what is wrong, and give it names of your own. Then run `convkit check LOG` and `convkit report LOG`.",
    ]
    return "\n".join([*(safe(line, None) for line in head), "", draft_text(draft)])


def draft_text(draft: Draft) -> str:
    """Return the blocks of the file."""
    facts = {"timezone": "UTC", **draft.facts}
    of_macro = [proposal for proposal in draft.goals if proposal.name == draft.macro]
    micros = {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in draft.goals if proposal.name != draft.macro}
    title = _A_MACRO if any(proposal.may_be_macro for proposal in of_macro) else _NO_MACRO
    before = f"What came before {draft.macro} in most of its sessions, in the usual order."
    blocks = [
        goals_file.block("site", "", {name: (value, _FACTS[name]) for name, value in facts.items()}),
        goals_file.block("macro", title, {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in of_macro}),
        goals_file.block("micro", _MICROS, micros),
        goals_file.block("funnels", before, {draft.funnel: ([*draft.steps], "")} if draft.steps else {}),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _count(draft: Draft, proposal: Proposal) -> str:
    """Return how many sessions reached a goal, and what else speaks for it."""
    if draft.survey is None:
        return ""
    reached, sessions = int(draft.survey.sessions[f"goal:{proposal.name}"].count()), draft.survey.sessions.height
    share = f" ({formatting.share(reached, sessions)})" if sessions >= formatting.MIN_BASE else ""
    return f"{plural(reached, 'session')}{share}" + (f", {proposal.said}" if proposal.said else "")


def propose_draft(logs: SurveyedLogs, facts: Mapping[str, YamlValue]) -> Draft | None:
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
        amiss = {remark.names for remark in check.remarks_on(survey, has_logs=True) if remark.is_warning}
        if amiss <= {(draft.funnel,)}:
            return replace(draft, steps=() if amiss else draft.steps)
        goals = _sensible(survey, goals)
    return replace(draft, steps=())


def goals_file_text(draft: Draft, logs: SurveyedLogs) -> str:
    """Return the text of a goals file that was proposed for logs."""
    timezone = _parsed(draft).site.timezone
    first, last = logs.span
    begin, end = logs.plan.segment.date_range.limits(last, timezone)
    days = max(first, begin or first), min(last, end - _SECOND if end else last)
    return headed_text(draft, logs.parts.data.names, *(day.astimezone(ZoneInfo(timezone)) for day in days))


def _page_parameters(logs: SurveyedLogs) -> dict[str, YamlValue]:
    """Return which parameters say what page it is, where many requests ask for the same file with one."""
    request, words = pl.col("request").cast(pl.String), evidence.goal_words("page")
    having = {name: request.str.contains(rf"\.php\?(?:[^ ]*&)?{name}=").sum().cast(pl.Int64) for name in words}
    counted = logs.parts.data.lines.select(requests=request.count().cast(pl.Int64), **having)
    counts = collect_frame(counted, logs.parts.data.size).row(0, named=True)
    kept = [name for name in words if counts[name] > _OFTEN * counts["requests"]]
    return {"keep_query": [*kept]} if kept else {}


def _evidence(logs: SurveyedLogs, facts: Mapping[str, YamlValue]) -> Evidence:
    """Return what there is to be seen where no goal says what to look at."""

    def counted(analysis: Analysis) -> dict[str, pl.DataFrame]:
        hits = collect_frame(evidence.session_hits(analysis), analysis.size).lazy()
        queries = {**evidence.queries(hits), "followers": evidence.followers_of(analysis)}
        return dict(zip(queries, collect_frames(queries.values(), analysis.size), strict=True))

    return evidence.gather(authoring_survey.count(logs, _parsed(Draft(facts, ())), counted))


def _facts(found: Evidence) -> dict[str, YamlValue]:
    """Return what is to be said of the site: what nobody looks at, and pages side by side."""
    groups = found.pages.filter("is_group", pl.col("n") >= FEWEST).head(_MOST_GROUPS)
    # The first pattern that fits names the row: the more it says, the earlier it stands.
    ordered = groups.with_columns(is_deep=pl.col("pattern").str.ends_with("**")).sort("is_deep", maintain_order=True)["pattern"].to_list()
    return {**({"ignore": {"paths": [*found.files]}} if found.files else {}), **({"group": ordered} if ordered else {})}


def _parsed(draft: Draft) -> Goals:
    return parse_goals(draft_text(draft), "goals.yaml")


def _survey(logs: SurveyedLogs, draft: Draft) -> Survey:
    return authoring_survey.survey_logs(logs, _parsed(draft))


def _sensible(survey: Survey, goals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that enough sessions reached, and with which nothing is amiss; of two that say the same the first."""
    kept = [proposal for proposal in goals if survey.sessions[f"goal:{proposal.name}"].count() >= FEWEST]
    while kept:
        names = {proposal.name for proposal in kept}
        listed = tuple(goal for goal in survey.goals.goals if goal.name in names)
        judged = check.remarks_on(replace(survey, goals=replace(survey.goals, goals=listed, funnels=())), has_logs=True)
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
        for name in evidence.goal_words(kind)
    ]


def _is_of_pages(goal: YamlValue) -> bool:
    return isinstance(goal, str | list)


def _with_parameters(proposal: Proposal, probes: Sequence[Proposal], survey: Survey) -> Proposal:
    """Add what a purchase is worth, and what tells one from another, where its page says so."""
    if proposal.name != "purchase" or not _is_of_pages(proposal.goal):
        return proposal
    reached = survey.sessions["goal:purchase"].count()
    has = [probe.name for probe in probes if reached and survey.sessions[f"goal:{probe.name}"].count() >= _LIKELY * reached]
    found = {kind: [name.removeprefix(f"probe-{kind}-") for name in has if name.startswith(f"probe-{kind}-")] for kind in ("value", "order")}
    goal: dict[str, YamlValue] = {"page": proposal.goal, **({"value": f"query.{found['value'][0]}"} if found["value"] else {})}
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
