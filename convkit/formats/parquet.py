"""Event export as Parquet: one event per row, with typed columns; structs hold properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.files.lines import COLUMN_PREFIX, parquet_damage_as_error
from convkit.formats import LogFormat
from convkit.formats.parsers import columns as export_columns
from convkit.formats.parsers import exports, roles, timestamps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.presets import ColumnPath

SAMPLES = ()
_FEW = 100


@dataclass(frozen=True)
class ParquetExport(exports.ExportLayout):
    """The layout of one export."""

    types: Mapping[ColumnPath, pl.DataType]

    def scan(self, lines: pl.LazyFrame, _assets: Assets) -> pl.LazyFrame:
        """Parse rows with the file's columns into PARSED, PARSED_EVENTS and a `prop.NAME` for each property."""
        paths = {name: path for name, path in self.columns.fields.items() if self.columns.column(path) in self.types}
        fields = {name: self._value(name, path, is_whole=self._is_whole(name)) for name, path in paths.items()}
        time = self._time() if "date" not in fields and self.columns.preset is None else None
        if time is not None:
            fields["time"] = pl.when(time.is_between(*timestamps.WEB_ERA) | (time == timestamps.NEVER)).then(time)
        rows = lines.select("source", "line_no", "fault", props=self._props(), **fields)
        return exports.parse_events(rows, self.columns, has_times=time is not None)

    def _is_whole(self, name: str) -> bool:
        """Return whether the tool's preset uses a field with its original type."""
        return self.columns.preset is not None and name in self.columns.preset.types

    def _value(self, name: str, path: ColumnPath, *, is_whole: bool) -> pl.Expr:
        """Return the value of a column, or of a path within its JSON text, as text."""
        column = self.columns.column(path)
        value = _column(column)
        if isinstance(self.types[column], pl.List) and name.startswith("prop."):
            return _as_json(value, self.types[column])
        return value if is_whole else exports.json_text(_text(value, self.types[column]), path[len(column) :])

    def _props(self) -> pl.Expr:
        """Return the properties as JSON: the column that holds them, or all columns without a role."""
        path, used = self.columns.props, set(self.columns.roles.values())
        if path:
            return _as_json(_column(path), self.types[path] if path in self.types else pl.Struct({}))
        others = [_text(_column(name), of_type).alias(roles.dotted(name)) for name, of_type in self.types.items() if name not in used]
        return pl.struct(others).struct.json_encode() if others else pl.lit(None, dtype=pl.String)

    def _time(self) -> pl.Expr | None:
        """Return the time, or None if its column is text."""
        path = self.columns.roles["time"]
        value, of_type = _column(path), self.types[path]
        if of_type.is_integer():
            return timestamps.from_number(value.cast(pl.Int64, strict=False))
        if isinstance(of_type, pl.Datetime) and of_type.time_zone:
            return value.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
        if of_type.is_temporal():
            return timestamps.from_local(value.cast(pl.Datetime("us")), self.columns.timezone)
        return None


def _within(fields: Mapping[str, Any], path: ColumnPath) -> Iterator[tuple[ColumnPath, Any]]:
    """Yield the columns, including those within structs."""
    for name, of_type in fields.items():
        yield (*path, name), of_type
        if isinstance(of_type, pl.Struct):
            yield from _within({field.name: field.dtype for field in of_type.fields}, (*path, name))


def _column(path: ColumnPath, prefix: str = COLUMN_PREFIX) -> pl.Expr:
    """Return a column by its path."""
    column = pl.col(prefix + path[0])
    for name in path[1:]:
        column = column.struct.field(name)
    return column


def _text(column: pl.Expr, of_type: pl.DataType) -> pl.Expr:
    """Return a column as text, or null if it is a list."""
    if of_type.is_nested():
        return pl.lit(None, dtype=pl.String)
    in_utc = column.dt.convert_time_zone("UTC") if isinstance(of_type, pl.Datetime) and of_type.time_zone else column
    return in_utc.cast(pl.String, strict=False)


def _as_json(column: pl.Expr, of_type: pl.DataType) -> pl.Expr:
    """Return a column as JSON; text is JSON already."""
    if isinstance(of_type, pl.Struct):
        return column.struct.json_encode()
    return pl.struct(column.alias("list")).struct.json_encode().str.json_path_match("$.list") if of_type.is_nested() else column.cast(pl.String)


class Parquet(LogFormat):
    """Exports from any tool, as Parquet."""

    def sniff(self, _lines: pl.Series) -> float:
        """Return 0: a Parquet file has no lines and is identified by its first bytes."""
        return 0.0

    def fit(self, source: Source, _head: pl.Series, needs: Needs) -> ParquetExport:
        """Return the layout of one file. Raises InputError if it is damaged or lacks what a run needs."""

        def sample(path: ColumnPath) -> list[str | None]:
            few = pl.read_parquet(source.path, columns=[path[0]], n_rows=_FEW, glob=False).select(_text(_column(path, prefix=""), types[path]))
            return few.to_series().to_list()

        with parquet_damage_as_error(source.name):
            types = {path: of_type for path, of_type in _within(pl.read_parquet_schema(source.path), ()) if not isinstance(of_type, pl.Struct)}
            return ParquetExport(export_columns.find_columns(list(types), needs, source.name, sample), types)


FORMAT = Parquet()
