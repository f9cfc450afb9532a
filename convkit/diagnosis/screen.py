"""The screen of `convkit explain`: a session hit by hit, with the goals it reached and the funnel steps it filled, and the fate of a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from convkit.analysis import listing
from convkit.core import formatting
from convkit.core.blocks import BlankLine, Cell, Grid, Heading, Paragraph, Row
from convkit.errors import UsageError, did_you_mean
from convkit.goals import site
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import polars as pl

    from convkit.core.blocks import Block, Screen
    from convkit.core.document import Period
    from convkit.core.model import Goals

_KIND, _INDENT, _GAP = 10, 2, 2
_NAME, _GOALS, _STEPS = 2, 5, 6
"""Columns whose texts may be long."""
_SHORTEST = 12
_STATIC = "a static file: only who asked for it is of interest"
_PROBLEMS = {
    "asset": _STATIC,
    "blank": "an empty line",
    "comment": "no record: a header of the format, another program's line, or a further row of one order",
    "duplicate": "its event id was seen before",
}
_FATES = {
    "asset": _STATIC,
    "excluded": "left out: of `ignore` in the goals file, or of a host that is not yours",
    "other": "nobody's interest: HEAD, OPTIONS and such, no valid request, or robots.txt",
    "background": "a background request: nobody looks at it unless a goal names it",
}


@dataclass(frozen=True)
class ExplainedSession:
    """One session."""

    row: Mapping[str, Any]
    """Its row of the table of sessions, and the `id` of its visitor."""
    hits: pl.DataFrame
    """`row, source, line_no, time, kind, method, path, event, status, remark, goals`, in order; `row` is null where nobody looks at a hit."""
    steps: Mapping[str, Mapping[int, int]]
    """By funnel: the rows of the hits that filled steps, by step; those of a visitor's chain in other sessions, too."""
    told: Mapping[str, str]
    """By funnel: how far it got, and what stopped it."""
    spans: pl.DataFrame
    """`session, begins, ends` of all sessions of the visitor, in order."""
    log_ends: datetime | None


@dataclass(frozen=True)
class Explanation:
    """Some of the sessions that were asked for."""

    goals: Goals
    period: Period
    logs: tuple[str, ...]
    warnings: tuple[str, ...]
    sessions: tuple[ExplainedSession, ...]
    total: int
    whose: str
    line: str = ""
    """What became of the line that was asked for."""
    place: tuple[int, int] | None = None
    """The number of its log, and its own."""


def draw(explained: Explanation, room: Screen) -> list[Block]:
    """Return the sessions, one below the other."""
    blocks: list[Block] = [Paragraph(explained.line, indent=0)] if explained.line else []
    if not explained.sessions and not explained.line:
        blocks.append(Paragraph(f"There is no session {explained.whose} in this period.", indent=0))
    for number, shown in enumerate(explained.sessions):
        blocks += [BlankLine()] if blocks else []
        blocks += _session_blocks(explained, shown, number, room)
    return blocks


def _session_blocks(explained: Explanation, shown: ExplainedSession, number: int, room: Screen) -> list[Block]:
    """Return one session."""
    zone, facts = ZoneInfo(explained.goals.site.timezone), shown.row
    begin, end = (moment.astimezone(zone) for moment in (facts["started"], shown.spans.filter(session=facts["session"])["ends"][0]))
    until = f"{end:%H:%M}" if begin.date() == end.date() else listing.shown_time(end, explained.period).strip()
    when = f"{begin.day} {begin:%b %Y}, {begin:%H:%M} – {until}"
    rule = site.visitor_rule_label(explained.goals.site.visitor_rules[facts["told_by"]])
    of_total = f"{formatting.count(explained.total - len(explained.sessions) + number + 1)} of {formatting.count(explained.total)} {explained.whose}"
    who = f"visitor {visitor_ids.shorten(facts['id'])} ({rule}), visit {facts['number']}"
    heading = Heading("SESSION", f"of {when}; {who}; {_origin(facts)}; {of_total}")
    names = list(shown.told)
    rows = [Row(_cells(hit, shown, names, explained)) for hit in shown.hits.rows(named=True)]
    words = [_before(shown), _after(shown, explained.goals), *(f"{name}: {text}." for name, text in shown.told.items())]
    return [heading, BlankLine(), Grid(rows, most=_most(rows, room)), BlankLine(), *(Paragraph(text) for text in words)]


def _origin(facts: Mapping[str, Any]) -> str:
    """Return where a session came from, its channel alone where nothing is known of its source."""
    source, channel = facts["source"], facts["channel"]
    return channel if source.startswith("(") else f"from {source}, {channel}"


def _most(rows: list[Row], room: Screen) -> dict[int, int]:
    """Return how wide the columns of long texts may be, so that all fit: first the goals give way, then the steps, then the name of the page."""
    needed = [max(len(row.cells[place].text) for row in rows) for place in range(len(rows[0].cells))]
    missing = _INDENT + _GAP * (len(needed) - 1) + sum(needed) - room.width
    most = {}
    for place in (_GOALS, _STEPS, _NAME):
        most[place] = min(needed[place], max(needed[place] - max(missing, 0), _SHORTEST))
        missing -= needed[place] - most[place]
    return most


