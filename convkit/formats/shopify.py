"""Shopify's order export: one row per line item, of which only the first row of each order counts."""

from __future__ import annotations

import polars as pl

from convkit.core.schema import PROBLEM
from convkit.formats.parsers.presets import CANCELLED_ORDER, Preset, normalized
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Phone",
    "#1001,ann@shop.example,paid,EUR,34.98,2026-10-10 13:55:36 +0200,2,Tee,9.99,",
    "#1001,,,,,,1,Mug,15.00,",
)
_NOT_SOLD = ["refunded", "voided", "expired", "cancelled", "canceled"]
"""The financial states of orders that are not sales."""
_PLAIN = r"^[0-9]{1,12}(?:\.[0-9]{1,2})?$"


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles: one `order` event per order, or one `cancelled_order`; its other line items count as comments."""
    is_of_order = (pl.col("time").fill_null("") == "") | (pl.col("total").fill_null("") == "")
    is_item = pl.col("fault").is_null() & is_of_order & (pl.col("id").fill_null("") != "")
    status, cancelled = (pl.col(name).str.strip_chars().str.to_lowercase().fill_null("") for name in ("status", "cancelled"))
    return rows.with_columns(
        event=pl.when(status.is_in(_NOT_SOLD) | (cancelled != "")).then(pl.lit(CANCELLED_ORDER)).otherwise(pl.lit("order")),
        fault=pl.when(is_item).then(pl.lit("comment", dtype=PROBLEM)).otherwise("fault"),
        user=pl.coalesce("user", "phone", "billed", "id"),
        value=_net(),
    )


def _property(name: str) -> pl.Expr:
    """Return the total of an order without what was refunded; other properties are as in the file."""
    return _net() if normalized(name) == "total" else pl.lit(None, dtype=pl.String)


def _net() -> pl.Expr:
    """Return the total of an order without what was refunded; both have at most two decimals."""
    cents = [(pl.when(pl.col(name).str.contains(_PLAIN)).then(name).cast(pl.Float64) * 100).round().cast(pl.Int64) for name in ("total", "refunded")]
    net = cents[0] - pl.when(cents[1] > 0).then(cents[1])
    text = pl.format("{}.{}", net // 100, (net % 100).cast(pl.String).str.zfill(2))
    return pl.when(net >= 0).then(text).otherwise("total")


_PRESET = Preset(
    {
        "time": "Created at",
        "user": "Email",
        "phone": "Phone",
        "billed": "Billing Name",
        "id": "Name",
        "total": "Total",
        "status": "Financial Status",
        "cancelled": "Cancelled at",
        "refunded": "Refunded Amount",
    },
    _rows,
    identities=("user", "phone", "billed", "id"),
    marks=("name email total created_at lineitem_name",),
    property=_property,
    visit={"country": ("Shipping Country", "Billing Country")},
)
FORMAT = ToolExport(_PRESET)
