r"""Logs of JSON objects, one per request.

Polars reads many lines at once, as the elements of one array. One incomplete line makes all of them fail, and a comma between two objects shifts
the rest, so each object gets a number, and failing batches are halved until the faulty lines are found. Common quirks (`\xHH`, a trailing comma,
a tag before the object, a missing number) are repaired.
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
from convkit.formats import LogFormat, load_formats
from convkit.formats.parsers.fields import FieldNames, NamedFieldsLayout, normalized_words
from convkit.formats.parsers.presets import normalized

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.presets import ColumnPath


NOT_JSON = "not a JSON object"
_ESCAPES = {"\\\\": "\\\\", "\\x": "\\\\x"}
r"""nginx writes `\xHH`, which is invalid JSON: it stays as written, as in nginx's other logs, and is decoded when records are read."""
_AROUND = " \t\r,\ufeff"
_BETWEEN = r"\}\s*,\s*[{n]"
_TAG, _COMMA = r"^[^{]*", r",\s*\}$"
_NO_VALUE = re.compile(r'(":\s*)-?(?=\s*[,}])')
"""Matches what servers write for a missing number if there are no quotes in the configured format."""
_NUMBER = "#"
"""The name of the field that holds each object's number. It comes first, so that any other field of this name is ignored."""
_AT_ONCE, _FEW, _DEEPEST = 1_000, 32, 5
_INFINITE = float("inf")


def _is_single_object(line: pl.Expr) -> pl.Expr:
    """Return which lines are certain to be a single object, not two with a comma between them."""
    return (line.str.starts_with('{"') & line.str.ends_with("}") & ~line.str.contains(_BETWEEN)).fill_null(value=True)


def bare_object(line: pl.Expr) -> pl.Expr:
    """Return the object in a line, without a tag before or a comma after it, and with valid JSON escapes."""
    odd = pl.when(~(line.str.starts_with('{"') & line.str.ends_with("}")) | line.str.ends_with(",}") | line.str.ends_with(", }")).then(line)
    text = pl.coalesce(odd.str.strip_chars(_AROUND).str.replace(_TAG, "").str.replace(_COMMA, "}"), line)
    return pl.coalesce(pl.when(text.str.contains("\\x", literal=True)).then(text).str.replace_many(_ESCAPES), text)


@dataclass(frozen=True)
class JsonReader:
    """Reads the values at certain paths in JSON objects."""

    texts: tuple[ColumnPath, ...]
    lists: tuple[ColumnPath, ...] = ()
    """The paths that may hold several strings."""

    @cached_property
    def shape(self) -> pl.Struct:
        """The type of objects that have strings at these paths, and a number."""
        tree: dict[str, Any] = {_NUMBER: pl.Int64()}
        for path in self.texts:
            if path in self._objects:
                continue
            branch = tree
            for name in path[:-1]:
                branch = branch.setdefault(name, {})
            branch[path[-1]] = pl.List(pl.String()) if path in self.lists else pl.String()
        return struct_type(tree)

    @cached_property
    def _objects(self) -> frozenset[ColumnPath]:
        """The paths at which there are objects that contain other paths; if a line has a string there, it is not read."""
        return frozenset(path[:length] for path in self.texts for length in range(1, len(path)))

    def read(self, line: pl.Expr) -> pl.Expr:
        """Return the objects in lines, with null for lines that are not objects."""
        return line.map_batches(self.objects, return_dtype=self.shape, is_elementwise=True)

    def objects(self, lines: pl.Series) -> pl.Series:
        """Return the objects in lines, with null for lines that are not objects."""
        alone = lines.to_frame("line").select(_is_single_object(pl.col("line"))).to_series()
        # Polars decodes a batch as one tree: batches that fit into the processor's cache take only two thirds of the time.
        parts = [(lines.slice(first, _AT_ONCE), alone.slice(first, _AT_ONCE)) for first in range(0, max(len(lines), 1), _AT_ONCE)]
        return pl.concat([self._some(part, are_alone=bool(single.all())) for part, single in parts], rechunk=True)

    def _some(self, lines: pl.Series, *, are_alone: bool) -> pl.Series:
        """Return the objects in some lines, parsed as they are or, if that fails, with their quirks repaired."""
        objects = self._at_once(lines) if are_alone else None
        return objects if objects is not None else self._one_by_one(lines.to_frame("line").select(bare_object(pl.col("line"))).to_series())

    def _at_once(self, texts: pl.Series) -> pl.Series | None:
        """Parse strings as objects, or return None if any of them fails."""
        try:
            objects = texts.str.json_decode(self.shape)
        except pl.exceptions.PolarsError:
            return None
        return objects if len(objects) == len(texts) else None

    def _one_by_one(self, texts: pl.Series) -> pl.Series:
        """Parse strings as objects: all at once or, if that fails, in ever smaller halves, until the strings that are not objects are found."""
        objects = self._at_once(_numbered(texts))
        is_same = objects is not None and (objects.struct.field(_NUMBER) == pl.int_range(len(texts), eager=True)).fill_null(texts.is_null()).all()
        if objects is not None and is_same:
            return objects
        if len(texts) <= _FEW:
            mended = [None if text is None else _repaired(text, self.shape) for text in texts]
            return pl.Series(texts.name, mended, dtype=pl.String).str.json_decode(self.shape)
        half = len(texts) // 2
        return pl.concat([self._one_by_one(texts.head(half)), self._one_by_one(texts.slice(half))])

    def field(self, path: ColumnPath, within: str) -> pl.Expr:
        """Return the string, or the first of several, at a path in the objects of a column."""
        if path in self._objects:
            return pl.lit(None, pl.String)
        field = pl.col(within)
        for name in path:
            field = field.struct.field(name)
        return field.list.first() if path in self.lists else field


