"""`compare`: the choice of sides, the coverage of the log, and figures equal to those in the reports on each side."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from statistics import mean, variance
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from compared_sites import BEFORE, NOW, cases, drawn, pair, report, side
from rich.text import Text
from small_logs import line, written

from convkit.analysis.periods import parse_period
from convkit.comparison import rows as comparison_rows
from convkit.comparison import sides
from convkit.comparison.sides import Side
from convkit.core import plugins, stats, verdicts
from convkit.core.blocks import Screen
from convkit.core.document import sum_tallies
from convkit.core.schema import FATES
from convkit.errors import UsageError
from convkit.goals.loader import parse_goals
from convkit.traffic import coverage as traffic_coverage
from convkit.traffic.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

DAY = timedelta(days=1)
PLAIN = "macro: {purchase: {page: /thanks, value: query.total}}\nmicro: {cart: /cart}\nfunnels: {shop: [cart, purchase]}\n"
BOTH_SIDES = 28
"""Days of the log below, two weeks per side."""


def log_of_days(days: int = BOTH_SIDES) -> list[str]:
    """Return a log that begins at midnight on 10 October, with more sessions every day; some of them reach the cart, and some buy."""
    lines = []
    for number in range(days):
        for visit in range(6 + number // 2 + number % 3):
            second = (number * 24 - 12) * 3_600 + visit * 3_600
            who = f"10.{number}.0.{visit} - -"
            requests = ["GET /", *(["GET /cart"] if visit % 2 else []), *([f"GET /thanks?total={visit * 10}.5"] if visit % 4 == 1 else [])]
            lines += [line(request, second + place * 60, who=who) for place, request in enumerate(requests)]
    return lines


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the log, in a directory with a goals file."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "goals.yaml").write_text(PLAIN, encoding="utf-8")
    return written(folder / "access.log", log_of_days())


def compared(log: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401 (the options of `compare`)
    """Return a comparison in JSON."""
    comparison: dict[str, Any] = json.loads(str(runs.render(runs.comparison([log], log.parent / "goals.yaml", **options), "json")))
    return comparison


def test_both_sides_equal_the_reports(log: Path) -> None:
    """The figures for each side equal those in the reports for its period, and the lines of both periods count as kept."""
    comparison = compared(log)
    rows = {(row["what"], row["item"]): row for row in comparison["reports"]["compare"]}
    kept_lines = 0
    for name, since, until in (("before", "2026-10-10", "2026-10-23"), ("now", "2026-10-24", "2026-11-06")):
        document = runs.document([log], ["overview", "goals", "funnel"], log.parent / "goals.yaml", since=since, until=until)
        separate = json.loads(str(runs.render(document, "json")))
        overview = {row["metric"]: row["value"] for row in separate["reports"]["overview"]}
        kept_lines += separate["input"]["kept"]
        assert [rows["overview", item][name] for item in ("sessions", "bounces")] == [overview["sessions"], overview["bounces"]]
        assert rows["overview", "value"][name] == overview["value"]
        assert rows["overview", "value"][f"{name}_rate"] == pytest.approx(overview["value"] / overview["sessions"], abs=1e-6)
        for goal in separate["reports"]["goals"]:
            assert (rows["goal", goal["goal"]][name], rows["goal", goal["goal"]][f"{name}_rate"]) == (goal["reached"], goal["rate"])
        for step in separate["reports"]["funnel"]:
            row = rows["funnel", f"{step['funnel']} / {step['step']} / {step['name']}"]
            assert (row[name], row[f"{name}_rate"]) == (step["reached"], step["of_first"])
        assert rows["overview", "time"][f"{name}_rate"] == overview["median_session_seconds"]
        assert (rows["overview", "pages"][name], rows["overview", "pages"][f"{name}_rate"]) == (overview["pageviews"], overview["pages_per_session"])
        purchases = next(goal for goal in separate["reports"]["goals"] if goal["goal"] == "purchase")
        assert rows["overview", "order"][name] == purchases["conversions"]
        assert rows["overview", "order"][f"{name}_rate"] == pytest.approx(overview["value"] / purchases["conversions"], abs=1e-6)
    items = ["sessions", "bounces", "value", "time", "pages", "order"]
    assert list(rows)[:7] == [*(("overview", item) for item in items), ("goal", "purchase")]
    assert comparison["input"]["kept"] == kept_lines
    assert comparison["input"]["lines"] == sum(number for fate, number in comparison["input"].items() if fate in FATES)
    assert (comparison["period"]["from"][:10], comparison["period"]["to"][:10]) == ("2026-10-10", "2026-11-06")


def test_differences_are_now_minus_before(log: Path) -> None:
    for row in compared(log)["reports"]["compare"]:
        if row["difference"] is not None:
            assert row["difference"] == pytest.approx(row["now_rate"] - row["before_rate"], abs=2e-6)
            assert row["difference_low"] <= row["difference"] <= row["difference_high"]


def test_outputs_have_whole_counts_and_rates_with_six_decimals(log: Path, convkit_command: Run, tmp_path: Path) -> None:
    arguments = ["compare", str(log), "-g", str(log.parent / "goals.yaml")]
    code, out, err = convkit_command(*arguments, "-f", "csv")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == ",".join(column.name for column in comparison_rows.COLUMNS)
    assert out.splitlines()[1].startswith("overview,sessions,139,,238,,,,,rose")
    assert all(len(cell.partition(".")[2]) == 6 for cell in out.splitlines()[4].split(",")[3:9:2] if cell)
    assert convkit_command(*arguments, "-o", f"{tmp_path}/out/")[0] == 0
    assert (tmp_path / "out" / "compare.csv").read_text(encoding="utf-8") == out.replace("\r\n", "\n")
    frame = convkit_command(*arguments, "-o", f"{tmp_path}/compare.parquet")[0] == 0 and pl.read_parquet(tmp_path / "compare.parquet")
    assert isinstance(frame, pl.DataFrame)
    assert frame.schema["before"] == pl.Float64
    code, out, _ = convkit_command(*arguments, "--sort", "now:asc", "-f", "markdown")
    assert [row.split(" | ")[1] for row in out.splitlines() if row.startswith("| goal")] == ["purchase", "cart"]


def test_groups_are_the_sessions_of_where_and_of_with(log: Path) -> None:
    comparison = compared(log, where=["goal=cart"], against="goal=purchase")
    rows = {row["item"]: row for row in comparison["reports"]["compare"]}
    assert rows["sessions"]["verdict"] is None
    assert rows["sessions"]["before"] == rows["purchase"]["now"] == rows["purchase"]["before"]
    assert [note["code"] for note in comparison["notes"]][:2] == ["sides", "in-both"]
    assert f"{rows['sessions']['before']} sessions are in both groups" in comparison["notes"][1]["text"]


WRONG = {
    "two ways to choose the sides": (["--at", "2026-10-20", "--with", "last-year"], "use one of them"),
    "a split of a given period": (["--at", "2026-10-20", "--last", "7d"], "leave out --since, --until and --last"),
    "not a day": (["--at", "2026-10-20T10:00"], "use a day without a time, like 2026-10-07"),
    "a key": (["--by", "day"], "name them with --where and --with"),
    "no such side": (["--with", "last year"], "use last-year, a period like"),
    "no group to compare with": (["--with", "device=mobile"], "like --where 'device=...'"),
    "the same group": (["--where", "device=mobile", "--with", "device=mobile"], "name another one"),
    "several groups": (["--where", "page=/a", "--where", "page=/b", "--with", "page=/c"], "2 --where options test page; keep one of them"),
    "an unknown field": (
        ["--where", "device=mobile", "--with", "divice=tablet"],
        "--with divice=tablet: unknown field 'divice'; did you mean 'device'?",
    ),
    "a range that ends before it begins": (["--with", "2026-10-20..2026-10-10"], "swap the dates"),
    "a range without a date": (["--with", "2026-10-20..x"], "use 2026-10-31"),
    "no such column": (["--sort", "rate"], "unknown column 'rate'"),
}


@pytest.mark.parametrize(("options", "words"), WRONG.values(), ids=WRONG)
def test_contradictory_options_are_errors_with_the_fix(options: list[str], words: str, convkit_command: Run) -> None:
    """They are reported before a log is opened."""
    code, out, err = convkit_command("compare", "missing.log", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def coverage_of_days(days: int, first: date = date(2026, 9, 1)) -> Coverage:
    """Return the coverage of a log with this many complete days."""
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return Coverage(begin, begin + days * DAY - timedelta(seconds=1), first, first + (days - 1) * DAY)


def chosen(days: int, *, notes: tuple[tuple[date, str], ...] = (), at: str | None = None, against: str | None = None, **period: str) -> str:
    """Return the sides chosen for a log of this many days from Tuesday, 1 September on, written as `now with before`."""
    goals = parse_goals(PLAIN, "goals.yaml")
    requested = sides.parse(parse_period(period.get("since"), period.get("until"), period.get("last"), "UTC"), [], against, at, goals)
    pair = sides.choose(requested, coverage_of_days(days), "UTC", notes)
    return f"{pair.now.dates} with {pair.before.dates}{f'; {pair.how}' if pair.how else ''}"


def test_the_sides_are_those_requested() -> None:
    """By default, they are whole weeks that begin on the same weekday and do not overlap."""
    assert chosen(30) == "17–30 Sep 2026 with 3–16 Sep 2026"
    assert chosen(100) == "12 Nov – 9 Dec 2026 with 15 Oct – 11 Nov 2026"
    assert chosen(13) == "8–13 Sep 2026 with 2–7 Sep 2026"
    assert chosen(3) == "3 Sep 2026 with 2 Sep 2026"
    assert chosen(61, since="2026-10-01", until="2026-10-31") == "1–31 Oct 2026 with 27 Aug – 26 Sep 2026"
    assert chosen(30, last="7d") == "24–30 Sep 2026 with 17–23 Sep 2026"
    assert chosen(30, last="10d") == "21–30 Sep 2026 with 7–16 Sep 2026"
    assert chosen(30, since="2026-09-24") == "24–30 Sep 2026 with 17–23 Sep 2026"
    assert chosen(30, until="2026-09-10") == "1–10 Sep 2026 with 18–27 Aug 2026"
    assert chosen(30, at="2026-09-11") == "11–17 Sep 2026 with 4–10 Sep 2026"
    assert chosen(30, at="2026-09-16") == "16–29 Sep 2026 with 2–15 Sep 2026"
    assert chosen(30, at="2026-09-04") == "4–6 Sep 2026 with 1–3 Sep 2026"
    assert chosen(30, against="last-year") == "17–30 Sep 2026 with 18 Sep – 1 Oct 2025; 364 days earlier, on the same weekdays"
    assert chosen(30, against="2026-09-01..2026-09-07") == "24–30 Sep 2026 with 1–7 Sep 2026"
    assert chosen(30, against="2026-08-01..2026-08-07", since="2026-09-01", until="2026-09-09") == "1–9 Sep 2026 with 1–7 Aug 2026"


def test_a_note_splits_the_log_by_default() -> None:
    """It is the last note with days on both sides; a note at the end of the log has no days after it yet."""
    notes = ((date(2026, 9, 9), "a new shop"), (date(2026, 9, 20), "a new cart"), (date(2026, 10, 1), "to come"))
    assert chosen(30, notes=notes) == "20–26 Sep 2026 with 13–19 Sep 2026; split at 20 Sep 2026: a new cart"
    assert chosen(30, notes=notes, last="7d") == "24–30 Sep 2026 with 17–23 Sep 2026"
    assert chosen(30, notes=notes[2:]) == chosen(30)


TOO_LITTLE: Mapping[str, tuple[dict[str, Any], str]] = {
    "one day": ({"days": 1}, "the log has 1 complete day, but each side needs one; add older logs"),
    "a split at the first day": (
        {"days": 30, "at": "2026-09-01"},
        "the complete days of the log are 2026-09-01 to 2026-09-30; choose a day with complete days before",
    ),
    "a split after the log": ({"days": 30, "at": "2026-10-05"}, "choose a day with complete days before and after it"),
    "over a year": ({"days": 400, "against": "last-year", "last": "365d"}, "365 days is more than a year; choose a shorter period"),
    "an overlap": ({"days": 30, "against": "2026-09-20..2026-09-27"}, "choose that period with --since and --until"),
    "the wrong way round": ({"days": 30, "against": "2026-09-20..2026-09-27", "until": "2026-09-10"}, "swap the two"),
}


@pytest.mark.parametrize(("options", "words"), TOO_LITTLE.values(), ids=TOO_LITTLE)
def test_missing_sides_are_errors_with_the_fix(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        chosen(**options)


def coverage(days: int, lines_of_hour: Callable[[datetime], int], first: int = 0, last: int | None = None) -> Coverage:
    """Return the coverage of a log that runs from hour `first` to hour `last`; `lines_of_hour` returns the number of lines in an hour."""
    begin = datetime(2026, 9, 1, tzinfo=UTC)
    all_hours = [begin + timedelta(hours=number) for number in range(first, days * 24 if last is None else last)]
    lines = [lines_of_hour(hour) for hour in all_hours]
    busy = [hour for hour, number in zip(all_hours, lines, strict=True) if number]
    hours = pl.DataFrame({"hour": all_hours, "lines": lines}, schema={"hour": pl.Datetime("us", "UTC"), "lines": pl.Int64}).filter(
        pl.col("lines") > 0
    )
    return traffic_coverage.measure_coverage(hours, busy[0], busy[-1] + timedelta(minutes=59), "UTC")


def small(hour: datetime) -> int:
    """Return how many lines a small site logs in an hour: none at night, a few bursts during the day."""
    return 0 if hour.hour < 7 else (hour.day * 7 + hour.hour * 5) % 4 * 8


def steady(hour: datetime) -> int:
    """Return how many lines a large site logs in an hour: fewer at night and at weekends."""
    return (900 if hour.hour >= 7 else 200) // (2 if hour.weekday() > 4 else 1) + hour.day % 7 * 10


def without(lines_of_hour: Callable[[datetime], int], begin: datetime, end: datetime) -> Callable[[datetime], int]:
    """Return the number of lines per hour of a site whose log lacks some hours."""
    return lambda hour: 0 if begin <= hour < end else lines_of_hour(hour)


def test_nights_of_a_small_site_are_not_gaps_but_missing_days_are() -> None:
    begin = datetime(2026, 9, 9, tzinfo=UTC)
    assert coverage(30, small).gaps == ()
    assert coverage(10, small).gaps == ()
    assert coverage(30, lambda hour: 0 if hour.weekday() > 4 else steady(hour)).gaps == ()
    lost = coverage(30, without(small, begin, begin + 2 * DAY))
    assert [(gap < begin + 8 * timedelta(hours=1), to > begin + 2 * DAY) for gap, to in lost.gaps] == [(True, True)]
    assert lost.silent_days(begin - DAY, begin + 9 * DAY)[-2:] == [date(2026, 9, 10), date(2026, 9, 11)]
    assert coverage(30, without(small, begin, begin + 0.4 * DAY)).gaps == ()
    noon = begin + timedelta(hours=12)
    assert coverage(30, without(steady, noon, noon + timedelta(hours=1))).gaps == ((noon, noon + timedelta(hours=1)),)
    assert lost.silent(begin + 20 * DAY, begin + 21 * DAY) == []


def test_days_at_the_ends_of_a_log_are_complete_unless_more_is_missing_than_by_chance() -> None:
    whole = coverage(14, steady)
    assert (whole.first, whole.last, whole.days) == (date(2026, 9, 1), date(2026, 9, 14), 14)
    cut = coverage(14, steady, first=6, last=13 * 24 + 20)
    assert (cut.first, cut.last, cut.days) == (date(2026, 9, 2), date(2026, 9, 13), 12)
    assert coverage(14, small, last=13 * 24 + 10).last == date(2026, 9, 13)
    assert coverage(14, small).last == date(2026, 9, 14)


def test_silence_at_the_end_is_usual_for_some_hours() -> None:
    """Nights and weekends may be quiet; hours of days that the log has none of are not known."""
    at_night, busy = coverage(14, small), coverage(14, steady)
    assert at_night.quiet_until is not None
    assert busy.quiet_until == datetime(2026, 9, 15, tzinfo=UTC)
    assert datetime(2026, 9, 15, 7, tzinfo=UTC) <= at_night.quiet_until < datetime(2026, 9, 15, 12, tzinfo=UTC)
    assert coverage(14, steady, last=13 * 24 + 20).quiet_until == datetime(2026, 9, 14, 20, tzinfo=UTC)

    def on_weekdays(hour: datetime) -> int:
        return 0 if hour.weekday() > 4 else steady(hour)

    # 2 October is a Friday, and so is 4 September.
    assert coverage(32, on_weekdays).quiet_until == datetime(2026, 10, 5, tzinfo=UTC)
    assert coverage(4, on_weekdays).quiet_until == datetime(2026, 9, 5, tzinfo=UTC)
    assert coverage(30, lambda hour: int(hour.hour == 12 and hour.day % 10 == 0)).quiet_until == datetime(2026, 10, 3, 13, tzinfo=UTC)


def test_days_may_begin_on_the_half_hour() -> None:
    """In the time zone of Kolkata, the last day of this log is nearly empty."""
    begin = datetime(2026, 9, 1, tzinfo=UTC)
    all_hours = [begin + timedelta(hours=number) for number in range(20 * 24)]
    hours = pl.DataFrame({"hour": all_hours, "lines": [steady(hour) for hour in all_hours]}, schema_overrides={"hour": pl.Datetime("us", "UTC")})
    measured = traffic_coverage.measure_coverage(hours, all_hours[0], all_hours[-1], "Asia/Kolkata")
    assert (measured.first, measured.last, measured.gaps) == (date(2026, 9, 2), date(2026, 9, 20), ())


def test_tallies_of_parts_add_up(tmp_path: Path) -> None:
    goals = parse_goals(PLAIN, "goals.yaml")
    lines = log_of_days(9)
    parts = [lines, [text for text in lines if text.split(".")[3][0] in "024"], [text for text in lines if text.split(".")[3][0] not in "024"]]
    whole, *of_parts = (
        {
            name: frame.collect()
            for name, frame in comparison_rows.tally(runs.analysis([written(tmp_path / f"{number}.log", part)], goals).analysis).items()
        }
        for number, part in enumerate(parts)
    )
    for name, frame in whole.items():
        assert frame.height >= 3
        assert sum_tallies([part_tallies[name] for part_tallies in of_parts]).sort(frame.columns[0]).rows() == frame.sort(frame.columns[0]).rows()


def test_welchs_interval_equals_the_published_one() -> None:
    """These two samples have a published interval for Welch's t-test, computed by t.test in R."""
    one = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
    other = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 25.0][:14]
    samples = [stats.Sample(len(values), mean(values), variance(values)) for values in (one, other)]
    bounds = stats.welch(*samples)
    assert bounds is not None
    error = sqrt(samples[0].variance / 15 + samples[1].variance / 14)
    assert [(bound - (mean(one) - mean(other))) / error for bound in bounds] == pytest.approx([-2.0521, 2.0521], abs=0.002)
    assert stats.welch(stats.Sample(1, 1.0, 0.0), samples[0]) is None
    assert stats.welch(stats.Sample(9, 2.0, 0.0), stats.Sample(9, 1.5, 0.0)) == (0.5, 0.5)


