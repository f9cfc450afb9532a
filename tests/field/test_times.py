"""Times as spreadsheets, dashboards and mail write them, days without hours, logs that are written newest first, and the time zone of a log."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import figures, overview, written

import convkit
from convkit.errors import InputError
from convkit.formats.parsers import timestamps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conftest import Run

ROWS = {
    "e06": "test_spreadsheet_times_are_read_line_by_line",
    "e19": "test_times_of_dashboards_and_spreadsheets_are_read",
    "e20": "test_times_of_dashboards_and_spreadsheets_are_read",
    "e21": "test_times_of_dashboards_and_spreadsheets_are_read",
    "e23": "test_a_column_without_times_is_an_error_that_shows_a_value",
    "e24": "test_a_log_that_is_written_newest_first_is_read_backwards",
    "e56": "test_a_note_says_that_days_have_no_hours",
    "a33": "test_lines_in_the_future_are_not_used_and_do_not_move_the_period",
    "F9": "test_formats_says_which_lines_cannot_be_used",
    "F11": "test_durations_are_in_the_unit_that_their_writer_means",
    "e57": "test_the_log_may_have_another_time_zone_than_the_days",
}
BUY = "macro: {purchase: {event: purchase}}\n"


def export(folder: Path, rows: Sequence[str], header: str = "time,event,user_id") -> Path:
    """Write an export and return its path."""
    return written(folder / "events.csv", [header, *rows])


def goals_file(folder: Path, text: str = BUY) -> Path:
    """Write a goals file and return its path."""
    path = folder / "goals.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def headline(folder: Path, rows: Sequence[str], header: str = "time,event,user_id", **options: Any) -> tuple[int, int]:  # noqa: ANN401 (of a run)
    """Return the number of sessions of an export, and how many of them converted."""
    facts = overview(figures(export(folder, rows, header), goals=goals_file(folder), **options))
    return facts["sessions"], facts["converted_sessions"]


NOTATIONS = {
    "Kibana": ("Oct 13, 2026 @ 13:55:36.120", "Oct 13, 2026 @ 13:56:36.120", "Oct 14, 2026 @ 13:55:36.120"),
    "American": ("10/13/2026 1:55 PM", "10/13/2026 1:56 PM", "10/14/2026 1:05 AM"),
    "British": ("13/10/2026 13:55", "13/10/2026 13:56", "14/10/2026 01:05"),
    "German": ("13.10.2026 13:55", "13.10.2026 13:56", "14.10.2026 1:05"),
    "mail": ("Tue, 13 Oct 2026 13:55:36 +0200", "Tue, 13 Oct 2026 13:56:36 +0200", "Wed, 14 Oct 2026 13:55:36 GMT"),
    "Apache": ("13/Oct/2026:13:55:36 +0000", "13/Oct/2026:13:56:36 +0000", "[14/Oct/2026:13:55:36 +0000]"),
    "named month": ("October 13, 2026 1:55:36 PM", "October 13, 2026 1:56:36 PM", "14-Oct-2026 13:55:36"),
    "named zone": ("2026-10-13T13:55:36Z[UTC]", "2026-10-13T13:56:36Z[UTC]", "2026-10-14T15:55:36+02:00[Europe/Berlin]"),
}


def test_times_of_dashboards_and_spreadsheets_are_read(tmp_path: Path) -> None:
    """Each notation is that of an export with one visitor, who comes on two days and buys on the first."""
    logs = []
    for number, times in enumerate(NOTATIONS.values()):
        rows = [f'"{time}",{event},u{number}' for time, event in zip(times, ("page_view", "purchase", "page_view"), strict=True)]
        logs.append(written(tmp_path / f"{number}.csv", ["time,event,user_id", *rows]))
    document = runs.document(logs, ["sessions"], goals_file(tmp_path))
    by_visitor = document.reports["sessions"].frame.sort("started").group_by("visitor").agg("converted")
    assert by_visitor["converted"].to_list() == [[True, False]] * len(NOTATIONS)
    assert all(all(timestamps.are_times(times)) for times in NOTATIONS.values())


def test_spreadsheet_times_are_read_line_by_line(tmp_path: Path) -> None:
    rows = ["2026-10-13 13:55:00,page_view,u1", "10/13/2026 13:56,purchase,u1", "2026-10-13 14:00:00,page_view,u2", "13.10.2026 14:01,purchase,u2"]
    assert headline(tmp_path, rows) == (2, 2)


AMBIGUOUS = ["10/11/2026 10:00,page_view,u1", "10/11/2026 10:01,purchase,u1"]


def test_a_number_above_twelve_anywhere_shows_the_order_of_day_and_month(tmp_path: Path) -> None:
    for later, month in (("11/13/2026 10:00", 10), ("13/11/2026 10:00", 11)):
        document = figures(export(tmp_path, [*AMBIGUOUS, f"{later},page_view,u2"]), goals=goals_file(tmp_path))
        assert document["period"]["from"].startswith(f"2026-{month}-{10 if month == 11 else 11}")


def test_dates_whose_order_nothing_shows_are_a_question(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not show whether the day or the month comes first; add --set day_first=true"):
        headline(tmp_path, AMBIGUOUS)
    for setting, day in (("true", "2026-11-10"), ("false", "2026-10-11")):
        document = figures(tmp_path / "events.csv", goals=goals_file(tmp_path), settings=[f"day_first={setting}"])  # type: ignore[arg-type]
        assert document["period"]["from"].startswith(day)


UNREAD = {
    "58:24.5": "a spreadsheet may have cut off the day",
    "10:26": "a spreadsheet may have cut off the day",
    "yesterday": "write times like 2026-10-13 13:55:36",
}


@pytest.mark.parametrize(("value", "fix"), UNREAD.items())
def test_a_column_without_times_is_an_error_that_shows_a_value(tmp_path: Path, value: str, fix: str) -> None:
    rows = [f"{value},page_view,u1", f"{value},purchase,u1"]
    with pytest.raises(InputError, match=f"column time holds '{value}', which is not a time; {fix}"):
        headline(tmp_path, rows)


SHOP = """
macro: {purchase: {event: purchase}}
micro: {cart: {event: cart}}
funnels: {shop: [cart, purchase]}
"""


def in_order(*names: str, user: str = "u1") -> list[str]:
    """Return rows of one second, in this order."""
    return [f"2026-10-01 09:00:05,{name},{user}" for name in names]


def reached(folder: Path, rows: Sequence[str], **options: Any) -> list[int]:  # noqa: ANN401 (of a run)
    """Return how many sessions reached each step of the funnel."""
    document = figures(export(folder, rows), goals=goals_file(folder, SHOP), **options)
    return [row["reached"] for row in document["reports"]["funnel"]]


OLDER, NEWER = "2026-10-01 09:00:00,page_view,u1", "2026-10-01 09:00:09,page_view,u1"


def test_a_log_that_is_written_newest_first_is_read_backwards(tmp_path: Path) -> None:
    rows = [NEWER, *in_order("purchase", "cart"), OLDER]
    assert reached(tmp_path, rows) == [1, 1]
    notes = {note["code"]: note["text"] for note in figures(tmp_path / "events.csv", goals=tmp_path / "goals.yaml")["notes"]}
    assert notes["newest-first"] == "events.csv is written newest first, so lines with the same time are read in reverse order."


@pytest.mark.parametrize(
    ("rows", "steps"),
    [
        ([OLDER, *in_order("purchase", "cart"), NEWER], [1, 0]),
        ([OLDER, *in_order("cart", "purchase"), NEWER], [1, 1]),
        ([NEWER, *in_order("purchase", "cart"), OLDER, NEWER], [1, 0]),
        (in_order("page_view", "purchase", "cart"), [1, 0]),
    ],
    ids=["oldest first", "oldest first, in order", "no order", "one second"],
)
def test_other_logs_are_read_in_their_order(tmp_path: Path, rows: list[str], steps: list[int]) -> None:
    assert reached(tmp_path, rows) == steps


def test_of_several_logs_only_those_written_newest_first_are_read_backwards(tmp_path: Path) -> None:
    logs = [written(tmp_path / name, ["time,event,user_id", *rows]) for name, rows in (
        ("a.csv", [NEWER, *in_order("purchase", "cart"), OLDER]),
        ("b.csv", [OLDER, *in_order("page_view", "cart", "purchase", user="u2"), NEWER]),
    )]  # fmt: skip
    for order in (logs, logs[::-1]):
        document = figures(*order, goals=goals_file(tmp_path, SHOP))
        assert [row["reached"] for row in document["reports"]["funnel"]] == [2, 2]


DAYS = ["2026-10-01,purchase,u1", "2026-10-01,page_view,u1", "2026-10-02,page_view,u2"]


def notes_of(folder: Path, rows: Sequence[str], header: str = "time,event,user_id") -> dict[str, str]:
    """Return the notes of a report by their code."""
    return {note["code"]: note["text"] for note in figures(export(folder, rows, header), goals=goals_file(folder))["notes"]}


def test_a_note_says_that_days_have_no_hours(tmp_path: Path) -> None:
    text = "Times in events.csv are days without a time of day: the order of events within a day and durations mean nothing."
    assert notes_of(tmp_path, DAYS)["only-days"] == text
    for spelled in ("2026-10-01 00:00:00", "20261001", "10/13/2026", "13.10.2026"):
        assert notes_of(tmp_path, [row.replace("2026-10-01", spelled) for row in DAYS[:2]])["only-days"] == text


def test_times_with_hours_have_no_such_note(tmp_path: Path) -> None:
    assert "only-days" not in notes_of(tmp_path, [*DAYS, "2026-10-02 10:00:00,page_view,u3"])
    assert "only-days" not in notes_of(tmp_path, ["2026-10-01,10:00,purchase,u1", "2026-10-01,10:01,page_view,u1"], "date,time,event,user_id")


LATE = ["2026-10-01 22:30:00,page_view,u1", "2026-10-01 22:31:00,purchase,u1", "2026-10-02 10:00:00,page_view,u2"]


@pytest.mark.parametrize(
    ("site", "days"),
    [
        ("timezone: Europe/Berlin, log_timezone: UTC", [0, 1]),
        ("timezone: Europe/Berlin", [1, 0]),
        ("log_timezone: America/New_York", [0, 1]),
    ],
)
def test_the_log_may_have_another_time_zone_than_the_days(tmp_path: Path, site: str, days: list[int]) -> None:
    path = goals_file(tmp_path, f"site: {{{site}}}\n{BUY}")
    rows = [*LATE, "2026-10-01 10:00:00,page_view,u3"]
    document = runs.document([export(tmp_path, rows)], ["goals"], path, by="day")
    frame = document.reports["goals"].frame
    assert [frame.filter(day=day)["reached"].sum() for day in ("2026-10-01", "2026-10-02")] == days


def test_the_note_on_times_without_a_zone_is_not_shown_if_their_zone_is_given(tmp_path: Path) -> None:
    log = export(tmp_path, LATE)
    for site, has_note in (("{}", True), ("{log_timezone: UTC}", False)):
        document = figures(log, goals=goals_file(tmp_path, f"site: {site}\n{BUY}"))
        assert ("no-zone" in {note["code"] for note in document["notes"]}) == has_note


def test_lines_in_the_future_are_not_used_and_do_not_move_the_period(tmp_path: Path) -> None:
    """A clock that was once a year ahead must not decide what `--last` means."""
    day = '198.51.100.1 - - [{:02}/Oct/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11) Firefox/140.0"'
    future = datetime.now(UTC) + timedelta(days=400)
    stray = day.format(1).replace("01/Oct/2026", f"{future:%d/%b/%Y}")
    log = tmp_path / "access.log"
    log.write_text("".join(f"{text}\n" for text in [*(day.format(number) for number in range(1, 29)), stray]), encoding="utf-8")
    os.utime(log, (0, 0))
    document = figures(log, last="7d")
    assert document["input"]["unparsed_by_reason"] == {"time in the future": 1}
    assert document["period"]["from"].startswith("2026-10-22")
    assert overview(document)["sessions"] == 7
    os.utime(log, (future.timestamp(), future.timestamp()))
    assert figures(log)["input"]["unparsed_by_reason"] == {}


GAP = [f"2026-03-29 {hour:02}:30:00" for hour in (1, 2, 3)]
"""Three local times, of which clocks in Berlin skip the second."""
NO_ZONE = {
    "CSV": ("auto", ["time,event,user_id", *(f"{time},page_view,u1" for time in GAP)]),
    "NDJSON": ("auto", [json.dumps({"time": time.replace(" ", "T"), "event": "page_view", "user_id": "u1"}) for time in GAP]),
    "common log": ("auto", [f'203.0.113.7 - - [29/Mar/2026:{time[11:]}] "GET / HTTP/1.1" 200 5' for time in GAP]),
    "JSON log": ("auto", [json.dumps({"time": time, "remote_addr": "203.0.113.7", "request": "GET / HTTP/1.1", "status": 200}) for time in GAP]),
    "format string": ("%h %{%d.%m.%Y %T}t %m %U %s", [f"203.0.113.7 29.03.2026 {time[11:]} GET / 200" for time in GAP]),
    "regular expression": (
        r"(?P<address>\S+) (?P<time>\S+ \S+) (?P<method>\S+) (?P<target>\S+) (?P<status>\d+)",
        [f"203.0.113.7 {time} GET / 200" for time in GAP],
    ),
}


@pytest.mark.parametrize(("log_format", "lines"), NO_ZONE.values(), ids=NO_ZONE)
def test_times_that_clocks_skip_are_unparsed_with_that_reason(tmp_path: Path, log_format: str, lines: list[str], convkit_command: Run) -> None:
    log = written(tmp_path / "a.log", lines)
    for zone, unparsed in (("Europe/Berlin", {"no such time in its time zone": 1}), ("Asia/Tokyo", {})):
        options = ["--log-format", log_format, "-f", "json", "--rejects", str(tmp_path / "rejects.csv")]
        code, out, _ = convkit_command("overview", str(log), "--set", f"log_timezone={zone}", *options)
        assert (code, json.loads(out)["input"]["unparsed_by_reason"]) == (0, unparsed), zone
        assert ("no such time in its time zone" in (tmp_path / "rejects.csv").read_text()) == bool(unparsed)


def test_formats_says_which_lines_cannot_be_used(tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "a.log", ["203.0.113.7 soon GET /a 200", "203.0.113.7 later GET /b 200"])
    own = r"(?P<address>\S+) (?P<time>\S+) (?P<method>\S+) (?P<target>\S+) (?P<status>\d+)"
    code, output, error = convkit_command("formats", str(log), "--log-format", own)
    assert (code, "2 lines cannot be used: no time." in output) == (3, True)
    assert "'soon' is not a time." in output
    assert "a.log: 'soon' is not a time: no line has a time that can be read" in error
    readable = written(tmp_path / "b.log", ["203.0.113.7 10.10.2026-13:55 GET /a 200".replace("-", " ")])
    code, output, _ = convkit_command("formats", str(readable), "--log-format", own.replace(r"(?P<time>\S+)", r"(?P<time>\S+ \S+)"))
    assert (code, "2026-10-10 13:55:00 UTC" in output) == (0, True)


def seconds_of(path: Path, text: str) -> list[float]:
    """Return the durations in a log."""
    path.write_text(text, encoding="utf-8")
    values: list[float] = convkit.read_records(path).collect()["seconds"].to_list()
    return values


def test_durations_are_in_the_unit_that_their_writer_means(tmp_path: Path) -> None:
    fields = "#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken\n2026-10-10 13:55:36 203.0.113.7 GET /a 200 7\n"
    assert seconds_of(tmp_path / "netscaler.log", f"#Software: Netscaler Web Logging(NSWL)\n{fields}") == [7.0]
    assert seconds_of(tmp_path / "iis.log", f"#Software: Microsoft Internet Information Services 10.0\n{fields}") == [0.007]
    assert seconds_of(tmp_path / "unnamed.log", fields) == [0.007]
    record = {"ip": "203.0.113.7", "host": "shop.example", "path": "/", "status": "200", "length": 9, "date": "2026-08-13T13:20:31+01:00"}
    for name, value, expected in (("generation_time_milli", 4.213, 4.213), ("generation_time_milli", 4213, 4.213), ("duration_ms", 58.5, 0.0585)):
        assert seconds_of(tmp_path / "log.json", f"{json.dumps({**record, name: value})}\n") == [expected]
