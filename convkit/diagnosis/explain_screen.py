"""What single sessions look like on a screen: every hit, which goal it reached, which step it filled, and where the session was cut.

It stands alone because this is read like a story, not like a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from convkit.analysis import naming
from convkit.core import figures
from convkit.core.tables import Cell, Gap, Grid, Heading, Paragraph, Row
from convkit.diagnosis import lines_told
from convkit.goals import visitor_rules
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import polars as pl

    from convkit.core.definitions import Goals
    from convkit.core.tables import Block, Period, Room

_KIND, _INDENT, _GAP = 10, 2, 2
_NAME, _GOALS, _STEPS = 2, 5, 6
"""Columns whose texts may be long."""
_SHORTEST = 12


@dataclass(frozen=True)
class Shown:
    """One session."""

    facts: Mapping[str, Any]
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
class Explained:
    """Some of the sessions that were asked for."""

    goals: Goals
    period: Period
    logs: tuple[str, ...]
    warnings: tuple[str, ...]
    sessions: tuple[Shown, ...]
    total: int
    whose: str
    line: str = ""
    """What became of the line that was asked for."""
    place: tuple[int, int] | None = None
    """The number of its log, and its own."""


def draw(explained: Explained, room: Room) -> list[Block]:
    """Return the sessions, one below the other."""
    blocks: list[Block] = [Paragraph(explained.line, indent=0)] if explained.line else []
    if not explained.sessions and not explained.line:
        blocks.append(Paragraph(f"There is no session {explained.whose} in this period.", indent=0))
    for number, shown in enumerate(explained.sessions):
        blocks += [Gap()] if blocks else []
        blocks += _session(explained, shown, number, room)
    return blocks


def _session(explained: Explained, shown: Shown, number: int, room: Room) -> list[Block]:
    """Return one session."""
    zone, facts = ZoneInfo(explained.goals.site.timezone), shown.facts
    begin, end = (moment.astimezone(zone) for moment in (facts["started"], shown.spans.filter(session=facts["session"])["ends"][0]))
    until = f"{end:%H:%M}" if begin.date() == end.date() else naming.moment(end, explained.period).strip()
    when = f"{begin.day} {begin:%b %Y}, {begin:%H:%M} – {until}"
    rule = visitor_rules.named(explained.goals.site.visitor_rules[facts["told_by"]])
    of_total = f"{figures.count(explained.total - len(explained.sessions) + number + 1)} of {figures.count(explained.total)} {explained.whose}"
    who = f"visitor {visitor_ids.short(facts['id'])} ({rule}), visit {facts['number']}"
    heading = Heading("SESSION", f"of {when}; {who}; {_origin(facts)}; {of_total}")
    names = list(shown.told)
    rows = [Row(_cells(hit, shown, names, explained)) for hit in shown.hits.rows(named=True)]
    words = [_before(shown), _after(shown, explained.goals), *(f"{name}: {text}." for name, text in shown.told.items())]
    return [heading, Gap(), Grid(rows, most=_most(rows, room)), Gap(), *(Paragraph(text) for text in words)]


def _origin(facts: Mapping[str, Any]) -> str:
    """Return where a session came from, its channel alone where nothing is known of its source."""
    source, channel = facts["source"], facts["channel"]
    return channel if source.startswith("(") else f"from {source}, {channel}"


def _most(rows: list[Row], room: Room) -> dict[int, int]:
    """Return how wide the columns of long texts may be, so that all fit: first the goals give way, then the steps, then the name of the page."""
    needed = [max(len(row.cells[place].text) for row in rows) for place in range(len(rows[0].cells))]
    missing = _INDENT + _GAP * (len(needed) - 1) + sum(needed) - room.width
    most = {}
    for place in (_GOALS, _STEPS, _NAME):
        most[place] = min(needed[place], max(needed[place] - max(missing, 0), _SHORTEST))
        missing -= needed[place] - most[place]
    return most


def _cells(hit: Mapping[str, Any], shown: Shown, names: list[str], explained: Explained) -> list[Cell]:
    """Return what is shown of a hit."""
    time = hit["time"].astimezone(ZoneInfo(explained.goals.site.timezone))
    of_export = hit["event"] is not None
    kind = hit["kind"] if of_export or hit["method"] == "GET" else hit["method"]
    name = lines_told.name(hit)
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


def _before(shown: Shown) -> str:
    """Return what was before the session."""
    earlier = shown.spans.filter(shown.spans["begins"] < shown.facts["started"])
    if earlier.is_empty():
        return "Before it, the logs have nothing of this visitor."
    silence = (shown.facts["started"] - earlier["ends"][-1]).total_seconds()
    return f"Before it, nothing of this visitor for {figures.duration(silence)}."


def _after(shown: Shown, goals: Goals) -> str:
    """Return what came behind the session, and by which rule it was cut."""
    end = shown.spans.filter(session=shown.facts["session"])["ends"][0]
    timeout = goals.site.session_timeout
    rule = f"{figures.length(timeout)} without a page or goal end a session"
    later = shown.spans.filter(shown.spans["begins"] > end)
    if later.height:
        return f"Then nothing for {figures.duration((later['begins'][0] - end).total_seconds())}: {rule}; the visitor came back."
    if shown.log_ends is not None and shown.log_ends - end < timeout:
        return "Then the log ends: the session may have gone on."
    return f"Then nothing more: {rule}."
