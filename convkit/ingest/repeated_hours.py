"""Hours that clocks repeat in autumn: which of the two times a local time stands for, by the order of a log's lines.

Local times without a time zone are read as the earlier of the two. A line belongs to the second hour if it follows one of the first hour with a
later time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.core.schema import TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY, _AROUND, _MINUTE = timedelta(days=1), timedelta(hours=6), timedelta(minutes=1)
_FALLS = 4
"""A time that is earlier than another by a fourth of the repeated time begins the second hour; slow requests are logged somewhat late, too."""


def second_hours(lines: pl.LazyFrame, timezone: str) -> dict[timedelta, pl.Series]:
    """Return the numbers of lines of one log with local times that are in a second hour, by how much later that is."""
    summary = lines.select(first=pl.col("time").min(), last=pl.col("time").max()).collect(engine="streaming")
    first, last = summary.row(0)
    found: dict[timedelta, list[pl.Series]] = {}
    for begin, end in _repeated(timezone, first.date().toordinal(), last.date().toordinal()) if first else ():
        numbers = _of_second_hour(lines, begin, end)
        if len(numbers):
            found.setdefault(end - begin, []).append(numbers)
    return {length: pl.concat(numbers) for length, numbers in found.items()}


def _of_second_hour(lines: pl.LazyFrame, begin: datetime, end: datetime) -> pl.Series:
    """Return the numbers of the lines that are in the second hour, given the first."""
    time, length = pl.col("time"), end - begin
    near = lines.filter(time.is_between(begin - _AROUND, end + length + _AROUND)).select("line_no", "time")
    rows = near.collect(engine="streaming").sort("line_no")
    # A time with a time zone can be within the second hour, and so can none without.
    if rows.is_empty() or rows.select(time.is_between(end, end + length, closed="left").any()).item():
        return rows["line_no"].clear()
    if rows["time"][0] > rows["time"][-1]:
        rows = rows.reverse()
    is_within = time.is_between(begin, end, closed="left")
    is_before = time < begin
    # Logs that follow one another in one file each have both hours.
    numbered = rows.with_columns(run=(is_before & ~is_before.shift(1, fill_value=False)).cum_sum()).filter(is_within)
    falls = time < time.cum_max().over("run") - length / _FALLS
    return numbered.filter(falls.cum_sum().over("run") > 0)["line_no"]


def later(lines: pl.LazyFrame, numbers: pl.Series, length: timedelta) -> pl.LazyFrame:
    """Return lines with the times of some of them moved."""
    is_moved = pl.col("line_no").is_in(numbers.implode())
    return lines.with_columns(time=pl.when(is_moved).then(pl.col("time") + length).otherwise("time").cast(TIME))


@lru_cache(maxsize=8)
def _repeated(timezone: str, first_day: int, last_day: int) -> tuple[tuple[datetime, datetime], ...]:
    """Return the beginning and the end, in UTC, of the first of each two hours that clocks repeat between two days."""
    return tuple(_falls(ZoneInfo(timezone), datetime.fromordinal(first_day) - _DAY, datetime.fromordinal(last_day) + _DAY))


def _falls(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the same for two days as times in UTC."""
    before = first.replace(tzinfo=UTC)
    while before < last.replace(tzinfo=UTC):
        after = before + _DAY
        if (length := _offset(zone, before) - _offset(zone, after)) > timedelta():
            early, late = before, after
            while late - early > _MINUTE:
                middle = early + ((late - early) / 2 // _MINUTE or 1) * _MINUTE
                early, late = (middle, late) if _offset(zone, middle) == _offset(zone, before) else (early, middle)
            yield late - length, late
        before = after


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """Return how far a zone is ahead of UTC."""
    return moment.astimezone(zone).utcoffset() or timedelta()
