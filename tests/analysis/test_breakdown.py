"""`--by KEY`: the figures for a value come only from its own sessions (checked against the model, `--where` and periods), in files and on screens."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import assume, given
from hypothesis import strategies as st
from model.brute_force import analyze, figures_of
from model.comparing import additive, figures_in, first_difference
from model.lines import CHROME
from model.streams import Example, examples, to_yaml
from places import EXAMPLE_GOALS, SAMPLE
from profiles import share_of_examples
from small_logs import line, written

from convkit.analysis.breakdown import KEYS, NO_VALUE, PERIODS
from convkit.analysis.breakdown_screen import shortened
from convkit.core import plugins
from convkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from model.brute_force import Model

    from convkit.core.document import Document


REPORTS = tuple(name for name in plugins.names("reports") if hasattr(plugins.load("reports", name), "BREAKDOWN"))
PHONE = CHROME.replace("10.0; Win64; x64", "compatible; Windows Phone 10.0")
"""A mobile user agent that still contains the words that identify Chrome in the example goals files."""
GOALS = "macro: {sale: /sale}\nmicro: {cart: /cart}\nfunnels: {shop: [cart, sale]}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose files each example overwrites."""
    return tmp_path_factory.mktemp("by")


def values_of(model: Model, number: int, key: str) -> list[str]:
    """Return the values that a session has for a key, according to the model."""
    session = model.sessions[number]
    started = datetime.fromtimestamp(session.started, tz=UTC)
    year, week, _ = started.isocalendar()
    shown = model.goals.site.shown
    reached = [name for name in model.goals.goals if model.of(name)[number]]
    return {
        "day": [f"{started:%Y-%m-%d}"],
        "week": [f"{year}-W{week:02}"],
        "month": [f"{started:%Y-%m}"],
        "landing": [shown(page.path) for page in session.pages[:1]] or [NO_VALUE],
        "exit": [shown(page.path) for page in session.pages[-1:]] or [NO_VALUE],
        "host": [NO_VALUE],
        "country": [NO_VALUE],
        "visit": [("1", "2", "3+")[min(sum(other.visitor == session.visitor for other in model.sessions[:number]), 2)]],
        "browser": ["chrome" if CHROME in session.interactions[0].browser else "firefox"],
        "device": ["mobile" if CHROME in session.interactions[0].browser else "desktop"],
        "goal": reached or [NO_VALUE],
        **{name: [value] for name, value in model.origins[number]._asdict().items()},
    }[key]


