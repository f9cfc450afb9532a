"""Lines that could count and are in no figure: how many there are, why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core.document import Note
from convkit.core.formatting import clause, count, goal_count, percent, plural, sentence, were
from convkit.core.schema import NEVER_COUNTED, NO_SUCH_TIME, NO_VISITOR, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from convkit.core.model import Goals
    from convkit.engine.partial_result import Counts
    from convkit.ingest.log_data import LogData

MANY = 0.01
"""The share of the lines that could count above which lost ones are worth a warning."""
_MOST_REASONS = 3
_OTHER_TIME = "if the time is in another column, name it with --set columns.time=NAME"
_OTHER_FORMAT = "if they are requests, name their format with --log-format"
_BROKEN_EXPORT = "if this is an export, export the data again"
_FIXES = {
    NO_VISITOR: "if a column of an export identifies visitors, name it with --set columns.user=NAME",
    "no time": _OTHER_TIME,
    "impossible time": _OTHER_TIME,
    NO_SUCH_TIME: "if the log is in another time zone, name it with --set log_timezone=ZONE",
    "time in the future": "check the clock of the server and the modification time of the file",
    "neither an event nor a page": "if events or URLs are in another column, name it with --set columns.event=NAME or columns.url=NAME",
    "unclosed quote": _BROKEN_EXPORT,
    "number of fields differs from the header": _BROKEN_EXPORT,
    "a quote inside a quoted field": _BROKEN_EXPORT,
    "does not match the format": _OTHER_FORMAT,
    "no request in quotes": _OTHER_FORMAT,
    "no time before the request": _OTHER_FORMAT,
    "no status after the request": _OTHER_FORMAT,
}
"""For each reason with a cure of its own, what to do."""


def countable(counts: Mapping[str, int]) -> int:
    """Return how many of the lines could count, given the number of `lines` and of each fate."""
    return counts["lines"] - sum(counts[fate] for fate in NEVER_COUNTED)


def notes_on_lost(result: Counts, data: LogData, goals: Goals) -> tuple[Note, ...]:
    """Return the notes on lines that count once or not at all, if they are many or a macro goal names any of them; each is also a warning."""
    counts, pageless, macros = result.input, result.of_pageless, result.macros_lost
    duplicates = data.duplicates.sentences(data.sources, macros=macros.get("duplicate", 0))
    unread = _unread(result.reasons["unparsed_by_reason"], macros.get("unparsed", 0), countable(counts))
    is_worthy = pageless[1] or pageless[0] > MANY * countable(counts)
    aside = pageless_note(*pageless, goals) if is_worthy else None
    return (*(Note("duplicates", sentence(text)) for text in duplicates), *(note for note in (unread, aside) if note))


def warnings_of(notes: Iterable[Note]) -> tuple[str, ...]:
    """Return notes as warnings on standard error, which begin in lower case and have no full stop."""
    return tuple(clause(note.text).removesuffix(".") for note in notes)


def _unread(reasons: Mapping[str, int], macros: int, of: int) -> Note | None:
    """Return the note on lines that could not be used, or None if they are few and no macro goal names one. An unfinished last line is no loss.

    A single time that its time zone skips is worth the note: the whole log may be in another zone.
    """
    by_reason = sorted(((reason, n) for reason, n in reasons.items() if reason != UNFINISHED), key=lambda item: (-item[1], item[0]))
    number = sum(n for _, n in by_reason)
    if not macros and number <= MANY * of and NO_SUCH_TIME not in reasons:
        return None
    largest = by_reason[:_MOST_REASONS]
    named = [f"{reason} ({count(n)})" for reason, n in largest]
    others = number - sum(n for _, n in largest)
    named += [f"other reasons ({count(others)})"] if others else []
    of_macros = f", {count(macros)} of them with a macro goal" if macros else ""
    fixes = ["see them with --rejects FILE", *dict.fromkeys(_FIXES[reason] for reason, _ in largest if reason in _FIXES)]
    text = f"{count(number)} of {plural(of, 'line')} ({percent(number / of)}) {were(number)} not counted{of_macros}: {', '.join(named)}"
    return Note("lost-lines", f"{text}; {'; '.join(fixes)}.")


def pageless_note(number: int, macros: int, goals: Goals) -> Note:
    """Return the note on hits in sessions without a page, `macros` of which are conversions."""
    shown = macros or number
    names = goals.macros[0].name if len(goals.macros) == 1 else "conversion"
    what = goal_count(macros, names) if macros else plural(number, "hit")
    do_they = "does it" if shown == 1 else "do they"
    how = "If visitors sent them, as in the log of a tracking pixel, count such sessions with --set pageless_sessions=true"
    return Note("no-page", f"{what} belonged to no page view and {were(shown)} not counted; {do_they} come from an API? {how}.")
