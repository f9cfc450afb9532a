"""CSV: one report as its columns, several as one tidy table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from convkit import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.tables import Column, Document, Report, Room

HOLDS_MANY = True
_JOINED = " / "


def render(document: Document, _: Room) -> str:
    """Return RFC 4180 text: the report's columns, or `report,item,metric,value` where there are several."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    reports = list(document.reports.values())
    writer.writerows(_tidy(reports) if document.is_whole or len(reports) > 1 else _columns(reports[0]))
    return text.getvalue()


def _columns(report: Report) -> Iterator[list[str]]:
    """Yield the header and the rows of one report."""
    if report.metrics:
        yield ["metric", "value"]
        for row in report.frame.rows():
            yield from ([column.name, _value(value, column)] for column, value in zip(report.columns, row, strict=True))
        return
    yield [column.name for column in report.columns]
    for row in report.frame.rows():
        yield [_value(value, column) for column, value in zip(report.columns, row, strict=True)]


def _tidy(reports: list[Report]) -> Iterator[list[str]]:
    """Yield one row a figure; an item is the row's text and step cells."""
    yield ["report", "item", "metric", "value"]
    for report in reports:
        for row in report.frame.rows():
            cells = list(zip(report.columns, row, strict=True))
            item = _JOINED.join(plain.text(value) for column, value in cells if column.unit in {"text", "step"} and value is not None)
            for column, value in cells:
                if column.unit not in {"text", "step"}:
                    yield [report.name, plain.no_formula(item), column.name, _value(value, column)]


def _value(value: object, column: Column) -> str:
    """Return one cell; missing is empty."""
    if value is None:
        return ""
    if column.unit == "flag":
        return "true" if value else "false"
    return plain.text(value, for_spreadsheet=True) if plain.is_text(column) else plain.number(value, column.unit)
