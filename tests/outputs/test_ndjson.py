"""NDJSON for line-by-line tools: the rows of the JSON output, each beginning with the name of its report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import line, written

from convkit.core import plugins

if TYPE_CHECKING:
    from pathlib import Path

REPORTS = plugins.names("reports")


def rows(text: str) -> list[dict[str, Any]]:
    """Return the objects in the lines of an output."""
    assert text == "" or text.endswith("\n")
    return [json.loads(row) for row in text.split("\n")[:-1]]


@pytest.mark.parametrize("report", [None, *REPORTS])
def test_the_rows_equal_those_in_json(report: str | None) -> None:
    document = runs.sample_report(report)
    json_reports = json.loads(runs.render(document, "json"))["reports"]
    assert rows(runs.render(document, "ndjson")) == [{"report": name} | row for name, rows_of in json_reports.items() for row in rows_of]


@pytest.mark.parametrize("report", REPORTS)
def test_the_keys_are_the_report_then_its_columns(report: str) -> None:
    names = [column.name for column in plugins.load("reports", report).COLUMNS]
    objects = rows(runs.render(runs.sample_report(report), "ndjson"))
    expected = ["report", "metric", "value"] if report == "overview" else ["report", *names]
    assert {tuple(row) for row in objects} == {tuple(expected)}
    assert "report" not in names


def test_figures_are_written_as_in_json() -> None:
    """They are compared as text, since `0.50` and `0.5` are the same value."""
    document = runs.sample("goals")
    json_rows = [text.strip().rstrip(",") for text in runs.render(document, "json").split("\n") if text.strip().startswith('{"goal"')]
    assert [text.replace('"report": "goals", ', "") for text in runs.render(document, "ndjson").split("\n")[:-1]] == json_rows


def test_missing_values_are_null_and_a_report_without_rows_has_no_lines(tmp_path: Path) -> None:
    log = written(tmp_path / "empty.log", [])
    metrics = {row["metric"]: row["value"] for row in rows(runs.render(runs.document([log], ["overview"]), "ndjson"))}
    assert (metrics["sessions"], metrics["bounce_rate"]) == (0, None)
    assert runs.render(runs.document([log], ["pages"]), "ndjson") == ""


def test_text_stays_on_one_line(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line("GET /a%0Ab%E2%80%A8%22%5C")])
    objects = rows(runs.render(runs.document([log], ["pages"]), "ndjson"))
    assert [row["page"] for row in objects] == ['/a%0Ab\\u2028"\\']
