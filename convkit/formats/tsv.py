"""Event export as TSV: one event per row, separated by tabs, with a header."""

from __future__ import annotations

from convkit.formats.parsers.delimited import TAB, TableFormat

SAMPLES = (
    "User ID\tEvent\tTime\tPrice",
    "u1\tadd_to_cart\t1760104536\t19.90",
    "u2\tscreen_view\t1760104536123\t",
)
FORMAT = TableFormat(TAB)
