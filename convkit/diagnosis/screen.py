"""The screen of `convkit explain`: sessions hit by hit, with the goals reached and the funnel steps completed, and how a line was counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from convkit.analysis import listing
from convkit.core import formatting
from convkit.core.blocks import BlankLine, Heading, Paragraph, Shown, table
from convkit.errors import UsageError, suggestion
from convkit.goals import site
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import polars as pl

    from convkit.core.blocks import Block, Row, Screen
    from convkit.core.document import Period
    from convkit.core.model import Goals

_KIND, _INDENT, _GAP = 10, 2, 2
_NAME, _GOALS, _STEPS = 2, 5, 6
"""The columns that may contain long text."""
_MIN_WIDTH = 12
_PLAIN = Shown(style=lambda row: row["style"], left=True)
_COLUMNS = dict.fromkeys(("time", "kind", "name", "status", "remark", "goals"), _PLAIN) | {"steps": Shown(style="bold", left=True)}
_STATIC = "a static file, used only to tell browsers from bots"
_PROBLEMS = {
    "asset": _STATIC,
    "blank": "an empty line",
    "comment": "not a record: a header, a line from another program, or another row of the same order",
    "duplicate": "a duplicate of an earlier row, or of a line in another log",
}
_FATES = {
    "asset": f"{_STATIC[:1].upper()}{_STATIC[1:]}",
    "excluded": "Excluded by `ignore` in the goals file, or sent to a host that is not yours",
    "other": "Not counted: a HEAD, OPTIONS or invalid request, or robots.txt",
    "background": "A background request, not counted unless a goal names it",
}
_KINDS = {"page": "page view"}
"""The words for the kinds of hits that are not shown under their own names."""


@dataclass(frozen=True)
class ExplainedSession:
    """A session and everything about it that is shown."""

    row: Mapping[str, Any]
    """Its row in the table of sessions, plus the `id` of its visitor."""
    hits: pl.DataFrame
    """`row, source, line_no, time, kind, method, path, event, status, remark, goals`, in order; `row` is null for hits that are not counted."""
    steps: Mapping[str, Mapping[int, int]]
    """For each funnel and step, the row of the hit that completed it, which may be in another session if the funnel is per visitor."""
    stops: Mapping[str, str]
    """For each funnel, how far the session got and what stopped it."""
    spans: pl.DataFrame
    """`session, begins, ends` of all of the visitor's sessions, in order."""
    log_ends: datetime | None


@dataclass(frozen=True)
class Explanation:
    """The sessions that are shown, out of all that were selected."""

    goals: Goals
    period: Period
    logs: tuple[str, ...]
    warnings: tuple[str, ...]
    sessions: tuple[ExplainedSession, ...]
    total: int
    condition: str
    """What the selected sessions did, like `reached purchase`; empty if they were selected in another way."""
    line: str = ""
    """How the selected line was counted."""
    place: tuple[int, int] | None = None
    """The number of the log, and of the line in it."""


def draw(explained: Explanation, screen: Screen) -> list[Block]:
    """Return the screen: sessions one below the other."""
    blocks: list[Block] = [Paragraph(explained.line, indent=0)] if explained.line else []
    if not explained.sessions and not explained.line:
        blocks.append(
            Paragraph(
                f"No session {explained.condition} in this period." if explained.condition else "There are no sessions in this period.", indent=0
            )
        )
    for number, shown in enumerate(explained.sessions):
        blocks += [BlankLine()] if blocks else []
        blocks += _session_blocks(explained, shown, number, screen)
    return blocks


def _session_blocks(explained: Explanation, shown: ExplainedSession, number: int, screen: Screen) -> list[Block]:
    """Return the blocks for one session, which is at position `number` among those shown."""
    zone, session = ZoneInfo(explained.goals.site.timezone), shown.row
    begin, end = (time.astimezone(zone) for time in (session["started"], shown.spans.filter(session=session["session"])["ends"][0]))
    until = f"{end:%H:%M}" if begin.date() == end.date() else listing.shown_time(end, explained.period).strip()
    when = f"{begin.day} {begin:%b %Y}, {begin:%H:%M} – {until}"
    rule = site.visitor_rule_label(explained.goals.site.visitor_rules[session["identified_by"]])
    visitor = f"visitor {visitor_ids.shorten(session['id'])} ({rule}), visit {session['number']}"
    heading = Heading("SESSION", f"{when}; {visitor}; {_origin(session)}; {_rank(explained, number)}")
    funnels = list(shown.stops)
    grid = table([_texts(hit, shown, funnels, explained) for hit in shown.hits.rows(named=True)], _COLUMNS)
    sentences = [_before(shown), _after(shown, explained.goals), *(f"{name}: {stop}." for name, stop in shown.stops.items())]
    return [heading, BlankLine(), replace(grid, most=_most(grid.rows, screen)), BlankLine(), *(Paragraph(sentence) for sentence in sentences)]


def _rank(explained: Explanation, number: int) -> str:
    """Return, in words, the position of a session among those that were selected."""
    rank, total = explained.total - len(explained.sessions) + number + 1, explained.total
    if explained.place is not None:
        return "the session of this line"
    if not explained.condition:
        return f"session {formatting.count(rank)} of {formatting.count(total)}"
    if total == 1:
        return f"the only one that {explained.condition}"
    of_total = "the last of" if rank == total else f"{formatting.count(rank)} of"
    return f"{of_total} {formatting.count(total)} that {explained.condition}"


def _origin(session: Mapping[str, Any]) -> str:
    """Return the source and the channel of a session, or only the channel if the source is unknown."""
    source, channel = session["source"], session["channel"]
    return channel if source.startswith("(") else f"from {source}, {channel}"


