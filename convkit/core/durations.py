"""Durations as users write them (`30m`, `7d`), in YAML and in options, and the range of possible years."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")
_LONGEST, _LONGEST_TEXT = timedelta(weeks=5_200), "5200w"
YEARS = range(1900, 3000)
"""The years that dates in options and goals files may have: near the limits of the calendar, no day can be added, and no log is as old or as new."""
YEARS_HINT = f"use a year from {YEARS[0]} to {YEARS[-1]}"


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` specifies. Raises ValueError, with a message that suggests a fix, if it is not a duration."""
    match = _DURATION.fullmatch(text.strip())
    if not match or int(match[1]) == 0:
        msg = f"{text!r} is not a duration; use a whole number with a unit (s, m, h, d or w), like 30m or 7d"
        raise ValueError(msg)
    length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if length > _LONGEST:
        msg = f"{text!r} is too long; use at most {_LONGEST_TEXT}"
        raise ValueError(msg)
    return length


def microseconds(length: timedelta) -> int:
    """Return a duration in whole microseconds, the unit of all times in frames."""
    return length // timedelta(microseconds=1)
