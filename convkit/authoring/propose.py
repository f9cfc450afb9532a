"""`convkit init LOG`: a goals file for a log, proposed from evidence, counted, and checked until no warnings are left."""

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

_SETTING_COMMENTS = {
    "timezone": "time zone for days and reports, like Europe/Berlin",
    "log_format": "format of the logs",
    "ignore": "paths to ignore; goals can still match them",
    "keep_query": "parameters that are part of the page",
    "group": "each pattern is one row in the reports; the first match is used",
}
_A_MACRO = "What the site exists for: one or two goals."
_NO_MACRO = "What the site exists for. Nothing in the logs looks like a purchase or an enquiry; this comes closest, so replace it with your own goal."
_MICROS = "Steps and signs of interest: as many as you like."
_MOST_BEFORE, _MOSTLY = 4, 0.5
"""The maximum number of funnel steps before the last, and the share of the last step's sessions in which each of them must have come first."""
_MOST_GROUPS = 8
_LIKELY = 0.9
"""If at least this share of purchases have a parameter, it belongs to the purchase page."""
_OFTEN = 0.1
"""If more than this share of requests have a parameter, it is part of the page."""
_MOST_ROUNDS = 4
_SECOND = timedelta(seconds=1)
_STATES = ("reader", "looked_around", "long_visit")
"""Goals that are not tied to a page, so they cannot be steps."""
_FALLBACK_MACROS = ("download", "contact", "reader", "looked_around", "read_one", "search", "product")
"""The goals that may serve as the macro goal of a site without confirmed actions, the most likely first."""


@dataclass(frozen=True)
class Draft:
    """The `site:` settings, the goals, the macro goal, the steps of a funnel leading to it and, once the goals are counted, the survey."""

    settings: Mapping[str, YamlValue]
    goals: Sequence[Proposal]
    macro: str = ""
    steps: Sequence[str] = ()
    survey: Survey | None = None

    @property
    def funnel(self) -> str:
        """The name of the funnel."""
        return f"to_{self.macro}"


def headed_text(draft: Draft, logs: Sequence[str], begin: datetime, end: datetime) -> str:
    """Return the whole file, headed by the names and days of the logs; the draft must have been counted."""
    sessions = plural(draft.survey.sessions.height if draft.survey else 0, "session")
    head = [
        f"# Goals for convkit, proposed from {', '.join(logs)}: {sessions}, {formatting.dates(begin, end)}.",
        "# Everything here is guessed from URLs; numbers are sessions that reached the goal. Delete what you do not need, correct what is",
        "# wrong, and choose names of your own. Then run `convkit check LOG` and `convkit report LOG`.",
    ]
    return "\n".join([*(safe(line, None) for line in head), "", draft_text(draft)])


