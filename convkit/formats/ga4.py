"""Google Analytics 4 events exported from BigQuery: JSON lines or Parquet, with event parameters as a list."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    (
        '{"event_date":"20261010","event_timestamp":"1791640536120000","event_name":"page_view","user_pseudo_id":"7.1","event_params":['
        '{"key":"ga_session_id","value":{"int_value":"1791640536"}},{"key":"page_location","value":{"string_value":"https://shop.example/"}}]}'
    ),
    (
        '{"event_date":"20261010","event_timestamp":"1791640596120000","event_name":"purchase","user_pseudo_id":"7.1","user_id":"u1","event_params":['
        '{"key":"ga_session_id","value":{"int_value":"1791640536"}},{"key":"value","value":{"double_value":19.9}}]}'
    ),
)
_VALUES = ("string_value", "int_value", "double_value", "float_value")
_LIST = pl.List(pl.Struct({"key": pl.String(), "value": pl.Struct(dict.fromkeys(_VALUES, pl.String()))}))
_BATCH = ("page", "batch", "place")


def _parameter(name: str) -> pl.Expr:
    """Return a parameter as text. The fastest way is to compare the elements of all lists at once and then take one from each list."""
    item = pl.element().struct
    is_it = pl.col("params").list.eval(item.field("key") == name)
    value = item.field("value").struct
    texts = pl.col("params").list.eval(pl.coalesce(value.field(kind).cast(pl.String) for kind in _VALUES))
    return pl.when(is_it.list.any()).then(texts.list.get(is_it.list.arg_max(), null_on_oob=True))


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles; rows from before consent was given have no visitor."""
    page, referrer, session, value = map(_parameter, ("page_location", "page_referrer", "ga_session_id", "value"))
    return in_order_of_batch(rows).with_columns(
        user=pl.coalesce("user", "pseudo"),
        anonymous="pseudo",
        url=pl.coalesce(page, pl.when(pl.col("event") == "screen_view").then(_parameter("firebase_screen"))),
        referrer=referrer,
        session=pl.coalesce(pl.concat_str(["pseudo", session], separator="."), session),
        value=pl.coalesce(value, "revenue"),
    )


def in_order_of_batch(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Order events that a browser sent as one batch: they share a time, so each is moved a microsecond after the previous one."""
    numbers = {name: pl.col(name).cast(pl.Int64, strict=False) for name in _BATCH}
    is_first = pl.struct("pseudo", "time").ne_missing(pl.struct("pseudo", "time").shift(1)).fill_null(value=True)
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    place = number - pl.when(is_first).then(number).forward_fill()
    later = pl.when(pl.col("place").is_not_null()).then(pl.col("time").cast(pl.Int64, strict=False) + place).cast(pl.String)
    return rows.with_columns(**numbers).sort("pseudo", "time", *_BATCH, "line_no").with_columns(time=pl.coalesce(later, "time")).sort("line_no")


_PRESET = Preset(
    {
        "time": "event_timestamp",
        "event": "event_name",
        "user": "user_id",
        "pseudo": "user_pseudo_id",
        "params": "event_params",
        "page": "batch_page_id",
        "batch": "batch_ordering_id",
        "place": "batch_event_index",
        "revenue": "ecommerce.purchase_revenue",
    },
    _rows,
    identities=("user", "pseudo"),
    session_names=("ga_session_id", "session_id"),
    marks=("event_timestamp event_name event_params",),
    timezone="UTC",
    types={"params": _LIST},
    props="event_params",
    property=_parameter,
    origin=("params",),
    visit={
        "source": ("collected_traffic_source.manual_source", "session_traffic_source_last_click.manual_campaign.source"),
        "medium": ("collected_traffic_source.manual_medium", "session_traffic_source_last_click.manual_campaign.medium"),
        "campaign": ("collected_traffic_source.manual_campaign_name", "session_traffic_source_last_click.manual_campaign.campaign_name"),
        "device": ("device.category",),
        "browser": ("device.web_info.browser", "device.browser"),
        "country": ("geo.country",),
    },
    visit_properties={"source": "source", "medium": "medium", "campaign": "campaign"},
    first_visit={"source": "traffic_source.source", "medium": "traffic_source.medium", "campaign": "traffic_source.name"},
    visit_number="ga_session_number",
)
FORMAT = ToolExport(_PRESET)
