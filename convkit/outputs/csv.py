"""CSV: one report as its columns, several as one tidy table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from convkit import plain
from convkit.text import no_formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from convkit.tables import Column, Document, Report, Room

HOLDS_MANY = True
_JOINED = " / "
_NAMING = {"text", "step"}


def render(document: Document, _: Room) -> str:
    """Return RFC 4180 text: the report's columns, or `report,item,metric,value` where there are several."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    reports = list(document.reports.values())
    writer.writerows(_tidy(reports) if document.is_whole or len(reports) > 1 else _columns(reports[0]))
    return text.getvalue()


def _columns(report: Report) -> Iterator[Sequence[str]]:
    """Yield the header and the rows of one report."""
    columns = [_values(report.frame[column.name], column) for column in report.columns]
    names = [column.name for column in report.columns]
    if report.metrics:
        yield ("metric", "value")
        yield from ((name, value) for name, values in zip(names, columns, strict=True) for value in values)
    else:
        yield names
        yield from zip(*columns, strict=True)


def _tidy(reports: list[Report]) -> Iterator[Sequence[str]]:
    """Yield one row a figure; an item is the row's text and step cells."""
    yield ("report", "item", "metric", "value")
    for report in reports:
        figures = [column for column in report.columns if column.unit not in _NAMING]
        naming = [
            plain.texts(report.frame[column.name], column, missing="", text=plain.harmless) for column in report.columns if column.unit in _NAMING
        ]
        values = [_values(report.frame[column.name], column) for column in figures]
        for place in range(report.frame.height):
            item = no_formula(_JOINED.join(texts[place] for texts in naming if texts[place]))
            yield from ((report.name, item, column.name, texts[place]) for column, texts in zip(figures, values, strict=True))


def _values(series: pl.Series, column: Column) -> list[str]:
    """Return a column's cells; missing is empty."""
    return plain.texts(series, column, missing="", text=lambda value: no_formula(plain.harmless(value)))
