"""Periods: `--since`, `--until` and `--last` in the site's time zone, and marks on days, weeks and months.

A date without a time means the whole day, whether a period starts or ends with it. Periods that are incomplete because the data ends are marked, and
so are those with a date in `site.notes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from convkit.analysis.breakdown import PERIODS
from convkit.core.blocks import Paragraph
from convkit.core.document import Note
from convkit.core.durations import YEARS, YEARS_HINT, parse_duration
from convkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.analysis.analysis import View
    from convkit.core.blocks import Block


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY = timedelta(days=1)

UNFINISHED, ANNOTATED = "*", "▲"
_SLACK, _INSTANT, _HALF_HOUR = timedelta(hours=1), timedelta(seconds=1), timedelta(minutes=30)
"""How much may be missing at the end of a period that still counts as complete: an hour if the log has no other day that would show when it is quiet,
otherwise the last second of a period that `--until` ends, and the half hour by which some time zones differ from whole hours."""
_DAYS_OF_A_WEEK, _MORE_THAN_A_MONTH = 7, timedelta(days=31)


@dataclass(frozen=True)
class DateRange:
    """The requested period: from `begin` up to, but not including, `end`, or the last `days` whole days up to the last hit; None means no limit."""

    begin: datetime | None = None
    end: datetime | None = None
    days: int | None = None

    @property
    def is_limited(self) -> bool:
        """Return whether there is a limit."""
        return self != DateRange()

    def limits(self, last: datetime | None, timezone: str) -> tuple[datetime | None, datetime | None]:
        """Return the start and the end of the period, given the time of the `last` hit in the log."""
        if self.days is None or last is None:
            return self.begin, self.end
        midnight = _midnight(last.astimezone(ZoneInfo(timezone)) + _DAY)
        return _midnight(midnight - self.days * _DAY), midnight


def parse_period(since: str | None, until: str | None, last: str | None, timezone: str) -> DateRange:
    """Return the period that the options request. Raises UsageError if they are not valid."""
    if last is not None:
        if since or until:
            raise UsageError("--last cannot be combined with --since or --until; use one or the other")
        return DateRange(days=_whole_days(last))
    begin = _parse(since, "--since", timezone)[0] if since else None
    end = _parse(until, "--until", timezone)[1] if until else None
    if begin and end and begin >= end:
        raise UsageError(f"--since {since} is after --until {until}; swap them")
    return DateRange(begin, end)


def parse_day(text: str, option: str, timezone: str) -> date:
    """Return the day given with an option. Raises UsageError if it is not a day."""
    if "T" in text or " " in text:
        raise UsageError(f"{option} {text}: use a day without a time, like 2026-10-07")
    return _parse(text, option, timezone)[0].date()


def parse_range(text: str, option: str, timezone: str) -> tuple[datetime, datetime]:
    """Return the start and the (exclusive) end of a range like `2026-09-01..2026-09-30`. Raises UsageError if it is not valid."""
    first, _, last = text.partition("..")
    begin, end = _parse(first, option, timezone)[0], _parse(last, option, timezone)[1]
    if begin >= end:
        raise UsageError(f"{option} {text}: it ends before it begins; swap the dates")
    return begin, end


def _whole_days(text: str) -> int:
    """Return the number of days in a duration like `7d`. Raises UsageError if they are not whole days."""
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--last: {error}") from None
    if length % _DAY:
        raise UsageError(f"--last takes whole days, like 7d or 4w; for {text} use --since")
    return length // _DAY


def _parse(text: str, option: str, timezone: str) -> tuple[datetime, datetime]:
    """Return the moment at which a date or time begins, and the first moment after it."""
    zone = ZoneInfo(timezone)
    now = datetime.now(zone)
    words = {"today": now, "yesterday": now - _DAY}
    if text in words:
        day = _midnight(words[text])
        return day, _midnight(day + _DAY)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a date; use 2026-10-31, 2026-10-31T14:00, today or yesterday") from None
    if moment.year not in YEARS:
        raise UsageError(f"{option} {text}: no log is from that time; {YEARS_HINT}")
    if _DATE.fullmatch(text):
        day = moment.replace(tzinfo=zone)
        return day, _midnight(day + _DAY)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return moment, moment + timedelta(seconds=1)


def _midnight(moment: datetime) -> datetime:
    """Return the start of the day; this works on dates, so days of 23 or 25 hours are handled correctly."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


