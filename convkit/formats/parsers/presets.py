"""Presets for the exports of known tools: the columns that identify the tool, where it keeps each field, and what its rows mean.

A tool's export may come in any notation (JSON, CSV, Parquet); its preset holds for all of them.
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
"""Where a column is: its name, behind the names of the objects that hold it."""


@dataclass(frozen=True)
class Preset:
    """How to read a tool's export."""

    fields: Mapping[str, str]
    """By the name that `rows` knows it by, where a text is: `properties.time` is `time` within the object `properties`."""
    rows: Callable[[pl.LazyFrame], pl.LazyFrame]
    """Rows with these texts, null where the file has none, beside `source, line_no, fault` -> the same with ROLES of columns."""
    marks: tuple[str, ...] = ()
    """Sets of column names that identify the tool, separated by blanks; case and signs do not count."""
    timezone: str = ""
    """Of times that say no zone; empty where the site's owner says it."""
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    """Of fields that are no text in JSON."""
    props: str = ""
    """The object that holds an event's properties."""
    property: Callable[[str], pl.Expr] | None = None
    """A property as text, by its name, where it is in no column."""
    names: tuple[str, ...] = ()
    """Of the columns, where the tool writes no header."""


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
    """Return the place of a field, as it is written in the file; a table has flattened objects: `context_page_url`, or the last name alone."""
    place, there = tuple(name.split(".")), list(names)
    found = [one for one in there if one in {place, (name,)}] or _alike(place, there) or _alike((name,), there)
    if not found and all(len(one) == 1 for one in there):
        found = _alike(("".join(place),), there) or _alike(place[-1:], there)
    return found[0] if found else place


def _alike(place: ColumnPath, there: Iterable[ColumnPath]) -> list[ColumnPath]:
    """Return the places whose names are the same but for case and signs."""
    wanted = tuple(map(normalized, place))
    return [one for one in there if tuple(map(normalized, one)) == wanted]


def normalized(name: str) -> str:
    """Return a name without case and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
