"""The reported period: whole days at both ends, in the site's time zone, even where a day has 23 or 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from small_logs import line, overview, report, written

from convkit.analysis import periods
from convkit.analysis.periods import parse_period
from convkit.errors import ExitCode, UsageError
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

BERLIN = "Europe/Berlin"
ZONES = [BERLIN, "America/New_York", "Asia/Kolkata", "UTC"]
GOALS = "macro: {sale: /sale}"


def limits(*period: str | None, zone: str = BERLIN, ends: str = "") -> list[str | None]:
    """Return the start and end, in UTC and to the minute, of the period given by `since, until, last`; the log's last hit is at `ends`."""
    since, until, last = (*period, None, None, None)[:3]
    moment = datetime.fromisoformat(ends) if ends else None
    bounds = parse_period(since, until, last, zone).limits(moment, zone)
    return [limit and limit.astimezone(UTC).strftime("%Y-%m-%d %H:%M") for limit in bounds]


def test_a_date_is_the_whole_day_at_both_ends() -> None:
    assert limits("2026-10-10", "2026-10-10") == ["2026-10-09 22:00", "2026-10-10 22:00"]
    assert limits("2026-10-10", "2026-10-11", zone="UTC") == ["2026-10-10 00:00", "2026-10-12 00:00"]
    assert limits(None, "2026-10-10") == [None, "2026-10-10 22:00"]
    assert limits("2026-10-10") == ["2026-10-09 22:00", None]
    assert limits() == [None, None]


def test_a_time_includes_its_second_at_both_ends() -> None:
    period = parse_period("2026-10-10T14:00", "2026-10-10 15:00:00", None, BERLIN)
    assert period.begin == datetime(2026, 10, 10, 12, tzinfo=UTC)
    assert period.end == datetime(2026, 10, 10, 13, 0, 1, tzinfo=UTC)
    assert limits("2026-10-10T14:00Z", "2026-10-10T14:00-05:00") == ["2026-10-10 14:00", "2026-10-10 19:00"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-28", 24), ("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-24", 24), ("2026-10-25", 25), ("2026-10-26", 24)],
)
def test_days_on_which_the_clock_changes_have_23_or_25_hours(day: str, hours: int) -> None:
    period = parse_period(day, day, None, BERLIN)
    assert period.begin is not None
    assert period.end is not None
    assert period.end.astimezone(UTC) - period.begin.astimezone(UTC) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("last", "ends", "expected"),
    [
        ("1d", "2026-10-10T12:00+00:00", ["2026-10-09 22:00", "2026-10-10 22:00"]),
        ("7d", "2026-10-10T12:00+00:00", ["2026-10-03 22:00", "2026-10-10 22:00"]),
        ("1w", "2026-10-10T12:00+00:00", ["2026-10-03 22:00", "2026-10-10 22:00"]),
        ("24h", "2026-10-10T12:00+00:00", ["2026-10-09 22:00", "2026-10-10 22:00"]),
        ("1d", "2026-10-10T22:00+00:00", ["2026-10-10 22:00", "2026-10-11 22:00"]),
        ("1d", "2026-10-10T21:59+00:00", ["2026-10-09 22:00", "2026-10-10 22:00"]),
        ("1d", "2026-10-25T12:00+00:00", ["2026-10-24 22:00", "2026-10-25 23:00"]),
        ("2d", "2026-10-26T12:00+00:00", ["2026-10-24 22:00", "2026-10-26 23:00"]),
        ("2d", "2026-03-29T12:00+00:00", ["2026-03-27 23:00", "2026-03-29 22:00"]),
        ("1d", "2026-10-25T00:30+00:00", ["2026-10-24 22:00", "2026-10-25 23:00"]),
        ("1d", "2026-10-25T01:30+00:00", ["2026-10-24 22:00", "2026-10-25 23:00"]),
    ],
)
def test_last_counts_whole_days_back_from_the_last_hit(last: str, ends: str, expected: list[str]) -> None:
    assert limits(None, None, last, ends=ends) == expected


@given(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)), st.integers(1, 40), st.sampled_from(ZONES))  # noqa: DTZ001
def test_the_last_days_include_the_date_of_the_last_hit(moment: datetime, days: int, zone: str) -> None:
    ends = moment.replace(tzinfo=UTC)
    begin, end = parse_period(None, None, f"{days}d", zone).limits(ends, zone)
    assert begin is not None
    assert end is not None
    assert begin.astimezone(UTC) <= ends < end.astimezone(UTC)
    assert (end.date() - begin.date()).days == days
    assert (begin.hour, begin.minute, end.hour, end.minute) == (0, 0, 0, 0)
    assert ends.astimezone(ZoneInfo(zone)).date() == end.date() - timedelta(days=1)


def test_without_a_hit_the_last_days_set_no_limit() -> None:
    assert limits(None, None, "7d") == [None, None]


