"""`convkit init LOG`: a goals file for a log, proposed from evidence, counted, and checked until no warnings are left."""

from __future__ import annotations

import re
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
from convkit.goals.money import CURRENCY_NAME
from convkit.traffic.money import money_by_value

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
    "currency": "currency of all values",
    "keep_query": "parameters that are part of the page",
    "group": "each pattern is one row in the reports; the first match is used",
}
_A_MACRO = "What the site exists for: one or two goals."
_NO_MACRO = (
    "What the site exists for. Nothing in the logs looks like a purchase, an enquiry or a sign-up, so choose it yourself:",
    "move one of the goals below to `macro` (remove the `# ` of its line here, and its line under `micro`), or write your own.",
)
_MICROS = "Steps and signs of interest: as many as you like."
_MOST_BEFORE, _MOSTLY = 4, 0.5
"""The maximum number of funnel steps before the last, and the share of the last step's sessions in which each of them must have come first."""
_MOST_GROUPS = 8
_LIKELY = 0.9
"""If at least this share of purchases have a parameter, it belongs to the purchase page."""
_OFTEN = 0.1
"""If more than this share of requests have a parameter, it is part of the page."""
_OF_ITEMS = ("price",)
_CODE = re.compile("[A-Z]{3}")
_MOST_ROUNDS = 4
_SECOND = timedelta(seconds=1)
_STATES = ("reader", "looked_around", "long_visit")
"""Goals that are not tied to a page, so they cannot be steps."""
_NEAREST = ("checkout", "cart", "download", "contact", "pricing", "reader", "looked_around", "read_one", "product", "search")
"""The goals that come nearest to a macro goal, the likeliest first; any other goal is less likely than these."""
_MOST_CANDIDATES = 3
_NO_MACRO_CODE = "no-macro"


@dataclass(frozen=True)
class Draft:
    """The `site:` settings, the goals, the macro goal, the steps of a funnel leading to it and, once the goals are counted, the survey.

    Without a macro goal, the file has an empty block with the goals that come nearest, as comments.
    """

    settings: Mapping[str, YamlValue]
    goals: Sequence[Proposal]
    macro: str = ""
    steps: Sequence[str] = ()
    per: str = "session"
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
        "# Everything here is guessed from URLs and events; numbers are sessions that reached the goal. Delete what you do not need, correct what",
        "# is wrong, and choose names of your own. Then run `convkit check LOG` and `convkit report LOG`.",
    ]
    return "\n".join([*(safe(line, None) for line in head), "", draft_text(draft)])


