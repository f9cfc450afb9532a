"""Amplitude's event export: JSON lines, plain or in the zip of compressed files that Amplitude exports."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    (
        '{"$insert_id":"a1","amplitude_id":7,"device_id":"d1","event_properties":{"Total Price":20},"event_time":"2026-10-10 13:55:36.120000",'
        '"event_type":"Paid","ip_address":"203.0.113.7","session_id":1791640500000,"user_id":"u1","uuid":"b2d0"}'
    ),
    (
        '{"$insert_id":"a2","amplitude_id":7,"device_id":"d1","event_properties":{},"event_time":"2026-10-10 13:56:36.120000",'
        '"event_type":"[Amplitude] Page Viewed","ip_address":null,"session_id":-1,"user_id":null,"uuid":"b2d1"}'
    ),
)
_NO_SESSION = "-1"


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles; a user who is not logged in is identified by device."""
    session = pl.when(pl.col("session") != _NO_SESSION).then(
        pl.concat_str([pl.coalesce("device", "user"), "session"], separator=".", ignore_nulls=True)
    )
    return rows.with_columns(
        user=pl.coalesce("user", "device"),
        anonymous="device",
        session=session,
        id=pl.coalesce("uuid", "insert"),
        value=pl.coalesce("revenue", "event_revenue"),
        url=pl.coalesce("page", "path"),
    )


_PRESET = Preset(
    {
        "time": "event_time",
        "event": "event_type",
        "user": "user_id",
        "device": "device_id",
        "address": "ip_address",
        "session": "session_id",
        "uuid": "uuid",
        "insert": "$insert_id",
        "page": "event_properties.[Amplitude] Page URL",
        "path": "event_properties.[Amplitude] Page Path",
        "host": "event_properties.[Amplitude] Page Domain",
        "referrer": "event_properties.referrer",
        "revenue": "event_properties.$revenue",
        "event_revenue": "event_properties.revenue",
    },
    _rows,
    identities=("user", "device", "session", "uuid", "insert"),
    marks=("event_type event_time amplitude_id", "event_type event_time uuid device_id"),
    timezone="UTC",
    props="event_properties",
    visit={
        "source": ("event_properties.utm_source", "user_properties.utm_source"),
        "medium": ("event_properties.utm_medium", "user_properties.utm_medium"),
        "campaign": ("event_properties.utm_campaign", "user_properties.utm_campaign"),
        "device": ("device_type", "os_name"),
        "country": ("country",),
    },
)
FORMAT = ToolExport(_PRESET)