@pytest.mark.parametrize(("freedom", "expected"), [(6, 2.4469), (7, 2.3646), (13, 2.1604), (27, 2.0518), (100, 1.9840)])
def test_students_quantiles_equal_the_tables(freedom: int, expected: float) -> None:
    assert stats.student_t(freedom) == pytest.approx(expected, abs=0.0002)


def test_p_values_agree_with_intervals() -> None:
    """The counts are those of the table in docs/compare.md; at 5 %, p-value and verdict agree."""
    assert stats.p_value(40, 3_412, 52, 3_466) == pytest.approx(0.24, abs=0.005)
    assert stats.p_value(196, 3_412, 254, 3_466) == pytest.approx(0.008, abs=0.001)
    assert stats.p_value(5, 90, 5, 90) == stats.p_value(0, 0, 1, 2) == 1
    for part in range(100, 200, 5):
        words = verdicts.add_verdicts(pl.DataFrame({"now": [part], "now_of": [1_000], "before": [150], "before_of": [1_000]}))["verdict"][0]
        chance = stats.p_value(part, 1_000, 150, 1_000)
        assert verdicts.moved(words) == (chance < 0.05) or chance == pytest.approx(0.05, abs=0.001)


def test_only_verdicts_of_change_have_a_colour() -> None:
    """Goals and steps that rose are green, those that fell are red, everything else has no colour."""
    colours = set()
    for _, one in list(cases())[:4]:
        text = Text.from_ansi(drawn(report(one), 120, colour=True))
        for span in text.spans:
            if not isinstance(span.style, str) and span.style.color:
                colours.add((span.style.color.name, text.plain[span.start : span.end].strip()))
    assert colours == {("color(2)", "rose"), ("color(1)", "fell")}


