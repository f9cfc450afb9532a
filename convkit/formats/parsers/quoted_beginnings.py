r"""What stands before the request of a quoted line: `address ident user [10/Oct/2026:13:55:36 +0200] `, and the ways in which that is written else.

It stands alone because nearly all logs begin their lines in the one way that is fast to read, and the others should not make it slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import TIME
from convkit.formats.parsers import moments

if TYPE_CHECKING:
    from collections.abc import Callable

_FARTHEST, _MINUTES = 1559, 60
_TIME_LENGTH = len("[10/Oct/2000:13:55:36 -0700] ")
IS_USUAL = r'^[^"]*[^" ] +\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "'
"""Lines that `usual` reads."""
SAYS_NO_ZONE = r'\d:\d\d(?:[.,]\d+)?\] "'
_BEGINNING = r"^(?P<lead>[^\[]*(?:\[[^\]]*\][^\[]*)*?) *(?:\[(?P<clock>[^\[\]]*)\](?: *\([0-9.]+ s\))?)? *$"
_THREE_WORDS = r"^[^ \[]+ +[^ ]+ +[^ \[]+ +$"
_QUOTED_ADDRESSES = {r'^"(?:-|)" +': "", r'^"([^"\[]+)" +[^ ]+ ': "${1} ", r'^"': ""}
"""What may stand in quotes in front: no forwarded addresses; some, the first of them the visitor's; or the whole line."""
NO_TIME = (r"^(?:[A-Z]+ |-$)", _THREE_WORDS)
"""Request and beginning of a line that says no time, as where syslog has said it already."""


def usual(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Add `lead`, what stands before the time, `time` in UTC, null where it is none, and `timeless`, to `before` and `plain`."""
    clock = pl.when(~pl.col("plain")).then("before").str.tail(_TIME_LENGTH)
    return (
        lines.with_columns(clock=clock, timeless=pl.lit(value=False))
        .with_columns(**_clock(), lead=pl.col("before").str.head(-_TIME_LENGTH))
        .with_columns(time=_time())
    )


def _clock() -> dict[str, pl.Expr]:
    """Return the parts of `[10/Oct/2000:13:55:36 -0700] `, null where they are none: `minute`, a time; `second`, `offset` (700 for seven hours).

    Polars remembers the texts it has parsed, and a month has sixty times fewer minutes than seconds.
    """
    clock = pl.col("clock")
    second, offset = (clock.str.slice(place, length).cast(pl.Int32, strict=False) for place, length in ((19, 2), (22, 5)))
    return {
        "minute": clock.str.slice(1, len("10/Oct/2000:13:55")).str.to_datetime("%d/%b/%Y:%H:%M", time_unit="us", strict=False),
        "second": second,
        "offset": pl.when(clock.str.ends_with("] ")).then(offset),
    }


def _time() -> pl.Expr:
    """Return the time in UTC, null where it is none."""
    second, offset = pl.col("second"), pl.col("offset")
    is_time = second.is_between(0, 60) & (offset.abs() <= _FARTHEST) & (offset.abs() % 100 < _MINUTES)
    east = offset.sign() * (offset.abs() // 100 * 3_600 + offset.abs() % 100 * 60)
    past_minute = pl.when(is_time).then(second - east).cast(pl.Int64) * 1_000_000
    return (pl.col("minute").dt.epoch("us") + past_minute).cast(TIME)


def in_any_way(timezone: str) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Return what adds the same as `usual`, whatever a time is like: with a fraction, of ISO 8601, without a zone, then it is of `timezone`.

    Of lines that say none at all, `timeless` ones, it is the time that was said around the line.
    """

    def begun(lines: pl.LazyFrame) -> pl.LazyFrame:
        part = pl.col("part").struct
        request, before = NO_TIME
        is_timeless = pl.col("request").str.contains(request) & pl.col("before").str.contains(before)
        apart = lines.with_columns(part=pl.col("before").str.extract_groups(_BEGINNING), timeless=is_timeless.fill_null(value=False))
        told = pl.when("timeless").then("outer").when(~pl.col("plain")).then(part.field("clock"))
        return (
            apart.with_columns(lead=part.field("lead"), time=told, clock=told)
            .pipe(moments.add_time, timezone, names_month=True)
            .with_columns(named=pl.col("time"), time=pl.when(pl.col("time").is_null()).then("clock"))
            .pipe(moments.add_time, timezone)
            .with_columns(time=pl.coalesce("named", "time"))
            .drop("part", "named", "clock")
        )

    return begun


def without_quotes_in_front(line: pl.Expr) -> pl.Expr:
    """Return lines as they would be without quotes before the request."""
    quoted: pl.Expr = pl.when(line.str.starts_with('"')).then(line)
    for pattern, instead in _QUOTED_ADDRESSES.items():
        quoted = quoted.str.replace(pattern, instead)
    return pl.coalesce(quoted, line)
