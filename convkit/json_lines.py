"""Lines of JSON objects -> CELLS: the fast way where every line is one, line by line where one is not.

It stands alone because two formats hold such lines, and because JSON has traps of its own: one half line stops a reader of many.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import columns, exports
from convkit.schema import first_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from convkit.assets import Assets
    from convkit.columns import Asked, Columns, Place

NO_OBJECT = "no JSON object"
_SAMPLED, _DEEPEST = 1_000, 4


@dataclass(frozen=True)
class Objects:
    """How an export is laid out: a format of lines, made for one file."""

    columns: Columns

    def scan(self, lines: pl.LazyFrame, _assets: Assets) -> pl.LazyFrame:
        """Return CELLS and EVENT_CELLS of LINES, and a `prop.NAME` for each property that is there.

        Fails where a line is no JSON object: then they need mending.
        """
        is_blank = pl.col("line").str.strip_chars().fill_null("") == ""
        fields = {name: _field(place) for name, place in self.columns.fields.items()}
        rows = (
            lines.with_columns(fault=pl.coalesce(first_problem({"blank": is_blank}), "fault"))
            .with_columns(object=pl.when(pl.col("fault").is_null()).then("line").str.json_decode(_shape(self.columns.fields.values())))
            .with_columns(fault=pl.coalesce("fault", first_problem({NO_OBJECT: pl.col("object").is_null()})))
            .select("source", "line_no", "fault", **fields)
        )
        return exports.cells(rows, self.columns)

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES that `scan` does not fail of: of objects what a run needs of them, and a `fault` for what is none."""
        shape = _shape(self.columns.fields.values())
        for frame in frames:
            read = frame.select(pl.when(pl.col("fault").is_null() & (pl.col("line").str.strip_chars() != "")).then("line")).to_series()
            try:
                read.str.json_decode(shape)
                yield frame
            except pl.exceptions.ComputeError:
                objects = [None if line is None else _object(line) for line in read]
                mended = [None if found is None else json.dumps(_cut(found, shape)) for found in objects]
                lines = pl.Series([kept or line for kept, line in zip(mended, frame["line"], strict=True)], dtype=pl.String)
                is_none = pl.Series([line is not None and kept is None for kept, line in zip(mended, read, strict=True)])
                yield frame.with_columns(line=lines, fault=pl.coalesce("fault", first_problem({NO_OBJECT: pl.lit(is_none)})))


def share(lines: pl.Series, *, is_known: bool = True) -> float:
    """Return the share of lines that are objects whose names are known, or any objects, but for those of an access log."""
    some = _some(lines)
    objects = _objects(some)
    names = _names(objects)
    fits = not columns.is_access_log(names) and (columns.is_known(names) or not is_known)
    return len(objects) / max(len(some), 1) if fits else 0.0


def fit(lines: pl.Series, called: str, asked: Asked) -> Objects:
    """Return how an export is laid out. Raises InputError where it does not say what a run needs."""
    objects = _objects(_some(lines))

    def values(place: Place) -> list[str]:
        return [str(value) for item in objects if (value := _value(item, place)) is not None]

    return Objects(columns.find(_names(objects), asked, called, values))


def _some(lines: pl.Series) -> pl.Series:
    """Return lines spread over many: some columns come late."""
    return lines.gather_every(len(lines) // _SAMPLED + 1)


def _objects(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return the objects among lines."""
    return [found for line in lines if (found := _object(line)) is not None]


def _names(objects: Iterable[dict[str, Any]]) -> list[Place]:
    """Return the names in objects, those within others too, in the order in which they come."""
    found: dict[Place, None] = {}
    for item in objects:
        found.update(dict.fromkeys(_within(item, ())))
    return list(found)


def _within(item: Mapping[str, Any], place: Place) -> Iterator[Place]:
    """Yield the names in one object."""
    for name, value in item.items():
        if not isinstance(value, dict):
            yield (*place, name)
        elif len(place) < _DEEPEST:
            yield from _within(value, (*place, name))


def _value(item: Any, place: Place) -> object:  # noqa: ANN401 (JSON holds anything)
    """Return what stands in a place of an object."""
    for name in place:
        item = item.get(name) if isinstance(item, dict) else None
    return item


def _object(line: str) -> dict[str, Any] | None:
    """Return the object that a line is, None where it is none; of equal names the first counts, as in the fast reader."""
    try:
        found = json.loads(line, object_pairs_hook=first_of_each, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of names and values; of equal names the first counts."""
    return dict(reversed(pairs)) if len(pairs) > len(dict(pairs)) else dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _shape(places: Iterable[Place]) -> pl.Struct:
    """Return the type of objects that hold texts in these places."""
    tree: dict[str, Any] = {}
    for place in places:
        branch = tree
        for name in place[:-1]:
            branch = branch.setdefault(name, {})
        branch.setdefault(place[-1], None)
    return _struct(tree)


def _struct(tree: Mapping[str, Any]) -> pl.Struct:
    return pl.Struct({name: pl.String() if branch is None else _struct(branch) for name, branch in tree.items()})


def _cut(item: Mapping[str, Any], shape: pl.Struct) -> dict[str, Any]:
    """Return what of an object has the shape: texts, numbers and truth values in its places."""
    kept: dict[str, Any] = {}
    for part in shape.fields:
        value = item.get(part.name)
        if isinstance(part.dtype, pl.Struct):
            kept[part.name] = _cut(value, part.dtype) if isinstance(value, dict) else None
        else:
            is_plain = isinstance(value, (str, int)) or (isinstance(value, float) and abs(value) != float("inf"))
            kept[part.name] = value if is_plain else None
    return kept


def _field(place: Place) -> pl.Expr:
    """Return the text in a place of an object."""
    field = pl.col("object")
    for name in place:
        field = field.struct.field(name)
    return field
