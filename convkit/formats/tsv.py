"""An export as TSV: a row an event, fields between tabs, a header that names them."""

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
    "User ID\tEvent\tTime\tPrice",
    "u1\tadd_to_cart\t1760104536\t19.90",
    "u2\tscreen_view\t1760104536123\t",
)


def sniff(lines: pl.Series) -> float:
    """Return the share of lines that are rows of one table whose header is known."""
    return delimited.export_share(lines, delimited.TAB)


def fit(source: Source, head: pl.Series, asked: Needs) -> TableExport:
    """Return the format of one export, made to fit it."""
    return delimited.fit(head, source.name, asked, delimited.TAB)


def alike(lines: pl.Series) -> float:
    """Return the share of lines that have as many fields as the first, whatever the header says."""
    return delimited.table_share(lines, delimited.TAB)
