"""`--sort`: rows by a column, ties as they were, missing values last, on a screen as in files; an unknown column is reported before a log is read."""

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
    """Return the analysis of the small log and the tallies of all reports, which sorting starts from."""
    fields = session_fields(plugins.names("reports"))
    done = runs.analyzed([DATA / "by_hand.log"], convkit.load_goals(DATA / "by_hand.yaml"), fields=fields)
    return done, analysis_tallies.tally(done.run.analysis, plugins.names("reports"))


@cache
def by_hand(report: str, sort: str | None = None) -> Document:
    """Return a report on the small log."""
    done, tallies = tallied()
    order = None if sort is None else sorting.parse_sorting(sort, columns_of([report]))
    return runs.finish(done, {report: tallies[report]}, sort=order)


def under(title: str, text: str) -> list[str]:
    """Return a heading of a screen and the lines that belong to it."""
    lines = text.splitlines()
    begins = next(number for number, found in enumerate(lines) if found.startswith(title))
    return [*lines[begins:], ""][: [*lines[begins:], ""].index("")]


def rows(document: Document, report: str) -> list[tuple[Any, ...]]:
    """Return the rows of a report."""
    return document.reports[report].frame.rows()


@pytest.mark.parametrize(("report", "column"), CASES)
@pytest.mark.parametrize("direction", ["", ":asc", ":desc"])
def test_rows_are_by_the_column_and_ties_as_they_were(report: str, column: str, direction: str) -> None:
    place = [one.name for one in plugins.load("reports", report).COLUMNS].index(column)
    plain = rows(by_hand(report), report)
    known = [row for row in plain if row[place] is not None]
    # Python keeps ties as they were, in both directions.
    expected = sorted(known, key=lambda row: row[place], reverse=direction != ":asc")
    assert rows(by_hand(report, f"{column}{direction}"), report) == expected + [row for row in plain if row[place] is None]


def test_there_is_something_to_sort() -> None:
    """Else any order would do."""
    assert {report for report, _ in CASES if len(rows(by_hand(report), report)) >= 4} >= {"goals", "funnel", "drop-off", "pages", "sessions", "hits"}
    assert {value is None for value in by_hand("goals").reports["goals"].frame["value"]} == {True, False}


def test_the_landing_page_report() -> None:
    heading, _, *shown = under("PAGES", runs.render(runs.sample("pages", sort="landings"), width=80, limit=5))
    assert heading == "PAGES  by landings; 5 of 34 pages"
    told = [row.split()[0] for row in shown]
    made = list(csv.DictReader(io.StringIO(str(runs.render(runs.sample("pages", sort="landings"), "csv")))))
    assert told == [row["page"] for row in made[:5]]
    landings = [int(row["landings"]) for row in made]
    assert landings == sorted(landings, reverse=True)
    assert under("PAGES", runs.render(runs.sample("pages", sort="landings:asc")))[0].startswith("PAGES  by landings, smallest first; ")
    assert under("PAGES", runs.render(runs.sample("pages")))[0].startswith("PAGES  most exits without a conversion first")


@pytest.mark.parametrize("report", ["sessions", "hits"])
def test_headings_say_the_order(report: str) -> None:
    assert f"one row per {report[:-1]}, by value; 20 of " in runs.render(runs.sample(report, sort="value"), width=120)


def test_the_column_of_the_order_is_on_the_screen() -> None:
    """Where not all fit, others are left out."""
    for column in ("exit", "value", "pages"):
        assert column in under("SESSIONS", runs.render(runs.sample("sessions", sort=column), width=80))[1].split()
    assert "kind" in under("HITS", runs.render(runs.sample("hits", sort="kind"), width=80))[1].split()
    assert "exit" not in under("SESSIONS", runs.render(runs.sample("sessions"), width=80))[1].split()


def test_all_outputs_have_the_order() -> None:
    document = runs.sample("goals", sort="median_seconds")
    told = [row["goal"] for row in json.loads(runs.render(document, "json"))["reports"]["goals"]]
    assert told != [row[0] for row in rows(runs.sample("goals"), "goals")]
    assert [row.partition(",")[0] for row in str(runs.render(document, "csv")).splitlines()[1:]] == told
    assert [row.split()[0] for row in under("GOALS", runs.render(document, width=120))[2:]] == told


def test_in_several_reports_those_that_have_the_column_are_sorted() -> None:
    plain, document = runs.sample(), runs.sample(sort="landings")
    changed = {name for name in plain.reports if rows(plain, name) != rows(document, name)}
    assert changed == {"pages"}
    assert document.findings == plain.findings
    assert document.notes == plain.notes


def test_findings_are_made_of_reports_in_their_own_order() -> None:
    assert runs.sample(sort="rate:asc").findings == runs.sample(sort="step").findings == runs.sample().findings


@pytest.mark.parametrize("width", [80, 120])
def test_a_funnel_keeps_its_steps_on_the_screen(width: int) -> None:
    assert rows(runs.sample("funnel"), "funnel") != rows(runs.sample("funnel", sort="reached:asc"), "funnel")
    assert runs.render(runs.sample("funnel", sort="reached:asc"), width=width) == runs.render(runs.sample("funnel"), width=width)


@pytest.mark.parametrize("width", [80, 120])
def test_drop_off_is_sorted_within_its_steps(width: int) -> None:
    plain, other = (runs.render(runs.sample("drop-off", sort=sort), width=width, limit=0) for sort in (None, "dropped:asc"))
    assert sorted(plain.split()) == sorted(other.split())
    assert plain != other
    headings = [[text for text in found.splitlines() if "→" in text or text.startswith("DROP-OFF")] for found in (plain, other)]
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
def test_mistakes_say_the_fix_before_a_log_is_read(reports: list[str] | None, sort: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        runs.document([tmp_path / "missing.log"], reports, sort=sort)
    assert str(raised.value).startswith(message)
    assert raised.value.exit_code == ExitCode.USAGE