def test_sessions_are_compared_with_the_same_weekday() -> None:
    """Weekends have a tenth of the sessions; comparing with the same weekday still detects a change of 2 %."""
    every = [sides.Side(name, NOW.begin + place * 28 * DAY, NOW.begin + (place + 1) * 28 * DAY) for place, name in enumerate(("before", "now"))]
    counts = [1_000 if (number % 7) < 5 else 100 for number in range(28)]
    figures = []
    for place, one in enumerate(every):
        days = pl.DataFrame({"day": [one.begin.date() + number * DAY for number in range(28)], "sessions": counts})
        figures.append(side(PLAIN, one, 900, {}))
        object.__setattr__(figures[-1], "days", days.with_columns(sessions=(pl.col("sessions") * (1 + place * 0.02)).round().cast(pl.Int64)))
    covered = coverage_of_days(56, NOW.begin.date())
    change = comparison_rows.sessions_change(figures[0], figures[1], covered, 0.1)
    assert change is not None
    assert change.verdict == "rose"
    assert change.change_low is not None
    assert change.change_high is not None
    assert 0.01 < change.change_low < 0.02 < change.change_high < 0.03
    assert comparison_rows.sessions_change(figures[0], figures[1], coverage_of_days(34, NOW.begin.date()), 0.1) is None
    rows = comparison_rows.compared_rows(pair(PLAIN, *figures, coverage=covered))
    assert rows.select("verdict", "change_low", "change_high").row(0) == change


