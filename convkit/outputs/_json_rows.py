"""A report's rows in JSON's notation: an object a row, its keys the columns, missing is null.

It stands alone because JSON and NDJSON hold the same objects.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convkit.outputs import _plain

if TYPE_CHECKING:
    from convkit.core.tables import Column, Report

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def objects(report: Report, first: str = "") -> list[str]:
    """Return an object a row, on one line each, with what comes `first` in it; of metrics one for each, behind the value that they are of."""
    if report.metrics:
        naming = [_values(report, column, f"{quoted(column.name)}: ") for column in report.naming]
        figures = report.columns[len(naming) :]
        columns = [_values(report, column, f'"metric": {quoted(column.name)}, "value": ') for column in figures]
        keys = ["".join(f"{texts[row]}, " for texts in naming) for row in range(report.frame.height)]
        return [f"{{{first}{key}{cells[row]}}}" for row, key in enumerate(keys) for cells in columns]
    columns = [_values(report, column, f"{quoted(column.name)}: ") for column in report.columns]
    return [f"{{{first}{', '.join(cells)}}}" for cells in zip(*columns, strict=True)]


def quoted(text: str) -> str:
    """Return a text as JSON writes it."""
    return _ENCODER.encode(text)


def _values(report: Report, column: Column, before: str) -> list[str]:
    """Return a column's values in JSON's notation, each behind its key."""
    return _plain.texts(report.frame[column.name], column, missing="null", text=lambda value: quoted(_plain.harmless(value)), before=before)
