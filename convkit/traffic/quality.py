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
"""The number of lines whose times are examined at once; if there are more, the few logs in which time goes backwards are then read again."""
_HAS_TIME = pl.col("time").is_not_null()


def inspect_logs(data: LogData, timezone: str, bot_quality: Quality) -> Quality:
    """Return the quality summary of the logs, completing the part about bots."""
    by_hour = lines_per_hour(data)
    usual = without_stray(by_hour, data)
    span = usual.select(pl.col("last").max() - pl.col("first").min()).item()
    # Logs that span less than a day have no other day to compare an hour with.
    coverage = coverage_of_logs(usual, timezone) if span is not None and span >= _DAY else None
    return describe_logs(data, by_hour, coverage, timezone, bot_quality)


def lines_per_hour(data: LogData) -> pl.DataFrame:
    """Return `source, hour, lines, first, last` of the lines with a time."""
    hour = (pl.col("time").to_physical() // 3_600_000_000 * 3_600_000_000).cast(TIME)
    times = {"lines": pl.len().cast(pl.Int64), "first": pl.col("time").min(), "last": pl.col("time").max()}
    return collect_frame(data.lines.filter(_HAS_TIME).group_by("source", hour=hour).agg(**times), data.size)


def without_stray(by_hour: pl.DataFrame, data: LogData) -> pl.DataFrame:
    """Return the lines per hour without those of stray lines."""
    stray = data.facts.stray
    return by_hour if stray is None else by_hour.filter(pl.col("first") <= stray.end, pl.col("last") >= stray.begin)


def coverage_of_logs(by_hour: pl.DataFrame, timezone: str) -> Coverage | None:
    """Return the time that logs cover, given their lines per hour; None if no line has a time."""
    if by_hour.is_empty():
        return None
    begin, end = by_hour.select(pl.col("first").min(), pl.col("last").max()).row(0)
    return traffic_coverage.measure_coverage(by_hour.group_by("hour").agg(pl.col("lines").sum()), begin, end, timezone)


def describe_logs(data: LogData, by_hour: pl.DataFrame, coverage: Coverage | None, timezone: str, bot_quality: Quality) -> Quality:
    """Return the quality summary, given the lines per hour and the coverage."""
    return replace(
        bot_quality,
        logs=_logs(data, by_hour, timezone),
        silences=_silences(coverage),
        jumps=_jumps(data, by_hour, timezone),
        identity_notes=data.identity_notes,
        quiet_until=coverage.quiet_until if coverage else None,
    )


def _logs(data: LogData, by_hour: pl.DataFrame, timezone: str) -> tuple[LogSummary, ...]:
    """Return the summary of each log, the earliest first."""
    counts = dict(collect_frame(data.lines.group_by("source").agg(pl.len().cast(pl.Int64)), data.size).rows())
    spans = {source: span for source, *span in by_hour.group_by("source").agg(pl.col("first").min(), pl.col("last").max()).rows()}
    zone, omitted = ZoneInfo(timezone), data.omitted

    def summary(number: int) -> LogSummary:
        log, span = data.logs[number], spans.get(number)
        begin, end = (None, None) if span is None else (moment.astimezone(zone) for moment in span)
        lines = counts.get(number, 0) + omitted.get(number, 0) + log.blank_lines
        return LogSummary(log.source.name, log.name, log.source.packing, log.wrappers, lines, begin, end)

    return tuple(summary(number) for number in range(len(data.logs)))


def _silences(coverage: Coverage | None) -> tuple[Silence, ...]:
    """Return the gaps in the logs."""
    if coverage is None:
        return ()
    return tuple(Silence(begin, end, usual) for (begin, end), usual in zip(coverage.gaps, coverage.usual, strict=True))


def _jumps(data: LogData, by_hour: pl.DataFrame, timezone: str) -> tuple[ClockJump, ...]:
    """Return where the time of a log jumps; rows of exports are left out, because they are not in order."""
    spans = by_hour.group_by("source").agg(span=pl.col("last").max() - pl.col("first").min())
    if not (spans["span"] > _DAY).any():
        return ()
    lines, zone = data.lines, ZoneInfo(timezone)
    is_of_log = pl.col("event").is_null() if "event" in lines.collect_schema() else pl.lit(value=True)
    times = lines.filter(_HAS_TIME, is_of_log).select(*LINE_KEY, "time")
    if data.size > _AT_ONCE:
        times = times.filter(pl.col("source").is_in(_logs_going_back(times, data.size)))
    jumps = traffic_coverage.clock_jumps(collect_frame(times, data.size)).sort(LINE_KEY)
    return tuple(
        ClockJump(data.sources[source], line, before.astimezone(zone), after.astimezone(zone)) for source, line, before, after in jumps.rows()
    )


def _logs_going_back(times: pl.LazyFrame, size: int) -> list[int]:
    """Return the numbers of logs in which a line is more than a day older than the one before it."""
    numbers = set[int]()
    for start in range(0, size, _AT_ONCE):
        lines = collect_frame(times.slice(max(start - 1, 0), _AT_ONCE + 1), _AT_ONCE)
        numbers |= set(lines.filter(traffic_coverage.goes_back())["source"])
    return sorted(numbers)
