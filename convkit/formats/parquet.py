"""An export as Parquet: a row an event, its columns typed; structs within it hold properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import columns, exports, moments
from convkit.lines import OF_FILE
from convkit.panics import told_as_damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.assets import Assets
    from convkit.columns import Asked, Columns, Place
    from convkit.lines import Source

COMMENT = None
SAMPLES = ()
_FEW = 100


@dataclass(frozen=True)
class File:
    """How an export is laid out: a format of rows, made for one file."""

    columns: Columns
    types: Mapping[Place, pl.DataType]

    def scan(self, lines: pl.LazyFrame, _assets: Assets) -> pl.LazyFrame:
        """Return CELLS and EVENT_CELLS of rows with the columns of the file, and a `prop.NAME` for each property that is there."""
        fields = {name: _text(_column(place)) for name, place in self.columns.fields.items()}
        time = self._time() if "date" not in fields else None
        if time is not None:
            fields["time"] = pl.when(time.is_between(*moments.WEB)).then(time)
        return exports.cells(lines.select("source", "line_no", "fault", **fields), self.columns, has_times=time is not None)

    def _time(self) -> pl.Expr | None:
        """Return the time where its column is no text."""
        place = self.columns.roles["time"]
        value, of_type = _column(place), self.types[place]
        if of_type.is_integer():
            return moments.of_number(value.cast(pl.Int64, strict=False))
        if isinstance(of_type, pl.Datetime) and of_type.time_zone:
            return value.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
        if of_type.is_temporal():
            return moments.of_local(value.cast(pl.Datetime("us")), self.columns.timezone)
        return None


def sniff(_: pl.Series) -> float:
    """Tell nothing by lines: the file's first bytes say what it is."""
    return 0.0


def fit(source: Source, _: pl.Series, asked: Asked) -> File:
    """Return the format of one file. Raises InputError where it is damaged, or does not say what a run needs."""

    def values(place: Place) -> list[str]:
        few = pl.read_parquet(source.path, columns=[place[0]], n_rows=_FEW, glob=False).select(_text(_column(place, prefix="")))
        return few.to_series().drop_nulls().to_list()

    with told_as_damage(source.name):
        types = {place: of_type for place, of_type in _within(pl.read_parquet_schema(source.path), ()) if not of_type.is_nested()}
        return File(columns.find(list(types), asked, source.name, values), types)


def _within(fields: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, Any]]:
    """Yield the columns, those within structs too."""
    for name, of_type in fields.items():
        yield (*place, name), of_type
        if isinstance(of_type, pl.Struct):
            yield from _within({field.name: field.dtype for field in of_type.fields}, (*place, name))


def _column(place: Place, prefix: str = OF_FILE) -> pl.Expr:
    """Return the column in a place."""
    found = pl.col(prefix + place[0])
    for name in place[1:]:
        found = found.struct.field(name)
    return found


def _text(column: pl.Expr) -> pl.Expr:
    """Return a column as text."""
    return column.cast(pl.String, strict=False)