def _cells(hit: Mapping[str, Any], shown: ExplainedSession, names: list[str], explained: Explanation) -> list[Cell]:
    """Return what is shown of a hit."""
    time = hit["time"].astimezone(ZoneInfo(explained.goals.site.timezone))
    of_export = hit["event"] is not None
    kind = hit["kind"] if of_export or hit["method"] == "GET" else hit["method"]
    name = hit_name(hit)
    filled = [
        f"step {step}" if len(names) == 1 else f"{funnel} {step}"
        for funnel in names
        for step, row in shown.steps[funnel].items()
        if hit["row"] is not None and row == hit["row"]
    ]
    is_line = explained.place == (hit["source"], hit["line_no"])
    style = "" if hit["row"] is not None else "dim"
    plain = of_export or hit["status"] == 200  # noqa: PLR2004 (the usual answer needs no word)
    remark = ", ".join(text for text in ("this line" if is_line else "", hit["remark"]) if text)
    texts = (f"{time:%H:%M:%S}", str(kind)[:_KIND], name, "" if plain else str(hit["status"]), remark, hit["goals"] or "", ", ".join(filled))
    return [Cell(text, "bold" if place == len(texts) - 1 and text else style, left=True) for place, text in enumerate(texts)]


def _before(shown: ExplainedSession) -> str:
    """Return what was before the session."""
    earlier = shown.spans.filter(shown.spans["begins"] < shown.row["started"])
    if earlier.is_empty():
        return "Before it, the logs have nothing of this visitor."
    silence = (shown.row["started"] - earlier["ends"][-1]).total_seconds()
    return f"Before it, nothing of this visitor for {formatting.duration(silence)}."


def _after(shown: ExplainedSession, goals: Goals) -> str:
    """Return what came behind the session, and by which rule it was cut."""
    end = shown.spans.filter(session=shown.row["session"])["ends"][0]
    timeout = goals.site.session_timeout
    rule = f"{formatting.duration_in_words(timeout)} without a page or goal end a session"
    later = shown.spans.filter(shown.spans["begins"] > end)
    if later.height:
        return f"Then nothing for {formatting.duration((later['begins'][0] - end).total_seconds())}: {rule}; the visitor came back."
    if shown.log_ends is not None and shown.log_ends - end < timeout:
        return "Then the log ends: the session may have gone on."
    return f"Then nothing more: {rule}."


def line_place(names: tuple[str, ...], asked: str) -> tuple[int, int]:
    """Return the number of the log and of the line that FILE:N means; `names` are the logs' by their number. Raises UsageError."""
    name, _, number = asked.rpartition(":")
    if not (number.isdecimal() and name):
        raise UsageError(f"--line {asked}: write it as FILE:N, like access.log:1200")
    alike = [place for place, known in enumerate(names) if known.rpartition("/")[2] == name.rpartition("/")[2]]
    fits = [place for place, known in enumerate(names) if known == name] or alike
    if not fits:
        raise UsageError(f"--line {asked}: no log is called {name}{did_you_mean(name, names)}; logs are {', '.join(names)}")
    return fits[0], int(number)


def hit_name(hit: Mapping[str, Any]) -> str:
    """Return what a hit was about: the path, or the event, with the page where it has one of its own."""
    event, path = hit["event"], hit["path"] or ""
    return path if event is None else event if path in {"", event} else f"{event} {path}".strip()


def describe_line(begin: str, problem: str | None, decided: Mapping[str, Any] | None, found: Mapping[str, Any] | None) -> tuple[str, int | None]:
    """Return what became of a line, and the session that it belongs to.

    `problem` is the parsed line's, `decided` the hit with its `fate` and `reason`, `found` the analyzed hit; bots that are excluded have none.
    """
    if problem is not None or decided is None:
        return f"{begin}: {_PROBLEMS.get(problem or '', f'not read: {problem}')}.", None
    what = hit_name(decided) if decided["event"] is not None else f"{decided['method'] or ''} {hit_name(decided)} {decided['status'] or ''}".strip()
    if decided["fate"] in _FATES:
        return f"{begin}: {what}. It is {_FATES[decided['fate']]}.", None
    if decided["reason"] is not None and found is None:
        return f"{begin}: {what}. It is a bot's ({decided['reason']}); --bots keep counts it.", None
    where, session = _session_sentence(found)
    return f"{begin}: {what}. {where}", session


def _session_sentence(found: Mapping[str, Any] | None) -> tuple[str, int | None]:
    """Return in words where a hit belongs, and its session."""
    if found is None:
        return "It is left out by --bots.", None
    kind = f"It is of kind {found['kind']}"
    if found["session"] is not None:
        return (f"{kind}.", found["session"]) if found["inside"] else ("Its session is not in the period, or not asked for.", None)
    if found["aside"]:
        return f"{kind}, in a session without a page, which is set aside.", None
    return f"{kind} and belongs to no session: its visitor saw no page around that time.", None