def flatten(lines: pl.Series) -> list[dict[ColumnPath, str | list[Any]] | None]:
    """Return the values in a few lines by path, with None for lines that are not objects."""
    return list(_flatten(tuple(lines.to_frame("line").select(bare_object(pl.col("line"))).to_series().fill_null(""))))


@lru_cache(maxsize=4)
def _flatten(texts: tuple[str, ...]) -> tuple[dict[ColumnPath, str | list[Any]] | None, ...]:
    """Return the values in objects by path; cached, because every JSON format asks about the same lines."""
    objects = map(_object, texts)
    return tuple(None if item is None else {path: value for path, value in _within(item, ()) if value is not None} for item in objects)


def _within(item: Mapping[str, Any], path: ColumnPath) -> Iterator[tuple[ColumnPath, Any]]:
    """Yield the paths of one object with their values."""
    for name, value in item.items():
        if not isinstance(value, dict):
            yield (*path, name), value if isinstance(value, list) else _text(value)
        elif len(path) < _DEEPEST:
            yield from _within(value, (*path, name))


def _numbered(texts: pl.Series) -> pl.Series:
    """Return objects with their number as the first field."""
    text, number = pl.col("text"), pl.int_range(pl.len()).cast(pl.String)
    numbered = pl.concat_str([pl.lit(f'{{"{_NUMBER}":'), number, pl.lit(","), text.str.strip_prefix("{")])
    # A string that is not an object becomes null, because the prefix could turn it into one.
    return texts.to_frame("text").select(pl.when(text.str.starts_with("{")).then(numbered)).to_series()


def _repaired(text: str, shape: pl.Struct) -> str | None:
    """Return the part of an object that fits the shape, or None if the string is not an object."""
    item = _object(text)
    return None if item is None else json.dumps(_cut(item, shape.fields))


def _object(text: str) -> dict[str, Any] | None:
    """Parse a string as an object and return None if it is not one; if a name is repeated, the first one counts, as in Polars."""
    for written in (text, _NO_VALUE.sub(r"\1null", text)):
        try:
            item = json.loads(written, object_pairs_hook=keep_first, parse_constant=lambda _: None, strict=False)
        except (ValueError, RecursionError):
            continue
        return item if isinstance(item, dict) else None
    return None


def keep_first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object made from names and values; if a name is repeated, the first one counts."""
    return dict(reversed(pairs)) if len(pairs) > len(dict(pairs)) else dict(pairs)


def _cut(item: Mapping[str, Any], fields: Iterable[pl.Field]) -> dict[str, Any]:
    """Return an object reduced to these fields."""
    return {field.name: _fitting(item.get(field.name), field.dtype) for field in fields if field.name != _NUMBER}


def _fitting(value: object, dtype: object) -> object:
    """Return a value as this type, or None if it is of another kind."""
    if isinstance(dtype, pl.Struct):
        return _cut(value, dtype.fields) if isinstance(value, dict) else None
    several: Collection[object] = value if isinstance(value, list) else [value]
    texts = [text for text in map(_text, several) if text is not None]
    return texts if isinstance(dtype, pl.List) else next(iter(texts), None)


def _text(value: object) -> str | None:
    """Return a string, number or Boolean as a string, or None for anything else."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int) or (isinstance(value, float) and abs(value) != _INFINITE)
    return json.dumps(value) if is_number else None


def struct_type(tree: Mapping[str, Any]) -> pl.Struct:
    """Return the struct type of a tree of types."""
    return pl.Struct({name: struct_type(branch) if isinstance(branch, dict) else branch for name, branch in tree.items()})


_ANY_SIGN = r'[^"a-z0-9\\]?_?'
"""Matches what may stand between two words of a name in JSON; `\\w` would make a pattern for many names too large to be compiled."""
_KEYS = r'"[^"\\]*\\*"+\s*:'
"""Matches a name, also within JSON text, where backslashes or doubled quotes surround it."""


