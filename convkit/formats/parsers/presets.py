"""Presets for the exports of known tools: the columns that identify the tool, where it keeps each field, and what its rows mean.

A tool's export may come in any notation (JSON, CSV, Parquet); its preset holds for all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from convkit.core import datafiles, plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import polars as pl

ColumnPath = tuple[str, ...]
"""Where a column is: its name, behind the names of the objects that hold it."""


@dataclass(frozen=True)
class Preset:
    """How a tool's export is to be read: `PRESET` of the tool's format."""

    fields: Mapping[str, str]
    """By the name that `rows` knows it by, where a text is: `properties.time` is `time` within the object `properties`."""
    rows: Callable[[pl.LazyFrame], pl.LazyFrame]
    """Rows with these texts, null where the file has none, beside `source, line_no, fault` -> the same with ROLES of columns."""
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


def tool_of(names: Iterable[ColumnPath]) -> str | None:
    """Return the tool whose export has columns of these names, None where it is no known one's."""
    there = {tuple(map(normalized, place)) for place in names}
    return next((tool for tool, needed in _tool_marks() if there.issuperset(needed)), None)


@cache
def _tool_marks() -> tuple[tuple[str, tuple[ColumnPath, ...]], ...]:
    """Return the tools, each with the columns by which it is told."""
    listed = [line.partition(":") for line in datafiles.lines("tools")]
    return tuple((tool, tuple(tuple(map(normalized, name.split("."))) for name in needed.split())) for tool, _, needed in listed)


def preset_of(names: Iterable[ColumnPath]) -> Preset | None:
    """Return what is known of an export with columns of these names."""
    tool = tool_of(names)
    found: Preset | None = None if tool is None else plugins.load("formats", tool).PRESET
    return found


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
