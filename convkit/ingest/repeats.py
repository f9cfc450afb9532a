"""Duplicates: repeated rows of exports, and lines that two logs share, like those of a proxy and its server, or two overlapping downloads.

A single equal line proves nothing, because a client may send a request twice: two logs share lines only if nearly all lines of one are in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.formatting import count, percent, plural, were
from convkit.formats.parsers import requests
from convkit.ingest.merge import LINE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LEAST_SHARE, _LEAST_LINES = 0.9, 3
"""The share of the shorter log's lines in the shared period that must be in the other log, and the minimum number of lines."""
_SAMPLED, _LEAST_SAMPLE_SHARE, _LEAST_SAMPLE = 200_000, 0.8, 100
"""How many lines are compared first, the share that must be in the other log, and the number below which a sample proves nothing."""
_AT_ONCE = 5_000_000
"""The number of lines that are compared at once."""


@dataclass(frozen=True)
class SharedLines:
    """The lines that two logs share, given by the logs' numbers; they count only in `kept`."""

    dropped: int
    kept: int
    number: int
    """How many lines they share."""
    of_dropped: int
    """How many lines `dropped` has in the period that both logs cover."""
    of_kept: int

    def sentence(self, names: Sequence[str]) -> str:
        """Return a warning that names the logs, given the names of all logs by number."""
        shorter, longer, of = (
            (self.dropped, self.kept, self.of_dropped) if self.of_dropped <= self.of_kept else (self.kept, self.dropped, self.of_kept)
        )
        return (
            f"{count(self.number)} of {plural(of, 'line')} of {names[shorter]} {were(self.number)} also in {names[longer]}, "
            "in the period that both cover, and counted once; to count them all, read the two logs in separate runs"
        )


_MANY_ROWS = 0.01
"""The share of duplicate rows above which there is a warning."""


@dataclass(frozen=True)
class Duplicates:
    """The lines that were counted once although they occur more than once."""

    rows: int = 0
    """The number of rows of exports that repeat an earlier one."""
    of: int = 0
    """The number of lines that could count: those that are neither empty nor headers nor static files."""
    shared: tuple[SharedLines, ...] = ()
    """The lines that two logs share."""
    are_requests: bool = False
    """Whether the rows are lines of access logs that give requests an ID, instead of rows of exports."""

    def sentences(self, names: Sequence[str], *, macros: int = 0) -> tuple[str, ...]:
        """Return warnings, given the names of the logs by number; `macros` is how many of the duplicate rows a macro goal names."""
        warnings = [pair.sentence(names) for pair in self.shared]
        if macros or self.rows > _MANY_ROWS * self.of:
            share = f" ({percent(self.rows / self.of)})" if self.of else ""
            of_macros = f", {count(macros)} of them with a macro goal" if macros else ""
            if self.are_requests:
                warnings.append(
                    f"{plural(self.rows, 'line')}{share} had the same request ID, IP address, time and URL as an earlier line "
                    f"and {were(self.rows)} counted once: servers may write several lines for one request"
                )
                return tuple(warnings)
            warnings.append(
                f"{plural(self.rows, 'row')}{share} had the same ID, visitor, event and time as an earlier row "
                f"and {were(self.rows)} counted once{of_macros}; if they are different events, name another ID column with --set columns.id=NAME"
            )
        return tuple(warnings)


NO_DUPLICATES = Duplicates()


@dataclass(frozen=True)
class _Period:
    """The seconds that two logs, given by their numbers, both cover; of lines that they share, those of `kept` count."""

    dropped: int
    kept: int
    begin: int
    end: int

    def lines_of(self, keyed: pl.DataFrame, source: int) -> pl.DataFrame:
        """Return the lines of one of the logs in this period."""
        return keyed.filter(pl.col("source") == source, pl.col("second").is_between(self.begin, self.end))

    def shared(self, keyed: pl.DataFrame) -> pl.DataFrame:
        """Return the lines of `dropped` that are also in `kept`; of equal lines, as many as both logs have."""
        return self.lines_of(keyed, self.dropped).join(self.lines_of(keyed, self.kept), on=("content", "number"), how="semi")

    def counts(self, keyed: pl.DataFrame) -> tuple[int, int, int]:
        """Return the number of lines that both logs share, and how many each of them has."""
        return self.shared(keyed).height, self.lines_of(keyed, self.dropped).height, self.lines_of(keyed, self.kept).height


