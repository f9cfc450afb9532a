"""NDJSON, for `jq` and databases: one JSON object per row, each on its own line, with the name of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.outputs import _rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.core.blocks import Screen
    from convkit.core.document import Document

ENDINGS = ("ndjson", "jsonl")


def render(document: Document, _: Screen) -> Iterable[str]:
    """Yield the rows of all reports, with `report` as the first key; notes and facts about the input are left out."""
    for report in document.reports.values():
        for objects in _rows.json_objects(report, f'"report": {_rows.json_text(report.name)}, '):
            yield "".join(f"{line}\n" for line in objects)
