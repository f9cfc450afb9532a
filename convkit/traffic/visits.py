"""What exports say of visits themselves: device, browser and country of their rows, which override what the user agent shows."""

from __future__ import annotations

import polars as pl

from convkit.core.schema import BROWSER_FIELD, COUNTRY_FIELD, DEVICE_FIELD, TEXT, VISIT_PREFIX
from convkit.traffic import devices

_DEVICE, _BROWSER, _COUNTRY = (f"{VISIT_PREFIX}{field}" for field in (DEVICE_FIELD, BROWSER_FIELD, COUNTRY_FIELD))


def apply_visit_columns(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Set `device`, `browser` and `country` of rows by the columns of their export; each distinct value is evaluated once.

    A row whose export does not say it, and which has no user agent, has none: others of its session may have one.
    """
    columns = hits.collect_schema().names()
    for name, field, value in ((_DEVICE, DEVICE_FIELD, devices.named_device), (_BROWSER, BROWSER_FIELD, devices.browser)):
        if name in columns:
            named = hits.select(pl.col(name).drop_nulls().unique()).with_columns(named=value(pl.col(name).cast(pl.String)))
            of_agent = pl.when(pl.col("user_agent").cast(pl.String).fill_null("") != "").then(field)
            joined = hits.join(named, on=name, how="left", maintain_order="left")
            hits = joined.with_columns(pl.coalesce("named", of_agent).alias(field)).drop("named")
    return hits.with_columns(pl.col(_COUNTRY).cast(TEXT).alias(COUNTRY_FIELD)) if _COUNTRY in columns else hits
