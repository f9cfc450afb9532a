"""Stray lines: the few lines far before or after all others, as a wrong clock writes them. They must not move the period of a report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.formatting import dates, plural
from convkit.core.schema import TIME

if TYPE_CHECKING:
    from datetime import datetime

_SILENCE, _DAY = timedelta(days=30), timedelta(days=1)
_YEAR = timedelta(days=365)
_ONE_IN, _ONE_IN_AFTER_A_YEAR = 1_000, 100
"""Lines beyond a silence are stray if they are fewer than one in this many; beyond a silence of a year, the second number counts."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class StrayLines:
    """The stray lines on one side of all others, in UTC."""

    number: int
    begin: datetime
    end: datetime
    silence: timedelta
    """The time between them and the other lines."""


@dataclass(frozen=True)
class Stray:
    """The stray lines of logs, and the time from the first to the last of all other lines."""

    begin: datetime
    end: datetime
    before: StrayLines | None = None
    after: StrayLines | None = None

    def limits(self, begin: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
        """Return the limits of a period that leaves out stray lines, unless the given limits ask for them."""
        cuts_before = begin is None and self.before is not None and (end is None or end > self.begin)
        cuts_after = end is None and self.after is not None and (begin is None or begin <= self.end)
        return self.begin if cuts_before else begin, self.end + _INSTANT if cuts_after else end

    def span(self, begin: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
        """Return the times of the first and the last line that a period with these limits does not leave out as stray."""
        with_before = self.before is not None and (begin is None or begin <= self.before.end)
        with_after = self.after is not None and (end is None or end > self.after.begin)
        return (
            self.before.begin if self.before is not None and with_before else self.begin,
            self.after.end if self.after is not None and with_after else self.end,
        )

    def sentences(self, timezone: str) -> tuple[str, ...]:
        """Return a sentence on the stray lines on each side, with the option that includes them."""
        zone, texts = ZoneInfo(timezone), []
        for lines, verb, option in ((self.before, "precede", "--since"), (self.after, "follow", "--until")):
            if lines is not None:
                begin, end = lines.begin.astimezone(zone), lines.end.astimezone(zone)
                day = begin.date() if option == "--since" else end.date()
                what = f"{plural(lines.number, 'line')} of {dates(begin, end)} {verb}{'s' if lines.number == 1 else ''} a silence of"
                is_outside, it = ("is outside", "it") if lines.number == 1 else ("are outside", "them")
                silence = plural(lines.silence // _DAY, "day")
                texts.append(f"{what} {silence} and {is_outside} the default period; to include {it}, use {option} {day}.")
        return tuple(texts)


def find_stray(lines: pl.LazyFrame, size: int) -> Stray | None:
    """Return the stray lines among `lines`, in memory or on disk, or None if there are none; `size` is the number of lines."""
    time = pl.col("time")
    n, first, last = collect_frame(lines.select(time.count(), first=time.min(), last=time.max()), size).row(0)
    if not n or last - first < _SILENCE:
        return None
    # In one query with the limits, which are known only at its end, all times would have to be kept.
    near_ends = {"early": (time < first + _SILENCE).sum(), "late": (time > last - _SILENCE).sum()}
    if min(collect_frame(lines.select(**near_ends), size).row(0)) * _ONE_IN_AFTER_A_YEAR >= n:
        return None
    hour = (time.to_physical() // 3_600_000_000 * 3_600_000_000).cast(TIME)
    timed = lines.filter(time.is_not_null())
    hours = collect_frame(timed.group_by(hour=hour).agg(n=pl.len().cast(pl.Int64), first=time.min(), last=time.max()), size).sort("hour")
    gaps = hours.with_columns(silence=pl.col("first").shift(-1) - pl.col("last"), until=pl.col("n").cum_sum(), resumes=pl.col("first").shift(-1))
    silences = gaps.filter(pl.col("silence") >= _SILENCE)
    one_in = pl.when(pl.col("silence") >= _YEAR).then(_ONE_IN_AFTER_A_YEAR).otherwise(_ONE_IN)
    before = silences.filter(pl.col("until") * one_in < n).tail(1).to_dicts()
    after = silences.filter((n - pl.col("until")) * one_in < n).head(1).to_dicts()
    if not before and not after:
        return None
    return Stray(
        before[0]["resumes"] if before else first,
        after[0]["last"] if after else last,
        StrayLines(before[0]["until"], first, before[0]["last"], before[0]["silence"]) if before else None,
        StrayLines(n - after[0]["until"], after[0]["resumes"], last, after[0]["silence"]) if after else None,
    )