def screen_rows(text: str) -> list[str]:
    """Return the labels of the table's rows and of the lines below it, up to the conclusions."""
    body = text.partition(" verdict\n")[2].partition("Cannot tell:")
    return [row[2:].partition("  ")[0] for row in body[0].splitlines() if row.startswith("  ") and row[2:3].strip()]


def test_what_moved_comes_first_and_what_cannot_be_told_is_one_line() -> None:
    """With `--limit 0`, all rows are shown, in the order of the files; the files are the same in any case."""
    goals = "macro: {purchase: /thanks}\nmicro: {a: /a, b: /b, c: /c, d: /d}\nfunnels: {shop: [b, c]}\n"
    counts = [{"purchase": 50, "a": 7_000, "b": 600, "c": 300, "d": 40}, {"purchase": 52, "a": 7_010, "b": 900, "c": 300, "d": 90}]
    sides_of = [side(goals, which, 10_000, reached, (reached["b"], reached["c"])) for which, reached in zip((BEFORE, NOW), counts, strict=True)]
    compared_pair = pair(goals, *sides_of)
    comparison = report(compared_pair)
    items = comparison.frame.filter(what="goal")["item"].to_list()
    assert items == ["purchase", "a", "b", "c", "d"]
    text = drawn(comparison)
    assert screen_rows(text) == ["sessions", "bounces", "b", "d", "a", "1 b", "2 c"]
    assert "  Cannot tell: purchase, c (2 of 8; all rows: --limit 0)" in text
    assert re.search(r"  b +600 +6\.0% +900 +9\.0% +\+50% \(\+34 to \+66\) +rose", text)
    assert re.search(r"  a +7,000 +70% +7,010 +70% +\+0\.1% \(.2 to \+3\) +within 10%", text)
    assert "  within 10%: did not move by more than 10%" in text
    assert "did not move by more than 10%" in drawn(comparison, 120)
    assert "within 10%" not in drawn(comparison, 120)
    whole = Screen(80, limit=0)
    every = plugins.load("outputs", "table").render_blocks(comparison.draw(comparison.frame, whole), whole)
    assert screen_rows(every)[: 2 + len(items)] == ["sessions", "bounces", *items]
    assert "Cannot tell: purchase, c" not in every
    assert "B rose by 50% (between 34% and 66%); d rose by 125% (between " in " ".join(text.split())


