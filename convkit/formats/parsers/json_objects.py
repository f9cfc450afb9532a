r"""Lines -> what JSON objects say in some of their places, as texts: no line stops the others, none is taken for another.

It stands alone because JSON has traps of its own: Polars reads many lines at once, as the elements of one array, where a single half line fails them
all and a comma between two objects shifts the rest. What a writer's habit explains (`\xHH`, a comma behind, a tag in front) is mended.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from convkit.formats.parsers.presets import Place

NO_OBJECT = "no JSON object"
_ESCAPES = {"\\\\": "\\\\", "\\x": "\\\\x"}
r"""nginx writes `\xHH`, which is no JSON: it stays as it is written, as in its other logs, and is undone where records are asked for."""
_AROUND = " \t\r,\ufeff"
_BETWEEN = r"\}\s*,\s*[{n]"
_TAG, _COMMA = r"^[^{]*", r",\s*\}$"
_NO_VALUE = re.compile(r'(":\s*)-?(?=\s*[,}])')
"""What a server writes that has no number where the format's author set no quotes."""
_NUMBER = "#"
"""The name under which each object carries its number, in front, so that no other of this name counts."""
_AT_ONCE, _FEW, _DEEPEST = 1_000, 32, 5
_INFINITE = float("inf")


def _is_alone(line: pl.Expr) -> pl.Expr:
    """Tell lines that are one object, if each of several is an object at all: none may be two with a comma between."""
    return (line.str.starts_with('{"') & line.str.ends_with("}") & ~line.str.contains(_BETWEEN)).fill_null(value=True)


def bare(line: pl.Expr) -> pl.Expr:
    """Return the object in a line: without a tag in front and a comma behind, its escapes those of JSON."""
    odd = pl.when(~(line.str.starts_with('{"') & line.str.ends_with("}")) | line.str.ends_with(",}") | line.str.ends_with(", }")).then(line)
    text = pl.coalesce(odd.str.strip_chars(_AROUND).str.replace(_TAG, "").str.replace(_COMMA, "}"), line)
    return pl.coalesce(pl.when(text.str.contains("\\x", literal=True)).then(text).str.replace_many(_ESCAPES), text)


@dataclass(frozen=True)
class Places:
    """Where in objects something is said."""

    texts: tuple[Place, ...]
    lists: tuple[Place, ...] = ()
    """Those of them that may hold several texts."""

    @cached_property
    def shape(self) -> pl.Struct:
        """The type of objects that hold texts in these places, and their number."""
        tree: dict[str, Any] = {_NUMBER: pl.Int64()}
        for place in self.texts:
            branch = tree
            for name in place[:-1]:
                branch = branch.setdefault(name, {})
            branch[place[-1]] = pl.List(pl.String()) if place in self.lists else pl.String()
        return struct(tree)

    def read(self, line: pl.Expr) -> pl.Expr:
        """Return the objects in lines, null where there is none."""
        return line.map_batches(self.objects, return_dtype=self.shape, is_elementwise=True)

    def objects(self, lines: pl.Series) -> pl.Series:
        """Return the objects in lines, null where there is none."""
        alone = lines.to_frame("line").select(_is_alone(pl.col("line"))).to_series()
        # Polars holds all that it decodes at once as one tree: a few that stay in the processor's memory take two thirds of the time.
        parts = [(lines.slice(first, _AT_ONCE), alone.slice(first, _AT_ONCE)) for first in range(0, max(len(lines), 1), _AT_ONCE)]
        return pl.concat([self._some(part, are_alone=bool(told.all())) for part, told in parts], rechunk=True)

    def _some(self, lines: pl.Series, *, are_alone: bool) -> pl.Series:
        """Return the objects in some lines: as they are, and where that fails with what a writer's habit explains mended."""
        found = self._at_once(lines) if are_alone else None
        return found if found is not None else self._one_by_one(lines.to_frame("line").select(bare(pl.col("line"))).to_series())

    def _at_once(self, texts: pl.Series) -> pl.Series | None:
        """Return the objects that texts are, None where any is none."""
        try:
            found = texts.str.json_decode(self.shape)
        except pl.exceptions.PolarsError:
            return None
        return found if len(found) == len(texts) else None

    def _one_by_one(self, texts: pl.Series) -> pl.Series:
        """Return the objects that texts are: all at once, and where that fails in halves, down to those that are none."""
        found = self._at_once(_numbered(texts))
        is_same = found is not None and (found.struct.field(_NUMBER) == pl.int_range(len(texts), eager=True)).fill_null(texts.is_null()).all()
        if found is not None and is_same:
            return found
        if len(texts) <= _FEW:
            mended = [None if text is None else _mended(text, self.shape) for text in texts]
            return pl.Series(texts.name, mended, dtype=pl.String).str.json_decode(self.shape)
        half = len(texts) // 2
        return pl.concat([self._one_by_one(texts.head(half)), self._one_by_one(texts.slice(half))])

    def field(self, place: Place, within: str) -> pl.Expr:
        """Return the text in a place of the objects in a column; of several the first."""
        field = pl.col(within)
        for name in place:
            field = field.struct.field(name)
        return field.list.first() if place in self.lists else field