def _most(rows: Sequence[Row], screen: Screen) -> dict[int, int]:
    """Return the maximum widths of the columns with long text, so that all columns fit; goals are cut first, then steps, then page names."""
    needed = [max(len(row.cells[column].text) for row in rows) for column in range(len(rows[0].cells))]
    excess = _INDENT + _GAP * (len(needed) - 1) + sum(needed) - screen.width
    most = {}
    for column in (_GOALS, _STEPS, _NAME):
        most[column] = min(needed[column], max(needed[column] - max(excess, 0), _MIN_WIDTH))
        excess -= needed[column] - most[column]
    return most


def _texts(hit: Mapping[str, Any], shown: ExplainedSession, funnels: list[str], explained: Explanation) -> dict[str, str]:
    """Return the text of a hit in each column, and its style."""
    time = hit["time"].astimezone(ZoneInfo(explained.goals.site.timezone))
    is_event = hit["event"] is not None
    kind = hit["kind"] if is_event or hit["method"] == "GET" else hit["method"]
    name = hit_name(hit)
    filled = [
        f"step {step}" if len(funnels) == 1 else f"{funnel} {step}"
        for funnel in funnels
        for step, row in shown.steps[funnel].items()
        if hit["row"] is not None and row == hit["row"]
    ]
    is_line = explained.place == (hit["source"], hit["line_no"])
    is_usual = is_event or hit["status"] == 200  # noqa: PLR2004 (the usual status is not shown)
    remark = ", ".join(text for text in ("this line" if is_line else "", hit["remark"]) if text)
    texts = (f"{time:%H:%M:%S}", str(kind)[:_KIND], name, "" if is_usual else str(hit["status"]), remark, hit["goals"] or "", ", ".join(filled))
    return dict(zip(_COLUMNS, texts, strict=True)) | {"style": "" if hit["row"] is not None else "dim"}


def _before(shown: ExplainedSession) -> str:
    """Return how long before the session the visitor was last active."""
    earlier = shown.spans.filter(shown.spans["begins"] < shown.row["started"])
    if earlier.is_empty():
        return "No earlier activity of this visitor in these logs."
    silence = (shown.row["started"] - earlier["ends"][-1]).total_seconds()
    return f"The visitor was last active {formatting.duration(silence)} earlier."


def _after(shown: ExplainedSession, goals: Goals) -> str:
    """Return what followed the session, and the rule that ended it."""
    end = shown.spans.filter(session=shown.row["session"])["ends"][0]
    timeout = goals.site.session_timeout
    rule = f"after {formatting.duration_in_words(timeout)} without a page or goal"
    later = shown.spans.filter(shown.spans["begins"] > end)
    if later.height:
        pause = formatting.duration((later["begins"][0] - end).total_seconds())
        return f"The session ended {rule}; the visitor came back after {pause}."
    if shown.log_ends is not None and shown.log_ends - end < timeout:
        return "The log ends here; the session was still open."
    return f"No further activity; the session ended {rule}."


def line_place(logs: tuple[str, ...], text: str) -> tuple[int, int]:
    """Return the number of the log and of the line for FILE:N; `logs` are the names of the logs by number. Raises UsageError."""
    name, _, number = text.rpartition(":")
    if not (number.isdecimal() and name):
        raise UsageError(f"--line {text}: write it as FILE:N, like access.log:1200")
    same_file_name = [source for source, log in enumerate(logs) if log.rpartition("/")[2] == name.rpartition("/")[2]]
    sources = [source for source, log in enumerate(logs) if log == name] or same_file_name
    if not sources:
        raise UsageError(f"--line {text}: no log named {name}{suggestion(name, logs, 'Logs')}")
    return sources[0], int(number)


def hit_name(hit: Mapping[str, Any]) -> str:
    """Return the path of a hit, or the name of its event, followed by the page if that is different."""
    event, path = hit["event"], hit["path"] or ""
    return path if event is None else event if path in {"", event} else f"{event} {path}".strip()


def describe_line(name: str, problem: str | None, hit: Mapping[str, Any] | None, matched: Mapping[str, Any] | None) -> tuple[str, int | None]:
    """Return a description of how a line was counted, and the session it belongs to.

    `problem` is that of the parsed line, `hit` has its `fate` and `reason`, and `matched` is the hit that was analyzed, or None for excluded bots.
    """
    if problem is not None or hit is None:
        return f"{name}: {_PROBLEMS.get(problem or '', f'could not be read: {problem}')}.", None
    request = hit_name(hit) if hit["event"] is not None else f"{hit['method'] or ''} {hit_name(hit)} {hit['status'] or ''}".strip()
    if hit["fate"] in _FATES:
        return f"{name}: {request}. {_FATES[hit['fate']]}.", None
    if hit["reason"] is not None and matched is None:
        return f"{name}: {request}. Excluded as a bot ({hit['reason']}); --bots keep would count it.", None
    sentence, session = _session_sentence(matched)
    return f"{name}: {request}. {sentence}", session


def _session_sentence(hit: Mapping[str, Any] | None) -> tuple[str, int | None]:
    """Return a sentence on how a hit was counted, and the session it belongs to."""
    if hit is None:
        return "Excluded by --bots.", None
    kind = _KINDS.get(hit["kind"], hit["kind"])
    article = "an" if kind[0] in "aeiou" else "a"
    if hit["session"] is not None:
        return (
            (f"Counted as {article} {kind}.", hit["session"])
            if hit["inside"]
            else ("Its session is outside the period or excluded by the filters.", None)
        )
    if hit["pageless"]:
        return f"{article.capitalize()} {kind} in a session without page views, which is not counted.", None
    return f"{article.capitalize()} {kind} outside any session: the visitor viewed no page around that time.", None
