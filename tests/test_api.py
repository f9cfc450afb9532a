"""The Python API: its keywords are the command-line options, and a result holds the same tables as the output files."""

from __future__ import annotations

import copy
import csv
import io
import subprocess
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from places import EXAMPLE_GOALS, ROOT, SAMPLE

import convkit
from convkit.api import CompareKeywords, Keywords
from convkit.core.options import CompareOptions, Options
from convkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture(scope="module")
def result() -> convkit.Result:
    return convkit.report(SAMPLE, goals=EXAMPLE_GOALS)


def test_only_public_names_are_visible() -> None:
    process = subprocess.run([sys.executable, "-c", "import convkit; print(dir(convkit))"], capture_output=True, text=True, check=True, cwd=ROOT)
    names = ["Result", "__version__", "compare", "load_goals", "read_hits", "read_records", "read_sessions", "report"]
    assert process.stdout == f"{names}\n"
    assert all(callable(getattr(convkit, name)) for name in names if name != "__version__")


@pytest.mark.parametrize(("keywords", "options"), [(Keywords, Options), (CompareKeywords, CompareOptions)])
def test_keywords_are_the_options(keywords: Any, options: type[Options]) -> None:  # noqa: ANN401 (a TypedDict's type)
    assert set(keywords.__annotations__) == {option.name for option in fields(options)}


def test_every_report_is_an_attribute_and_an_item(result: convkit.Result) -> None:
    assert result.names == ("overview", "goals", "funnel", "drop-off", "pages")
    for name in result.names:
        assert result[name] is getattr(result, name.replace("-", "_"))
        assert name.replace("-", "_") in dir(result)
    assert result.drop_off.equals(result["drop-off"])


def test_frames_have_the_columns_and_rows_of_the_csv(result: convkit.Result, convkit_command: Run) -> None:
    rows = list(csv.reader(io.StringIO(convkit_command("goals", str(SAMPLE), "-g", str(EXAMPLE_GOALS), "-f", "csv")[1])))
    assert result.goals.columns == rows[0]
    assert result.goals["goal"].to_list() == [row[0] for row in rows[1:]]
    assert sum(number for fate, number in result.input.items() if fate != "lines") == result.input["lines"]
    assert (result.period.timezone, result.warnings, result.rejects) == ("Europe/Berlin", (), None)
    assert result.findings
    assert {note.code for note in result.notes}


def test_a_result_shows_its_screen(result: convkit.Result) -> None:
    assert str(result) == result.render("table")
    assert repr(result) == "<convkit.Result 2026-10-01 to 2026-10-31: overview, goals, funnel, drop-off, pages>"
    page = result._repr_html_()
    assert page.startswith("<pre>access.log.gz")
    assert "<" not in page.removeprefix("<pre>").removesuffix("</pre>")


def test_a_verbose_run_shows_definitions() -> None:
    verbose = convkit.report(SAMPLE, goals=EXAMPLE_GOALS, verbose=True)
    assert str(verbose) == verbose.render(verbose=True) != verbose.render(verbose=False)
    assert "convkit help definitions." in str(verbose)


def test_an_unknown_report_name_lists_the_valid_ones(result: convkit.Result) -> None:
    with pytest.raises(AttributeError, match="no report 'goal'; did you mean 'goals'\\? Reports: overview, goals, funnel, drop_off, pages"):
        _ = result.goal
    with pytest.raises(KeyError, match="no report 'goal'"):
        _ = result["goal"]
    assert copy.copy(result).names == result.names


def test_files_equal_those_of_the_command_line(result: convkit.Result, tmp_path: Path, convkit_command: Run) -> None:
    result.write(tmp_path / "made")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["drop-off.csv", "funnel.csv", "goals.csv", "overview.csv", "pages.csv"]
    result.write(tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == result.render("markdown")
    assert convkit_command("pages", str(SAMPLE), "-g", str(EXAMPLE_GOALS), "-o", str(tmp_path / "pages.csv"))[0] == 0
    assert (tmp_path / "pages.csv").read_bytes() == (tmp_path / "made" / "pages.csv").read_bytes()
    with pytest.raises(UsageError, match=r"has no known file extension; use .csv, "):
        result.write(tmp_path / "report.docx")


def test_reports_are_named_in_a_list() -> None:
    with pytest.raises(UsageError, match=r"pass a list, like reports=\['goals'\]"):
        convkit.report(SAMPLE, "goals")
    with pytest.raises(UsageError, match="settings change a goals file"):
        convkit.report(SAMPLE, ["goals"], goals=convkit.load_goals(EXAMPLE_GOALS), settings=["currency=USD"])
    with pytest.raises(TypeError, match="unexpected keyword argument 'untill'"):
        convkit.report(SAMPLE, ["goals"], untill="2026-10-01")  # type: ignore[call-arg]


def test_a_breakdown_and_a_comparison_are_results() -> None:
    broken_down = convkit.report(SAMPLE, ["channels"], goals=EXAMPLE_GOALS, by="device")
    assert broken_down.channels.columns[:2] == ["device", "channel"]
    compared = convkit.compare(SAMPLE, goals=EXAMPLE_GOALS, where=["device=mobile"], against="device=desktop")
    assert compared.names == ("compare",)
    assert {"what", "item", "before", "now", "verdict"} <= set(compared.compare.columns)


def test_sessions_and_hits_agree_with_the_reports(result: convkit.Result) -> None:
    sessions = convkit.read_sessions(SAMPLE, goals=EXAMPLE_GOALS).collect()
    assert sessions.height == result.overview["sessions"].item()
    assert sessions["goal:purchase"].sum() == result.goals.filter(goal="purchase")["reached"].item()
    assert sessions["started"].is_sorted()
    last_week = convkit.read_sessions(SAMPLE, goals=EXAMPLE_GOALS, last="7d", where=["device=mobile"]).collect()
    few = convkit.report(SAMPLE, ["overview"], goals=EXAMPLE_GOALS, last="7d", where=["device=mobile"])
    assert last_week.height == few.overview["sessions"].item()
    hits = convkit.read_hits(SAMPLE, goals=EXAMPLE_GOALS)
    assert hits.select(pl.col("names:purchase").sum()).collect().item() >= sessions["goal:purchase"].sum()
    assert convkit.read_records(SAMPLE).select(pl.len()).collect().item() > hits.select(pl.len()).collect().item()
