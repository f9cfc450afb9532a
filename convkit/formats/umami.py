"""Umami's table of events, `website_event`, exported from its database."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    "event_id,website_id,session_id,visit_id,created_at,url_path,url_query,referrer_path,referrer_domain,page_title,event_type,event_name",
    "e1,w1,s1,v1,2026-10-10 13:55:36+00,/,utm_source=mail,,search.example,Home,1,",
    "e2,w1,s1,v1,2026-10-10 13:56:36+00,/join,,,,Join,2,signed_up",
)
_NAMED = "2"


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles: Umami's session identifies a visitor for a month, and its visit is a session."""
    query = pl.when(pl.col("query") != "").then(pl.concat_str([pl.lit("?"), pl.col("query").str.strip_prefix("?")]))
    referrer = pl.when(pl.col("referred") != "").then(pl.concat_str([pl.lit("https://"), "referred", pl.col("referred_path").fill_null("")]))
    return rows.with_columns(
        event=pl.when(pl.col("type") == _NAMED).then("event").otherwise(pl.lit("pageview")),
        url=pl.concat_str(["path", query.fill_null("")]),
        referrer=referrer,
    )


_PRESET = Preset(
    {
        "time": "created_at",
        "user": "session_id",
        "session": "visit_id",
        "id": "event_id",
        "event": "event_name",
        "type": "event_type",
        "host": "hostname",
        "path": "url_path",
        "query": "url_query",
        "referred": "referrer_domain",
        "referred_path": "referrer_path",
    },
    _rows,
    identities=("user", "session", "id"),
    marks=("website_id session_id visit_id created_at url_path",),
    timezone="UTC",
    origin=("query", "referred"),
    visit={
        "source": ("utm_source",),
        "medium": ("utm_medium",),
        "campaign": ("utm_campaign",),
        "device": ("device",),
        "browser": ("browser",),
        "country": ("country",),
    },
)
FORMAT = ToolExport(_PRESET)
