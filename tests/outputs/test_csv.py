"""CSV for spreadsheets: RFC 4180, figures untouched, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import runs
from payloads import FORMULAS, NASTY
from small_logs import figures, line, written

if TYPE_CHECKING:
    from pathlib import Path

RUN = re.compile(r"^[ \u00a0\ufeff]*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
GOALS = """
site: {group: ['=evil/*'], keep_query: [q]}
macro: {sale: {page: /sale, value: query.total, target: 2%}, '-never': /never}
micro: {'-x': {page: '/**', once_per: hit}}
funnels: {'-f': [{page: '/**'}, '-x', sale], '-g': [sale, '-never']}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log whose name and paths are formulas."""
    requests = [f"GET {prefix}{quote(text, safe='=+-@')}" for text in (*FORMULAS, *NASTY) for prefix in ("/?q=", "", "/")]
    lines = [line(request, 60 * number) for number, request in enumerate([*requests, "GET /sale?total=-5.5", "GET /last"])]
    return written(tmp_path / "=1+1.log", lines)


def rows(text: str) -> list[list[str]]:
    """Return the cells of a CSV string."""
    return list(csv.reader(io.StringIO(text), strict=True))


def goals(folder: Path) -> Path:
    """Write the goals file and return its path."""
    return written(folder / "=goals.yaml", [GOALS.replace("'=evil/*'", "'/evil/*'")])


@pytest.mark.parametrize("report", ["goals", "funnel", "drop-off", None])
def test_no_cell_is_run_by_a_spreadsheet(log: Path, tmp_path: Path, report: str | None) -> None:
    text = runs.render(runs.document([log], report and [report], goals=goals(tmp_path)), "csv")
    cells = [cell for row in rows(text) for cell in row]
    assert [cell for cell in cells if RUN.match(cell) and not NUMBER.fullmatch(cell)] == []
    assert any(cell.startswith("'") for cell in cells)


def test_figures_are_never_changed(log: Path, tmp_path: Path) -> None:
    goal_rows = rows(runs.render(runs.document([log], ["goals"], goals=goals(tmp_path)), "csv"))
    sale = dict(zip(goal_rows[0], goal_rows[1], strict=True))
    assert (sale["goal"], sale["value"], sale["target"]) == ("sale", "-5.50", "0.020000")


def test_a_single_report_has_its_columns_and_several_are_one_tidy_table(log: Path) -> None:
    pages = rows(runs.render(runs.document([log], ["pages"]), "csv"))
    whole = rows(runs.render(runs.document([log]), "csv"))
    assert pages[0][:3] == ["page", "sessions", "pageviews"]
    assert whole[0] == ["report", "item", "metric", "value"]
    assert {len(row) for row in whole} == {4}
    cells = {(row[1], row[2]): row[3] for row in whole if row[0] == "pages"}
    assert {cells[row[0], "pageviews"] for row in pages[1:]} == {row[2] for row in pages[1:]}
    assert len(cells) == (len(pages) - 1) * (len(pages[0]) - 1)


def test_the_overview_has_the_columns_metric_and_value(log: Path) -> None:
    overview_rows = rows(runs.render(runs.document([log], ["overview"]), "csv"))
    assert overview_rows[0] == ["metric", "value"]
    assert ["sessions", "1"] in overview_rows


def test_lines_end_as_in_rfc_4180_and_the_output_is_reproducible(log: Path) -> None:
    text, second_text = (runs.render(runs.document([log]), "csv") for _ in range(2))
    assert text == second_text
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n") == len(rows(text))


def test_missing_values_are_empty_cells_and_never_nan(tmp_path: Path) -> None:
    """The log is empty, so every rate is 0 of 0."""
    log = written(tmp_path / "empty.log", [])
    text = runs.render(runs.document([log]), "csv")
    assert not re.search(r"nan|inf|none|null", text, re.IGNORECASE)
    assert ["overview", "", "bounce_rate", ""] in rows(text)


def test_figures_equal_those_in_json(log: Path, tmp_path: Path) -> None:
    pages = rows(runs.render(runs.document([log], ["pages"], goals=goals(tmp_path)), "csv"))
    json_rows = figures(log, goals=goals(tmp_path))["reports"]["pages"]
    for row, json_row in zip(pages[1:], json_rows, strict=True):
        assert [None if cell == "" else float(cell) for cell in row[1:]] == [json_row[name] for name in pages[0][1:]]
