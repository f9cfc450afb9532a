"""Segment and RudderStack calls: JSON lines, or tables from a data warehouse."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    (
        '{"type":"page","name":"Home","messageId":"s1","anonymousId":"a1","userId":null,"timestamp":"2026-10-10T13:55:36.120Z",'
        '"context":{"ip":"203.0.113.7","userAgent":"Opera/12.0","page":{"url":"https://shop.example/","referrer":"https://search.example/"}},"properties":{}}'
    ),
    '{"type":"identify","messageId":"s2","anonymousId":"a1","userId":"u1","timestamp":"2026-10-10T13:56:36Z","context":{"ip":"203.0.113.7"}}',
    (
        '{"type":"track","event":"Order Completed","messageId":"s3","anonymousId":"a1","userId":"u1","originalTimestamp":"2026-10-10T15:57:36+02:00",'
        '"context":{"page":{"url":"https://shop.example/paid"}},"properties":{"revenue":19.9}}'
    ),
)
_KINDS = {"page": "page", "screen": "screen", "identify": "identify", "group": "$groupidentify", "alias": "alias"}
"""The event name for each type of call that does not have one of its own."""


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles: `page` and `screen` calls are pages, `track` calls have event names; a table of pages has neither type nor event."""
    kind = pl.col("type").str.to_lowercase()
    of_kind = kind.replace_strict(_KINDS, default=None, return_dtype=pl.String)
    is_page = kind.is_null() & pl.col("event").is_null()
    where = pl.col("url").str.contains("://", literal=True).fill_null(value=False)
    return rows.with_columns(
        time=pl.coalesce("time", "original", "sent"),
        event=pl.coalesce(of_kind, "event", pl.when(is_page).then(pl.lit("page"))),
        user=pl.coalesce("user", "anonymous"),
        # A URL without a host is not a page; use the path.
        url=pl.when(where).then("url").otherwise(pl.coalesce("path", "page_url", "page_path", "screen", "url")),
        referrer=pl.coalesce("referrer", "page_referrer"),
        address=pl.coalesce("address", "request_address", "table_address"),
        agent=pl.coalesce("agent", "table_agent"),
        id=pl.coalesce("id", "row"),
        value=pl.coalesce("revenue", "value", "table_revenue"),
    )


_PRESET = Preset(
    {
        "type": "type",
        "event": "event",
        "time": "timestamp",
        "original": "originalTimestamp",
        "sent": "sentAt",
        "user": "userId",
        "anonymous": "anonymousId",
        "id": "messageId",
        "row": "id",
        "url": "properties.url",
        "path": "properties.path",
        "screen": "properties.name",
        "referrer": "properties.referrer",
        "page_url": "context.page.url",
        "page_path": "context.page.path",
        "page_referrer": "context.page.referrer",
        "address": "context.ip",
        "request_address": "request_ip",
        "table_address": "context_ip",
        "agent": "context.userAgent",
        "table_agent": "context_user_agent",
        "revenue": "properties.revenue",
        "value": "properties.value",
        "table_revenue": "revenue",
    },
    _rows,
    identities=("user", "anonymous", "id", "row"),
    marks=("messageId type anonymousId", "messageId type userId", "anonymous_id received_at timestamp"),
    timezone="UTC",
    props="properties",
    origin=("referrer", "page_referrer"),
    visit={
        "source": ("context.campaign.source", "properties.utm_source"),
        "medium": ("context.campaign.medium", "properties.utm_medium"),
        "campaign": ("context.campaign.name", "properties.utm_campaign"),
        "device": ("context.device.type",),
        "country": ("context.location.country",),
    },
)
FORMAT = ToolExport(_PRESET)