@dataclass(frozen=True)
class PeriodMarks:
    """The `unfinished` periods of a breakdown, in order, and the `notes` on days in them; empty if the breakdown is not by period."""

    unfinished: tuple[str, ...] = ()
    notes: tuple[tuple[str, date, str], ...] = ()
    """For each note, the period, the day, and what happened."""
    ends: datetime | None = None
    """The time at which the figures end, in the site's time zone."""

    def title(self, value: str) -> str:
        """Return a period with its marks."""
        return f"{value}{UNFINISHED if value in self.unfinished else ''}{ANNOTATED if self.notes_of([value]) else ''}"

    def last(self, value: str) -> str:
        """Return the title of the column with the figures for the last period."""
        return f"last{UNFINISHED}" if value in self.unfinished else "last"

    def line(self, values: Sequence[str]) -> str:
        """Return one character per period: a mark if there is a note on it, or else a space."""
        return "".join(ANNOTATED if self.notes_of([value]) else " " for value in values).rstrip()

    def notes_of(self, values: Sequence[str]) -> list[tuple[date, str]]:
        """Return the notes on these periods."""
        return [(day, text) for period, day, text in self.notes if period in values]

    def legend(self, values: Sequence[str]) -> list[Block]:
        """Return one line per note on the periods that are shown."""
        return [Paragraph(f"{ANNOTATED} {day.day} {day:%b}: {text}") for day, text in self.notes_of(values)]

    def report_notes(self) -> tuple[Note, ...]:
        """Return the notes for a report that is broken down by these periods."""
        happened = [Note("annotation", f"{day.day} {day:%b %Y}: {text}", is_drawn=True) for _, day, text in self.notes]
        return (*happened, *self._not_over())

    def _not_over(self) -> tuple[Note, ...]:
        if not self.unfinished or self.ends is None:
            return ()
        first, *more = self.unfinished
        what = f"{first}{UNFINISHED} and later are" if more else f"{first}{UNFINISHED} is"
        when = f"{self.ends.day} {self.ends:%b %Y, %H:%M}"
        return (Note("unfinished", f"{what} incomplete: the data ends on {when}."),)


NO_MARKS = PeriodMarks()


def period_marks(values: Sequence[str], view: View) -> PeriodMarks:
    """Return the marks on the values of the view's key."""
    if view.key not in PERIODS or view.period.end is None:
        return NO_MARKS
    days = {value: _days_of_period(value) for value in values}
    happened = [(period, day, text) for day, text in view.goals.site.notes for period, (begin, end) in days.items() if begin <= day < end]
    finish = min(view.period.end, view.ends or view.period.end).astimezone(ZoneInfo(view.period.timezone))
    complete_until = _complete_until(finish, view)
    return PeriodMarks(tuple(value for value, (_, end) in days.items() if complete_until < _midnight_like(end, finish)), tuple(happened), finish)


def _complete_until(finish: datetime, view: View) -> datetime:
    """Return the time before which nothing is missing: a period is over if the next one has begun, or if silence is usual in the hours left of it."""
    ends_with_log, quiet_until = view.ends is None or finish >= view.ends, view.quality.quiet_until
    if not ends_with_log:
        return finish + _INSTANT
    return finish + _SLACK if quiet_until is None else max(finish + _INSTANT, quiet_until + _HALF_HOUR)


def is_over(value: str, moment: datetime) -> bool:
    """Return whether a period is over at a given moment, in that moment's time zone."""
    return _midnight_like(_days_of_period(value)[1], moment) <= moment


def _midnight_like(day: date, like: datetime) -> datetime:
    """Return the start of a day in the time zone of `like`."""
    return datetime(day.year, day.month, day.day, tzinfo=like.tzinfo)


def _days_of_period(value: str) -> tuple[date, date]:
    """Return the first day of the period with this name, and the first day after it."""
    if "W" in value:
        begin = date.fromisoformat(f"{value}-1")
        return begin, begin + _DAYS_OF_A_WEEK * _DAY
    if value.count("-") == 1:
        begin = date.fromisoformat(f"{value}-01")
        return begin, (begin + _MORE_THAN_A_MONTH).replace(day=1)
    begin = date.fromisoformat(value)
    return begin, begin + _DAY
