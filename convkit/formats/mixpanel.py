"""Mixpanel's raw event export: JSON lines, with times in the project's time zone."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers import timestamps
from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    '{"event":"$mp_web_page_view","properties":{"time":1791640536,"distinct_id":"u1","$insert_id":"m1","$current_url":"https://shop.example/"}}',
    '{"event":"Purchase","properties":{"time":1791640596000,"distinct_id":"u1","$insert_id":"m2","$user_id":"u1","$device_id":"d1","Amount":5.5}}',
)


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles; times are in seconds or milliseconds of local time."""
    moment = timestamps.from_number(pl.col("time").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)).dt.replace_time_zone(None)
    time = moment.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
    value = pl.coalesce("revenue", "amount", "total")
    user = pl.coalesce("named", "user", "device")
    return rows.with_columns(time=time, value=value, user=user, anonymous="device")


_PRESET = Preset(
    {
        "time": "properties.time",
        "event": "event",
        "user": "properties.distinct_id",
        "named": "properties.$user_id",
        "device": "properties.$device_id",
        "id": "properties.$insert_id",
        "url": "properties.$current_url",
        "referrer": "properties.$referrer",
        "revenue": "properties.revenue",
        "amount": "properties.Amount",
        "total": "properties.total",
    },
    _rows,
    identities=("user", "named", "device", "id"),
    marks=("event properties.time properties.$insert_id", "event properties.time properties.distinct_id"),
    props="properties",
    visit={
        "source": ("properties.utm_source",),
        "medium": ("properties.utm_medium",),
        "campaign": ("properties.utm_campaign",),
        "device": ("properties.$device_type", "properties.$os"),
        "browser": ("properties.$browser",),
        "country": ("properties.mp_country_code",),
    },
)
FORMAT = ToolExport(_PRESET)
