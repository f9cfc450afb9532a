"""Shopify's order export: one row per line item, of which only the first row of each order counts."""

from __future__ import annotations

import polars as pl

from convkit.core.schema import PROBLEM
from convkit.formats.parsers.presets import Preset
from convkit.formats.parsers.tool_exports import ToolExport

SAMPLES = (
    "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Phone",
    "#1001,ann@shop.example,paid,EUR,34.98,2026-10-10 13:55:36 +0200,2,Tee,9.99,",
    "#1001,,,,,,1,Mug,15.00,",
)


def _rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Map the rows to roles: one `order` event per order; its other line items count as comments."""
    is_item = pl.col("fault").is_null() & pl.col("time").is_null() & pl.col("id").is_not_null()
    return rows.with_columns(
        event=pl.lit("order"),
        fault=pl.when(is_item).then(pl.lit("comment", dtype=PROBLEM)).otherwise("fault"),
        user=pl.coalesce("user", "phone", "billed", "id"),
    )


_PRESET = Preset(
    {"time": "Created at", "user": "Email", "phone": "Phone", "billed": "Billing Name", "id": "Name", "value": "Total"},
    _rows,
    identities=("user", "phone", "billed", "id"),
    marks=("name email total created_at lineitem_name",),
)
FORMAT = ToolExport(_PRESET)
