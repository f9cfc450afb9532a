"""Times: offsets that no zone has, wrong clocks, and the hours that clocks repeat or skip."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import runs
from engine.test_partition import both
from small_logs import FIREFOX, figures, line, overview, written

if TYPE_CHECKING:
    from pathlib import Path

ROWS = {
    "F11": "test_a_wrong_clock_does_not_rule_the_report",
    "F20": "test_the_hour_that_clocks_repeat_is_read_in_the_order_of_the_file",
    "A51": "test_the_hour_that_clocks_repeat_is_read_in_the_order_of_the_file",
    "A50": "test_offsets_that_no_zone_has_are_no_times",
    "A52": "tests/analysis/test_periods.py::test_days_on_which_the_clock_changes_have_23_or_25_hours",
    "A53": "tests/program/test_against_model.py::test_shuffled_lines_give_the_same_bytes",
    "A54": "tests/files/test_wrappers.py::test_a_time_without_a_year_is_the_latest_before_the_log_was_written",
    "A55": "tests/traffic/test_hit_order.py::test_sort_hits_sorts_by_all_columns",
}
"""The test of each row."""

HEADER = "user_id,event,timestamp"
OFFSETS = {
    "+99:00": False,
    "-25:00": False,
    "+16:00": False,
    "+02:75": False,
    "+14:00": True,
    "-12:00": True,
    "+05:45": True,
    "+0530": True,
    "Z": True,
}


@pytest.mark.parametrize(
    "offset", [offset if offset in {"+99:00", "+14:00", "Z"} else pytest.param(offset, marks=pytest.mark.slow) for offset in OFFSETS]
)
def test_offsets_that_no_zone_has_are_no_times(offset: str, tmp_path: Path) -> None:
    moment = f"2026-10-10T12:00:00{offset}"
    usual, event = [line(f"GET /p{number}", number) for number in range(3)], '{"user_id": "u1", "event": "seen", "timestamp": "TIME"}'
    request = '{"time": "TIME", "remote_addr": "203.0.113.1", "request": "GET / HTTP/1.1", "status": 200}'
    logs = {
        "events.csv": [HEADER, f"u1,seen,{moment}", *(f"u2,seen,2026-10-10T13:00:0{number}Z" for number in range(3))],
        "access.log": [*usual, usual[0].replace("+0000", offset.replace(":", ""))],
    }
    for name, row in {"events.json": event, "requests.json": request}.items():
        logs[name] = [row.replace("TIME", text) for text in (moment, *["2026-10-10T13:00:00Z"] * 3)]
    for name, lines in logs.items():
        assert figures(written(tmp_path / name, lines))["input"]["unparsed"] == (0 if OFFSETS[offset] else 1), name


def clocked(folder: Path, year: int, number: int) -> Path:
    """Return a log of three days, of which some lines are of another year, last changed on the last day."""
    lines = [line(f"GET /p{n % 9}", n * 60, who=f"10.0.{n % 7}.{n % 250} - -") for n in range(3_000)]
    odd = [line("GET /p", n, who="192.0.2.9 - -").replace("10/Oct/2026", f"10/Oct/{year}") for n in range(number)]
    log = written(folder / f"{year}.log", [*lines[:1_500], *odd, *lines[1_500:]])
    changed = datetime(2026, 10, 13, tzinfo=UTC).timestamp()
    os.utime(log, (changed, changed))
    return log


WRONG_CLOCKS = [(year, number) for year in (1970, 1994, 2000, 2099, 9999) for number in (1, 5, 20)]
USUAL_CLOCKS = [(2099, 1), (1994, 5)]


@pytest.mark.parametrize(
    ("year", "number"), [*USUAL_CLOCKS, *(pytest.param(*clock, marks=pytest.mark.slow) for clock in WRONG_CLOCKS if clock not in USUAL_CLOCKS)]
)
def test_a_wrong_clock_does_not_rule_the_report(year: int, number: int, tmp_path: Path) -> None:
    log, usual = clocked(tmp_path, year, number), clocked(tmp_path, 2026, 0)
    for options in ({}, {"last": "7d"}):
        document, expected = figures(log, **options), figures(usual, **options)
        assert document["period"] == expected["period"]
        assert overview(document)["sessions"] == overview(expected)["sessions"]
        assert document["input"]["outside"] + document["input"]["unparsed"] == number
    for make in (lambda log: runs.document([log], ["goals"], by="day"), lambda log: runs.comparison([log], last="1d")):
        assert runs.render(make(log), "csv") == runs.render(make(usual), "csv")


def test_many_lines_of_an_earlier_year_are_no_wrong_clock(tmp_path: Path) -> None:
    assert figures(clocked(tmp_path, 2000, 60))["period"]["from"].startswith("2000")


def test_a_few_lines_of_two_months_ago_count(tmp_path: Path) -> None:
    """They are 0.3% of all lines; a log of a quiet site may begin like this."""
    lines = [line("GET /p", n * 60, who=f"10.0.0.{n % 250} - -") for n in range(3_000)]
    early = [line("GET /p", n, who="192.0.2.9 - -").replace("10/Oct/2026", "10/Aug/2026") for n in range(10)]
    assert figures(written(tmp_path / "access.log", [*early, *lines]))["period"]["from"].startswith("2026-08-10")


BACK = {"Europe/Berlin": (2026, 10, 24, 20), "America/New_York": (2026, 11, 1, 0), "Australia/Lord_Howe": (2026, 4, 4, 9)}
"""For each time zone, an hour (UTC) before its clocks go back."""


def moments(zone: str, minutes: int = 7, hours: int = 14) -> list[datetime]:
    """Return times in UTC around the time at which clocks go back."""
    begin = datetime(*BACK[zone], tzinfo=UTC)
    return [begin + timedelta(minutes=minutes * number) for number in range(hours * 60 // minutes)]


def requests(times: list[datetime], zone: str, who: str = "203.0.113.1") -> list[str]:
    """Return lines with local times without a time zone."""
    local = [f"{moment.astimezone(ZoneInfo(zone)):%d/%b/%Y:%H:%M:%S}" for moment in times]
    return [f'{who} - - [{text}] "GET /p{number % 50} HTTP/1.1" 200 5 "-" "{FIREFOX}"' for number, text in enumerate(local)]


def events(times: list[datetime], zone: str, who: str = "u1") -> list[str]:
    """Return rows of an export with local times without a time zone."""
    return [f"{who},p{number % 50},{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for number, moment in enumerate(times)]


def spans(log: Path, zone: str) -> tuple[float, str, str]:
    """Return the number of sessions and the period of a log whose times are in a time zone."""
    document = figures(log, timezone=zone)
    assert document["input"]["unparsed"] == 0
    return overview(document)["sessions"], document["period"]["from"], document["period"]["to"]


@pytest.mark.parametrize("zone", BACK)
def test_the_hour_that_clocks_repeat_is_read_in_the_order_of_the_file(zone: str, tmp_path: Path) -> None:
    times = moments(zone)
    written_in_utc = written(tmp_path / "utc.csv", [HEADER, *(f"u1,p{n},{moment:%Y-%m-%dT%H:%M:%SZ}" for n, moment in enumerate(times))])
    expected = spans(written_in_utc, zone)
    assert expected[0] == 1
    rows = events(times, zone)
    assert spans(written(tmp_path / "events.csv", [HEADER, *rows]), zone) == expected
    assert spans(written(tmp_path / "newest.csv", [HEADER, *reversed(rows)]), zone) == expected
    assert spans(written(tmp_path / "access.log", requests(times, zone)), zone) == expected


@pytest.mark.parametrize("zone", BACK)
def test_other_orders_of_lines_around_that_hour(zone: str, tmp_path: Path) -> None:
    times = moments(zone, 1)
    first, second = requests(times, zone), requests(times[::2], zone, "203.0.113.2")
    one_after_the_other = written(tmp_path / "one.log", [*first, *second])
    assert spans(one_after_the_other, zone)[0] == 2
    late = [*first]
    for number in range(0, len(late) - 3, 3):
        late[number], late[number + 2] = late[number + 2], late[number]
    assert spans(written(tmp_path / "late.log", late), zone)[0] == 1
    number, in_one_piece, in_parts = both([one_after_the_other], 20_000, timezone=zone)
    assert number > 1
    assert in_parts == in_one_piece


def test_a_log_that_ends_before_the_second_hour_is_in_the_first(tmp_path: Path) -> None:
    times = [moment for moment in moments("Europe/Berlin", 1) if moment < datetime(2026, 10, 25, 1, tzinfo=UTC)]
    assert spans(written(tmp_path / "access.log", requests(times, "Europe/Berlin")), "Europe/Berlin")[2] == "2026-10-25T02:59:00+02:00"


def test_times_with_a_zone_are_never_moved(tmp_path: Path) -> None:
    usual = [line("GET /p", n, who="198.51.100.1 - -").replace("10/Oct/2026:12", f"25/Oct/2026:{hour:02}") for hour in (0, 1, 0) for n in (1, 50)]
    log = written(tmp_path / "access.log", [*usual, usual[0].replace(" +0000", "")])
    assert figures(log, timezone="Europe/Berlin")["period"]["to"].startswith("2026-10-25T02:00:50+01:00")


HOUR_SKIPPED = 2


def test_the_hour_that_does_not_exist_is_noted(tmp_path: Path) -> None:
    rows = [f"u{number},seen,2026-03-29 {hour:02}:30:00" for number in range(10) for hour in range(24) if hour != HOUR_SKIPPED]
    log = written(tmp_path / "events.csv", [HEADER, *rows, "u1,seen,2026-03-29 02:30:00"])
    document = figures(log, timezone="Europe/Berlin")
    notes = [note["text"] for note in document["notes"] if note["code"] == "lost-lines"]
    assert notes
    assert "no such time in its time zone (1)" in notes[0]
    assert "--set log_timezone=ZONE" in notes[0]
