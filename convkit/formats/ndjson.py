"""An export as NDJSON: a line an event, each a JSON object; objects within it hold properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.formats.parsers import json_events

if TYPE_CHECKING:
    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.json_events import JsonExport

COMMENT = None
SAMPLES = (
    '{"user_id": "u1", "event": "page_view", "timestamp": "2026-10-10T13:55:36Z", "url": "/cart"}',
    '{"user_id": 7, "event": "video_play", "timestamp": 1760104536123, "properties": {"seconds": 31}}',
)


def sniff(lines: pl.Series) -> float:
    """Return the share of lines that are objects with names that are known."""
    return json_events.export_share(lines)


def fit(source: Source, head: pl.Series, asked: Needs) -> JsonExport:
    """Return the format of one export, made to fit it."""
    return json_events.fit(head, source.name, asked)


def alike(lines: pl.Series) -> float:
    """Return the share of lines that are objects, whatever their names, but for those of an access log."""
    return json_events.export_share(lines, is_known=False)