def draft_text(draft: Draft) -> str:
    """Return the blocks of the file."""
    settings = {"timezone": "UTC", **draft.settings}
    macros = [proposal for proposal in draft.goals if proposal.name == draft.macro]
    micros = {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in draft.goals if proposal.name != draft.macro}
    title = _A_MACRO if any(proposal.may_be_macro for proposal in macros) else _NO_MACRO
    steps = f"What came before {draft.macro} in most sessions that reached it, in the usual order."
    blocks = [
        goals_file.block("site", "", {name: (value, _SETTING_COMMENTS.get(name, "")) for name, value in settings.items()}),
        goals_file.block("macro", title, {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in macros}),
        goals_file.block("micro", _MICROS, micros),
        goals_file.block("funnels", steps, {draft.funnel: ([*draft.steps], "")} if draft.steps else {}),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _count(draft: Draft, proposal: Proposal) -> str:
    """Return how many sessions reached a goal, and the reason for proposing it."""
    if draft.survey is None:
        return ""
    reached, sessions = int(draft.survey.sessions[f"goal:{proposal.name}"].count()), draft.survey.sessions.height
    share = f" ({formatting.share(reached, sessions)})" if sessions >= formatting.MIN_BASE else ""
    return f"{plural(reached, 'session')}{share}" + (f", {proposal.reason}" if proposal.reason else "")


def propose_draft(logs: SurveyedLogs, settings: Mapping[str, YamlValue]) -> Draft | None:
    """Return the goals file to propose for logs, with these `site:` settings, or None if nothing in the logs suggests goals."""
    settings = {**settings, **_page_parameters(logs, settings)}
    observed = _evidence(logs, settings)
    settings = {**settings, **_path_settings(observed, settings)}
    candidates = proposals.propose(observed)
    probes = _probes(candidates)
    survey = _survey(logs, Draft(settings, [*candidates, *probes]))
    goals = _sensible(survey, [_with_parameters(proposal, probes, survey) for proposal in candidates])
    for _ in range(_MOST_ROUNDS):
        macro = _macro(goals)
        if macro is None:
            return None
        draft = Draft(settings, goals, macro.name, _steps(survey, macro, goals))
        survey = _survey(logs, draft)
        draft = replace(draft, survey=survey)
        warned = {remark.names for remark in check.remarks_on(survey, has_logs=True) if remark.is_warning}
        if warned <= {(draft.funnel,)}:
            return replace(draft, steps=() if warned else draft.steps)
        goals = _sensible(survey, goals)
    return replace(draft, steps=())


def goals_file_text(draft: Draft, logs: SurveyedLogs) -> str:
    """Return the text of the goals file that was proposed for logs."""
    timezone = _parsed(draft).site.timezone
    first, last = logs.span
    begin, end = logs.plan.segment.date_range.limits(last, timezone)
    days = max(first, begin or first), min(last, end - _SECOND if end else last)
    return headed_text(draft, logs.parts.data.names, *(day.astimezone(ZoneInfo(timezone)) for day in days))


def _page_parameters(logs: SurveyedLogs, given: Mapping[str, YamlValue]) -> dict[str, YamlValue]:
    """Return the `keep_query` setting if, in many requests, a parameter selects the page, as in /index.php?route=..."""
    request, words = pl.col("request").cast(pl.String), evidence.goal_words("page")
    with_parameter = {name: request.str.contains(rf"\.php\?(?:[^ ]*&)?{name}=").sum().cast(pl.Int64) for name in words}
    counted = logs.parts.data.lines.select(requests=request.count().cast(pl.Int64), **with_parameter)
    counts = collect_frame(counted, logs.parts.data.size).row(0, named=True)
    parameters = [name for name in words if counts[name] > _OFTEN * counts["requests"]]
    return {"keep_query": _extended(given.get("keep_query", []), parameters)} if parameters else {}


def _evidence(logs: SurveyedLogs, settings: Mapping[str, YamlValue]) -> Evidence:
    """Return the evidence for goals in logs, matched with these settings and without goals."""

    def counted(analysis: Analysis) -> dict[str, pl.DataFrame]:
        hits = collect_frame(evidence.session_hits(analysis), analysis.size).lazy()
        queries = {**evidence.queries(hits), "followers": evidence.followers_of(analysis)}
        return dict(zip(queries, collect_frames(queries.values(), analysis.size), strict=True))

    return evidence.gather(authoring_survey.count(logs, _parsed(Draft(settings, ())), counted))


def _path_settings(observed: Evidence, given: Mapping[str, YamlValue]) -> dict[str, YamlValue]:
    """Return the `ignore` setting for paths that are not pages, and the `group` setting for groups of pages, both added to the given ones."""
    groups = observed.pages.filter("is_group", pl.col("n") >= FEWEST).head(_MOST_GROUPS)
    # The first pattern that matches names the row, so specific patterns come first.
    ordered = groups.with_columns(is_deep=pl.col("pattern").str.ends_with("**")).sort("is_deep", maintain_order=True)["pattern"].to_list()
    ignored = given.get("ignore", {})
    ignored = ignored if isinstance(ignored, dict) else {}
    ignore: dict[str, YamlValue] = {**ignored, "paths": _extended(ignored.get("paths", []), observed.files)}
    return {**({"ignore": ignore} if observed.files else {}), **({"group": _extended(given.get("group", []), ordered)} if ordered else {})}


def _extended(given: YamlValue, texts: Sequence[str]) -> list[YamlValue]:
    """Return a setting that is one value or a list, with more values at its end."""
    listed = given if isinstance(given, list) else [given]
    return [*listed, *(text for text in texts if text not in listed)]


def _parsed(draft: Draft) -> Goals:
    return parse_goals(draft_text(draft), "goals.yaml")


def _survey(logs: SurveyedLogs, draft: Draft) -> Survey:
    return authoring_survey.survey_logs(logs, _parsed(draft))


def _sensible(survey: Survey, goals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that enough sessions reached and that draw no warning; of two that always coincide, only the first."""
    kept = [proposal for proposal in goals if survey.sessions[f"goal:{proposal.name}"].count() >= FEWEST]
    while kept:
        names = {proposal.name for proposal in kept}
        listed = tuple(goal for goal in survey.goals.goals if goal.name in names)
        remarks = check.remarks_on(replace(survey, goals=replace(survey.goals, goals=listed, funnels=())), has_logs=True)
        warned = {remark.names[-1] for remark in remarks if remark.is_warning and remark.names}
        if not warned:
            break
        kept = [proposal for proposal in kept if proposal.name not in warned]
    return kept


def _macro(goals: Sequence[Proposal]) -> Proposal | None:
    """Return the macro goal: the first proposal that may be one, or else the most likely substitute."""
    candidates = [proposal for proposal in goals if proposal.may_be_macro]
    candidates += [proposal for name in _FALLBACK_MACROS for proposal in goals if proposal.name == name]
    return next(iter([*candidates, *goals]), None)


def _probes(goals: Sequence[Proposal]) -> list[Proposal]:
    """Return goals that match purchases with certain parameters in the URL; they are counted, but never written to the file."""
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
    """Return the proposal of a purchase with `value` and `once_per` added if its URL has them; other proposals are returned unchanged."""
    if proposal.name != "purchase" or not _is_of_pages(proposal.goal):
        return proposal
    reached = survey.sessions["goal:purchase"].count()
    present = [probe.name for probe in probes if reached and survey.sessions[f"goal:{probe.name}"].count() >= _LIKELY * reached]
    parameters = {kind: [name.removeprefix(f"probe-{kind}-") for name in present if name.startswith(f"probe-{kind}-")] for kind in ("value", "order")}
    goal: dict[str, YamlValue] = {"page": proposal.goal, **({"value": f"query.{parameters['value'][0]}"} if parameters["value"] else {})}
    if parameters["order"]:
        goal["once_per"] = f"query.{parameters['order'][0]}"
    elif "*" in str(proposal.goal):
        goal["once_per"] = "path"
    return replace(proposal, goal=goal) if len(goal) > 1 else proposal


def _steps(survey: Survey, macro: Proposal, goals: Sequence[Proposal]) -> Sequence[str]:
    """Return the goals that usually came before the macro goal, in their usual order, and then the macro goal; empty if that is a fallback."""
    if not macro.may_be_macro:
        return ()
    last = pl.col(f"goal:{macro.name}")
    sessions = survey.sessions.filter(last.is_not_null())
    preceding: dict[str, tuple[int, float]] = {}
    for name in (proposal.name for proposal in goals if proposal.name not in {macro.name, *_STATES}):
        lead = sessions.select(lead=(last - pl.col(f"goal:{name}")).cast(pl.Float64)).filter(pl.col("lead") > 0)
        if lead.height > _MOSTLY * sessions.height and lead.height >= FEWEST:
            preceding[name] = lead.height, lead.select(pl.col("lead").median()).item()
    most = sorted(preceding, key=lambda name: -preceding[name][0])[:_MOST_BEFORE]
    return (*sorted(most, key=lambda name: -preceding[name][1]), macro.name) if most else ()
