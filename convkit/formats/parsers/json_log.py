r"""Logs of JSON objects, one per request.

Polars reads many lines at once, as the elements of one array. There a single incomplete line fails all of them, and a comma between two objects
shifts the rest; so each object carries its number, and batches that fail are halved until the lines at fault are found. Common habits of writers
(`\xHH`, a trailing comma, a tag before the object, a missing number) are repaired.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core.schema import first_problem
from convkit.formats import Layout, LogFormat
from convkit.formats.parsers.fields import FieldNames, clean_fields, normalized_words, parse_requests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.fields import FieldPaths
    from convkit.formats.parsers.presets import ColumnPath


NOT_JSON = "no JSON object"
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


def _is_single_object(line: pl.Expr) -> pl.Expr:
    """Tell lines that are one object, if each of several is an object at all: none may be two with a comma between."""
    return (line.str.starts_with('{"') & line.str.ends_with("}") & ~line.str.contains(_BETWEEN)).fill_null(value=True)


def bare_object(line: pl.Expr) -> pl.Expr:
    """Return the object in a line: without a tag in front and a comma behind, its escapes those of JSON."""
    odd = pl.when(~(line.str.starts_with('{"') & line.str.ends_with("}")) | line.str.ends_with(",}") | line.str.ends_with(", }")).then(line)
    text = pl.coalesce(odd.str.strip_chars(_AROUND).str.replace(_TAG, "").str.replace(_COMMA, "}"), line)
    return pl.coalesce(pl.when(text.str.contains("\\x", literal=True)).then(text).str.replace_many(_ESCAPES), text)


@dataclass(frozen=True)
class JsonReader:
    """Where in objects something is said."""

    texts: tuple[ColumnPath, ...]
    lists: tuple[ColumnPath, ...] = ()
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
        return struct_type(tree)

    def read(self, line: pl.Expr) -> pl.Expr:
        """Return the objects in lines, null where there is none."""
        return line.map_batches(self.objects, return_dtype=self.shape, is_elementwise=True)

    def objects(self, lines: pl.Series) -> pl.Series:
        """Return the objects in lines, null where there is none."""
        alone = lines.to_frame("line").select(_is_single_object(pl.col("line"))).to_series()
        # Polars holds all that it decodes at once as one tree: a few that stay in the processor's memory take two thirds of the time.
        parts = [(lines.slice(first, _AT_ONCE), alone.slice(first, _AT_ONCE)) for first in range(0, max(len(lines), 1), _AT_ONCE)]
        return pl.concat([self._some(part, are_alone=bool(told.all())) for part, told in parts], rechunk=True)

    def _some(self, lines: pl.Series, *, are_alone: bool) -> pl.Series:
        """Return the objects in some lines: as they are, and where that fails with what a writer's habit explains mended."""
        found = self._at_once(lines) if are_alone else None
        return found if found is not None else self._one_by_one(lines.to_frame("line").select(bare_object(pl.col("line"))).to_series())

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
            mended = [None if text is None else _repaired(text, self.shape) for text in texts]
            return pl.Series(texts.name, mended, dtype=pl.String).str.json_decode(self.shape)
        half = len(texts) // 2
        return pl.concat([self._one_by_one(texts.head(half)), self._one_by_one(texts.slice(half))])

    def field(self, place: ColumnPath, within: str) -> pl.Expr:
        """Return the text in a place of the objects in a column; of several the first."""
        field = pl.col(within)
        for name in place:
            field = field.struct.field(name)
        return field.list.first() if place in self.lists else field


def flatten(lines: pl.Series) -> list[dict[ColumnPath, str | list[Any]] | None]:
    """Return, of a few lines, what each says, by place; None for one that is no object."""
    return list(_flatten(tuple(lines.to_frame("line").select(bare_object(pl.col("line"))).to_series().fill_null(""))))


@lru_cache(maxsize=4)
def _flatten(texts: tuple[str, ...]) -> tuple[dict[ColumnPath, str | list[Any]] | None, ...]:
    """Return what each object says; every format of such lines asks this of the same ones."""
    objects = map(_object, texts)
    return tuple(None if item is None else {place: value for place, value in _within(item, ()) if value is not None} for item in objects)