@pytest.mark.parametrize(
    ("now", "today"),
    [("2026-10-10T21:59+00:00", "2026-10-10"), ("2026-10-10T22:00+00:00", "2026-10-11"), ("2026-10-25T23:30+00:00", "2026-10-26")],
)
def test_today_and_yesterday_follow_the_clock_in_the_sites_zone(monkeypatch: pytest.MonkeyPatch, now: str, today: str) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # noqa: ANN401 (as in the class it replaces)
            return datetime.fromisoformat(now).astimezone(tz)

    monkeypatch.setattr(periods, "datetime", Clock)
    yesterday = (datetime.fromisoformat(today) - timedelta(days=1)).strftime("%Y-%m-%d")
    assert limits("today", "today") == limits(today, today)
    assert limits("yesterday", "yesterday") == limits(yesterday, yesterday)
    assert limits("yesterday", "today") == limits(yesterday, today)


@pytest.mark.parametrize(
    ("since", "until", "last", "message"),
    [
        ("10.10.2026", None, None, "--since '10.10.2026' is not a date; use 2026-10-31, 2026-10-31T14:00, today or yesterday"),
        (None, "2026-02-30", None, "--until '2026-02-30' is not a date"),
        ("tomorrow", None, None, "--since 'tomorrow' is not a date"),
        ("2026-10-11", "2026-10-10", None, "--since 2026-10-11 is after --until 2026-10-10; swap them"),
        ("2026-10-11", None, "7d", "--last cannot be combined with --since or --until; use one or the other"),
        (None, "2026-10-11", "7d", "--last cannot be combined with --since or --until"),
        (None, None, "36h", "--last takes whole days, like 7d or 4w; for 36h use --since"),
        (None, None, "week", "--last: 'week' is not a duration"),
        (None, None, "0d", "--last: '0d' is not a duration"),
    ],
)
def test_mistakes_are_reported_with_the_fix(since: str | None, until: str | None, last: str | None, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_period(since, until, last, BERLIN)
    assert str(raised.value).startswith(message)
    assert raised.value.exit_code == ExitCode.USAGE


def test_a_session_belongs_entirely_to_the_day_on_which_it_starts(tmp_path: Path) -> None:
    """One session crosses midnight (noon plus twelve hours), one begins after midnight, and an error before midnight belongs to the first day."""
    midnight = 12 * 3600
    lines = [line("GET /a", midnight - 60), line("GET /sale", midnight + 60), line("GET /none", midnight + 90, 404)]
    lines += [line("GET /b", midnight + 1, who="198.51.100.2 - -"), line("GET /none", midnight - 1, 500, who="198.51.100.3 - -")]
    first = report(tmp_path, lines, GOALS, until="2026-10-10")
    second = report(tmp_path, lines, GOALS, since="2026-10-11")
    assert [overview(document)["sessions"] for document in (first, second)] == [1, 1]
    assert [overview(document)["pageviews"] for document in (first, second)] == [2, 1]
    assert [document["reports"]["goals"][0]["reached"] for document in (first, second)] == [1, 0]
    assert [(document["input"]["kept"], document["input"]["outside"]) for document in (first, second)] == [(4, 1), (1, 4)]


def test_daily_reports_add_up_to_the_month(tmp_path: Path) -> None:
    lines = [line(f"GET /{'sale' if hour % 5 == 0 else hour}", 3600 * hour, who=f"198.51.100.{hour % 3} - -") for hour in range(100)]
    days = [f"2026-10-{day}" for day in range(10, 16)]
    parts = [report(tmp_path, lines, GOALS, since=day, until=day) for day in days]
    whole = report(tmp_path, lines, GOALS)
    for metric in ("sessions", "pageviews", "bounces", "converted_sessions"):
        assert sum(overview(part)[metric] for part in parts) == overview(whole)[metric]
    assert report(tmp_path, lines, GOALS, last="6d")["reports"] == whole["reports"]


@pytest.mark.parametrize(
    ("ends", "until", "unfinished"),
    [
        ("2026-10-25T18:00", None, []),  # The office is closed at night and at weekends, so the week is over on Friday evening.
        ("2026-10-23T17:59", None, []),
        ("2026-10-23T11:00", None, ["2026-W43"]),
        ("2026-10-26T09:01", None, ["2026-W44"]),
        ("2026-10-23T17:59", "2026-10-21", ["2026-W43"]),
        ("2026-10-23T17:59", "2026-10-18", []),
        ("2026-10-23T17:59", "2026-10-23", []),
    ],
)
def test_a_week_is_over_if_the_next_has_begun_or_silence_is_usual(ends: str, until: str | None, unfinished: list[str], tmp_path: Path) -> None:
    """The log has five weeks of office hours; a period that `--until` cuts short is not over."""
    begin, last = datetime(2026, 9, 14, 9, tzinfo=UTC), datetime.fromisoformat(f"{ends}+00:00")
    moments = [begin + timedelta(days=day, minutes=minute) for day in range(50) for minute in range(0, 540, 5)]
    noon = datetime(2026, 10, 10, 12, tzinfo=UTC)
    lines = [
        line("GET /a", int((moment - noon).total_seconds()), who=f"10.{moment.month}.{moment.day}.{moment.hour} - -")
        for moment in moments
        if moment.weekday() < 5 and moment <= last
    ]
    period = {"until": until} if until else {}
    document = runs.document([written(tmp_path / "access.log", lines)], ["goals"], parse_goals(GOALS, "goals.yaml"), by="week", **period)
    notes = [note.text.split("*")[0] for note in document.notes if note.code == "unfinished"]
    assert notes == unfinished
