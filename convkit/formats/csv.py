"""Event export as CSV: one event per row, separated by commas, semicolons or vertical bars, with a header."""

from __future__ import annotations

from convkit.formats.parsers.delimited import COMMA_LIKE, TableFormat

SAMPLES = (
    "user_id,event,timestamp,url,plan",
    "u1,page_view,2026-10-10 13:55:36,https://shop.example/cart,pro",
    '"u2","said ""hi"", and left",2026-10-10T13:55:36+02:00,,',
)
FORMAT = TableFormat(COMMA_LIKE)
