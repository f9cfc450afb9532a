"""CSV, for spreadsheets: one report with its own columns, several reports as one tidy table."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from convkit.outputs import _rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.core.blocks import Screen
    from convkit.core.document import Document

ENDINGS = ("csv",)


def render(document: Document, _: Screen) -> Iterable[str]:
    """Yield RFC 4180 text: the report's columns, or `report,item,metric,value` if there are several reports."""
    for rows in _rows.document_rows(document):
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        yield text.getvalue()
