"""CSV: one report as its columns, several as one tidy table, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from convkit.outputs import _sheets

if TYPE_CHECKING:
    from convkit.core.tables import Document, Room

HOLDS_MANY = True


def render(document: Document, _: Room) -> str:
    """Return RFC 4180 text: the report's columns, or `report,item,metric,value` where there are several."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(_sheets.rows(document))
    return text.getvalue()
