"""An export as CSV: a row an event, fields between commas, semicolons or bars, a header that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.formats.parsers import delimited

if TYPE_CHECKING:
    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.delimited import TableExport

COMMENT = None
SAMPLES = (
    "user_id,event,timestamp,url,plan",
    "u1,page_view,2026-10-10 13:55:36,https://shop.example/cart,pro",
    '"u2","said ""hi"", and left",2026-10-10T13:55:36+02:00,,',
)


def sniff(lines: pl.Series) -> float:
    """Return the share of lines that are rows of one table whose header is known."""
    return delimited.export_share(lines, delimited.COMMA_LIKE)


def fit(source: Source, head: pl.Series, asked: Needs) -> TableExport:
    """Return the format of one export, made to fit it."""
    return delimited.fit(head, source.name, asked, delimited.COMMA_LIKE)


def alike(lines: pl.Series) -> float:
    """Return the share of lines that have as many fields as the first, whatever the header says."""
    return delimited.table_share(lines, delimited.COMMA_LIKE)
