"""A report's rows in JSON's notation: an object a row, its keys the columns, missing is null.

It stands alone because JSON and NDJSON hold the same objects.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convkit import plain

if TYPE_CHECKING:
    from convkit.tables import Column, Report

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def objects(report: Report, first: str = "") -> list[str]:
    """Return an object a row, on one line each, with what comes `first` in it; the one row of metrics as a row each."""
    if report.metrics:
        columns = [_values(report, column, f'"metric": {quoted(column.name)}, "value": ') for column in report.columns]
        return [f"{{{first}{cell}}}" for cells in columns for cell in cells]
    columns = [_values(report, column, f"{quoted(column.name)}: ") for column in report.columns]
    return [f"{{{first}{', '.join(cells)}}}" for cells in zip(*columns, strict=True)]


def quoted(text: str) -> str:
    """Return a text as JSON writes it."""
    return _ENCODER.encode(text)


def _values(report: Report, column: Column, before: str) -> list[str]:
    """Return a column's values in JSON's notation, each behind its key."""
    return plain.texts(report.frame[column.name], column, missing="null", text=lambda value: quoted(plain.harmless(value)), before=before)
