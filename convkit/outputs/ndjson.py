"""NDJSON: one JSON object a line, each a row with the name of its report, for `jq` and for loading into a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.outputs import _json_rows

if TYPE_CHECKING:
    from convkit.core.tables import Document, Room

HOLDS_MANY = True


def render(document: Document, _: Room) -> str:
    """Return the rows of all reports, `report` their first key; no notes, and nothing of the input."""
    lines = (line for report in document.reports.values() for line in _json_rows.objects(report, f'"report": {_json_rows.quoted(report.name)}, '))
    return "".join(f"{line}\n" for line in lines)