def flat(lines: pl.Series) -> list[dict[Place, str | list[Any]] | None]:
    """Return, of a few lines, what each says, by place; None for one that is no object."""
    return list(_flat(tuple(lines.to_frame("line").select(bare(pl.col("line"))).to_series().fill_null(""))))


@lru_cache(maxsize=4)
def _flat(texts: tuple[str, ...]) -> tuple[dict[Place, str | list[Any]] | None, ...]:
    """Return what each object says; every format of such lines asks this of the same ones."""
    objects = map(_object, texts)
    return tuple(None if item is None else {place: value for place, value in _within(item, ()) if value is not None} for item in objects)


def _within(item: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, Any]]:
    """Yield the places of one object, with what they say."""
    for name, value in item.items():
        if not isinstance(value, dict):
            yield (*place, name), value if isinstance(value, list) else _text(value)
        elif len(place) < _DEEPEST:
            yield from _within(value, (*place, name))


def _numbered(texts: pl.Series) -> pl.Series:
    """Return objects, each with its number in front."""
    text, number = pl.col("text"), pl.int_range(pl.len()).cast(pl.String)
    numbered = pl.concat_str([pl.lit(f'{{"{_NUMBER}":'), number, pl.lit(","), text.str.strip_prefix("{")])
    # What is no object is null, or it might be one together with what is put in front.
    return texts.to_frame("text").select(pl.when(text.str.starts_with("{")).then(numbered)).to_series()


def _mended(text: str, shape: pl.Struct) -> str | None:
    """Return of an object what has its shape, None where it is none."""
    found = _object(text)
    return None if found is None else json.dumps(_cut(found, shape.fields))


def _object(text: str) -> dict[str, Any] | None:
    """Return the object that a text is, None where it is none; of equal names the first counts, as in the fast reader."""
    for written in (text, _NO_VALUE.sub(r"\1null", text)):
        try:
            found = json.loads(written, object_pairs_hook=first_of_each, parse_constant=lambda _: None, strict=False)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else None
    return None


def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of names and values; of equal names the first counts."""
    return dict(reversed(pairs)) if len(pairs) > len(dict(pairs)) else dict(pairs)


def _cut(item: Mapping[str, Any], fields: Iterable[pl.Field]) -> dict[str, Any]:
    """Return what of an object has the shape."""
    return {field.name: _fitting(item.get(field.name), field.dtype) for field in fields if field.name != _NUMBER}


def _fitting(value: object, dtype: object) -> object:
    """Return a value as its place wants it, None where it is something else."""
    if isinstance(dtype, pl.Struct):
        return _cut(value, dtype.fields) if isinstance(value, dict) else None
    several: Collection[object] = value if isinstance(value, list) else [value]
    texts = [text for text in map(_text, several) if text is not None]
    return texts if isinstance(dtype, pl.List) else next(iter(texts), None)


def _text(value: object) -> str | None:
    """Return a text, number or truth value as text, None for anything else."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int) or (isinstance(value, float) and abs(value) != _INFINITE)
    return json.dumps(value) if is_number else None


def struct(tree: Mapping[str, Any]) -> pl.Struct:
    """Return the type of objects that hold what a tree of types says."""
    return pl.Struct({name: struct(branch) if isinstance(branch, dict) else branch for name, branch in tree.items()})
