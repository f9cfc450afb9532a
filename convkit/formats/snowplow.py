"""Snowplow's enriched events: 131 tab-separated columns without a header, or a table with their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles
from convkit.formats.parsers import delimited
from convkit.formats.parsers.exports import json_path
from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

if TYPE_CHECKING:
    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.delimited import TableExport
    from convkit.formats.parsers.json_events import JsonExport

_NAMES = datafiles.words("snowplow")
_TABS = len(_NAMES) - 1
_ROW = r"^[^\t]*\t[^\t]*\t[^\t]*\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\t"
_SAMPLE = {
    "app_id": "shop",
    "platform": "web",
    "collector_tstamp": "2026-10-10 13:55:37.010",
    "event": "page_view",
    "event_id": "c6ef3124",
    "user_ipaddress": "203.0.113.7",
    "domain_userid": "bc2e92ec",
    "page_url": "https://shop.example/",
    "useragent": "Opera/12.0",
    "domain_sessionid": "2b15e5c8",
    "derived_tstamp": "2026-10-10 13:55:36.120",
    "event_name": "page_view",
}
SAMPLES = tuple("\t".join((_SAMPLE | other).get(name, "") for name in _NAMES) for other in ({}, {"event_id": "c6ef3125", "user_id": "u1"}))
_OF_DATA = ("data", "data")


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles: an event has a name of its own, while a structured event (the old kind) is named after its action."""
    is_struct = pl.col("event") == "struct"
    return rows.with_columns(
        time=pl.coalesce("time", "collected"),
        event=pl.coalesce(pl.when(is_struct).then("action"), "name", "event"),
        user=pl.coalesce("user", "domain", "network"),
        anonymous=pl.coalesce("domain", "network"),
        value=pl.coalesce("total", "value"),
    )


def _property(name: str) -> pl.Expr:
    return pl.col("own").str.json_path_match(json_path((*_OF_DATA, name)))


_PRESET = Preset(
    {
        "time": "derived_tstamp",
        "collected": "collector_tstamp",
        "event": "event",
        "name": "event_name",
        "action": "se_action",
        "user": "user_id",
        "domain": "domain_userid",
        "network": "network_userid",
        "session": "domain_sessionid",
        "id": "event_id",
        "address": "user_ipaddress",
        "agent": "useragent",
        "url": "page_url",
        "referrer": "page_referrer",
        "total": "tr_total",
        "value": "se_value",
        "own": "unstruct_event",
    },
    _rows,
    identities=("user", "domain", "network", "session", "id"),
    marks=("event_id collector_tstamp domain_userid",),
    timezone="UTC",
    props="unstruct_event",
    property=_property,
    visit={
        "source": ("mkt_source",),
        "medium": ("mkt_medium",),
        "campaign": ("mkt_campaign",),
        "device": ("dvce_type",),
        "browser": ("br_family", "br_name"),
        "country": ("geo_country",),
    },
)


class Snowplow(ToolExport):
    """Snowplow's events, with or without a header."""

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that have all columns, with times in the right places."""
        is_row = lines.str.contains(_ROW) & (lines.str.count_matches("\t") == _TABS)
        return int(is_row.sum()) / max(len(lines), 1) or super().sniff(lines)

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> TableExport | JsonExport:
        """Return the layout of one export."""
        has_names = super().sniff(head) > 0
        return super().fit(source, head, needs) if has_names else delimited.fit(head, source.name, needs, delimited.TAB, _NAMES)


FORMAT = Snowplow(_PRESET)
