"""TSV for the shell: the rows of the CSV output, one per line, with cells separated by tabs and never quoted."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from small_logs import line, written

from convkit.core import plugins
from convkit.core.text import escape_formula
from convkit.outputs._rows import safe_text

if TYPE_CHECKING:
    from pathlib import Path


def rows(text: str) -> list[list[str]]:
    """Return the cells of a TSV string."""
    return [row.split("\t") for row in text.split("\n")[:-1]]


@pytest.mark.parametrize("report", [None, *plugins.names("reports")])
def test_the_rows_equal_those_in_csv(report: str | None) -> None:
    document = runs.sample_report(report)
    assert rows(runs.render(document, "tsv")) == list(csv.reader(io.StringIO(runs.render(document, "csv"))))


@given(st.text(st.characters()))
def test_no_text_contains_a_tab_or_a_line_end(text: str) -> None:
    cell = escape_formula(safe_text(text))
    assert "\t" not in cell
    assert len(f"{cell}.".splitlines()) == 1


def test_nothing_is_quoted(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line("GET /%22a%22,\tb")])
    page = rows(runs.render(runs.document([log], ["pages"]), "tsv"))[1]
    assert page[:3] == ['/"a",\u2409b', "1", "1"]


def test_lines_end_in_a_line_feed_and_missing_cells_are_empty(tmp_path: Path) -> None:
    text = runs.render(runs.document([written(tmp_path / "empty.log", [])], ["overview"]), "tsv")
    assert text.startswith("metric\tvalue\nsessions\t0\n")
    assert "bounce_rate\t\n" in text
    assert "\r" not in text
