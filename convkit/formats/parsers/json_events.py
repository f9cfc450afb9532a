"""Event exports as JSON objects, one per line: parsed all at once if every line is an object, otherwise line by line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core.schema import first_problem
from convkit.formats.parsers import columns as export_columns
from convkit.formats.parsers import exports
from convkit.formats.parsers.json_log import NOT_JSON, keep_first, pattern_for_names, sampled_objects, struct_type
from convkit.formats.parsers.roles import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from polars._typing import PolarsDataType

    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.presets import ColumnPath

_SAMPLED, _DEEPEST = 1_000, 4
_NOTHING = re.compile(r"(?:[\s\[\]{},]|null)*")


@dataclass(frozen=True)
class JsonExport(exports.ExportLayout):
    """The layout of one export."""

    @property
    def can_mend(self) -> bool:
        """Whether `mend` can repair lines that `scan` cannot read."""
        return True

    def scan(self, lines: pl.LazyFrame, _assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED, PARSED_EVENTS and a `prop.NAME` for each property.

        This fails if a line is not a JSON object; `mend` must then be called first.
        """
        is_blank = pl.col("line").str.strip_chars().fill_null("") == ""
        line = "whole" if "whole" in lines.collect_schema() else "line"
        fields = {name: self._field(path, line) for name, path in self.columns.fields.items()}
        rows = (
            lines.with_columns(fault=pl.coalesce(first_problem({"blank": is_blank}), "fault"))
            .with_columns(object=pl.when(pl.col("fault").is_null()).then("line").str.json_decode(self._shape()))
            .with_columns(fault=pl.coalesce("fault", first_problem({NOT_JSON: pl.col("object").is_null()})))
            .select("source", "line_no", "fault", props=self._props(line), **fields)
        )
        return exports.parse_events(rows, self.columns)

    def _shape(self) -> pl.Struct:
        """Return a struct type for the fields that a run needs: strings, unless the tool's preset gives other types."""
        preset = self.columns.preset
        types = {self.columns.roles[name]: of_type for name, of_type in (preset.types if preset else {}).items()}
        return _shape({self.columns.column(path): types.get(path, pl.String()) for path in self.columns.fields.values()})

    def _field(self, path: ColumnPath, line: str) -> pl.Expr:
        """Return the value at a path in an object, or within the JSON text that the object holds there."""
        column = self.columns.column(path)
        return exports.json_text(_varying(column, line) if self._varies(column) else _field(column), path[len(column) :])

    def _varies(self, column: ColumnPath) -> bool:
        """Return whether a column holds an object with other columns in some rows, or is in what is no object in others: no type fits both."""
        others = [other for path in self.columns.fields.values() if (other := self.columns.column(path)) != column]
        return any(other[: len(column)] == column[: len(other)] for other in others)

    def _props(self, line: str) -> pl.Expr:
        """Return the properties as JSON: the object that holds them, or the whole event."""
        return pl.col(line).str.json_path_match(exports.json_path(self.columns.props))

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES that `scan` can read, reduced to what a run needs; `whole` keeps the originals, and `fault` marks lines without an object."""
        shape = self._shape()
        for frame in frames:
            read = frame.select(pl.when(pl.col("fault").is_null() & (pl.col("line").str.strip_chars() != "")).then("line")).to_series()
            try:
                read.str.json_decode(shape)
                yield frame.with_columns(whole="line")
            except pl.exceptions.ComputeError:
                objects = [None if line is None else _object(line) for line in read]
                lists = frozenset(self.columns.properties.values())
                mended = [None if item is None else json.dumps(_cut(item, shape, lists)) for item in objects]
                lines = pl.Series([kept or line for kept, line in zip(mended, frame["line"], strict=True)], dtype=pl.String)
                is_none = pl.Series([line is not None and kept is None for kept, line in zip(mended, read, strict=True)])
                yield frame.with_columns(line=lines, whole="line", fault=pl.coalesce("fault", first_problem({NOT_JSON: pl.lit(is_none)})))


def export_share(lines: pl.Series, *, is_known: bool = True) -> float:
    """Return the share of lines that are objects, except those of an access log; if `is_known`, their names must be known."""
    fits, names = object_names(lines)
    if not is_known:
        return 0.0 if export_columns.names_requests(names) else fits
    return fits if export_columns.names_events(names) and not (export_columns.names_requests(names) and export_columns.is_access_log(lines)) else 0.0


def object_names(lines: pl.Series) -> tuple[float, list[ColumnPath]]:
    """Return the share of lines that are objects, and the names in them."""
    return _object_names(tuple(_some(lines)))


@lru_cache(maxsize=2)
def _object_names(lines: tuple[str, ...]) -> tuple[float, list[ColumnPath]]:
    """Do the work of `object_names`, with a cache because many formats ask about the same lines."""
    objects = _objects(lines)
    return len(objects) / max(len(lines), 1), _names(objects)


def hold_nothing(lines: Sequence[str]) -> bool:
    """Return whether lines are the JSON of an export without events: `[]`, `{}`, `null`, or several of these."""
    text = "\n".join(lines)
    if not text.strip() or not _NOTHING.fullmatch(text):
        return False
    return all(map(_is_nothing, lines)) or _is_nothing(text)


def _is_nothing(text: str) -> bool:
    """Return whether JSON text has no values in it."""
    try:
        return not text.strip() or not any(json.loads(text) or ())
    except (ValueError, RecursionError):
        return False


def late_names(lines: pl.Series, needs: Needs) -> str:
    """Return a pattern for the names that a run needs, or that are usual for columns, but that the first lines do not have."""
    names = _names(_objects(sampled_objects(lines, _SAMPLED)))
    return pattern_for_names(export_columns.sought_names(names, needs), {word for path in names for word in plain(path)[-1:]})


def fit(lines: pl.Series, called: str, needs: Needs) -> JsonExport:
    """Return the layout of an export. Raises InputError if it lacks what a run needs."""
    objects = _objects(sampled_objects(lines, _SAMPLED))

    def sample(path: ColumnPath) -> list[str | None]:
        return [None if (value := _value(item, path)) is None else str(value) for item in objects]

    return JsonExport(export_columns.find_columns(_names(objects), needs, called, sample))


def _some(lines: pl.Series) -> pl.Series:
    """Return lines from all over the head, because some columns appear late."""
    return lines.gather_every(len(lines) // _SAMPLED + 1)


def _objects(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return the objects that are found in lines."""
    return [item for line in lines if (item := _object(line)) is not None]