def find_shared_lines(lines: pl.LazyFrame, size: int) -> tuple[pl.DataFrame, tuple[SharedLines, ...]]:
    """Return `source, line_no` of the lines that a log shares with another one, which keeps them, and a summary of each pair of logs.

    `lines` are NARROWED, in memory or on disk, and `size` is their number. Logs without a common period cost nothing.
    """
    nothing = pl.DataFrame(schema=dict.fromkeys(LINE_KEY, pl.UInt32))
    records = _records(lines)
    periods, total = _shared_periods(records, size)
    if not periods:
        return nothing, ()
    turns = total // _SAMPLED + 1
    sample = _keyed(records.filter(pl.col("second").hash(9) % turns == 0), _sources_of(periods), size)
    periods = [period for period in periods if _may_share(*period.counts(sample))]
    if not periods:
        return nothing, ()
    passes = total // _AT_ONCE + 1
    sums = [(0, 0, 0)] * len(periods)
    for turn in range(passes):
        keyed = _keyed(records.filter(_is_in_pass(turn, passes)), _sources_of(periods), size)
        sums = [tuple(map(sum, zip(before, period.counts(keyed), strict=True))) for before, period in zip(sums, periods, strict=True)]  # type: ignore[misc]
    pairs = [(period, counts) for period, counts in zip(periods, sums, strict=True) if _is_shared(*counts)]
    shared = [nothing]
    for turn in range(passes) if pairs else ():
        keyed = _keyed(records.filter(_is_in_pass(turn, passes)), _sources_of(period for period, _ in pairs), size)
        shared += [period.shared(keyed).select(LINE_KEY) for period, _ in pairs]
    return pl.concat(shared).unique(), tuple(SharedLines(period.dropped, period.kept, *counts) for period, counts in pairs)


def _records(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return the lines that are requests with a status, or events, with the `second` of their time."""
    is_event = pl.col("event").is_not_null() if "event" in lines.collect_schema() else pl.lit(value=False)
    is_record = pl.col("problem").is_null() & pl.col("time").is_not_null() & (pl.col("status").is_not_null() | is_event)
    return lines.filter(is_record).with_columns(second=pl.col("time").to_physical() // 1_000_000)


def _shared_periods(records: pl.LazyFrame, size: int) -> tuple[list[_Period], int]:
    """Return the period of each pair of logs that have one in common, and the number of lines in these logs.

    Lines are kept in logs that name user agents and, of these, in the longest.
    """
    second = pl.col("second")
    facts = {"begin": second.min(), "end": second.max(), "n": pl.len().cast(pl.Int64), "agents": pl.col("user_agent").is_not_null().any()}
    logs = collect_frame(records.group_by("source").agg(**facts), size).sort("agents", "n", "source", descending=[True, True, False])
    periods = [
        _Period(dropped["source"], kept["source"], max(dropped["begin"], kept["begin"]), min(dropped["end"], kept["end"]))
        for kept, dropped in combinations(logs.rows(named=True), 2)
    ]
    periods = [period for period in periods if period.begin < period.end]
    return periods, int(logs.filter(pl.col("source").is_in(sorted(_sources_of(periods))))["n"].sum())


def _sources_of(periods: Iterable[_Period]) -> set[int]:
    """Return the numbers of the logs."""
    return {source for period in periods for source in (period.dropped, period.kept)}


def _is_in_pass(turn: int, passes: int) -> pl.Expr:
    """Return whether a line is compared in this pass; lines of one second are always compared in the same pass."""
    return pl.col("second") % passes == turn


def _keyed(records: pl.LazyFrame, sources: set[int], size: int) -> pl.DataFrame:
    """Return `source, line_no, second, content, number` of the lines of some logs.

    `content` is the same for lines with the same second, address, method, target and status, or event; `number` counts such lines within a log.
    """
    has_events = "event" in records.collect_schema()
    texts = ["sender", "request", *(["event"] if has_events else [])]
    some = collect_frame(
        records.filter(pl.col("source").is_in(sorted(sources))).select(*LINE_KEY, "second", "status", pl.col(texts).cast(pl.Categorical)), size
    )
    senders = requests.split_senders(some.lazy().select("sender").unique()).select("sender", who=pl.coalesce("address", "user").hash(1))
    target = pl.concat_str(["method", pl.lit(" "), "target"])
    targets = requests.split_requests(some.lazy().select("request").unique()).select(
        "request", what=pl.coalesce(target, pl.col("request").cast(pl.String)).hash(2)
    )
    what = pl.col("what") ^ pl.col("event").cast(pl.String).hash(5) if has_events else pl.col("what")
    keyed = (
        some.lazy()
        .join(senders, on="sender", how="left", nulls_equal=True)
        .join(targets, on="request", how="left", nulls_equal=True)
        .select(*LINE_KEY, "second", content=pl.col("who") ^ what ^ pl.col("second").hash(3) ^ pl.col("status").hash(4))
        .sort(LINE_KEY)
        .with_columns(number=pl.int_range(pl.len(), dtype=pl.UInt32).over("source", "content"))
    )
    return collect_frame(keyed, some.height)


def _may_share(shared: int, *lines: int) -> bool:
    """Return whether two logs may share lines, judging by a sample of them."""
    return min(lines) < _LEAST_SAMPLE or shared >= _LEAST_SAMPLE_SHARE * min(lines)


def _is_shared(shared: int, *lines: int) -> bool:
    """Return whether two logs share lines."""
    return shared >= _LEAST_LINES and shared >= _LEAST_SHARE * min(lines)
