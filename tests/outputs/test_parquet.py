"""Parquet for notebooks: columns typed by unit, harmless text, and the same bytes for the same input."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from payloads import FORMULAS
from places import EXAMPLE_GOALS, SAMPLE
from small_logs import line, written

from convkit.core import plugins

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Column, Document

EXAMPLE = EXAMPLE_GOALS
REPORTS = plugins.names("reports")
TYPES: dict[str, Any] = {
    "text": pl.String,
    "count": pl.Int64,
    "step": pl.Int64,
    "rate": pl.Float64,
    "ratio": pl.Float64,
    "change": pl.Float64,
    "seconds": pl.Float64,
    "number": pl.Float64,
    "money": pl.Decimal(38, 6),
    "time": pl.Datetime("us", "Europe/Berlin"),
    "flag": pl.Boolean,
}


def frame_of(document: Document) -> pl.DataFrame:
    """Return the table in the Parquet file of a document."""
    return pl.read_parquet(runs.render(document, "parquet"))


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_has_its_columns_with_the_types_of_their_units(report: str) -> None:
    columns: tuple[Column, ...] = plugins.load("reports", report).COLUMNS
    assert dict(frame_of(runs.sample_report(report)).schema) == {column.name: TYPES[column.unit] for column in columns}


@pytest.mark.parametrize("report", REPORTS)
def test_without_rows_the_types_are_the_same(report: str, tmp_path: Path) -> None:
    empty = frame_of(runs.document([written(tmp_path / "empty.log", [])], [report], EXAMPLE))
    assert empty.schema == frame_of(runs.sample_report(report)).schema


@pytest.mark.parametrize("report", sorted(set(REPORTS) - {"overview"}))
def test_figures_equal_those_in_json(report: str) -> None:
    document = runs.sample_report(report)
    json_rows = json.loads(runs.render(document, "json"))["reports"][report]
    parquet_rows = pl.read_parquet(runs.render(document, "parquet"))
    assert parquet_rows.height == len(json_rows)
    for name, values in parquet_rows.to_dict(as_series=False).items():
        comparable = [value.isoformat() if hasattr(value, "isoformat") else float(value) if isinstance(value, Decimal) else value for value in values]
        assert comparable == [pytest.approx(row[name], abs=0.005) if isinstance(row[name], float) else row[name] for row in json_rows]


def test_money_is_exact(tmp_path: Path) -> None:
    goals = written(tmp_path / "goals.yaml", ["macro: {sale: {page: /sale, value: query.total, once_per: hit}}"])
    log = written(tmp_path / "a.log", [line(f"GET /sale?total={total}", number) for number, total in enumerate(("0.1", "0.2", "1000000.000001"))])
    assert frame_of(runs.document([log], ["goals"], goals))["value"].to_list() == [Decimal("1000000.300001")]


def test_several_reports_are_the_same_tidy_table_as_in_csv() -> None:
    document = runs.sample()
    header, *rows = csv.reader(io.StringIO(runs.render(document, "csv")))
    tidy = pl.read_parquet(runs.render(document, "parquet"))
    assert dict(tidy.schema) == dict.fromkeys(header, pl.String)
    assert tidy.with_columns(pl.col("value").fill_null("")).rows() == [tuple(row) for row in rows]
    assert tidy["value"].null_count() > 0
    assert "" not in tidy["value"]


def test_text_is_harmless_without_an_apostrophe(tmp_path: Path) -> None:
    """Notebooks are not spreadsheets."""
    log = written(tmp_path / "a.log", [line("GET =1+1"), line("GET /\x1b[31m%E2%80%AE", 1)])
    assert set(frame_of(runs.document([log], ["pages"]))["page"]) == {"/=1+1", "/\u241b[31m\\u202e"}
    assert not frame_of(runs.document([log]))["item"].str.contains(r"^'|\x1b|\u{202e}").any()
    assert "=1+1" in FORMULAS


def test_equal_input_gives_equal_bytes() -> None:
    for sample, reports in ((runs.sample("pages"), ["pages"]), (runs.sample(), None)):
        first, second = (runs.render(document, "parquet") for document in (sample, runs.document([SAMPLE], reports, EXAMPLE)))
        assert isinstance(first, bytes)
        assert first == second


def test_chunks_in_memory_make_no_difference() -> None:
    """The number of chunks depends on the number of threads, and matters only in large tables."""
    document = runs.sample("pages")
    report = document.reports["pages"]
    whole = report.frame.sample(100_000, with_replacement=True, seed=1).rechunk()
    pieces = pl.concat([whole[:30_000], whole[30_000:]], rechunk=False)
    assert pieces.n_chunks() == 2
    files = [runs.render(replace(document, reports={"pages": replace(report, rows=frame)}), "parquet") for frame in (whole, pieces)]
    assert files[0] == files[1]
