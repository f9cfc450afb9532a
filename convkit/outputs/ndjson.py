"""NDJSON: one JSON object a line, each a row with the name of its report, for `jq` and for loading into a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.outputs import _rows

if TYPE_CHECKING:
    from convkit.core.blocks import Screen
    from convkit.core.document import Document

ENDINGS = ("ndjson", "jsonl")


def render(document: Document, _: Screen) -> str:
    """Return the rows of all reports, `report` their first key; no notes, and nothing of the input."""
    lines = (line for report in document.reports.values() for line in _rows.json_objects(report, f'"report": {_rows.json_text(report.name)}, '))
    return "".join(f"{line}\n" for line in lines)
