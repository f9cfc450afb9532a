"""Presets for the exports of known tools: the columns that identify the tool, where each field is, and what its rows mean.

A preset applies to every notation of the tool's exports: JSON, CSV and Parquet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import plugins
from convkit.core.schema import VISIT_PREFIX
from convkit.formats import load_format

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

_FIRST = " first"
"""The end of the name of a column that holds for a visitor's first visit."""
CANCELLED_ORDER = "cancelled_order"
"""The name of the event for an order that was cancelled, voided or refunded, and is not a sale."""

ColumnPath = tuple[str, ...]
"""The path to a column: the names of the objects that hold it, then its own name."""


@dataclass(frozen=True)
class Preset:
    """How to read a tool's export."""

    fields: Mapping[str, str]
    """The path to each field, by the name that `rows` uses: `properties.time` is `time` within the object `properties`."""
    rows: Callable[[pl.LazyFrame], pl.LazyFrame]
    """Maps rows with `source, line_no, fault` and these fields (text, or null if the file lacks them) to rows with ROLES as columns."""
    marks: tuple[str, ...] = ()
    """Sets of space-separated column names; each set identifies the tool. Case and punctuation are ignored."""
    timezone: str = ""
    """The time zone of times without one; if empty, the site's is used."""
    identities: tuple[str, ...] = ()
    """The fields that identify a person, a session or a row, where `0` or `guest` says nothing."""
    session_names: tuple[str, ...] = ()
    """What the tool calls its sessions, if `fields` does not say it."""
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    """The types of fields that are not text in JSON."""
    props: str = ""
    """The object that holds an event's properties."""
    property: Callable[[str], pl.Expr] | None = None
    """Returns a property as text, given its name, if properties have no columns of their own."""
    names: tuple[str, ...] = ()
    """The names of the columns, if the tool writes no header."""
    origin: tuple[str, ...] = ("referrer",)
    """The fields that show where a visitor came from, in addition to `visit`."""
    visit: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each role of VISIT_ROLES the paths at which the tool says it; the first that says something counts."""
    visit_properties: Mapping[str, str] = field(default_factory=dict)
    """For each role of VISIT_ROLES the property that says it, if properties have no columns of their own."""
    first_visit: Mapping[str, str] = field(default_factory=dict)
    """The paths at which the tool says where a visitor came from at first, which holds for the visit with the number 1 only."""
    visit_number: str = ""
    """The property with the number of the visit."""

    def visit_fields(self, roles: Iterable[str]) -> dict[str, str]:
        """Return the paths of what the tool says of visits in these roles, by the names that rows get."""
        paths = {f"{VISIT_PREFIX}{role} {number}": path for role in roles for number, path in enumerate(self.visit.get(role, ()))}
        return paths | {f"{VISIT_PREFIX}{role}{_FIRST}": self.first_visit[role] for role in roles if role in self.first_visit}

    def visit_values(self, present: Sequence[str], roles: Collection[str]) -> dict[str, pl.Expr]:
        """Return what rows with these columns say of visits in these roles."""
        values = {role: self._visit_values(role, present) for role in roles}
        return {role: pl.coalesce(said) for role, said in values.items() if said}

    def _visit_values(self, role: str, present: Sequence[str]) -> list[pl.Expr]:
        """Return the values of a role, the most certain first."""
        prefix, first = f"{VISIT_PREFIX}{role} ", f"{VISIT_PREFIX}{role}{_FIRST}"
        of_properties = [self.property(self.visit_properties[role])] if self.property is not None and role in self.visit_properties else []
        is_first = (self.property(self.visit_number) == "1").fill_null(value=True) if self.property is not None and self.visit_number else True
        return [
            *(pl.col(name) for name in present if name.startswith(prefix) and name != first),
            *of_properties,
            *(pl.when(is_first).then(name) for name in present if name == first),
        ]

    def names_session(self, name: str) -> bool:
        """Return whether a name, with or without the objects around it, is that of the tool's own session IDs."""
        path = self.fields.get("session", "")
        return normalized(name) in {normalized(one) for one in (path, path.rpartition(".")[2], *self.session_names) if one}


def preset_of(names: Iterable[ColumnPath]) -> Preset | None:
    """Return the preset of the tool whose exports have columns with these names, or None if there is no such tool."""
    columns = {tuple(map(normalized, path)) for path in names}
    return next((preset for marks, preset in _marked_presets(plugins.names("formats")) if columns.issuperset(marks)), None)


@lru_cache(maxsize=1)
def _marked_presets(format_names: tuple[str, ...]) -> list[tuple[frozenset[ColumnPath], Preset]]:
    """Return each format's preset with every set of columns that identifies its tool, the largest sets first."""
    presets = [preset for name in format_names if (preset := load_format(name).preset) is not None]
    marked = [(frozenset(tuple(map(normalized, name.split("."))) for name in mark.split()), preset) for preset in presets for mark in preset.marks]
    return sorted(marked, key=lambda one: -len(one[0]))


_GENERAL_NAMES = {"source", "medium", "name", "type", "category"}
"""Last names that mean nothing without the objects around them."""


def path_of(name: str, names: Iterable[ColumnPath], *, by_last_name: bool = True) -> ColumnPath:
    """Return the path to a field in this file; in tables, objects are flattened to names like `context_page_url` or just to the last name.

    Without `by_last_name`, a last name that may mean anything, like `source`, is not enough.
    """
    path, paths = tuple(name.split(".")), list(names)
    matches = [one for one in paths if one in {path, (name,)}] or _alike(path, paths) or _alike((name,), paths)
    if not matches and all(len(one) == 1 for one in paths):
        is_enough = by_last_name or path[-1] not in _GENERAL_NAMES
        matches = _alike(("".join(path),), paths) or (_alike(path[-1:], paths) if is_enough else [])
    return matches[0] if matches else path


def _alike(path: ColumnPath, paths: Iterable[ColumnPath]) -> list[ColumnPath]:
    """Return the paths that are the same as this one except for case and punctuation."""
    compared = tuple(map(normalized, path))
    return [one for one in paths if tuple(map(normalized, one)) == compared]


@lru_cache(maxsize=1 << 16)
def normalized(name: str) -> str:
    """Return a name in lower case without punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
