"""The first line of every output meant for people: the logs, the period with its time zone, and the goals file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import formatting

if TYPE_CHECKING:
    from convkit.core.document import Document


def masthead(document: Document, *, wide: bool) -> str:
    """Return the line; if there is room, it also summarises the goals file. Names are not escaped: the output does that."""
    names = document.logs[0] if len(document.logs) == 1 else f"{document.logs[0]} and {formatting.plural(len(document.logs) - 1, 'more log')}"
    period = f"{formatting.dates(document.period.begin, document.period.end)} ({document.period.timezone})"
    return f"{names} · {period} · {_goals(document, wide=wide)}"


def _goals(document: Document, *, wide: bool) -> str:
    """Return where the goals come from."""
    if document.goals_file is not None:
        return f"{document.goals_file}: {document.goals_summary}" if wide else document.goals_file
    if document.unsaved is not None and document.unsaved.are_suggested:
        return f"goals suggested by these logs; save them with {document.unsaved.command}"
    return "built-in goals, based on typical shops"
