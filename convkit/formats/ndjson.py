"""Event export as NDJSON: one JSON object per line, each an event; nested objects hold properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.formats import LogFormat
from convkit.formats.parsers import json_events

if TYPE_CHECKING:
    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.json_events import JsonExport

SAMPLES = (
    '{"user_id": "u1", "event": "page_view", "timestamp": "2026-10-10T13:55:36Z", "url": "/cart"}',
    '{"user_id": 7, "event": "video_play", "timestamp": 1760104536123, "properties": {"seconds": 31}}',
)


class JsonLines(LogFormat):
    """Exports from any tool, as JSON lines."""

    @property
    def finds_fields(self) -> bool:
        """Whether `fit` finds fields by their names and values."""
        return True

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that are objects with known names."""
        return json_events.export_share(lines)

    def sniff_rows(self, lines: pl.Series) -> float:
        """Return the share of lines that are objects, except those of an access log."""
        return json_events.export_share(lines, is_known=False)

    def late_names(self, head: pl.Series, needs: Needs) -> str:
        """Return a pattern for the names of columns that the first lines do not have."""
        return json_events.late_names(head, needs)

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> JsonExport:
        """Return the layout of one export."""
        return json_events.fit(head, source.name, needs)


FORMAT = JsonLines()
