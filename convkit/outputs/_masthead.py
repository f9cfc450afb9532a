"""The first line of every output meant for people: the logs, the period with its time zone, and the goals file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import formatting

if TYPE_CHECKING:
    from convkit.core.document import Document

_BUILT_IN = "built-in goals, based on typical shops"


def masthead(document: Document, *, wide: bool) -> str:
    """Return the line; if there is room, it also summarises the goals file. Names are not escaped: the output does that."""
    names = document.logs[0] if len(document.logs) == 1 else f"{document.logs[0]} and {formatting.plural(len(document.logs) - 1, 'more log')}"
    period = f"{formatting.dates(document.period.begin, document.period.end)} ({document.period.timezone})"
    goals = _BUILT_IN if document.goals_file is None else document.goals_file + (f": {document.goals_summary}" if wide else "")
    return f"{names} · {period} · {goals}"
