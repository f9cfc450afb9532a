"""JSON: everything, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convkit import plain

if TYPE_CHECKING:
    from convkit.tables import Column, Document, Report, Room

HOLDS_MANY = True
VERSION = 1


def render(document: Document, _: Room) -> str:
    """Return the document; equal input gives equal bytes."""
    head = {
        "version": VERSION,
        "convkit": document.version,
        "logs": [plain.text(name) for name in document.logs],
        "goals_file": None if document.goals_file is None else plain.text(document.goals_file),
        "input": document.input,
        "period": {
            "from": _time(document.period.begin),
            "to": _time(document.period.end),
            "timezone": document.period.timezone,
        },
        "notes": [{"code": note.code, "text": plain.text(note.text)} for note in document.notes],
    }
    parts = [f"  {_quoted(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in head.items()]
    reports = [f"    {_quoted(name)}: [{_rows(report)}]" for name, report in document.reports.items()]
    parts.append('  "reports": {\n' + ",\n".join(reports) + "\n  }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _time(moment: object) -> str | None:
    return None if moment is None else plain.text(moment)


def _rows(report: Report) -> str:
    """Return a report's rows; the one row of metrics as a row each."""
    rows = report.frame.rows()
    if report.metrics:
        pairs = [(column, value) for row in rows for column, value in zip(report.columns, row, strict=True)]
        texts = [f'{{"metric": {_quoted(column.name)}, "value": {_value(value, column)}}}' for column, value in pairs]
    else:
        texts = [_object(row, report.columns) for row in rows]
    return "\n      " + ",\n      ".join(texts) + "\n    " if texts else ""


def _object(row: tuple[object, ...], columns: tuple[Column, ...]) -> str:
    return "{" + ", ".join(f"{_quoted(column.name)}: {_value(value, column)}" for column, value in zip(columns, row, strict=True)) + "}"


def _value(value: object, column: Column) -> str:
    """Return one value in JSON's notation; missing is null."""
    if value is None:
        return "null"
    if column.unit == "flag":
        return "true" if value else "false"
    return _quoted(plain.text(value)) if plain.is_text(column) else plain.number(value, column.unit)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
