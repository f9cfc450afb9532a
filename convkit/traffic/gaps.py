"""Where a log is silent though it should not be: gaps in it, and days at its edges that are not whole.

It stands alone because a silence is judged by the log itself: an hour is compared with the same hour of other days, so that a small site's night is
none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LINES = 30
"""Lines that a silence of the same length usually has, at least, for a gap."""
_ARRIVALS, _ARRIVALS_AT_EDGES = 12, 3
"""Arrivals that a silence lacks, at least: chance makes one without 12 once in 160,000 times, one without 3 once in 20."""
_WEEKS = 28
"""Days of log from which on every day of the week is a kind of its own; before, Saturday and Sunday are one, the others another."""
_SATURDAY = 6


@dataclass(frozen=True)
class Coverage:
    """What of time a log covers, in the site's time zone."""

    begin: datetime
    """Of its first line."""
    end: datetime
    """Of its last."""
    first: date
    """The first day that is whole, as far as can be told."""
    last: date
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    """Hours without a line, from and to, where the same hours of other days are busy."""
    usual: tuple[int, ...] = ()
    """How many lines the hours of each gap have on other days."""

    @property
    def days(self) -> int:
        """Return how many days are whole; 0 or less where none is."""
        return (self.last - self.first).days + 1

    def silent(self, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return the gaps between two moments, as far as they lie between them."""
        return [(max(begin, gap), min(end, to)) for gap, to in self.gaps if gap < end and to > begin]

    def silent_days(self, begin: datetime, end: datetime) -> list[date]:
        """Return the days between two moments that have a gap."""
        gaps = [(gap.date(), (to - timedelta(microseconds=1)).date()) for gap, to in self.silent(begin, end)]
        return [day for first, last in gaps for day in pl.date_range(first, last, _DAY, eager=True).to_list()]


def coverage(hours: pl.DataFrame, begin: datetime, end: datetime, timezone: str) -> Coverage:
    """Return what a log covers whose lines by UTC hour are `hour, lines`, the first at `begin` and the last at `end`."""
    zone = ZoneInfo(timezone)
    begin, end = begin.astimezone(zone), end.astimezone(zone)
    usual = _usual(hours, begin, end, timezone)
    to_first = usual.filter(pl.col("hour") < _utc(begin) - _HOUR, date=begin.date())
    behind_last = usual.filter(pl.col("hour") > _utc(end), date=end.date())
    first = begin.date() + (_DAY if _is_cut(to_first) else timedelta())
    last = end.date() - (_DAY if _is_cut(behind_last) else timedelta())
    silences = usual.filter((pl.col("hour") > _utc(begin)) & (pl.col("hour") < _utc(end))).sort("hour")
    found = _gaps(silences)
    spans = tuple((gap.astimezone(zone), to.astimezone(zone)) for gap, to, _ in found)
    return Coverage(begin, end, first, last, spans, tuple(round(usual) for _, _, usual in found))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _usual(hours: pl.DataFrame, begin: datetime, end: datetime, timezone: str) -> pl.DataFrame:
    """Return every hour of the log's days: `hour, date, lines`, what is `expected` by the same hours of all days, in lines and in `arrivals`.

    `others` is what all of these but one have, where that one has nothing.
    Lines come in bursts, a visitor's pages at once: their variance by their mean is how many come with one arrival.
    """
    midnights = [datetime.combine(day, datetime.min.time(), begin.tzinfo).astimezone(UTC) for day in (begin.date(), end.date() + _DAY)]
    # Where days begin at half an hour, an hour belongs to the day of its middle.
    midnights = [midnight.replace(minute=0) for midnight in midnights]
    every = pl.datetime_range(midnights[0], midnights[1], _HOUR, closed="left", time_zone="UTC", time_unit="us", eager=True)
    local = (pl.col("hour") + _HOUR / 2).dt.convert_time_zone(timezone)
    weekday = local.dt.weekday() if (end.date() - begin.date()).days >= _WEEKS else local.dt.weekday() >= _SATURDAY
    rows = (
        pl.DataFrame({"hour": every})
        .join(hours, on="hour", how="left", maintain_order="left")
        .with_columns(pl.col("lines").fill_null(0).cast(pl.Float64), date=local.dt.date(), kind=weekday.cast(pl.Int8), of_day=local.dt.hour())
    )
    # Hours before the first line and behind the last tell nothing of how busy such hours are.
    inside = rows.filter(pl.col("hour").is_between(_utc(begin) - _HOUR, _utc(end)))
    lines, more = pl.col("lines"), pl.col("hours") - 1
    usual = inside.group_by("kind", "of_day").agg(expected=lines.mean(), spread=lines.var().fill_null(0.0), hours=pl.len().cast(pl.Float64))
    burst = usual.select(((pl.col("spread") * more).sum() / (pl.col("expected") * more).sum()).fill_nan(1.0).clip(lower_bound=1.0)).item()
    others = pl.col("expected") * pl.col("hours") / more.clip(lower_bound=1)
    usual = usual.select("kind", "of_day", "expected", arrivals=pl.col("expected") / burst, others=others)
    known = rows.join(usual, on=["kind", "of_day"], how="left", maintain_order="left")
    return known.with_columns(pl.col("expected", "arrivals", "others").fill_null(0.0))


def _is_cut(missing: pl.DataFrame) -> bool:
    """Tell whether hours at an edge of the log lack what such hours have."""
    return bool(missing["arrivals"].sum() >= _ARRIVALS_AT_EDGES)


def _gaps(silences: pl.DataFrame) -> Sequence[tuple[datetime, datetime, float]]:
    """Return the runs of hours without a line that chance would hardly make, and how many lines such hours have."""
    is_silent = pl.col("lines") == 0
    runs = silences.with_columns(run=(is_silent != is_silent.shift(1)).fill_null(value=True).cum_sum()).filter(is_silent)
    found = runs.group_by("run").agg(pl.col("hour").min(), pl.col("expected", "arrivals", "others").sum(), to=pl.col("hour").max() + _HOUR)
    return found.filter((pl.col("expected") >= _LINES) & (pl.col("arrivals") >= _ARRIVALS)).sort("hour").select("hour", "to", "others").rows()