def sampled_objects(lines: pl.Series, most: int) -> pl.Series:
    """Return some lines from all over the log, and one with each set of names, because some names are rare or begin late."""
    spread = lines.gather_every(len(lines) // most + 1)
    shapes = lines.to_frame("line").with_columns(shape=pl.col("line").str.extract_all(_KEYS).list.join(""))
    return pl.concat([spread, shapes.unique("shape", keep="first", maintain_order=True)["line"]])


def pattern_for_names(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a pattern for these names in JSON, and within JSON text, except those that are known; it is empty if all are.

    Case and punctuation are ignored, as they are when names are compared.
    """
    left = {normalized(name): name for name in names}
    for name in known:
        left.pop(normalized(name), None)
    words = (_ANY_SIGN.join(re.escape(part) for part in re.split(r"[^\w]|_", name) if part) for name in left.values())
    return rf'(?i)[".](?:{"|".join(words)})\\*"+\s*:' if left else ""


_SNIFFED, _FITTED = 100, 1_000
"""The numbers of lines sampled to detect a format and to fit it."""


@dataclass(frozen=True)
class JsonLog(FieldNames, LogFormat):
    """JSON logs from one kind of server."""

    messages: str = ""
    """The names that identify the server's own messages, which are not requests."""
    is_fallback: bool = False
    """Whether lines that another JSON format reads are left to that format."""

    @property
    def finds_fields(self) -> bool:
        """Whether `fit` finds fields by their names and values."""
        return True

    @property
    def names_requests(self) -> bool:
        """Whether it is an access log whose fields have names."""
        return True

    def claims(self) -> pl.Expr:
        """Return which lines come from this server."""
        line = pl.col("line")
        groups = [[_key(name) for name in some.split()] for some in self.needed]
        requests = pl.all_horizontal(line.str.contains(f"(?i){'|'.join(keys)}") for keys in groups)
        messages = [line.str.contains(f"(?i){_key(name)}") for name in self.messages.split()]
        is_own = requests | pl.all_horizontal(messages) if messages else requests
        return (line.str.contains(r"^[^{]*\{") & is_own).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that come from this server; its own messages count only if there are requests."""
        if not lines.str.contains("{", literal=True).any():
            return 0.0
        items = flatten(lines.gather_every(len(lines) // _SNIFFED + 1))
        kinds = Counter(tuple(item or ()) for item in items)
        messages, names = set(normalized_words(self.messages)), {paths: self.compared(paths) for paths in kinds}
        others = [one for one in load_formats().values() if isinstance(one, JsonLog) and not one.is_fallback] if self.is_fallback else []
        read_by_others = {paths for paths in kinds if any(one.is_request(one.compared(paths)) for one in others)}
        requests = sum(count for paths, count in kinds.items() if self.is_request(names[paths]) and paths not in read_by_others)
        own = sum(count for paths, count in kinds.items() if messages and messages <= names[paths] and not self.is_request(names[paths]))
        return (requests + own) / kinds.total() if requests and self.has_values([item for item in items if item]) else 0.0

    def late_names(self, head: pl.Series, _needs: Needs) -> str:
        """Return a pattern for the usual names of fields that the first lines do not have."""
        known = {path[-1] for item in flatten(sampled_objects(head, _FITTED)) for path in item or ()}
        return pattern_for_names((name.rpartition(".")[2] for names in self.names.values() for name in names.split()), known)

    def fit(self, _source: Source, head: pl.Series, needs: Needs) -> JsonLogLayout:
        """Return the layout of one log."""
        items = flatten(sampled_objects(head, _FITTED))
        return JsonLogLayout(self.find([item for item in items if item]), needs.timezone)


@dataclass(frozen=True)
class JsonLogLayout(NamedFieldsLayout):
    """The layout of one log."""

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED."""
        is_none = pl.col("object").is_null()
        is_blank = is_none & (pl.when(is_none).then("line").str.strip_chars().fill_null("") == "")
        fields = self.paths.texts(lambda path: self._reader.field(path, "object"))
        rows = (
            lines.with_columns(object=self._reader.read(pl.when(pl.col("fault").is_null()).then("line")))
            .with_columns(fault=pl.coalesce("fault", first_problem({"blank": is_blank, NOT_JSON: is_none})))
            .select("source", "line_no", "fault", **fields)
        )
        return self.parse(rows, fields, assets)

    @cached_property
    def _reader(self) -> JsonReader:
        """The reader for all paths that are read."""
        return JsonReader(tuple(self.paths.all_paths), tuple(filter(self.paths.are_lists, self.paths.all_paths)))


def _key(name: str) -> str:
    """Return a pattern that matches the last part of a name as a JSON key."""
    return r'"(?:[^"\\]*[.])?[^"a-z0-9]*' + '[^"a-z0-9]*'.join(re.findall("[a-z0-9]+", name.rpartition(".")[2].lower())) + r'[^"a-z0-9]*"\s*:'