def draft_text(draft: Draft) -> str:
    """Return the blocks of the file."""
    settings = {"timezone": "UTC", **draft.settings}
    macros = [proposal for proposal in draft.goals if proposal.name == draft.macro]
    micros = {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in draft.goals if proposal.name != draft.macro}
    of_visitors = draft.per == "visitor"
    steps = f"What came before {draft.macro} {'for most visitors' if of_visitors else 'in most sessions'} that reached it, in the usual order."
    funnel: YamlValue = {"steps": [*draft.steps], "per": draft.per} if of_visitors else [*draft.steps]
    of_macro = {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in macros}
    blocks = [
        goals_file.block("site", "", {name: (value, _SETTING_COMMENTS.get(name, "")) for name, value in settings.items()}),
        goals_file.block("macro", _A_MACRO, of_macro) if of_macro else _empty_macro(draft),
        goals_file.block("micro", _MICROS, micros),
        goals_file.block("funnels", steps, {draft.funnel: (funnel, "")} if draft.steps else {}),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _empty_macro(draft: Draft) -> list[str]:
    """Return the lines of an empty block for macro goals, with the nearest candidates as comments."""
    candidates = {proposal.name: (proposal.goal, _count(draft, proposal)) for proposal in nearest(draft)}
    title, *lines = goals_file.block("macro", "", candidates) or ["macro:"]
    return [*(f"# {text}" for text in _NO_MACRO), title, *(f"  # {line.removeprefix('  ')}" for line in lines)]


def nearest(draft: Draft) -> list[Proposal]:
    """Return the goals that come nearest to a macro goal, the likeliest first."""
    listed = [proposal for name in _NEAREST for proposal in draft.goals if proposal.name == name]
    others = [proposal for proposal in draft.goals if proposal.name not in {*_NEAREST, *_STATES}]
    return [*listed, *others][:_MOST_CANDIDATES]


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
    probes = _probes(candidates, _properties_of(logs))
    survey = _survey(logs, Draft(settings, [*candidates, *(probe.goal for probe in probes)]))
    named = [proposal.name for proposal in candidates]
    candidates = [_with_parameters(proposal, probes, survey) for proposal in candidates]
    settings = {**settings, **_currency(logs, Draft(settings, candidates))}
    names = [proposal.name for proposal in candidates]
    survey = survey if names == named else _survey(logs, Draft(settings, candidates))
    goals = _sensible(survey, candidates, names)
    for _ in range(_MOST_ROUNDS):
        if not goals:
            return None
        draft = _draft(settings, goals, survey)
        survey = _survey(logs, draft)
        draft = replace(draft, survey=survey)
        warned = {remark.names for remark in check.remarks_on(survey, has_logs=True) if remark.is_warning and remark.code != _NO_MACRO_CODE}
        if warned <= {(draft.funnel,)}:
            return replace(draft, steps=() if warned else draft.steps)
        goals = _sensible(survey, goals, draft.steps[:1])
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


def _sensible(survey: Survey, goals: Sequence[Proposal], first_steps: Sequence[str]) -> list[Proposal]:
    """Return the proposals that enough sessions reached and that draw no warning; of two that always coincide, only the first.

    A goal that may be a first step may be reached in all sessions.
    """
    kept = [proposal for proposal in goals if survey.sessions[f"goal:{proposal.name}"].count() >= proposal.fewest]
    while kept:
        names = {proposal.name for proposal in kept}
        listed = tuple(goal for goal in survey.goals.goals if goal.name in names)
        remarks = check.remarks_on(replace(survey, goals=replace(survey.goals, goals=listed, funnels=())), has_logs=True)
        warned = {
            remark.names[-1]
            for remark in remarks
            if remark.is_warning and remark.names and not (remark.code == check.NEARLY_ALL and remark.names[-1] in first_steps)
        }
        if not warned:
            break
        kept = [proposal for proposal in kept if proposal.name not in warned]
    return kept


def _draft(settings: Mapping[str, YamlValue], goals: Sequence[Proposal], survey: Survey) -> Draft:
    """Return the draft with these goals, of which the first that may be one is the macro goal, and with the funnel that leads to it."""
    macro = next((proposal for proposal in goals if proposal.may_be_macro), None)
    if macro is None:
        return Draft(settings, goals)
    of_session, of_visitor = (_steps(survey, macro, goals, unit) for unit in ("session", "visitor"))
    if len(of_visitor) > len(of_session):
        return Draft(settings, goals, macro.name, of_visitor, "visitor")
    return Draft(settings, goals, macro.name, of_session)


def properties_to_read() -> tuple[str, ...]:
    """Return the properties of events that may hold the amount, the currency or the number of an order, in their usual spellings."""
    words = [word.split("_") for kind in ("value", "order") for word in evidence.goal_words(kind)]
    spellings = ("_".join(word) for word in words), (word[0] + "".join(map(str.title, word[1:])) for word in words)
    names = {name for spelling in spellings for name in spelling}
    return tuple(sorted({CURRENCY_NAME} | names | {f"{name[0].upper()}{name[1:]}" for name in names}))


def _properties_of(logs: SurveyedLogs) -> list[str]:
    """Return those of these properties that the logs have."""
    columns = logs.parts.data.lines.collect_schema().names()
    return [name for name in properties_to_read() if f"prop.{name}" in columns]


@dataclass(frozen=True)
class _Probe:
    """A goal that matches purchases with a certain parameter in the URL or a certain property; it is counted, but never written to the file."""

    kind: str
    """Whether the parameter is a `value` or an `order`."""
    parameter: str
    of: str
    """The goal that it probes."""
    goal: Proposal


def _probes(goals: Sequence[Proposal], properties: Sequence[str]) -> list[_Probe]:
    """Return the probes for the purchases among the goals; events may have these properties."""
    has_purchase = any(proposal.name == "purchase" for proposal in goals)
    purchases = {proposal.name: proposal.goal for proposal in goals if proposal.name == "purchase" or (proposal.is_bare and not has_purchase)}
    places: list[tuple[str, str, str, YamlValue]] = []
    for kind, test in (("value", r"re:.*\d.*"), ("order", "**")):
        words = evidence.goal_words(kind)
        for of, goal in purchases.items():
            if _is_of_pages(goal):
                places += [(kind, f"query.{name}", of, {"page": goal, "query": {name: test}}) for name in words]
            elif isinstance(goal, dict) and "event" in goal:
                alike = [name for word in words for name in properties if _letters(name) == _letters(word)]
                places += [(kind, f"prop.{name}", of, {**goal, "where": {name: test}}) for name in dict.fromkeys(alike)]
    return [_Probe(kind, parameter, of, Proposal(f"probe-{number}", goal)) for number, (kind, parameter, of, goal) in enumerate(places)]


def _letters(name: str) -> str:
    """Return a name without case and punctuation."""
    return name.replace("_", "").replace("-", "").lower()


def _is_of_pages(goal: YamlValue) -> bool:
    return isinstance(goal, str | list)


def _with_parameters(proposal: Proposal, probes: Sequence[_Probe], survey: Survey) -> Proposal:
    """Return the proposal of a purchase with `value` and `once_per` added if its URL or event has them; others are returned unchanged.

    A bare confirmation with the amount of an order is a purchase.
    """
    sessions, own = survey.sessions, [probe for probe in probes if probe.of == proposal.name]
    reached = sessions[f"goal:{proposal.name}"].count() if own else 0
    present = [probe for probe in own if reached and sessions[f"goal:{probe.goal.name}"].count() >= _LIKELY * reached]
    if proposal.name != "purchase" and not any(probe.kind == "value" for probe in present):
        return proposal
    orders = [probe.parameter for probe in present if probe.kind == "order"]
    # The price of one item is not the amount of an order that has several.
    values = [probe.parameter for probe in present if probe.kind == "value" and not (orders and probe.parameter.lower().endswith(_OF_ITEMS))]
    goal: dict[str, YamlValue] = {**proposal.goal} if isinstance(proposal.goal, dict) else {"page": proposal.goal}
    size = len(goal)
    if values:
        goal["value"] = values[0]
    if orders:
        goal["once_per"] = orders[0]
    elif "*" in str(proposal.goal):
        goal["once_per"] = "path"
    return replace(proposal, name="purchase", goal=goal) if len(goal) > size else proposal


def _currency(logs: SurveyedLogs, draft: Draft) -> dict[str, YamlValue]:
    """Return the `currency` setting if the amounts of the purchases name one, and none is given."""
    goals, data = _parsed(draft), logs.parts.data
    if "currency" in draft.settings or not any(isinstance(goal.value, str) for goal in goals.goals):
        return {}
    codes = {money.currency for money in money_by_value(data.lines, goals, data.size).values()}
    code = next((code for code in codes if _CODE.fullmatch(code or "")), None)
    return {} if code is None else {"currency": code}


def _steps(survey: Survey, macro: Proposal, goals: Sequence[Proposal], unit: str) -> Sequence[str]:
    """Return the goals that usually came before the macro goal, in their usual order, and then the macro goal; `unit` is session or visitor."""
    names = [proposal.name for proposal in goals if proposal.name not in {macro.name, *_STATES}]
    firsts = survey.sessions.group_by(unit, maintain_order=True).agg(pl.col(f"goal:{name}").min() for name in (macro.name, *names))
    last = pl.col(f"goal:{macro.name}")
    reached = firsts.filter(last.is_not_null())
    preceding: dict[str, tuple[int, float]] = {}
    for name in names:
        lead = reached.select(lead=(last - pl.col(f"goal:{name}")).cast(pl.Float64)).filter(pl.col("lead") > 0)
        if lead.height > _MOSTLY * reached.height and lead.height >= FEWEST:
            preceding[name] = lead.height, lead.select(pl.col("lead").median()).item()
    most = sorted(preceding, key=lambda name: -preceding[name][0])[:_MOST_BEFORE]
    return (*sorted(most, key=lambda name: -preceding[name][1]), macro.name) if most else ()
