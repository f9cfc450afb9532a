"""Which time is reported: `--since`, `--until`, `--last`, in the site's time zone.

It stands alone because dates, days and time zones are a world of their own. A date without a time is the whole day, at both ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from convkit.core.durations import parse_duration
from convkit.errors import UsageError

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Wanted:
    """What was asked for: `begin` inside, `end` outside, or whole `days` back from the last hit; None is no limit."""

    begin: datetime | None = None
    end: datetime | None = None
    days: int | None = None

    @property
    def is_limited(self) -> bool:
        """Tell whether anything was asked for."""
        return self != Wanted()

    def limits(self, last: datetime | None, timezone: str) -> tuple[datetime | None, datetime | None]:
        """Return begin and end, known once the log's `last` hit is."""
        if self.days is None or last is None:
            return self.begin, self.end
        midnight = _midnight(last.astimezone(ZoneInfo(timezone)) + _DAY)
        return _midnight(midnight - self.days * _DAY), midnight


def parse_period(since: str | None, until: str | None, last: str | None, timezone: str) -> Wanted:
    """Return the period that the options name; UsageError with the fix where they name none."""
    if last is not None:
        if since or until:
            raise UsageError("--last and --since or --until say the same thing twice; use one of them")
        return Wanted(days=_whole_days(last))
    begin = _parse(since, "--since", timezone)[0] if since else None
    end = _parse(until, "--until", timezone)[1] if until else None
    if begin and end and begin >= end:
        raise UsageError(f"--since {since} is after --until {until}; exchange them")
    return Wanted(begin, end)


def parse_day(text: str, option: str, timezone: str) -> date:
    """Return the day that an option names; UsageError with the fix where it names none, or a time of one."""
    if "T" in text or " " in text:
        raise UsageError(f"{option} {text}: it takes a day, like 2026-10-07")
    return _parse(text, option, timezone)[0].date()


def parse_range(text: str, option: str, timezone: str) -> tuple[datetime, datetime]:
    """Return begin and end of `2026-09-01..2026-09-30`, the end outside; UsageError with the fix where it is none."""
    first, _, last = text.partition("..")
    begin, end = _parse(first, option, timezone)[0], _parse(last, option, timezone)[1]
    if begin >= end:
        raise UsageError(f"{option} {text}: it ends before it begins; exchange the dates")
    return begin, end


def _whole_days(text: str) -> int:
    """Return a length of time in days."""
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--last: {error}") from None
    if length % _DAY:
        raise UsageError(f"--last counts whole days, like 7d or 4w; {text} is none: use --since")
    return length // _DAY


def _parse(text: str, option: str, timezone: str) -> tuple[datetime, datetime]:
    """Return when a date or time begins, and when the first moment behind it is."""
    zone = ZoneInfo(timezone)
    now = datetime.now(zone)
    words = {"today": now, "yesterday": now - _DAY}
    if text in words:
        day = _midnight(words[text])
        return day, _midnight(day + _DAY)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no date; write 2026-10-31, 2026-10-31T14:00, today or yesterday") from None
    if _DATE.fullmatch(text):
        day = moment.replace(tzinfo=zone)
        return day, _midnight(day + _DAY)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return moment, moment + timedelta(seconds=1)


def _midnight(moment: datetime) -> datetime:
    """Return the beginning of a day; days of 23 or 25 hours included, because the date decides."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