def _names(objects: Iterable[dict[str, Any]]) -> list[ColumnPath]:
    """Return the paths in objects, in the order of their first occurrence."""
    paths: dict[ColumnPath, None] = {}
    for item in objects:
        paths.update(dict.fromkeys(_within(item, ())))
    return list(paths)


def _within(item: Mapping[str, Any], path: ColumnPath) -> Iterator[ColumnPath]:
    """Yield the paths in one object."""
    for name, value in item.items():
        if not isinstance(value, dict):
            yield (*path, name)
        elif len(path) < _DEEPEST:
            yield from _within(value, (*path, name))


def _value(item: Any, path: ColumnPath) -> object:  # noqa: ANN401 (JSON holds anything)
    """Return the value at a path in an object."""
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item


def _object(line: str) -> dict[str, Any] | None:
    """Parse a line as an object and return None if it is not one; if a name is repeated, the first one counts, as in Polars."""
    try:
        item = json.loads(line, object_pairs_hook=keep_first, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _shape(paths: Mapping[ColumnPath, pl.DataType]) -> pl.Struct:
    """Return a struct type with these types at these paths; if one path is within another, the first one counts."""
    tree: dict[str, Any] = {}
    for path, of_type in paths.items():
        branch = tree
        for name in path[:-1]:
            branch = branch.setdefault(name, {})
            if not isinstance(branch, dict):
                break
        else:
            branch.setdefault(path[-1], of_type)
    return struct_type(tree)


def _cut(value: Any, of_type: PolarsDataType, lists: Collection[ColumnPath], path: ColumnPath = ()) -> Any:  # noqa: ANN401 (JSON holds anything)
    """Return the part of a value that fits the type; strings, numbers and Booleans all fit a string type, and lists do at the paths `lists`."""
    if isinstance(of_type, pl.Struct):
        fields = {part.name: part.dtype for part in of_type.fields}
        return {name: _cut(value.get(name), dtype, lists, (*path, name)) for name, dtype in fields.items()} if isinstance(value, dict) else None
    if isinstance(of_type, pl.List):
        return [_cut(item, of_type.inner, lists, path) for item in value] if isinstance(value, list) else None
    if isinstance(value, list) and path in lists:
        return json.dumps(value)
    is_plain = isinstance(value, (str, int)) or (isinstance(value, float) and abs(value) != float("inf"))
    return value if is_plain else None


def _varying(path: ColumnPath, line: str) -> pl.Expr:
    """Return the string at a path in the JSON of a line, or null where there is an object."""
    text = pl.col(line).str.json_path_match(exports.json_path(path))
    return pl.when(~text.str.starts_with("{")).then(text)


def _field(path: ColumnPath) -> pl.Expr:
    """Return the string at a path in an object."""
    field = pl.col("object")
    for name in path:
        field = field.struct.field(name)
    return field
