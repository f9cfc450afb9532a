"""What the figures are of, in one line: the logs, the period with its time zone, the goals.

It stands alone because every output for people begins with this line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import figures

if TYPE_CHECKING:
    from convkit.core.tables import Document

_BUILT_IN = "built-in goals, guessed from common shops"


def masthead(document: Document, *, wide: bool) -> str:
    """Return the line; where there is room it says what the goals file holds. Names in it are as they are: the output makes them harmless."""
    names = document.logs[0] if len(document.logs) == 1 else f"{document.logs[0]} and {figures.plural(len(document.logs) - 1, 'more log')}"
    period = f"{figures.dates(document.period.begin, document.period.end)} ({document.period.timezone})"
    goals = _BUILT_IN if document.goals_file is None else document.goals_file + (f": {document.goals_summary}" if wide else "")
    return f"{names} · {period} · {goals}"
