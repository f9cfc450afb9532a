"""The note on reports by visit: whoever came only before the logs begin counts as new."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from convkit.core import formatting
from convkit.core.document import Note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.engine.partial_result import PartialResult
    from convkit.goals.filters import Filter

_ENOUGH = timedelta(days=14)
"""The length of logs before a period in which most returning visitors have come before."""


def notes_on_visits(result: PartialResult, filters: Iterable[Filter], key: str | None = None) -> tuple[Note, ...]:
    """Return the note if a filter or the key of a report asks for visits and the logs begin less than 14 days before the period."""
    first, begin = result.log_span[0], result.period.begin
    if first is None or begin is None or begin - first >= _ENOUGH or not (key == "visit" or any(one.field == "visit" for one in filters)):
        return ()
    day = first.astimezone(ZoneInfo(result.period.timezone))
    reason = f"Visitors who came only before {formatting.dates(day, day)} count as new."
    return (Note("first-visits", f"{reason} To count their visits, read older logs and choose the period with --since."),)
