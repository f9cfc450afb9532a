"""JSON: everything, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convkit.outputs import _json_input, _json_rows, _plain
from convkit.outputs._json_rows import quoted

if TYPE_CHECKING:
    from convkit.core.tables import Document, Report, Room

HOLDS_MANY = True
VERSION = 1


def render(document: Document, _: Room) -> str:
    """Return the document; equal input gives equal bytes."""
    head = {
        "version": VERSION,
        "convkit": document.version,
        "logs": [_plain.harmless(name) for name in document.logs],
        "goals_file": None if document.goals_file is None else _plain.harmless(document.goals_file),
        "input": _json_input.told(document),
        "period": {
            "from": _json_input.time(document.period.begin),
            "to": _json_input.time(document.period.end),
            "timezone": document.period.timezone,
        },
        "notes": [{"code": note.code, "text": _plain.harmless(note.text)} for note in document.notes],
    }
    parts = [f"  {quoted(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}" for key, value in head.items()]
    reports = [f"    {quoted(name)}: [{_rows(report)}]" for name, report in {**document.reports, **document.asides}.items()]
    parts.append('  "reports": {\n' + ",\n".join(reports) + "\n  }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(report: Report) -> str:
    """Return a report's rows, one a line."""
    objects = _json_rows.objects(report)
    return "\n      " + ",\n      ".join(objects) + "\n    " if objects else ""
