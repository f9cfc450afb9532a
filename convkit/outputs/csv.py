"""CSV: one report as its columns, several as one tidy table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from convkit.outputs import _rows

if TYPE_CHECKING:
    from convkit.core.blocks import Screen
    from convkit.core.document import Document

ENDINGS = ("csv",)


def render(document: Document, _: Screen) -> str:
    """Return RFC 4180 text: the columns of the report, or `report,item,metric,value` for several."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(_rows.document_rows(document))
    return text.getvalue()