def test_a_difference_has_no_size_if_the_base_is_zero() -> None:
    """Nothing can be said relative to 0."""
    goals = "macro: {purchase: /thanks}\nmicro: {a: /a}\n"
    none, some = side(goals, BEFORE, 2_000, {"a": 900}), side(goals, NOW, 2_000, {"purchase": 40, "a": 900})
    text = drawn(report(pair(goals, none, some)), 120)
    (row,) = (row for row in text.splitlines() if row.startswith("  purchase"))
    assert row.split() == ["purchase", "0", "0%", "40", "2.0%", "–", "rose"]
    assert "Purchase rose: 40 of 2,000 against 0 of 2,000." in text
    groups = drawn(report(pair(goals, none, some, in_both=0)), 120)
    assert "Purchase is higher with now: 40 of 2,000 against 0 of 2,000." in groups


def test_groups_are_higher_or_lower() -> None:
    goals = "macro: {purchase: /thanks}\nmicro: {a: /a, b: /b}\n"
    one = side(goals, Side("device=desktop", NOW.begin, NOW.end), 2_000, {"purchase": 100, "a": 900, "b": 1_900})
    other = side(goals, Side("device=mobile", NOW.begin, NOW.end), 2_000, {"purchase": 200, "a": 700, "b": 1_900})
    comparison = report(pair(goals, one, other, in_both=0))
    assert comparison.frame.filter(what="goal")["verdict"].to_list() == ["higher", "lower", "differs by less than 10%"]
    text = " ".join(drawn(comparison).split())
    assert "A is 22% lower with device=mobile (between 14% and 30%). Purchase is 100% higher with device=mobile (between 60% and 140%)." in text
