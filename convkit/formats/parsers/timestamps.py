"""Parsing times into UTC: ISO 8601 with or without a time zone, the common log format, Unix times, and the notations of spreadsheets.

The unit of a number depends on its size. Of `10/11/2026`, the values of a whole column show whether the day or the month comes first.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import TIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polars.expr.struct import ExprStructNameSpace

    from convkit.files.reader import Frame

WEB_ERA = (datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for a time that its time zone does not have, like those that clocks skip in spring."""
"""The period in which web servers can have written times; times outside it are invalid."""

_UNITS = ((10**11, 1_000_000), (10**14, 1_000))
"""The limits below which a number is in seconds or milliseconds, and the microseconds in each unit; at 1e17 or more, it is in nanoseconds."""
_NANOSECONDS = 10**17
_DAY = "0000-00-00"
_MINUTE = f"{_DAY} 00:00"
_HAS_FRACTION = r"^[.,][0-9]{1,9}"
_OFFSET = r"^([+-])(0[0-9]|1[0-5]):?([0-5][0-9])?$"
_LOCAL = re.compile(
    r"(?:[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}(?:[ T][0-9:.,]+)?|[0-9:.,]*:[0-9:.,]*|[0-9]{8}|[0-9]{14}"
    r"|\[?[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}[: ][0-9:.,]+\]?|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4})"
)
_CTIME = r"^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}$"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]"
_UTC = ("Z", "z", "UTC", "GMT")
_USUAL = r"^(?:[0-9]{4}[-/]?[0-9]{2}|-?[0-9]+(?:[.][0-9]+)?$)"
"""Times that need no rewriting."""
_OF_SERVERS = r"^(?:[0-9]{4}[-/]?[0-9]{2}|-?[0-9]+(?:[.][0-9]+)?$|[0-9]{2}/[A-Z]|[A-Z][a-z]{2} [A-Z])"
"""The same if months may have names."""
_NAMED_ZONE = r"((?:Z|[+-][0-9]{2}:?[0-9]{2}))\[[A-Za-z0-9_+/-]+$"
"""A zone's name after its offset, as in `13:55:36+02:00[Europe/Berlin`."""
_CLOCK = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})([.,][0-9]+)?)? ?([AaPp][.]?[Mm]?[.]?)?"
_DATES = {
    "dotted": r"([0-9]{1,2})[.]([0-9]{1,2})[.]([0-9]{4})",
    "slashed": r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})",
    "month_first": r"(?:[A-Z][a-z]+,? )?([A-Z][a-z]{2,8})[.]? ([0-9]{1,2}),? ([0-9]{4})",
    "day_first": r"(?:[A-Z][a-z]+,? )?([0-9]{1,2})[ /-]([A-Z][a-z]{2,8})[.]?[ /-]([0-9]{4})",
}
_BETWEEN = r"(?:,? (?:@ |at )?|:)"
"""What separates the time of day from the date."""
_LOCAL_OF_SPREADSHEETS = re.compile(rf"(?:{'|'.join(_DATES.values())})(?:{_BETWEEN}{_CLOCK})?")
_ONLY_DAY = re.compile(rf"[0-9]{{4}}[-/][0-9]{{2}}[-/][0-9]{{2}}(?:[ T]00:00(?::00(?:[.,]0+)?)?)?Z?|(?:19|20)[0-9]{{6}}|{'|'.join(_DATES.values())}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SLASHED = re.compile(r"\[?([0-9]{1,2})/([0-9]{1,2})/[0-9]{4}\b")
_MONTHS_OF_YEAR = _NOON = 12
_CALENDAR_DAYS = (19_900_101, 21_001_231)
_CALENDAR_SECONDS = (19_900_101_000_000, 21_001_231_235_959)


def is_local(text: str) -> bool:
    """Return whether a time has no time zone."""
    return bool(_LOCAL.fullmatch(text.strip()) or _LOCAL_OF_SPREADSHEETS.fullmatch(text.strip(" []")))


def is_day(text: str) -> bool:
    """Return whether a text is a day without a time of day."""
    return bool(_ONLY_DAY.fullmatch(text.strip(" []")))


def are_times(texts: Sequence[str]) -> list[bool]:
    """Return which texts are times, whether the day or the month comes first."""
    sample = pl.DataFrame({"time": texts}, schema={"time": pl.String})
    return parse_times(sample, "UTC", day_first=True)["time"].is_not_null().to_list()


def puts_day_first(texts: Iterable[str]) -> bool | None:
    """Return whether the day comes first in times like `13/10/2026`, or None if no value shows it, or if values disagree."""
    pairs = [(int(match[1]), int(match[2])) for text in texts if (match := _SLASHED.match(text.strip()))]
    has_day_first, has_month_first = (any(pair[place] > _MONTHS_OF_YEAR for pair in pairs) for place in (0, 1))
    return has_day_first if has_day_first != has_month_first else None


def ambiguous_time(texts: Iterable[str]) -> str | None:
    """Return the first time like `10/11/2026`, or None if there is none."""
    return next((text for text in texts if _SLASHED.match(text.strip())), None)


def from_number(number: pl.Expr) -> pl.Expr:
    """Return the time for a whole number counted from 1970, in a unit that depends on its size."""
    size = number.abs()
    (seconds, of_second), (milliseconds, of_millisecond) = _UNITS
    micros = (
        pl.when(size < seconds)
        .then(number * of_second)
        .when(size < milliseconds)
        .then(number * of_millisecond)
        .when(size < _NANOSECONDS)
        .then(number)
        .otherwise(number // 1_000)
    )
    return micros.cast(TIME)


def from_local(moment: pl.Expr, timezone: str) -> pl.Expr:
    """Convert a local time to UTC: to the earlier time if it is ambiguous, or to NEVER if it is one that clocks skipped."""
    if timezone == "UTC":
        return moment.dt.replace_time_zone("UTC")
    in_utc = moment.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    return pl.coalesce(in_utc, pl.when(moment.is_not_null()).then(pl.lit(NEVER, dtype=TIME)))


def iso_day(day: pl.Expr) -> pl.Expr:
    """Return the day from a string that begins like `20261010`, in ISO 8601."""
    return pl.concat_str([day.str.slice(0, 4), day.str.slice(4, 2), day.str.slice(6, 2)], separator="-")


def parse_times(rows: Frame, timezone: str, *, names_month: bool = False, day_first: bool | None = None) -> Frame:
    """Replace `time`, which is text, with the parsed time, or null if it is invalid. A time without a time zone is in `timezone`.

    Times are in ISO 8601, numbers, or as spreadsheets and mail write them; with `names_month`, also like `10/Oct/2026:13:55:36 +0200` or
    `Sat Oct 10 13:55:36 2026`. `day_first` is the order of `10/11/2026`; if it is unknown, only dates with a number above 12 are read. Times outside
    WEB_ERA are not rejected here.
    """
    text, rest, number = pl.col("text"), pl.col("rest"), pl.col("number")
    minute = len(_MINUTE) + names_month
    zone = rest.str.strip_chars_start(".,0123456789").str.strip_chars()
    fraction = pl.when(rest.str.contains(_HAS_FRACTION)).then(rest.str.slice(1, 9).str.extract("^([0-9]+)").str.pad_end(6, "0").str.head(6))
    return (
        rows.with_columns(text=_rewritten(pl.col("time").str.strip_chars(" []"), _OF_SERVERS if names_month else _USUAL, day_first=day_first))
        .with_columns(text=_clf_text(text) if names_month else text)
        .with_columns(number=text.cast(pl.Int64, strict=False))
        .with_columns(text=_iso_text(text, number), real=pl.when(number.is_null()).then(text).cast(pl.Float64, strict=False))
        .with_columns(has_seconds=text.str.slice(minute, 1) == ":", minute=_clf_minute(text) if names_month else _minute(text))
        .with_columns(
            second=pl.when("has_seconds").then(text.str.slice(minute + 1, 2)).otherwise(pl.lit("0")).cast(pl.Int64, strict=False),
            rest=pl.when("has_seconds").then(text.str.slice(minute + len(":00"))).otherwise(text.str.slice(minute)),
        )
        .with_columns(zone=zone, micros=fraction.cast(pl.Int64, strict=False).fill_null(0))
        .with_columns(moment=_within_minute(), ahead=pl.when(~pl.col("zone").is_in(["", *_UTC])).then("zone").str.extract_groups(_OFFSET))
        .with_columns(offset=_offset())
        .with_columns(time=_time(timezone))
        .drop("text", "number", "real", "has_seconds", "minute", "second", "rest", "zone", "micros", "moment", "ahead", "offset")
    )


def _rewritten(text: pl.Expr, usual: str, *, day_first: bool | None) -> pl.Expr:
    """Return times as spreadsheets, mail and dashboards write them in ISO 8601, and the `usual` ones as they are."""
    # Nearly all times need no rewriting, and the rules cost almost nothing on nulls.
    odd = pl.when(~text.str.contains(usual)).then(text)
    ends_with_zone = pl.when(text.str.contains("[", literal=True)).then(text).str.replace(_NAMED_ZONE, "$1")
    parts = {name: odd.str.extract_groups(f"^{date}(?:{_BETWEEN}{_CLOCK})?(.*)$").struct for name, date in _DATES.items()}
    dates = [
        _iso_date(parts["dotted"][2], parts["dotted"][1], parts["dotted"][0]),
        _slashed_date(parts["slashed"][0], parts["slashed"][1], parts["slashed"][2], day_first=day_first),
        _iso_date(parts["month_first"][2], _month_number(parts["month_first"][0]), parts["month_first"][1]),
        _iso_date(parts["day_first"][2], _month_number(parts["day_first"][1]), parts["day_first"][0]),
    ]
    moments = [pl.concat_str([date, _iso_clock(part)]) for date, part in zip(dates, parts.values(), strict=True)]
    return pl.coalesce(*moments, ends_with_zone, text)


def _iso_date(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Return a date in ISO 8601 from the text of its parts."""
    return pl.concat_str([year, month.str.zfill(2), day.str.zfill(2)], separator="-")


def _slashed_date(first: pl.Expr, second: pl.Expr, year: pl.Expr, *, day_first: bool | None) -> pl.Expr:
    """Return the date of `13/10/2026` or `10/13/2026` in ISO 8601; a number above 12 is the day, whatever the order of the others."""
    is_day_first = pl.lit(day_first) if day_first is not None else pl.lit(None, dtype=pl.Boolean)
    is_day = [number.cast(pl.Int64, strict=False) > _MONTHS_OF_YEAR for number in (first, second)]
    order = pl.when(is_day[0]).then(pl.lit(value=True)).when(is_day[1]).then(pl.lit(value=False)).otherwise(is_day_first)
    return pl.when(order).then(_iso_date(year, second, first)).when(~order).then(_iso_date(year, first, second))


def _month_number(name: pl.Expr) -> pl.Expr:
    """Return the number of a month as text, from its English name or the first three letters."""
    return name.str.head(3).str.to_lowercase().replace_strict({month: str(place + 1) for place, month in enumerate(_MONTHS)}, default=None)


def _iso_clock(part: ExprStructNameSpace) -> pl.Expr:
    """Return a time of day with everything after it, in ISO 8601, given the parts of a date that begin with three fields; empty if there is none."""
    hour, minute, second, fraction, half, rest = (part[place] for place in range(3, 9))
    number, marker = hour.cast(pl.Int64, strict=False), half.str.to_lowercase().str.head(1)
    of_twelve = number % _NOON
    of_day = pl.when(marker == "p").then(of_twelve + _NOON).when(marker == "a").then(of_twelve).otherwise(number)
    clock = pl.concat_str([of_day.cast(pl.String).str.zfill(2), minute, second.fill_null("00")], separator=":")
    return pl.concat_str([pl.lit(" "), clock, fraction.fill_null(""), rest.fill_null("")]).fill_null(pl.coalesce(rest, pl.lit("")))


def _iso_text(text: pl.Expr, number: pl.Expr) -> pl.Expr:
    """Convert days and times that are written as one number, `20261010` or `20261010135536`, to ISO 8601."""
    day = pl.when(number.is_between(*_CALENDAR_DAYS) | number.is_between(*_CALENDAR_SECONDS)).then(text)
    clock = pl.when(day.str.len_bytes() > len("20261010")).then(day)
    of_clock = pl.concat_str([clock.str.slice(8, 2), clock.str.slice(10, 2), clock.str.slice(12, 2)], separator=":")
    return pl.coalesce(pl.concat_str([iso_day(day), of_clock], separator=" "), iso_day(day), text)


def _minute(text: pl.Expr) -> pl.Expr:
    """Parse the minute of an ISO 8601 time, or the first minute of a day; Polars caches the times that it parses, and minutes repeat."""
    minute, between = text.str.head(len(_MINUTE)), text.str.slice(len(_DAY), 1)
    day = pl.when(text.str.len_bytes() == len(_DAY)).then(text)
    cases = {"%Y-%m-%d %H:%M": " ", "%Y-%m-%dT%H:%M": "T"}
    written = [pl.when(between == sign).then(minute).str.replace_all("/", "-", literal=True) for sign in cases.values()]
    minutes = [
        text.str.to_datetime(form, time_unit="us", strict=False)
        for text, form in zip([*written, day.str.replace_all("/", "-", literal=True)], [*cases, "%Y-%m-%d"], strict=True)
    ]
    return pl.coalesce(minutes)


def _clf_text(text: pl.Expr) -> pl.Expr:
    """Convert a C time, `Sat Oct 10 13:55:36 2026`, to the common log format, and an ISO 8601 time to the same layout, `10/ 10/2026:13:55:36`."""
    of_c = pl.when(text.str.contains(_CTIME)).then(text)
    day = of_c.str.slice(8, 2).str.replace(" ", "0", literal=True)
    served = pl.concat_str([day, pl.lit("/"), of_c.str.slice(4, 3), pl.lit("/"), of_c.str.slice(20, 4), pl.lit(":"), of_c.str.slice(11, 8)])
    iso = pl.when(text.str.contains(_ISO)).then(text)
    moved = pl.concat_str([iso.str.slice(8, 2), pl.lit("/ "), iso.str.slice(5, 2), pl.lit("/"), iso.str.head(4), pl.lit(":"), iso.str.slice(11)])
    return pl.coalesce(served, moved, text)


def _clf_minute(text: pl.Expr) -> pl.Expr:
    """Parse the minute of a time in the common log format, with a colon or a space after the day."""
    minute = text.str.head(len("10/Oct/2026:13:55"))
    forms = {"%d/%b/%Y:%H:%M": ":", "%d/%b/%Y %H:%M": " "}
    named = [
        pl.when(minute.str.slice(11, 1) == sign).then(minute).str.to_datetime(form, time_unit="us", strict=False) for form, sign in forms.items()
    ]
    moved = pl.when(minute.str.slice(3, 1) == " ").then(minute)
    return pl.coalesce(*named, moved.str.to_datetime("%d/ %m/%Y:%H:%M", time_unit="us", strict=False))


def _within_minute() -> pl.Expr:
    """Return the time without its time zone."""
    second = pl.col("second")
    return pl.col("minute") + pl.duration(microseconds=pl.when(second.is_between(0, 60)).then(second * 1_000_000 + pl.col("micros")))


def _offset() -> pl.Expr:
    """Return the offset of a time zone from UTC in microseconds, or null if it is invalid."""
    part, zone = pl.col("ahead").struct, pl.col("zone")
    hours, minutes = part[1].cast(pl.Int64, strict=False), part[2].fill_null("0").cast(pl.Int64, strict=False)
    ahead = pl.when(part[0] == "-").then(-1).otherwise(1) * (hours * 60 + minutes) * 60_000_000
    return pl.when(zone.is_in(_UTC)).then(pl.lit(0, dtype=pl.Int64)).otherwise(ahead)


def _time(timezone: str) -> pl.Expr:
    """Return the time in UTC."""
    moment, number = pl.col("moment"), pl.col("number")
    with_zone = (moment - pl.duration(microseconds="offset")).dt.replace_time_zone("UTC")
    micros = pl.col("real") * pl.coalesce(*(pl.when(pl.col("real").abs() < limit).then(pl.lit(unit)) for limit, unit in _UNITS))
    of_real = pl.coalesce(micros.round(0).cast(pl.Int64, strict=False).cast(TIME), from_number(pl.col("real").cast(pl.Int64, strict=False)))
    is_local = pl.col("zone") == ""
    return pl.coalesce(with_zone, from_local(pl.when(is_local).then(moment), timezone), from_number(number), of_real)
