"""Coverage: which days a log covers completely, the gaps in it, and where its clock jumps.

An hour without a line is compared with the same hour of other days, so a small site's quiet nights are not gaps. Jumps are found in the lines as
they stand in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.ingest.merge import LINE_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_FEWEST_LINES = 30
"""Lines that a silence of the same length usually has, at least, for a gap."""
_FEWEST_ARRIVALS, _FEWEST_ARRIVALS_AT_EDGES = 12, 3
"""Arrivals that a silence lacks, at least: chance makes one without 12 once in 160,000 times, one without 3 once in 20."""
_WEEKDAYS_FROM = 28
"""Days of log from which on every day of the week is a kind of its own; before, Saturday and Sunday are one, the others another."""
_SATURDAY = 6

_JUMP = timedelta(days=1)
LINES_NEAR_JUMP, FEWEST_NEAR_JUMP = 10, 3
"""Lines on either side of a jump that must all stand on their side of it, at the edges of a log so many at least: servers write what took them
long when it is done, so that single lines are late in any log."""
_MOST_JUMPS = 1_000
"""Places that are looked at: lines in no order of time at all have no jumps."""


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


def measure_coverage(hours: pl.DataFrame, begin: datetime, end: datetime, timezone: str) -> Coverage:
    """Return what a log covers whose lines by UTC hour are `hour, lines`, the first at `begin` and the last at `end`."""
    zone = ZoneInfo(timezone)
    begin, end = begin.astimezone(zone), end.astimezone(zone)
    usual = _usual_hours(hours, begin, end, timezone)
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


def _usual_hours(hours: pl.DataFrame, begin: datetime, end: datetime, timezone: str) -> pl.DataFrame:
    """Return every hour of the log's days: `hour, date, lines`, what is `expected` by the same hours of all days, in lines and in `arrivals`.

    `others` is what all of these but one have, where that one has nothing.
    Lines come in bursts, a visitor's pages at once: their variance by their mean is how many come with one arrival.
    """
    midnights = [datetime.combine(day, datetime.min.time(), begin.tzinfo).astimezone(UTC) for day in (begin.date(), end.date() + _DAY)]
    # Where days begin at half an hour, an hour belongs to the day of its middle.
    midnights = [midnight.replace(minute=0) for midnight in midnights]
    every = pl.datetime_range(midnights[0], midnights[1], _HOUR, closed="left", time_zone="UTC", time_unit="us", eager=True)
    local = (pl.col("hour") + _HOUR / 2).dt.convert_time_zone(timezone)
    weekday = local.dt.weekday() if (end.date() - begin.date()).days >= _WEEKDAYS_FROM else local.dt.weekday() >= _SATURDAY
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
    return bool(missing["arrivals"].sum() >= _FEWEST_ARRIVALS_AT_EDGES)


def _gaps(silences: pl.DataFrame) -> Sequence[tuple[datetime, datetime, float]]:
    """Return the runs of hours without a line that chance would hardly make, and how many lines such hours have."""
    is_silent = pl.col("lines") == 0
    runs = silences.with_columns(run=(is_silent != is_silent.shift(1)).fill_null(value=True).cum_sum()).filter(is_silent)
    found = runs.group_by("run").agg(pl.col("hour").min(), pl.col("expected", "arrivals", "others").sum(), to=pl.col("hour").max() + _HOUR)
    return (
        found.filter((pl.col("expected") >= _FEWEST_LINES) & (pl.col("arrivals") >= _FEWEST_ARRIVALS))
        .sort("hour")
        .select("hour", "to", "others")
        .rows()
    )


def clock_jumps(lines: pl.DataFrame) -> pl.DataFrame:
    """Return `source, line_no, before, after` of the lines `source, line_no, time` from which on the time is another by more than a day.

    A jump ahead is told where it returns to where the log has been, or where the log returns from it later: else nobody sent anything for a while.
    Where no line is older than the one before it by so much, there is no jump.
    """
    ordered = lines.select(*LINE_KEY, "time")
    place = pl.col("source").cast(pl.UInt64) * (1 << 32) + pl.col("line_no")
    if not ordered.select(place)["source"].is_sorted():
        ordered = ordered.sort(LINE_KEY)
    by = pl.col("time").diff()
    is_same = _is_same_log()
    if not ordered.select(goes_back().any()).item():
        return _no_jumps(ordered)
    places = ordered.with_row_index("at").with_columns(by=by).filter(is_same & (by.abs() > _JUMP))
    places = places.filter(pl.col("by").min().over("source") < -_JUMP)
    if places.height > _MOST_JUMPS:
        return _no_jumps(ordered)
    latest, earliest = pl.col("time").cum_max().over("source"), pl.col("time").cum_min(reverse=True).over("source")
    known = ordered.select(before=pl.col("time").shift(1), latest=latest.shift(1), earliest=earliest).with_row_index("at")
    found = places.join(known, on="at", maintain_order="left").join(_times_near(ordered, places), on="at", maintain_order="left")
    is_back = pl.col("lowest_before") - pl.col("highest_after") > _JUMP
    is_ahead = pl.col("lowest_after") - pl.col("highest_before") > _JUMP
    returns = (pl.col("time") - pl.col("latest") <= _JUMP) | (pl.col("time") - pl.col("earliest") > _JUMP)
    return found.filter(is_back | (is_ahead & returns)).select(*LINE_KEY, "before", after="time")


def goes_back() -> pl.Expr:
    """Tell lines, as they stand in their logs, that are older than the one before them by more than a day."""
    return _is_same_log() & (pl.col("time").diff() < -_JUMP)


def _is_same_log() -> pl.Expr:
    return pl.col("source") == pl.col("source").shift(1)


def _times_near(ordered: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Return `at, lowest_before, highest_before, lowest_after, highest_after` of the lines near places where there are enough."""
    steps = pl.DataFrame({"step": range(-LINES_NEAR_JUMP, LINES_NEAR_JUMP)}, schema={"step": pl.Int64})
    near = places.select("at", "source").join(steps, how="cross").with_columns(number=pl.col("at").cast(pl.Int64) + pl.col("step"))
    times = ordered.select(of="source", when="time").with_row_index("number").cast({"number": pl.Int64})
    time, is_before = pl.col("when"), pl.col("step") < 0
    sides = {"before": time.filter(is_before), "after": time.filter(~is_before)}
    return (
        near.join(times, on="number")
        .filter(pl.col("of") == pl.col("source"))
        .group_by("at")
        .agg(
            *(side.min().alias(f"lowest_{name}") for name, side in sides.items()),
            *(side.max().alias(f"highest_{name}") for name, side in sides.items()),
            fewest=pl.min_horizontal(*(side.len() for side in sides.values())),
        )
        .filter(pl.col("fewest") >= FEWEST_NEAR_JUMP)
        .drop("fewest")
    )


def _no_jumps(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.head(0).select(*LINE_KEY, before="time", after="time")
