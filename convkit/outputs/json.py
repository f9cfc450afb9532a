"""JSON: everything, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convkit import plain

if TYPE_CHECKING:
    import polars as pl

    from convkit.tables import Column, Document, Report, Room

HOLDS_MANY = True
VERSION = 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def render(document: Document, _: Room) -> str:
    """Return the document; equal input gives equal bytes."""
    head = {
        "version": VERSION,
        "convkit": document.version,
        "logs": [plain.harmless(name) for name in document.logs],
        "goals_file": None if document.goals_file is None else plain.harmless(document.goals_file),
        "input": {**document.input, **document.reasons},
        "period": {
            "from": _time(document.period.begin),
            "to": _time(document.period.end),
            "timezone": document.period.timezone,
        },
        "notes": [{"code": note.code, "text": plain.harmless(note.text)} for note in document.notes],
    }
    parts = [f"  {_quoted(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in head.items()]
    reports = [f"    {_quoted(name)}: [{_rows(report)}]" for name, report in document.reports.items()]
    parts.append('  "reports": {\n' + ",\n".join(reports) + "\n  }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _time(moment: object) -> str | None:
    return None if moment is None else plain.harmless(moment)


def _rows(report: Report) -> str:
    """Return a report's rows; the one row of metrics as a row each."""
    if report.metrics:
        columns = [_values(report.frame[column.name], column, f'"metric": {_quoted(column.name)}, "value": ') for column in report.columns]
        texts = [f"{{{cell}}}" for cells in columns for cell in cells]
    else:
        columns = [_values(report.frame[column.name], column, f"{_quoted(column.name)}: ") for column in report.columns]
        texts = [f"{{{', '.join(cells)}}}" for cells in zip(*columns, strict=True)]
    return "\n      " + ",\n      ".join(texts) + "\n    " if texts else ""


def _values(series: pl.Series, column: Column, before: str) -> list[str]:
    """Return a column's values in JSON's notation, each behind its key; missing is null."""
    return plain.texts(series, column, missing="null", text=lambda value: _quoted(plain.harmless(value)), before=before)


def _quoted(text: str) -> str:
    return _ENCODER.encode(text)