def _within(item: Mapping[str, Any], place: ColumnPath) -> Iterator[tuple[ColumnPath, Any]]:
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


def _repaired(text: str, shape: pl.Struct) -> str | None:
    """Return of an object what has its shape, None where it is none."""
    found = _object(text)
    return None if found is None else json.dumps(_cut(found, shape.fields))


def _object(text: str) -> dict[str, Any] | None:
    """Return the object that a text is, None where it is none; of equal names the first counts, as in the fast reader."""
    for written in (text, _NO_VALUE.sub(r"\1null", text)):
        try:
            found = json.loads(written, object_pairs_hook=keep_first, parse_constant=lambda _: None, strict=False)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else None
    return None


def keep_first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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


def struct_type(tree: Mapping[str, Any]) -> pl.Struct:
    """Return the type of objects that hold what a tree of types says."""
    return pl.Struct({name: struct_type(branch) if isinstance(branch, dict) else branch for name, branch in tree.items()})


_SNIFFED, _FITTED = 100, 1_000
"""Lines that are looked at, spread over the head."""


@dataclass(frozen=True)
class JsonLog(FieldNames, LogFormat):
    """Where the objects of one server say what."""

    messages: str = ""
    """Names that all of the server's own messages have, which tell of no request."""

    def claims(self) -> pl.Expr:
        """Tell lines that are this server's."""
        line = pl.col("line")
        groups = [[_key(name) for name in some.split()] for some in self.needed]
        requests = pl.all_horizontal(line.str.contains(f"(?i){'|'.join(keys)}") for keys in groups)
        messages = [line.str.contains(f"(?i){_key(name)}") for name in self.messages.split()]
        found = requests | pl.all_horizontal(messages) if messages else requests
        return (line.str.contains(r"^[^{]*\{") & found).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is this server's; its own messages count where there are requests."""
        if not lines.str.contains("{", literal=True).any():
            return 0.0
        kinds = Counter(tuple(item or ()) for item in flatten(lines.gather_every(len(lines) // _SNIFFED + 1)))
        messages, names = set(normalized_words(self.messages)), {places: self.compared(places) for places in kinds}
        requests = sum(count for places, count in kinds.items() if self.tell_request(names[places]))
        own = sum(count for places, count in kinds.items() if messages and messages <= names[places] and not self.tell_request(names[places]))
        return (requests + own) / kinds.total() if requests else 0.0

    def fit(self, _source: Source, head: pl.Series, needs: Needs) -> JsonLogLayout:
        """Return how the objects of one file are laid out."""
        items = flatten(head.gather_every(len(head) // _FITTED + 1))
        return JsonLogLayout(self.find([item for item in items if item]), needs.timezone)


@dataclass(frozen=True)
class JsonLogLayout(Layout):
    """How the objects of one file are laid out: a format of lines."""

    found: FieldPaths
    timezone: str

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone: then they are of `timezone`."""
        return self.found.has_local_times

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return PARSED of LINES."""
        is_none = pl.col("object").is_null()
        is_blank = is_none & (pl.when(is_none).then("line").str.strip_chars().fill_null("") == "")
        fields = self.found.texts(lambda place: self._places.field(place, "object"))
        rows = (
            lines.with_columns(object=self._places.read(pl.when(pl.col("fault").is_null()).then("line")))
            .with_columns(fault=pl.coalesce("fault", first_problem({"blank": is_blank, NOT_JSON: is_none})))
            .select("source", "line_no", "fault", **fields)
        )
        return parse_requests(clean_fields(rows, self.found.clean, fields), fields.keys(), assets, self.timezone, names_month=self.found.names_month)

    @cached_property
    def _places(self) -> JsonReader:
        """All places that are read."""
        return JsonReader(tuple(self.found.places), tuple(filter(self.found.are_lists, self.found.places)))


def _key(name: str) -> str:
    """Return a pattern of the last part of a name as a key of JSON."""
    return r'"[^"a-z0-9]*' + '[^"a-z0-9]*'.join(re.findall("[a-z0-9]+", name.rpartition(".")[2].lower())) + r'[^"a-z0-9]*"\s*:'
