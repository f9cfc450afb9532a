"""What is marked on days, weeks and months: one that is not over where the figures end, and what happened in them.

It stands alone because pictures of any report and the verdicts on trends must agree on which period is unfinished.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from convkit.analysis.splits import PERIODS
from convkit.core.tables import Note, Paragraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.analysis.analysis import View
    from convkit.core.tables import Block

UNFINISHED, HAPPENED = "*", "▲"
_SLACK = timedelta(hours=1)
"""What may be missing of a period that is over: at night nobody comes for a while."""
_A_DAY, _DAYS_OF_A_WEEK, _MORE_THAN_A_MONTH = timedelta(days=1), 7, timedelta(days=31)


@dataclass(frozen=True)
class Marks:
    """Of the periods of a split report, in order: those `unfinished`, and the `notes` of days in them; nothing where no period splits it."""

    unfinished: tuple[str, ...] = ()
    notes: tuple[tuple[str, date, str], ...] = ()
    """Period, day, and what happened."""
    ends: datetime | None = None
    """Where the figures end, in the site's time zone."""

    def title(self, value: str) -> str:
        """Return a period with its marks."""
        return f"{value}{UNFINISHED if value in self.unfinished else ''}{HAPPENED if self.notes_of([value]) else ''}"

    def last(self, value: str) -> str:
        """Return what stands above the figures of the last period."""
        return f"last{UNFINISHED}" if value in self.unfinished else "last"

    def line(self, values: Sequence[str]) -> str:
        """Return a character a period: a mark where something happened."""
        return "".join(HAPPENED if self.notes_of([value]) else " " for value in values).rstrip()

    def notes_of(self, values: Sequence[str]) -> list[tuple[date, str]]:
        """Return what happened in some of the periods."""
        return [(day, text) for period, day, text in self.notes if period in values]

    def legend(self, values: Sequence[str]) -> list[Block]:
        """Return a line for each note of the periods that are shown."""
        return [Paragraph(f"{HAPPENED} {day.day} {day:%b}: {text}") for day, text in self.notes_of(values)]

    def said(self) -> tuple[Note, ...]:
        """Return the notes of a report that is split so."""
        happened = [Note("annotation", f"{day.day} {day:%b %Y}: {text}", is_drawn=True) for _, day, text in self.notes]
        return (*happened, *self._not_over())

    def _not_over(self) -> tuple[Note, ...]:
        if not self.unfinished or self.ends is None:
            return ()
        first, *more = self.unfinished
        what = f"{first}{UNFINISHED} and what follows are" if more else f"{first}{UNFINISHED} is"
        when = f"{self.ends.day} {self.ends:%b %Y, %H:%M}"
        return (Note("unfinished", f"{what} not over: the figures end on {when}."),)


NO_MARKS = Marks()


def marks(values: Sequence[str], view: View) -> Marks:
    """Return the marks of a report that is split by the view's key, whose values are these."""
    if view.key not in PERIODS or view.period.end is None:
        return NO_MARKS
    known = {value: _span(value) for value in values}
    happened = [(period, day, text) for day, text in view.goals.site.notes for period, (begin, end) in known.items() if begin <= day < end]
    finish = min(view.period.end, view.ends or view.period.end).astimezone(ZoneInfo(view.period.timezone))
    return Marks(tuple(value for value, (_, end) in known.items() if finish + _SLACK < _midnight(end, finish)), tuple(happened), finish)


def ends_before(value: str, moment: datetime) -> bool:
    """Tell a period that is over at a moment, in the moment's time zone."""
    return _midnight(_span(value)[1], moment) <= moment


def _midnight(day: date, like: datetime) -> datetime:
    """Return when a day begins in the time zone of another moment."""
    return datetime(day.year, day.month, day.day, tzinfo=like.tzinfo)


def _span(value: str) -> tuple[date, date]:
    """Return the first day of a period, as it is written, and the first behind it."""
    if "W" in value:
        begin = date.fromisoformat(f"{value}-1")
        return begin, begin + _DAYS_OF_A_WEEK * _A_DAY
    if value.count("-") == 1:
        begin = date.fromisoformat(f"{value}-01")
        return begin, (begin + _MORE_THAN_A_MONTH).replace(day=1)
    begin = date.fromisoformat(value)
    return begin, begin + _A_DAY