def parts_of(document: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each value with its rows, as if they were a separate report."""
    split = {name: rows for name, rows in document["reports"].items() if name != "trend"}
    column = {name: next(iter(rows[0])) for name, rows in split.items() if rows}
    assert all(name in {key, f"by_{key}"} for name in column.values())
    for value in dict.fromkeys(row[column[name]] for name, rows in split.items() for row in rows):
        rows = {name: [dict(list(row.items())[1:]) for row in of if row[column[name]] == value] for name, of in split.items()}
        yield value, {"input": {"bot_by_reason": {}}, "reports": rows}


def figures(part: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    """Return the figures for a value, except line counts, which are not split by value, and `more`, which depends on the tests for all values."""
    return {place: figure for place, figure in figures_in(part).items() if place[0] != "input" and place[-1] != "more"}


@share_of_examples(0.06)
@given(example=st.one_of(examples(), examples(with_users=True)), key=st.sampled_from(sorted(KEYS)))
def test_figures_of_a_value_equal_those_of_the_model(example: Example, key: str, folder: Path) -> None:
    # The model does not know the devices and browsers of bots that are kept.
    assume(key not in {"device", "browser"} or not example.goals.site.bots_kept)
    log, goals = folder / "access.log", folder / "goals.yaml"
    written(log, [text.replace(CHROME, PHONE) for text in example.stream.lines])
    goals.write_text(to_yaml(example.goals), encoding="utf-8")
    document = json.loads(runs.render(runs.document([log], list(REPORTS), goals, by=key), "json"))
    hits = list(example.stream.hits)
    model = analyze(hits, example.goals)
    expected = {value for number in model.shown for value in values_of(model, number, key)}
    parts = dict(parts_of(document, key))
    assert expected <= set(parts)
    for value, part in parts.items():

        def where(model: Model, number: int, value: str = value) -> bool:
            return value in values_of(model, number, key)

        figures_of_model = {
            place: figure for place, figure in figures_of(hits, example.goals, where=where, channels=True).items() if place[0] in REPORTS
        }
        difference = first_difference(figures_of_model, figures(part))
        assert difference is None, f"{key} {value} {example!r}\n{difference}"
    if key != "goal":
        whole = additive(figures_in(json.loads(runs.render(runs.document([log], list(REPORTS), goals), "json"))))
        total: Counter[tuple[str, ...]] = Counter()
        for part in parts.values():
            total.update(additive(figures_in(part)))
        assert dict(total) == whole, f"{key} {example!r}"


@cache
def sample(by: str | None, **options: str) -> dict[str, Any]:
    """Return the reports on the sample log."""
    where = [options.pop("where")] if "where" in options else []
    document = runs.document([SAMPLE], list(REPORTS), EXAMPLE_GOALS, by=by, where=where, **options)
    reports: dict[str, Any] = json.loads(runs.render(document, "json"))
    return reports


@pytest.mark.parametrize(
    ("key", "value", "options"),
    [
        ("day", "2026-10-25", {"since": "2026-10-25", "until": "2026-10-25"}),
        ("landing", "/blog/*", {"where": "landing=/blog/*"}),
        ("goal", "cart", {"where": "goal=cart"}),
        pytest.param("device", "mobile", {"where": "device=mobile"}, marks=pytest.mark.slow),
        pytest.param("channel", "Organic Search", {"where": "channel=Organic Search"}, marks=pytest.mark.slow),
        pytest.param("campaign", "(none)", {"where": "campaign=(none)"}, marks=pytest.mark.slow),
    ],
)
def test_rows_of_a_value_equal_those_of_a_filtered_run(key: str, value: str, options: dict[str, str]) -> None:
    """In every report, the rows and their order are the same as in a run on these sessions alone."""
    part, filtered = dict(parts_of(sample(key), key))[value], sample(None, **options)
    for rows in (*part["reports"].values(), *filtered["reports"].values()):
        for row in rows:
            row.pop("more", None)
    # Goals that these sessions never reached are listed too, sorted by name, and so are steps that nobody reached.
    assert part["reports"] == filtered["reports"]


@cache
def document(by: str | None = None, report: str | None = None, sort: str | None = None) -> Document:
    """Return a report on the sample log, by default the whole report."""
    return runs.sample(report, by=by, sort=sort)


def run(folder: Path, lines: list[str], by: str, *reports: str, goals: str = GOALS, **options: str) -> Document:
    """Return reports on some lines."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    return runs.document([written(folder / "access.log", lines)], reports or None, folder / "goals.yaml", by=by, **options)


def table(report: Document) -> list[list[str]]:
    """Return the rows of a report as CSV, header first."""
    return list(csv.reader(io.StringIO(str(runs.render(report, "csv")))))


DAY = 86_400
WALKS = [
    *(line(f"GET {path}", 60 * place) for place, path in enumerate(("/a", "/cart", "/sale"))),
    *(line(f"GET {path}", 3 * DAY + 60 * place, who="198.51.100.2 - -") for place, path in enumerate(("/b", "/cart"))),
    line("GET /b", 3 * DAY, who="198.51.100.3 - -"),
]


def test_days_without_sessions_have_zeros(tmp_path: Path) -> None:
    """Reports with the same rows for every value show zeros; pages and drop-off simply have no rows for the day."""
    rows = table(run(tmp_path, WALKS, "day", "overview"))
    assert rows[0] == ["day", "metric", "value"]
    assert [row[::2] for row in rows if row[1] == "sessions"] == [["2026-10-10", "1"], ["2026-10-11", "0"], ["2026-10-12", "0"], ["2026-10-13", "2"]]
    assert ["2026-10-11", "bounce_rate", ""] in rows
    goals = table(run(tmp_path, WALKS, "day", "goals"))
    assert [row[:3] for row in goals if row[1] == "cart"] == [
        ["2026-10-10", "cart", "micro"],
        ["2026-10-11", "cart", "micro"],
        ["2026-10-12", "cart", "micro"],
        ["2026-10-13", "cart", "micro"],
    ]
    assert {row[0] for row in table(run(tmp_path, WALKS, "day", "pages"))[1:]} == {"2026-10-10", "2026-10-13"}
    overview = table(run(tmp_path, WALKS, "day", "overview", since="2026-10-09", until="2026-10-10"))
    assert [row[::2] for row in overview if row[1] == "sessions"] == [["2026-10-09", "0"], ["2026-10-10", "1"]]


def test_days_are_in_the_site_s_time_zone_and_weeks_are_iso(tmp_path: Path) -> None:
    lines = [line("GET /a", 11 * 3600 + 1800), line("GET /b", 12 * 3600, who="198.51.100.2 - -")]
    values = {
        zone: [row[0] for row in table(run(tmp_path, lines, "day", "pages", goals=f"site: {{timezone: {zone}}}\n{GOALS}"))[1:]]
        for zone in ("UTC", "Asia/Tokyo")
    }
    assert values == {"UTC": ["2026-10-10", "2026-10-11"], "Asia/Tokyo": ["2026-10-11", "2026-10-11"]}
    # 1 January 2027 is a Friday and belongs to the last week of 2026.
    turn = [line("GET /a", 83 * DAY), line("GET /a", 86 * DAY)]
    assert [row[0] for row in table(run(tmp_path, turn, "week", "pages"))[1:]] == ["2026-W53", "2027-W01"]
    assert [row[0] for row in table(run(tmp_path, turn, "month", "pages"))[1:]] == ["2027-01"]


def test_the_host_of_a_session_is_that_of_its_first_interaction(tmp_path: Path) -> None:
    lines = [f"blog.example {line('GET /a', 0, 302)}", f"shop.example {line('GET /a', 1)}", f"blog.example {line('GET /b', 2)}"]
    assert [row for row in table(run(tmp_path, lines, "host", "overview")) if row[1] == "pageviews"] == [["shop.example", "pageviews", "2"]]
    assert {row[0] for row in table(run(tmp_path, WALKS, "host", "goals"))[1:]} == {NO_VALUE}


def test_sessions_that_reached_several_goals_are_counted_in_several_rows(tmp_path: Path) -> None:
    report = run(tmp_path, WALKS, "goal", "overview")
    assert [row[::2] for row in table(report) if row[1] == "sessions"] == [["cart", "2"], [NO_VALUE, "1"], ["sale", "1"]]
    assert "Sessions that reached several goals are counted in several rows." in runs.render(report)
    assert "several rows" not in runs.render(run(tmp_path, WALKS, "landing", "overview"))


def test_a_report_s_own_column_keeps_its_name(tmp_path: Path) -> None:
    assert table(run(tmp_path, WALKS, "goal", "goals"))[0][:3] == ["by_goal", "goal", "type"]
    assert table(run(tmp_path, WALKS, "landing", "goals"))[0][:3] == ["landing", "goal", "type"]


def test_values_are_sorted_by_sessions_then_by_name(tmp_path: Path) -> None:
    lines = [line(f"GET /{path}", number, who=f"198.51.100.{number} - -") for number, path in enumerate("cbbaad")]
    assert [row[0] for row in table(run(tmp_path, lines, "landing", "pages"))[1:]] == ["/a", "/b", "/c", "/d"]


@pytest.mark.parametrize("key", ["week", "device"])
def test_files_contain_all_values_in_the_first_column(key: str) -> None:
    """The value is in the first column of every output, including the tidy table."""
    whole = document(key)
    of_csv = [(row[0], row[1].partition(" / ")[0]) for row in table(whole)[1:]]
    reports = json.loads(runs.render(whole, "json"))["reports"]
    reports = {name: rows for name, rows in reports.items() if name in whole.reports}
    assert of_csv == [(name, next(iter(row.values()))) for name, rows in reports.items() for row in rows for _ in range(tidy_rows_per_row(name))]
    pages = document(key, "pages")
    frame = pl.read_parquet(io.BytesIO(bytes(runs.render(pages, "parquet"))))  # type: ignore[arg-type]
    rows = table(pages)
    assert (frame.columns, frame[key].to_list()) == (rows[0], [row[0] for row in rows[1:]])
    assert rows[0][0] == key


def tidy_rows_per_row(report: str) -> int:
    """Return how many rows of the tidy table correspond to one row of JSON."""
    weekly = document("week").reports[report]
    return 1 if weekly.metrics else len(weekly.columns) - len(weekly.naming)


def test_markdown_has_one_column_per_figure(tmp_path: Path) -> None:
    text = str(runs.render(run(tmp_path, WALKS, "landing", "overview"), "markdown"))
    assert "| landing | sessions | visitors |" in text
    assert "| /b | 2 | 2 | 3 |" in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("key", ["day", "landing", "goal"])
def test_screens_fit(key: str, width: int) -> None:
    for limit in (None, 0):
        text = str(runs.render(document(key), width=width, limit=limit))
        assert max(map(len, text.splitlines())) <= width


def section(title: str, text: object) -> list[str]:
    """Return a section of a screen: its heading and the lines up to the next blank line."""
    lines = [*str(text).splitlines(), ""]
    start = next(number for number, text_line in enumerate(lines) if text_line.startswith(title))
    return lines[start : lines.index("", start)]


def test_small_values_are_added_up_on_a_screen(tmp_path: Path) -> None:
    """Medians and rates of `(other)` come from its own sessions; visitors cannot be summed."""
    lines = [line("GET /a", number, who=f"198.51.100.{number} - -") for number in range(3)]
    lines += [line("GET /b", 10 + place * 20, who="198.51.100.9 - -") for place in range(2)]
    lines += [line("GET /c", 10 + place * 40, who="198.51.100.8 - -") for place in range(2)]
    screen = section("  by landing", runs.render(run(tmp_path, lines, "landing", "overview"), limit=1))
    assert [row.split()[:5] for row in screen[1:]] == [["/a", "3", "3", "3", "–"], ["(other)", "2", "–", "4", "30s"]]
    goals = section("GOALS", runs.render(run(tmp_path, WALKS, "landing", "goals"), limit=1))
    assert goals[1].split() == ["all", "/b", "(other)"]
    assert goals[2].split() == ["sessions", "3", "2", "1"]
    every = section("GOALS", runs.render(run(tmp_path, WALKS, "landing", "goals"), limit=0))
    assert every[1].split() == ["all", "/b", "/a"]


def test_many_values_take_several_grids() -> None:
    """No value is squeezed or left out; long names keep their beginning and end."""
    text = runs.render(document("landing", "goals"), width=80, limit=0)
    values = {shortened(row[0], 18) for row in table(document("landing", "goals"))[1:]}
    assert {word for text_line in str(text).splitlines() if text_line.startswith("   ") for word in text_line.split()} >= values
    assert str(text).count("  sessions  ") == 2


def test_many_periods_are_shown_as_a_sparkline() -> None:
    rows = section("GOALS", runs.render(document("day", "goals"), width=80))
    assert rows[1].split() == ["all", "2026-10-01", "…", "2026-10-31", "last"]
    for row in rows[2:]:
        assert len(row.split()[-2]) == 31, row
    weeks = section("GOALS", runs.render(document("week", "goals"), width=120))
    assert weeks[1].split() == ["all", *(f"2026-W{number}" for number in range(40, 44)), "2026-W44*"]


def test_the_last_periods_are_shown(tmp_path: Path) -> None:
    lines = [line("GET /cart", day * DAY) for day in range(70)]
    report = run(tmp_path, lines, "day", "goals")
    assert "█" * 60 in runs.render(report, width=120)
    assert "The last 60 of 70 days." in runs.render(report, width=120)
    assert "The last 31 of 70 days." in runs.render(run(tmp_path, lines, "day", "overview"), width=120)


def test_text_from_a_log_is_harmless_as_a_value(tmp_path: Path) -> None:
    lines = [line("GET /%1b[31m%e2%80%aered", 0), line("GET /" + "x" * 300, 1, who="198.51.100.2 - -")]
    for report in ("overview", "goals", "pages"):
        text = str(runs.render(run(tmp_path, lines, "landing", report, goals="macro: {sale: '/x**'}\n"), width=80))
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert max(map(len, text.splitlines())) <= 80


OF_PERIODS = {"unfinished", "annotation", "trend"}
"""Notes that appear only in reports by day, week or month."""


def test_notes_and_findings_are_about_the_whole_report() -> None:
    plain = document()
    for key in ("day", "device"):
        assert [note for note in document(key).notes if note.code not in OF_PERIODS] == list(plain.notes)
        assert document(key).findings == plain.findings


def test_rows_can_be_sorted_by_the_key_too() -> None:
    pages = document("device", "pages", "device:asc")
    assert pages.reports["pages"].frame["device"].is_sorted()
    exits = document("device", "pages", "exits").reports["pages"].frame["exits"]
    assert exits.is_sorted(descending=True)


@pytest.mark.parametrize("report", ["sessions", "hits"])
def test_reports_of_single_sessions_and_hits_are_not_split(report: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"^--by day: {report} cannot be broken down; select some of its sessions with --where"):
        runs.document([tmp_path / "missing.log"], [report], by="day")


def test_an_unknown_key_is_reported_before_a_log_is_read(tmp_path: Path) -> None:
    keys = "day, week, month, landing, exit, host, device, browser, country, visit, source, medium, campaign, channel, goal, prop.NAME"
    with pytest.raises(UsageError, match=rf"^unknown key 'dya' for --by; did you mean 'day'\? Keys: {keys}$"):
        runs.document([tmp_path / "missing.log"], ["pages"], by="dya")


def test_goals_that_do_not_fit_are_counted() -> None:
    """They are not combined into `(other)`, because a session may reach several goals."""
    text = str(runs.render(document("goal", "pages"), width=120))
    assert "(other)" not in text
    assert "  12 more goals: --limit 0." in text


def test_an_empty_log_has_no_values(tmp_path: Path) -> None:
    for key in ("day", "device"):
        report = run(tmp_path, [], key)
        assert table(report)[1:] == []
        assert "Sessions" in runs.render(report, width=80)


def test_a_log_without_sessions_has_no_values(tmp_path: Path) -> None:
    for key in ("month", "exit", "goal"):
        report = run(tmp_path, [line("GET /gone", 0, 500)], key)
        assert runs.render(report, width=80)
        expected = 1 if key in PERIODS else 0
        assert len({row[1].partition(" / ")[0] for row in table(report)[1:]}) == expected
