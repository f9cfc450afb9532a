"""Parquet, for notebooks and databases: one report as typed columns, several reports as one tidy table of strings."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

from convkit.outputs import _rows

if TYPE_CHECKING:
    from convkit.core.blocks import Screen
    from convkit.core.document import Column, Document, Report

ENDINGS = ("parquet",)
_MONEY = pl.Decimal(38, 6)
_MILLION = 1_000_000
_TYPES: dict[str, type[pl.DataType]] = {
    "count": pl.Int64,
    "step": pl.Int64,
    "rate": pl.Float64,
    "ratio": pl.Float64,
    "change": pl.Float64,
    "seconds": pl.Float64,
    "number": pl.Float64,
    "flag": pl.Boolean,
}


def render(document: Document, _: Screen) -> bytes:
    """Return the content of the file: the report's columns, or `report, item, metric, value` for several reports; missing values are null."""
    reports = list(document.reports.values())
    file = io.BytesIO()
    frame = _tidy(reports) if _rows.is_tidy(document) else _typed(reports[0])
    # Written as one chunk, because the number of chunks depends on the number of threads and would change the file.
    frame.rechunk().write_parquet(file)
    return file.getvalue()


def _typed(report: Report) -> pl.DataFrame:
    """Return a report's frame: counts as integers, money as decimals, times with their time zone, text with control characters made visible."""
    frame = report.frame
    return pl.DataFrame([_column(frame[column.name], column) for column in report.columns])


def _column(values: pl.Series, column: Column) -> pl.Series:
    """Return a column converted to the type of its unit."""
    if column.unit == "text":
        texts = values.unique().drop_nulls().to_list()
        return values.replace(texts, [_rows.safe_text(text) for text in texts])
    if column.unit == "money":
        return values.cast(_MONEY) / _MILLION
    typed = values.cast(_TYPES.get(column.unit, values.dtype))
    # As in the other file formats: further decimals may differ if values are summed in another order.
    return typed.round(_rows.DECIMALS[column.unit]) if column.unit in _rows.DECIMALS else typed


def _tidy(reports: list[Report]) -> pl.DataFrame:
    """Return the same tidy table as in CSV, but without the escaping that only spreadsheets need."""
    schema = dict.fromkeys(_rows.TIDY, pl.String)
    frames = [pl.DataFrame(list(rows), schema=schema, orient="row") for rows in _rows.tidy_rows(reports, str)]
    frame = pl.concat([pl.DataFrame(schema=schema), *frames])
    return frame.with_columns(pl.col("value").replace("", None))
