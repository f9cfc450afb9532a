"""Presets for the exports of known tools: the columns that identify the tool, where each field is, and what its rows mean.

A preset applies to every notation of the tool's exports: JSON, CSV and Parquet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from convkit.core import plugins
from convkit.formats import load_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import polars as pl

ColumnPath = tuple[str, ...]
"""The path to a column: the names of the objects that hold it, then its own name."""


@dataclass(frozen=True)
class Preset:
    """How to read a tool's export."""

    fields: Mapping[str, str]
    """The path to each field, by the name that `rows` uses: `properties.time` is `time` within the object `properties`."""
    rows: Callable[[pl.LazyFrame], pl.LazyFrame]
    """Turns rows of `source, line_no, fault` and these fields (text, null if the file has none) into rows with the ROLES of columns."""
    marks: tuple[str, ...] = ()
    """Sets of column names that identify the tool, separated by spaces; case and punctuation are ignored."""
    timezone: str = ""
    """The time zone of times without one; if empty, the site's."""
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    """The types of fields that are not text in JSON."""
    props: str = ""
    """The object that holds an event's properties."""
    property: Callable[[str], pl.Expr] | None = None
    """Returns a property as text by its name, if properties have no columns."""
    names: tuple[str, ...] = ()
    """The names of the columns, if the tool writes no header."""


def preset_of(names: Iterable[ColumnPath]) -> Preset | None:
    """Return the preset of the tool whose exports have columns of these names, None if no known tool has."""
    columns = {tuple(map(normalized, path)) for path in names}
    return next((preset for marks, preset in _marked_presets(plugins.names("formats")) if columns.issuperset(marks)), None)


@lru_cache(maxsize=1)
def _marked_presets(format_names: tuple[str, ...]) -> list[tuple[frozenset[ColumnPath], Preset]]:
    """Return the presets of formats, one for each set of columns that identifies their tool, the largest set first."""
    presets = [preset for name in format_names if (preset := load_format(name).preset) is not None]
    marked = [(frozenset(tuple(map(normalized, name.split("."))) for name in mark.split()), preset) for preset in presets for mark in preset.marks]
    return sorted(marked, key=lambda one: -len(one[0]))


def path_of(name: str, names: Iterable[ColumnPath]) -> ColumnPath:
    """Return the path to a field as it is in the file; tables have flattened objects, as `context_page_url` or by the last name alone."""
    path, paths = tuple(name.split(".")), list(names)
    matches = [one for one in paths if one in {path, (name,)}] or _alike(path, paths) or _alike((name,), paths)
    if not matches and all(len(one) == 1 for one in paths):
        matches = _alike(("".join(path),), paths) or _alike(path[-1:], paths)
    return matches[0] if matches else path


def _alike(path: ColumnPath, paths: Iterable[ColumnPath]) -> list[ColumnPath]:
    """Return the paths that are equal except for case and punctuation."""
    compared = tuple(map(normalized, path))
    return [one for one in paths if tuple(map(normalized, one)) == compared]


def normalized(name: str) -> str:
    """Return a name in lower case without punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
