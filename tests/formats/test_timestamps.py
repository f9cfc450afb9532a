"""Times: ISO 8601 with or without a time zone, numbers by their size, and invalid times, which are null."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convkit.formats.parsers import timestamps

NOON = "2026-10-10T13:55:36"
READ = {
    "2026-10-10T13:55:36Z": NOON,
    "2026-10-10T13:55:36+02:00": "2026-10-10T11:55:36",
    "2026-10-10T13:55:36-0330": "2026-10-10T17:25:36",
    "2026-10-10T13:55:36+14": "2026-10-09T23:55:36",
    "2026-10-10 13:55:36 UTC": NOON,
    "2026-10-10 13:55:36 GMT": NOON,
    "2026-10-10 13:55:36": NOON,
    " 2026-10-10 13:55:36 ": NOON,
    "2026/10/10 13:55": "2026-10-10T13:55:00",
    "2026-10-10T13:55Z": "2026-10-10T13:55:00",
    "2026-10-10": "2026-10-10T00:00:00",
    "20261010": "2026-10-10T00:00:00",
    "20261010135536": NOON,
    "2026-10-10T13:55:36.5Z": f"{NOON}.500000",
    "2026-10-10T13:55:36,123456789+00:00": f"{NOON}.123456",
    "2026-10-10 23:59:60": "2026-10-11T00:00:00",
    "1760104536": NOON.replace("2026", "2025"),
    "1760104536123": f"{NOON.replace('2026', '2025')}.123000",
    "1760104536123456": f"{NOON.replace('2026', '2025')}.123456",
    "1760104536123456789": f"{NOON.replace('2026', '2025')}.123456",
    "1760104536.5": f"{NOON.replace('2026', '2025')}.500000",
    "1.760104536E9": NOON.replace("2026", "2025"),
    "1760104536123.7": f"{NOON.replace('2026', '2025')}.123700",
}
NONE = (
    *("", " ", "x", "-", "12:30:00", "2026-02-31 00:00:00", "2026-13-01", "2026-10-10 24:00:00", "2026-10-10 13:60", "2026-10-10 13:55:61"),
    *("9999999999999999999999", "NaN", "inf", "2026-10-10T13:55:36 CET"),
    *("10/10/2026 13:55", "2026-10-10T13:55:36+2:00", "26-10-10 13:55:36", "2026-10-1013:55:36"),
)


def read(texts: list[str], timezone: str = "UTC") -> list[str | None]:
    """Parse strings as times, and return the times in UTC."""
    times = timestamps.parse_times(pl.LazyFrame({"time": texts}), timezone).collect()["time"].dt.replace_time_zone(None)
    return [None if time is None else time.isoformat() for time in times]


def test_every_notation_is_read() -> None:
    assert dict(zip(READ, read(list(READ)), strict=True)) == READ


def test_invalid_times_are_null() -> None:
    assert dict(zip(NONE, read(list(NONE)), strict=True)) == dict.fromkeys(NONE)


def test_times_in_the_common_log_format() -> None:
    """Their months have names; a colon or a space follows the day."""
    written = {"10/Oct/2026:13:55:36 +0200": "2026-10-10T11:55:36", "[10/Oct/2026:13:55:36.5]": "2026-10-10T13:55:36.500000"}
    written |= {"Sat Oct 10 13:55:36 2026": "2026-10-10T13:55:36", "Sat Oct  3 13:55:36 2026": "2026-10-03T13:55:36"}
    written |= {"2026-10-10T13:55:36.5+02:00": "2026-10-10T11:55:36.500000", "1791640536": "2026-10-10T13:55:36", "2026-10-10": None}
    written |= {"10/Oct/2026 13:55:36": "2026-10-10T13:55:36", "31/Feb/2026:13:55:36 +0000": None, "10/Oct/2026:24:00:00 +0000": None}
    times = timestamps.parse_times(pl.LazyFrame({"time": [*written]}), "UTC", names_month=True).collect()["time"].dt.replace_time_zone(None)
    assert dict(zip(written, [None if time is None else time.isoformat() for time in times], strict=True)) == written


def test_a_time_without_a_zone_is_in_the_site_s() -> None:
    """A time in a repeated hour is taken to be in the first one, a time in a skipped hour never was, and a time's own zone overrides the site's."""
    texts = ["2026-07-01 12:00", "2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-07-01T12:00Z", "1760104536"]
    assert read(texts, "Europe/Berlin") == [
        *("2026-07-01T10:00:00", "2026-10-25T00:30:00", timestamps.NEVER.replace(tzinfo=None).isoformat()),
        *("2026-07-01T12:00:00", "2025-10-10T13:55:36"),
    ]


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        ("2026-10-10 13:55:36", True),
        ("13:55", True),
        ("20261010", True),
        *((text, False) for text in ("2026-10-10T13:55Z", "2026-10-10 13:55:36+02:00", "1760104536", "")),
    ],
)
def test_times_without_a_zone_are_recognised(text: str, is_local: bool) -> None:  # noqa: FBT001 (a column of the table)
    assert timestamps.is_local(text) == is_local


@given(
    st.datetimes(*(time.replace(tzinfo=None) for time in timestamps.WEB_ERA)),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "UTC"]),
)
def test_what_python_writes_is_read_back(moment: datetime, zone: str) -> None:
    """Any time is read back, whether written with its time zone or as seconds, milliseconds, microseconds or nanoseconds since 1970."""
    aware = moment.replace(tzinfo=ZoneInfo(zone))
    assume(timestamps.WEB_ERA[0] <= aware <= timestamps.WEB_ERA[1])
    micros = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution)
    texts = [aware.isoformat(), aware.astimezone(UTC).isoformat(sep=" "), str(micros), str(micros * 1_000)]
    assert set(read(texts)) == {aware.astimezone(UTC).replace(tzinfo=None).isoformat()}
    whole = aware.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()
    assert read([str(micros // 1_000_000)]) == [whole]
