"""Reports as rows of texts: one report as its columns, several as one tidy table `report,item,metric,value`.

It stands alone because CSV, TSV and Parquet hold the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core.text import no_formula
from convkit.outputs import _plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from convkit.core.tables import Column, Document, Report

TIDY = ("report", "item", "metric", "value")
_JOINED = " / "


def is_tidy(document: Document) -> bool:
    """Tell documents that are one tidy table."""
    return document.is_whole or len(document.reports) > 1


def rows(document: Document) -> Iterator[Sequence[str]]:
    """Yield the header and the rows of a document, with no cell that a spreadsheet would run; missing is empty."""
    reports = list(document.reports.values())
    yield from tidy(reports, no_formula) if is_tidy(document) else _columns(reports[0])


def tidy(reports: Sequence[Report], text: Callable[[str], str]) -> Iterator[Sequence[str]]:
    """Yield the tidy table's header and one row a figure; an item is the row's text and step cells, as `text` writes them."""
    yield TIDY
    for report in reports:
        figures = [column for column in report.columns if column not in report.naming]
        naming = [_texts(report, column, _plain.harmless) for column in report.naming]
        values = [_texts(report, column, lambda value: text(_plain.harmless(value))) for column in figures]
        for place in range(report.frame.height):
            item = text(_JOINED.join(texts[place] for texts in naming if texts[place]))
            yield from ((report.name, item, column.name, texts[place]) for column, texts in zip(figures, values, strict=True))


def _columns(report: Report) -> Iterator[Sequence[str]]:
    """Yield the header and the rows of one report; of metrics a row each, behind the value that they are of."""
    columns = [_texts(report, column, lambda value: no_formula(_plain.harmless(value))) for column in report.columns]
    names = [column.name for column in report.columns]
    if report.metrics:
        keys = len(report.naming)
        yield (*names[:keys], "metric", "value")
        yield from ((*row[:keys], name, value) for row in zip(*columns, strict=True) for name, value in zip(names[keys:], row[keys:], strict=True))
    else:
        yield names
        yield from zip(*columns, strict=True)


def _texts(report: Report, column: Column, text: Callable[[object], str]) -> list[str]:
    """Return a column's cells."""
    return _plain.texts(report.frame[column.name], column, missing="", text=text)
