"""Quality of the logs: their formats and time spans, their gaps, and where their clocks jump."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.quality import ClockJump, LogSummary, Silence
from convkit.core.schema import TIME
from convkit.ingest.merge import LINE_KEY
from convkit.traffic import coverage as traffic_coverage

if TYPE_CHECKING:
    from convkit.core.quality import Quality
    from convkit.ingest.log_data import LogData
    from convkit.traffic.coverage import Coverage

_DAY = timedelta(days=1)
_AT_ONCE = 5_000_000
"""Lines whose times are looked at together: the few logs of more whose time ever goes back are looked at once more."""
_HAS_TIME = pl.col("time").is_not_null()


def inspect_logs(data: LogData, timezone: str, of_bots: Quality) -> Quality:
    """Return all that is known of the traffic, of which what is known of bots is told."""
    by_hour = lines_per_hour(data)
    span = by_hour.select(pl.col("last").max() - pl.col("first").min()).item()
    # Within a day no hour has another of its kind beside it.
    known = coverage_of_logs(by_hour, timezone) if span is not None and span >= _DAY else None
    return describe_logs(data, by_hour, known, timezone, of_bots)


def lines_per_hour(data: LogData) -> pl.DataFrame:
    """Return `source, hour, lines, first, last` of the lines that say when they were written."""
    hour = (pl.col("time").to_physical() // 3_600_000_000 * 3_600_000_000).cast(TIME)
    times = {"lines": pl.len().cast(pl.Int64), "first": pl.col("time").min(), "last": pl.col("time").max()}
    return collect_frame(data.lines.filter(_HAS_TIME).group_by("source", hour=hour).agg(**times), data.size)


def coverage_of_logs(by_hour: pl.DataFrame, timezone: str) -> Coverage | None:
    """Return what of time the logs cover, None where they say no time."""
    if by_hour.is_empty():
        return None
    begin, end = by_hour.select(pl.col("first").min(), pl.col("last").max()).row(0)
    return traffic_coverage.measure_coverage(by_hour.group_by("hour").agg(pl.col("lines").sum()), begin, end, timezone)


def describe_logs(data: LogData, by_hour: pl.DataFrame, known: Coverage | None, timezone: str, of_bots: Quality) -> Quality:
    """Return the same where it is known what hours hold (`hours`), and what of time the logs cover (`coverage`)."""
    return replace(of_bots, logs=_logs(data, by_hour, timezone), silences=_silences(known), jumps=_jumps(data, by_hour, timezone))


def _logs(data: LogData, by_hour: pl.DataFrame, timezone: str) -> tuple[LogSummary, ...]:
    """Return what is known of each log, the earliest first."""
    counts = dict(collect_frame(data.lines.group_by("source").agg(pl.len().cast(pl.Int64)), data.size).rows())
    spans = {source: span for source, *span in by_hour.group_by("source").agg(pl.col("first").min(), pl.col("last").max()).rows()}
    zone, more = ZoneInfo(timezone), data.omitted

    def read(number: int) -> LogSummary:
        log, span = data.logs[number], spans.get(number)
        begin, end = (None, None) if span is None else (moment.astimezone(zone) for moment in span)
        return LogSummary(log.source.name, log.name, log.source.packing, log.wrappers, counts.get(number, 0) + more.get(number, 0), begin, end)

    return tuple(read(number) for number in range(len(data.logs)))


def _silences(known: Coverage | None) -> tuple[Silence, ...]:
    """Return the hours without a line."""
    return () if known is None else tuple(Silence(begin, end, usual) for (begin, end), usual in zip(known.gaps, known.usual, strict=True))


def _jumps(data: LogData, by_hour: pl.DataFrame, timezone: str) -> tuple[ClockJump, ...]:
    """Return where the time of a log jumps; rows of an export stand in no order."""
    spans = by_hour.group_by("source").agg(span=pl.col("last").max() - pl.col("first").min())
    if not (spans["span"] > _DAY).any():
        return ()
    lines, zone = data.lines, ZoneInfo(timezone)
    of_log = pl.col("event").is_null() if "event" in lines.collect_schema() else pl.lit(value=True)
    times = lines.filter(_HAS_TIME, of_log).select(*LINE_KEY, "time")
    if data.size > _AT_ONCE:
        times = times.filter(pl.col("source").is_in(_logs_going_back(times, data.size)))
    found = traffic_coverage.clock_jumps(collect_frame(times, data.size)).sort(LINE_KEY)
    return tuple(
        ClockJump(data.sources[source], line, before.astimezone(zone), after.astimezone(zone)) for source, line, before, after in found.rows()
    )


def _logs_going_back(times: pl.LazyFrame, size: int) -> list[int]:
    """Return the numbers of logs in which the time of a line is before that of the line in front."""
    found = set[int]()
    for start in range(0, size, _AT_ONCE):
        some = collect_frame(times.slice(max(start - 1, 0), _AT_ONCE + 1), _AT_ONCE)
        found |= set(some.filter(traffic_coverage.goes_back())["source"])
    return sorted(found)
