"""Empty results: what the logs hold, if no session is in the period or passes the filters."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from convkit.core.document import Note
from convkit.core.formatting import count, dates, plural
from convkit.core.nearest import nearest_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from convkit.engine.partial_result import PartialResult
    from convkit.goals.filters import Filter

_FATES = {"bot": "by bots", "asset": "for static files", "unparsed": "not read", "blank": "blank", "comment": "comments"}


def note_on_empty(result: PartialResult, timezone: str, filters: Sequence[Filter], period: str = "this period") -> Note | None:
    """Return the note on what the logs hold if no session is reported, or None if one is; `period` names the period."""
    if result.by_address[1]:
        return None
    of_period, of_log = result.of_period
    held = _held(result, timezone)
    if of_period and result.filtered:
        text = f"No session passes {result.filtered.filters}. {held}{_nearest(result, filters)}"
    elif of_log and not of_period:
        text = f"No session is in {period}. {held}"
    else:
        text = f"No session was counted. {held}"
    return Note("empty", text)


def is_period_empty(results: Iterable[PartialResult]) -> bool:
    """Return whether the period of any of the results has no session."""
    return any(not result.of_period[0] for result in results)


def _held(result: PartialResult, timezone: str) -> str:
    """Return a sentence on the sessions, or else the lines, that the logs hold, and on their period."""
    begin, end = result.log_span
    lines = result.input["lines"]
    if not lines:
        return "The log is empty."
    zone = ZoneInfo(timezone)
    when = "" if begin is None or end is None else f" ({dates(begin.astimezone(zone), end.astimezone(zone))})"
    if result.of_period[1]:
        return f"The log has {plural(result.of_period[1], 'session')}{when}."
    counts = {word: result.input[fate] for fate, word in _FATES.items()}
    counts["others"] = lines - sum(counts.values())
    named = ", ".join(f"{count(number)} {word}" for word, number in counts.items() if number)
    return f"The log has {plural(lines, 'line')}{when}: {named}."


def _nearest(result: PartialResult, filters: Sequence[Filter]) -> str:
    """Return the values that occur instead of those of the filters that nothing passes."""
    if result.unmatched is None:
        return ""
    matched = result.unmatched.filter("matches").select("filter").unique()
    values = result.unmatched.join(matched, on="filter", how="anti")
    counts = {number: dict(values.filter(filter=number).select("text", "n").rows()) for number in range(len(filters))}
    return "".join(nearest_values(one.pattern, counts[number], f"values of {one.field}") for number, one in enumerate(filters))
