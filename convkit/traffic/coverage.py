"""Coverage: which days a log covers completely, the gaps in it, and where its clock jumps.

An hour without lines is compared with the same hour of other days, so a small site's quiet nights are not gaps. Jumps are looked for in the order
in which the lines appear in the log.
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
"""The number of lines that a run of empty hours must usually have for it to count as a gap."""
_FEWEST_ARRIVALS, _FEWEST_ARRIVALS_AT_EDGES = 12, 3
"""The number of arrivals that must be missing: by chance alone, 12 are missing once in 160,000 times, and 3 once in 20 times."""
_LONGEST_QUIET = timedelta(days=3)
"""The longest silence after the last line that can be usual: a long weekend."""
_WEEKDAYS_FROM = 28
"""With at least this many days of logs, each day of the week is compared only with itself; with fewer, working days and weekends form two groups."""
_SATURDAY = 6

_JUMP = timedelta(days=1)
LINES_NEAR_JUMP, FEWEST_NEAR_JUMP = 10, 3
"""How many lines before and after a jump must all have times on their side of it, and the minimum near the beginning or the end of the log. Servers
write a line when the response is finished, so every log has single lines that are late."""
_MOST_JUMPS = 1_000
"""The maximum number of possible jumps; with more, the lines are simply not in time order and have no jumps."""


@dataclass(frozen=True)
class Coverage:
    """The time that logs cover, in the site's time zone."""

    begin: datetime
    """The time of the first line."""
    end: datetime
    """The time of the last line."""
    first: date
    """The first complete day, judging by the lines."""
    last: date
    """The last complete day."""
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    """The start and end of each run of hours that have no lines but are busy on other days."""
    usual: tuple[int, ...] = ()
    """How many lines the hours of each gap usually have."""
    quiet_until: datetime | None = None
    """Until when the silence after the last line is usual for the hours it covers."""

    @property
    def days(self) -> int:
        """Return the number of complete days; 0 or less if there are none."""
        return (self.last - self.first).days + 1

    def silent(self, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return the gaps between two moments, trimmed to them."""
        return [(max(begin, gap_begin), min(end, gap_end)) for gap_begin, gap_end in self.gaps if gap_begin < end and gap_end > begin]

    def silent_days(self, begin: datetime, end: datetime) -> list[date]:
        """Return the days between two moments that have a gap."""
        gaps = [(gap_begin.date(), (gap_end - timedelta(microseconds=1)).date()) for gap_begin, gap_end in self.silent(begin, end)]
        return [day for first, last in gaps for day in pl.date_range(first, last, _DAY, eager=True).to_list()]


def measure_coverage(hours: pl.DataFrame, begin: datetime, end: datetime, timezone: str) -> Coverage:
    """Return the coverage of logs, given their number of lines per UTC hour (`hour, lines`) and the times of their first and last lines."""
    zone = ZoneInfo(timezone)
    begin, end = begin.astimezone(zone), end.astimezone(zone)
    expected = _expected_hours(hours, begin, end, timezone)
    before_first = expected.filter(pl.col("hour") < _utc(begin) - _HOUR, date=begin.date())
    after_last = expected.filter(pl.col("hour") > _utc(end), date=end.date())
    first = begin.date() + (_DAY if _is_cut(before_first) else timedelta())
    last = end.date() - (_DAY if _is_cut(after_last) else timedelta())
    inside = expected.filter((pl.col("hour") > _utc(begin)) & (pl.col("hour") < _utc(end))).sort("hour")
    gaps = _gaps(inside)
    spans = tuple((gap_begin.astimezone(zone), gap_end.astimezone(zone)) for gap_begin, gap_end, _ in gaps)
    return Coverage(begin, end, first, last, spans, tuple(round(usual) for _, _, usual in gaps), _quiet_until(expected, end))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _expected_hours(hours: pl.DataFrame, begin: datetime, end: datetime, timezone: str) -> pl.DataFrame:
    """Return `hour, date, lines, expected, arrivals, usual, is_known` for every hour of the log's days and of the `_LONGEST_QUIET` after its end.

    `expected` is the mean number of lines in the same hour of all days; `usual` is that mean without the hour itself, provided that it has no lines.
    Lines come in bursts, several for each page that a visitor opens: their variance divided by their mean is the number of lines per arrival, and
    `arrivals` is the expected number of arrivals. Hours of the day that the log has none of, on such days, are not known.
    """
    midnights = [
        datetime.combine(day, datetime.min.time(), begin.tzinfo).astimezone(UTC) for day in (begin.date(), end.date() + _DAY + _LONGEST_QUIET)
    ]
    # In time zones with half-hour offsets, an hour belongs to the day that contains its middle.
    midnights = [midnight.replace(minute=0) for midnight in midnights]
    every = pl.datetime_range(midnights[0], midnights[1], _HOUR, closed="left", time_zone="UTC", time_unit="us", eager=True)
    local = (pl.col("hour") + _HOUR / 2).dt.convert_time_zone(timezone)
    day_kind = local.dt.weekday() if (end.date() - begin.date()).days >= _WEEKDAYS_FROM else local.dt.weekday() >= _SATURDAY
    rows = (
        pl.DataFrame({"hour": every})
        .join(hours, on="hour", how="left", maintain_order="left")
        .with_columns(
            pl.col("lines").fill_null(0).cast(pl.Float64), date=local.dt.date(), day_kind=day_kind.cast(pl.Int8), local_hour=local.dt.hour()
        )
    )
    # Hours before the first line and after the last one do not show how busy such hours usually are.
    inside = rows.filter(pl.col("hour").is_between(_utc(begin) - _HOUR, _utc(end)))
    lines, other_hours = pl.col("lines"), pl.col("hours") - 1
    means = inside.group_by("day_kind", "local_hour").agg(expected=lines.mean(), spread=lines.var().fill_null(0.0), hours=pl.len().cast(pl.Float64))
    burst = means.select(
        ((pl.col("spread") * other_hours).sum() / (pl.col("expected") * other_hours).sum()).fill_nan(1.0).clip(lower_bound=1.0)
    ).item()
    usual = pl.col("expected") * pl.col("hours") / other_hours.clip(lower_bound=1)
    means = means.select("day_kind", "local_hour", "expected", arrivals=pl.col("expected") / burst, usual=usual)
    hours_with_means = rows.join(means, on=["day_kind", "local_hour"], how="left", maintain_order="left")
    return hours_with_means.with_columns(pl.col("expected", "arrivals", "usual").fill_null(0.0), is_known=pl.col("arrivals").is_not_null())


def _is_cut(missing: pl.DataFrame) -> bool:
    """Return whether the hours missing at the beginning or the end of the log would usually have lines, so that the day is incomplete."""
    return bool(missing["arrivals"].sum() >= _FEWEST_ARRIVALS_AT_EDGES)


def _quiet_until(expected: pl.DataFrame, end: datetime) -> datetime:
    """Return until when the silence after the end of the log is no longer than chance would explain."""
    after = expected.filter(pl.col("hour") > _utc(end), pl.col("hour") < _utc(end) + _LONGEST_QUIET).sort("hour")
    is_usual = (pl.col("arrivals").cum_sum() < _FEWEST_ARRIVALS_AT_EDGES) & (pl.col("is_known") | (pl.col("date") == end.date()))
    unusual: datetime | None = after.filter(~is_usual)["hour"].min()  # type: ignore[assignment]
    latest: datetime = after["hour"].max()  # type: ignore[assignment]
    return (unusual or latest + _HOUR).astimezone(end.tzinfo)


def _gaps(hours: pl.DataFrame) -> Sequence[tuple[datetime, datetime, float]]:
    """Return the runs of hours without lines that are too long to be due to chance, and how many lines such hours usually have."""
    is_silent = pl.col("lines") == 0
    runs = hours.with_columns(run=(is_silent != is_silent.shift(1)).fill_null(value=True).cum_sum()).filter(is_silent)
    silences = runs.group_by("run").agg(pl.col("hour").min(), pl.col("expected", "arrivals", "usual").sum(), end=pl.col("hour").max() + _HOUR)
    return (
        silences.filter((pl.col("expected") >= _FEWEST_LINES) & (pl.col("arrivals") >= _FEWEST_ARRIVALS))
        .sort("hour")
        .select("hour", "end", "usual")
        .rows()
    )


def clock_jumps(lines: pl.DataFrame) -> pl.DataFrame:
    """Return `source, line_no, before, after` for each of the lines (`source, line_no, time`) at which the time jumps by more than a day.

    A jump ahead counts only if it leads to a time that the log had already reached, or if the log later jumps back: otherwise there were simply no
    requests for a while. If no line is more than a day older than the one before it, there are no jumps.
    """
    ordered = lines.select(*LINE_KEY, "time")
    position = pl.col("source").cast(pl.UInt64) * (1 << 32) + pl.col("line_no")
    if not ordered.select(position)["source"].is_sorted():
        ordered = ordered.sort(LINE_KEY)
    step = pl.col("time").diff()
    if not ordered.select(goes_back().any()).item():
        return _no_jumps(ordered)
    candidates = ordered.with_row_index("row").with_columns(step=step).filter(_is_same_log() & (step.abs() > _JUMP))
    candidates = candidates.filter(pl.col("step").min().over("source") < -_JUMP)
    if candidates.height > _MOST_JUMPS:
        return _no_jumps(ordered)
    latest, earliest = pl.col("time").cum_max().over("source"), pl.col("time").cum_min(reverse=True).over("source")
    surroundings = ordered.select(before=pl.col("time").shift(1), latest=latest.shift(1), earliest=earliest).with_row_index("row")
    jumps = candidates.join(surroundings, on="row", maintain_order="left").join(_times_near(ordered, candidates), on="row", maintain_order="left")
    is_back = pl.col("lowest_before") - pl.col("highest_after") > _JUMP
    is_ahead = pl.col("lowest_after") - pl.col("highest_before") > _JUMP
    returns = (pl.col("time") - pl.col("latest") <= _JUMP) | (pl.col("time") - pl.col("earliest") > _JUMP)
    return jumps.filter(is_back | (is_ahead & returns)).select(*LINE_KEY, "before", after="time")


def goes_back() -> pl.Expr:
    """Return whether a line is more than a day older than the one before it in its log."""
    return _is_same_log() & (pl.col("time").diff() < -_JUMP)


def _is_same_log() -> pl.Expr:
    """Return whether a line is in the same log as the one before it."""
    return pl.col("source") == pl.col("source").shift(1)


def _times_near(ordered: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `row, lowest_before, highest_before, lowest_after, highest_after` for each possible jump with enough lines around it."""
    offsets = pl.DataFrame({"offset": range(-LINES_NEAR_JUMP, LINES_NEAR_JUMP)}, schema={"offset": pl.Int64})
    near = candidates.select("row", "source").join(offsets, how="cross").with_columns(near_row=pl.col("row").cast(pl.Int64) + pl.col("offset"))
    times = ordered.select(near_source="source", near_time="time").with_row_index("near_row").cast({"near_row": pl.Int64})
    time, is_before = pl.col("near_time"), pl.col("offset") < 0
    sides = {"before": time.filter(is_before), "after": time.filter(~is_before)}
    return (
        near.join(times, on="near_row")
        .filter(pl.col("near_source") == pl.col("source"))
        .group_by("row")
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
