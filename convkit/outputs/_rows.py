"""The rows of reports as they are written to files: as columns, as one tidy table `report,item,metric,value`, or as JSON objects.

CSV, TSV, Parquet, JSON and NDJSON write the same figures: integers as they are, rates with six decimals, seconds with at most two,
money with at least two, and never with an exponent.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from convkit.core import long_rows
from convkit.core.text import escape_formula, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from convkit.core.document import Column, Document, Report

TIDY = ("report", "item", "metric", "value")
_JOINED = " / "
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_MILLION = 1_000_000
DECIMALS = {"rate": 6, "ratio": 6, "change": 6, "seconds": 2, "number": 6}
"""The number of decimals in files, by unit."""


def is_tidy(document: Document) -> bool:
    """Return whether a document is written as one tidy table."""
    return document.is_whole or len(document.reports) > 1


def pieces(report: Report) -> Iterator[Report]:
    """Yield a report in pieces with a limited number of rows: as Python objects, they take ten times the memory that they take in a frame."""
    return (replace(report, rows=piece) for piece in long_rows.pieces(report.rows))


def document_rows(document: Document) -> Iterator[Iterable[Sequence[str]]]:
    """Yield the header and the rows of a document, some at a time; formulas are escaped for spreadsheets, and missing values are empty."""
    reports = list(document.reports.values())
    if is_tidy(document):
        yield [TIDY]
        yield from tidy_rows(reports, escape_formula)
    else:
        yield [_header(reports[0])]
        yield from map(_report_rows, pieces(reports[0]))


def tidy_rows(reports: Sequence[Report], text: Callable[[str], str]) -> Iterator[Iterator[Sequence[str]]]:
    """Yield one row of the tidy table per figure, some at a time; `text` writes text cells, including the item, which joins the naming columns."""
    return (_tidy_rows(piece, text) for report in reports for piece in pieces(report))


def _tidy_rows(report: Report, text: Callable[[str], str]) -> Iterator[Sequence[str]]:
    """Yield the rows of a report in the tidy table."""
    figures = [column for column in report.columns if column not in report.naming]
    naming = [_cells(report, column, safe_text) for column in report.naming]
    values = [_cells(report, column, lambda value: text(safe_text(value))) for column in figures]
    for place in range(report.frame.height):
        item = text(_JOINED.join(texts[place] for texts in naming if texts[place]))
        yield from ((report.name, item, column.name, texts[place]) for column, texts in zip(figures, values, strict=True))


def _header(report: Report) -> Sequence[str]:
    """Return the header of one report; a report of metrics has one row per metric, after the value of the breakdown, if any."""
    names = [column.name for column in report.columns]
    return (*names[: len(report.naming)], "metric", "value") if report.metrics else names


def _report_rows(report: Report) -> Iterator[Sequence[str]]:
    """Yield the rows of one report below its header."""
    columns = [_cells(report, column, lambda value: escape_formula(safe_text(value))) for column in report.columns]
    names = [column.name for column in report.columns]
    if report.metrics:
        keys = len(report.naming)
        yield from ((*row[:keys], name, value) for row in zip(*columns, strict=True) for name, value in zip(names[keys:], row[keys:], strict=True))
    else:
        yield from zip(*columns, strict=True)


def _cells(report: Report, column: Column, text: Callable[[object], str]) -> list[str]:
    """Return a column's cells; missing values are empty."""
    return column_texts(report.frame[column.name], column, missing="", text=text)


def json_objects(report: Report, first: str = "") -> Iterator[list[str]]:
    """Yield one object per row, some at a time, or one per metric in a report of metrics; each is on one line and starts with `first`."""
    return (_json_objects(piece, first) for piece in pieces(report))


def _json_objects(report: Report, first: str) -> list[str]:
    """Return the objects of a report's rows."""
    if report.metrics:
        naming = [_json_values(report, column, f"{json_text(column.name)}: ") for column in report.naming]
        figures = report.columns[len(naming) :]
        columns = [_json_values(report, column, f'"metric": {json_text(column.name)}, "value": ') for column in figures]
        keys = ["".join(f"{texts[row]}, " for texts in naming) for row in range(report.frame.height)]
        return [f"{{{first}{key}{cells[row]}}}" for row, key in enumerate(keys) for cells in columns]
    columns = [_json_values(report, column, f"{json_text(column.name)}: ") for column in report.columns]
    return [f"{{{first}{', '.join(cells)}}}" for cells in zip(*columns, strict=True)]


def json_text(text: str) -> str:
    """Return a string in JSON notation."""
    return _ENCODER.encode(text)


def _json_values(report: Report, column: Column, before: str) -> list[str]:
    """Return a column's values in JSON notation, each preceded by its key."""
    return column_texts(report.frame[column.name], column, missing="null", text=lambda value: json_text(safe_text(value)), before=before)


def column_texts(values: pl.Series, column: Column, *, missing: str, text: Callable[[object], str], before: str = "") -> list[str]:
    """Return a column's values as they are written to files: missing ones as `missing`, text and times by `text`, each preceded by `before`."""
    write = text if is_text(column) else _WRITERS.get(column.unit, str)
    return converted_values(values, lambda value: before + (missing if value is None else write(value)))


def converted_values(values: pl.Series, write: Callable[[object], str]) -> list[str]:
    """Return a column's values as written by `write`.

    Each distinct value is converted only once, because a report on a large site can have a hundred thousand rows.
    """
    cells = values.to_list()
    texts_of = {value: write(value) for value in set(cells)}
    return [texts_of[value] for value in cells]


def _seconds(value: object) -> str:
    return f"{value:.{DECIMALS['seconds']}f}".rstrip("0").rstrip(".")


def _rate(value: object) -> str:
    return f"{value:.{DECIMALS['rate']}f}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else _rate(value)


def _flag(value: object) -> str:
    return "true" if value else "false"


def money(millionths: int) -> str:
    """Return the exact amount, with at least two decimals."""
    text = f"{Decimal(millionths) / _MILLION:.6f}"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"


def is_text(column: Column) -> bool:
    """Return whether a column contains text or times."""
    return column.unit in {"text", "time"}


def safe_text(value: object) -> str:
    """Return a string or a time as text, with control characters made visible."""
    return value.isoformat() if isinstance(value, datetime) else safe(str(value), longest=None)


_WRITERS: dict[str, Callable[..., str]] = {
    "rate": _rate,
    "ratio": _rate,
    "change": _rate,
    "seconds": _seconds,
    "money": lambda value: money(int(str(value))),
    "number": _number,
    "flag": _flag,
}
