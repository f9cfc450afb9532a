"""PostHog batch export: JSON lines, CSV or Parquet, with properties as an object or as JSON text."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    (
        '{"uuid":"p1","event":"$pageview","distinct_id":"u1","properties":{"$current_url":"https://shop.example/","$session_id":"s1"},'
        '"timestamp":"2026-10-10T13:55:36Z"}'
    ),
    (
        '{"uuid":"p2","event":"signed_up","distinct_id":"u1","properties":{"$current_url":"https://shop.example/join","plan":"pro"},'
        '"timestamp":"2026-10-10T13:56:36.500000+00:00"}'
    ),
)


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles; a visitor is the person that PostHog merged several IDs into, even for events before the merge."""
    anonymous, user = pl.when(pl.col("event") == "$identify").then("anonymous"), pl.coalesce("person", "user")
    # The pages of an app are screens, with a name instead of a URL.
    event = pl.when(pl.col("event") == "$screen").then(pl.lit("screen")).otherwise("event")
    url, value = pl.coalesce("url", "screen"), pl.coalesce("revenue", "value")
    return rows.with_columns(event=event, user=user, anonymous=anonymous, url=url, value=value)


_PRESET = Preset(
    {
        "time": "timestamp",
        "event": "event",
        "user": "distinct_id",
        "person": "person_id",
        "id": "uuid",
        "url": "properties.$current_url",
        "screen": "properties.$screen_name",
        "referrer": "properties.$referrer",
        "agent": "properties.$raw_user_agent",
        "address": "properties.$ip",
        "session": "properties.$session_id",
        "anonymous": "properties.$anon_distinct_id",
        "revenue": "properties.revenue",
        "value": "properties.value",
    },
    _rows,
    identities=("user", "person", "anonymous", "id", "session"),
    marks=("uuid event distinct_id timestamp",),
    timezone="UTC",
    props="properties",
    visit={
        "source": ("properties.utm_source",),
        "medium": ("properties.utm_medium",),
        "campaign": ("properties.utm_campaign",),
        "channel": ("properties.$channel_type",),
        "device": ("properties.$device_type",),
        "browser": ("properties.$browser",),
        "country": ("properties.$geoip_country_code",),
    },
)
FORMAT = ToolExport(_PRESET)
