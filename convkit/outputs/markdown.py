"""Markdown, for issues, wikis and emails: one table per report, with figures formatted for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convkit.core import formatting
from convkit.core.text import safe
from convkit.outputs import _rows
from convkit.outputs._masthead import masthead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from convkit.core.blocks import Screen
    from convkit.core.document import Column, Document, Report

ENDINGS = ("md", "markdown")

_LEFT = {"text", "time", "flag"}
# Links, mentions and emoji are detected after the markup is removed, so a backslash does not prevent them, but a code span in the middle does.
_SPECIAL = re.compile(r"(?P<found_later>(?:@|:(?=//|[\w+-]+:)|(?<=www)\.)+)|[\\`*_\[\]<>|~&$#]", re.IGNORECASE)
_EDGE = re.compile(r"^\s|\s$")
_FIRST_OF_A_BLOCK = re.compile(r"^(\d*)([-+=.)])")


def render(document: Document, _: Screen) -> Iterable[str]:
    """Yield the logs, the period and the goals as the title, one table per report, and the notes as a list."""
    yield f"# {_escaped(masthead(document, wide=True))}\n"
    for report in (*document.reports.values(), *document.asides.values()):
        yield "\n"
        yield from (f"{line}\n" for line in _section(report))
    notes = [_FIRST_OF_A_BLOCK.sub(r"\1\\\2", _escaped(note.text)) for note in document.notes]
    yield "".join(["\n" * bool(notes), *(f"- {note}\n" for note in notes)])


def _section(report: Report) -> Iterator[str]:
    """Yield a report's heading and its table."""
    yield f"## {_escaped(report.name)}"
    yield ""
    titles = [_escaped(column.name.replace("_", " ")) for column in report.columns]
    if report.metrics and not report.naming:
        yield from _table(["metric", "value"], ["---", "--:"], zip(titles, [cells[0] for cells in _columns(report)], strict=True))
    else:
        rows = (row for piece in _rows.pieces(report) for row in zip(*_columns(piece), strict=True))
        yield from _table(titles, ["---" if column.unit in _LEFT else "--:" for column in report.columns], rows)


def _table(titles: list[str], sides: list[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table."""
    return (f"| {' | '.join(row)} |" for row in (titles, sides, *rows))


def _columns(report: Report) -> list[list[str]]:
    """Return the cells of a report's columns."""
    return [_cells(report.frame[column.name], column) for column in report.columns]


def _cells(values: pl.Series, column: Column) -> list[str]:
    """Return a column's cells as they would appear on a screen; missing values are dashes."""
    return _rows.converted_values(values, lambda value: formatting.UNKNOWN if value is None else _escaped(formatting.in_unit(value, column.unit)))


def _escaped(text: str) -> str:
    """Escape text so that nothing in it acts as markup, as a link or as the end of a cell; spaces at either end are kept."""
    escaped = _SPECIAL.sub(lambda match: f"`{match[0]}`" if match["found_later"] else f"\\{match[0]}", safe(text, longest=None))
    return _EDGE.sub(lambda blank: f"&#{ord(blank[0])};", escaped)
