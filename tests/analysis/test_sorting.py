"""`--sort`: rows are sorted by a column, ties keep their order, missing values come last; unknown columns are reported before a log is read."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import runs
from places import DATA

import convkit
from convkit.analysis import sorting
from convkit.analysis import tallies as analysis_tallies
from convkit.core import plugins
from convkit.engine.plan import columns_of, session_fields
from convkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from runs import Analyzed

    from convkit.core.document import Document, Tallies

CASES = [(report, column.name) for report in plugins.names("reports") for column in plugins.load("reports", report).COLUMNS]


@cache
def tallied() -> tuple[Analyzed, Tallies]:
    """Return the analysis of the small log and the unsorted tallies of all reports."""
    fields = session_fields(plugins.names("reports"))
    analyzed = runs.analyzed([DATA / "by_hand.log"], convkit.load_goals(DATA / "by_hand.yaml"), fields=fields)
    return analyzed, analysis_tallies.tally(analyzed.run.analysis, plugins.names("reports"))


@cache
def by_hand(report: str, sort: str | None = None) -> Document:
    """Return a report on the small log."""
    analyzed, tallies = tallied()
    order = None if sort is None else sorting.parse_sorting(sort, columns_of([report]))
    return runs.finish(analyzed, {report: tallies[report]}, sort=order)


def under(title: str, text: str) -> list[str]:
    """Return a section of a screen: its heading and its lines."""
    lines = text.splitlines()
    start = next(number for number, text_line in enumerate(lines) if text_line.startswith(title))
    return [*lines[start:], ""][: [*lines[start:], ""].index("")]


def rows(document: Document, report: str) -> list[tuple[Any, ...]]:
    """Return the rows of a report."""
    return document.reports[report].frame.rows()


@pytest.mark.parametrize(("report", "column"), CASES)
@pytest.mark.parametrize("direction", [":asc", ":desc"])
def test_rows_are_sorted_by_the_column_and_ties_keep_their_order(report: str, column: str, direction: str) -> None:
    position = [spec.name for spec in plugins.load("reports", report).COLUMNS].index(column)
    unsorted = rows(by_hand(report), report)
    with_value = [row for row in unsorted if row[position] is not None]
    # Python's sort keeps the order of ties in both directions.
    expected = sorted(with_value, key=lambda row: row[position], reverse=direction != ":asc")
    assert rows(by_hand(report, f"{column}{direction}"), report) == expected + [row for row in unsorted if row[position] is None]


def test_the_largest_comes_first_unless_the_direction_says_otherwise() -> None:
    columns = columns_of(["pages"])
    assert sorting.parse_sorting("exits", columns) == sorting.parse_sorting("exits:desc", columns) != sorting.parse_sorting("exits:asc", columns)


def test_there_is_something_to_sort() -> None:
    """Otherwise, the tests would pass with any order."""
    assert {report for report, _ in CASES if len(rows(by_hand(report), report)) >= 4} >= {"goals", "funnel", "drop-off", "pages", "sessions", "hits"}
    assert {value is None for value in by_hand("goals").reports["goals"].frame["value"]} == {True, False}


def test_the_landing_page_report() -> None:
    heading, _, *shown = under("PAGES", runs.render(runs.sample("pages", sort="landings"), width=80, limit=5))
    assert heading == "PAGES  by landings; 5 of 34 pages"
    shown_pages = [row.split()[0] for row in shown]
    csv_rows = list(csv.DictReader(io.StringIO(str(runs.render(runs.sample("pages", sort="landings"), "csv")))))
    assert shown_pages == [row["page"] for row in csv_rows[:5]]
    landings = [int(row["landings"]) for row in csv_rows]
    assert landings == sorted(landings, reverse=True)
    assert under("PAGES", runs.render(runs.sample("pages", sort="landings:asc")))[0].startswith("PAGES  by landings, smallest first; ")
    assert under("PAGES", runs.render(runs.sample("pages")))[0].startswith("PAGES  most exits without a conversion first")


@pytest.mark.parametrize("report", ["sessions", "hits"])
def test_headings_show_the_order(report: str) -> None:
    assert f"one row per {report[:-1]}, by value; 20 of " in runs.render(runs.sample(report, sort="value"), width=120)


def test_the_sorted_column_is_on_the_screen() -> None:
    """If not all columns fit, others are left out instead."""
    for column in ("exit", "value", "pages"):
        assert column in under("SESSIONS", runs.render(runs.sample("sessions", sort=column), width=80))[1].split()
    assert "kind" in under("HITS", runs.render(runs.sample("hits", sort="kind"), width=80))[1].split()
    assert "exit" not in under("SESSIONS", runs.render(runs.sample("sessions"), width=80))[1].split()


def test_all_outputs_are_sorted() -> None:
    document = runs.sample("goals", sort="median_seconds")
    sorted_goals = [row["goal"] for row in json.loads(runs.render(document, "json"))["reports"]["goals"]]
    assert sorted_goals != [row[0] for row in rows(runs.sample("goals"), "goals")]
    assert [row.partition(",")[0] for row in str(runs.render(document, "csv")).splitlines()[1:]] == sorted_goals
    assert [row.split()[0] for row in under("GOALS", runs.render(document, width=120))[2:]] == sorted_goals


def test_only_reports_that_have_the_column_are_sorted() -> None:
    unsorted, document = runs.sample(), runs.sample(sort="landings")
    changed = {name for name in unsorted.reports if rows(unsorted, name) != rows(document, name)}
    assert changed == {"pages"}
    assert document.findings == unsorted.findings
    assert document.notes == unsorted.notes


def test_findings_do_not_depend_on_the_order() -> None:
    assert runs.sample(sort="rate:asc").findings == runs.sample(sort="step").findings == runs.sample().findings


@pytest.mark.parametrize("width", [80, 120])
def test_a_funnel_keeps_its_steps_on_the_screen(width: int) -> None:
    assert rows(runs.sample("funnel"), "funnel") != rows(runs.sample("funnel", sort="reached:asc"), "funnel")
    assert runs.render(runs.sample("funnel", sort="reached:asc"), width=width) == runs.render(runs.sample("funnel"), width=width)


@pytest.mark.parametrize("width", [80, 120])
def test_drop_off_is_sorted_within_its_steps(width: int) -> None:
    unsorted, by_dropped = (runs.render(runs.sample("drop-off", sort=sort), width=width, limit=0) for sort in (None, "dropped:asc"))
    assert sorted(unsorted.split()) == sorted(by_dropped.split())
    assert unsorted != by_dropped
    headings = [[text for text in screen.splitlines() if "→" in text or text.startswith("DROP-OFF")] for screen in (unsorted, by_dropped)]
    assert headings[0] == headings[1]


@pytest.mark.parametrize(
    ("reports", "sort", "message"),
    [
        (
            ["pages"],
            "landing",
            "--sort landing: unknown column 'landing'; did you mean 'landings'? Columns of pages: page, sessions, pageviews, landings,",
        ),
        (["pages"], "", "--sort : unknown column ''. Columns of pages: page,"),
        (["goals"], "landings", "--sort landings: unknown column 'landings'. Columns of goals: goal, type,"),
        (None, "landing", "--sort landing: unknown column 'landing'; did you mean 'landings'? Columns: sessions, visitors,"),
        (["pages"], "exits:up", "--sort exits:up: use exits for largest first, or exits:asc for smallest first"),
        (["pages"], "exits:", "--sort exits:: use exits"),
    ],
)
def test_mistakes_are_reported_with_the_fix_before_a_log_is_read(reports: list[str] | None, sort: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        runs.document([tmp_path / "missing.log"], reports, sort=sort)
    assert str(raised.value).startswith(message)
    assert raised.value.exit_code == ExitCode.USAGE
