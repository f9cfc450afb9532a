"""Roles of an export's columns: which column holds what, by its usual name and by its values."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from convkit.core import datafiles
from convkit.core.schema import VISIT_ROLES
from convkit.formats.parsers.presets import normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from convkit.formats.parsers.presets import ColumnPath

    Sample = Callable[[ColumnPath], Sequence[str | None]]
    """Returns sample values of a column, row by row, with None for rows that have none."""

ROLES = ("time", "date", "user", "anonymous", "address", "agent", "event", "url", "host", "referrer", "id", "session", "value")
"""The roles that every run reads."""
CURRENCY = "currency"
COLUMN_ROLES = (*ROLES, *VISIT_ROLES, CURRENCY)
"""The keys of `site.columns`."""
OPTIONAL_ROLES = ("session", "value", CURRENCY, *VISIT_ROLES)
"""Roles that no run needs."""
FLAG, METHOD = "flag", "method"
"""What a column named like that of the event is if it holds 0 and 1 (whether the row is an event, not a page), or HTTP methods."""

_TYPE_KEYS = ("$oid", "$date", "$uuid", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal")
"""The keys in which MongoDB's exports wrap values whose type JSON does not have."""
_DEEPEST, _PARSED = 4, 4_000
_HALF, _MOST = 0.5, 0.8
_FEWEST_ROWS = 5
_FLAGS = {"0", "1", "true", "false"}
_METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}
_FLAG_NAMES = {"event", "isevent"}
_NUMBER = re.compile(r"[-+]?[0-9.,]+")
_CHANNEL = re.compile(
    r"(?i)\b(?:direct|organic|paid|social|e-?mail|referrals?|display|affiliates?|search|ppc|cpc|sms|newsletter|ads|adwords|unassigned|shopping)\b"
)


def plain(path: ColumnPath) -> ColumnPath:
    """Return the path of a value without the keys in which an export wraps its type: `userId` for `userId.$oid`."""
    while len(path) > 1 and path[-1] in _TYPE_KEYS:
        path = path[:-1]
    return path


def dotted(path: ColumnPath) -> str:
    """Return a column's name as users write it."""
    return ".".join(path)


class Table:
    """The columns of an export, those within JSON text included, and sample values of each."""

    def __init__(self, names: Sequence[ColumnPath], sample: Sample) -> None:
        """Keep the names and the function that returns sample values."""
        self._own, self._sample = list(names), sample
        self._rows: dict[ColumnPath, Sequence[str | None]] = {}

    @property
    def names(self) -> list[ColumnPath]:
        """The paths of all columns; those within JSON text come last."""
        return [*self._own, *self.texts]

    @cached_property
    def texts(self) -> dict[ColumnPath, ColumnPath]:
        """The columns that hold JSON text, by the paths within it."""
        return {(*column, *path): column for column in self._own for path in _paths_within_text(self.rows(column))}

    @property
    def json_columns(self) -> list[ColumnPath]:
        """The columns that hold JSON text."""
        return list(dict.fromkeys(self.texts.values()))

    def rows(self, path: ColumnPath) -> Sequence[str | None]:
        """Return the sample values of a column, row by row."""
        if path not in self._rows:
            column = self.texts.get(path) if path not in self._own else None
            self._rows[path] = self._sample(path) if column is None else [_text_within(text, path[len(column) :]) for text in self.rows(column)]
        return self._rows[path]

    def values(self, path: ColumnPath) -> list[str]:
        """Return the sample values of a column, without rows that have none."""
        return [text for text in self.rows(path) if text is not None]


def _paths_within_text(texts: Sequence[str | None]) -> list[ColumnPath]:
    """Return the paths of the values in a column that holds JSON objects as text, or none if it does not."""
    held = [text for text in texts if text and text.strip()][:_PARSED]
    if not held or sum(text.lstrip().startswith("{") for text in held) < _HALF * len(held):
        return []
    objects = [item for text in held if isinstance(item := _parsed(text), dict)]
    if len(objects) < _HALF * len(held):
        return []
    return list(dict.fromkeys(path for item in objects for path in _within(item, ())))


def _within(item: Mapping[str, Any], path: ColumnPath) -> Iterator[ColumnPath]:
    """Yield the paths of the values in an object."""
    for name, value in item.items():
        if isinstance(value, dict) and len(path) < _DEEPEST:
            yield from _within(value, (*path, name))
        else:
            yield (*path, name)


def _parsed(text: str) -> Any:  # noqa: ANN401 (JSON holds anything)
    """Return what JSON text holds, or None if it is damaged."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text_within(text: str | None, path: ColumnPath) -> str | None:
    """Return the value at a path in JSON text, as text."""
    value = _parsed(text) if text else None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return None if value is None else str(value)


def usual_names(roles: Collection[str]) -> list[str]:
    """Return the usual names of columns in these roles."""
    return [name for role, _, names in (line.partition(":") for line in datafiles.lines("columns")) if role in roles for name in names.split()]


def candidates(role: str, names: Sequence[ColumnPath]) -> list[list[ColumnPath]]:
    """Return groups of columns whose names are usual for a role, the most usual first, and those within objects last."""
    listed = [line.partition(":") for line in datafiles.lines("columns")]
    words_by_rank = [{normalized(word) for word in words.split()} for named, _, words in listed if named == role]
    if role in VISIT_ROLES:
        return [[path for path in names if _endings(path) & words] for words in words_by_rank]
    plain_names = {path: plain(path) for path in names}
    groups: list[list[ColumnPath]] = [
        [path for path, name in plain_names.items() if len(name) == 1 and normalized(name[0]) in words] for words in words_by_rank
    ]
    return [*groups, [path for path, name in plain_names.items() if len(name) > 1 and normalized(name[-1]) in words_by_rank[0]]]


def _endings(path: ColumnPath) -> set[str]:
    """Return the ends of a column's name by which its role is known: all of it, its last word, and its last two, as in `campaign.source`."""
    parts = dotted(plain(path)).split(".")
    ends = {normalized("".join(parts[-length:])) for length in (1, 2, len(parts))}
    # A word like `source` within an object may be the source of anything.
    return ends if len(parts) == 1 else ends - {"source", "medium", "campaign", "channel", "device"}


def usual_columns(role: str, table: Table, names: Sequence[ColumnPath], roles: Collection[str]) -> list[ColumnPath]:
    """Return the columns with the most usual name of a role that are believed by their values, too; `roles` are those that are known already."""
    believed = ([path for path in group if is_believed(role, path, table, roles)] for group in candidates(role, names))
    return next((group for group in believed if group), [])


def is_believed(role: str, path: ColumnPath, table: Table, roles: Collection[str]) -> bool:
    """Return whether the values of a column agree with the role that its name stands for."""
    if role == "event":
        return kind_of_event(table.values(path)) is None
    held = {text.strip().lower() for text in table.values(path) if text.strip()} if role in VISIT_ROLES else set()
    if not held:
        return True
    if role == "device":
        return not held.isdisjoint(DEVICE_WORDS)
    if role != "campaign" and all(_NUMBER.fullmatch(text) for text in held):
        return False
    name = normalized(dotted(path))
    is_channel = name != "channel" or any(_CHANNEL.search(text) for text in held)
    return is_channel and (name != "source" or bool({"medium", "campaign"} & {*roles}))


def kind_of_event(values: Sequence[str]) -> str | None:
    """Return FLAG or METHOD if a column named like that of the event holds 0 and 1 or HTTP methods, or None if it may hold events."""
    held = {text.strip().lower() for text in values if text.strip()}
    if held and held <= _FLAGS:
        return FLAG
    return METHOD if held and held <= _METHODS else None


def instead_of_event(table: Table, names: Sequence[ColumnPath]) -> dict[str, ColumnPath]:
    """Return the column that shows which rows are events (FLAG), or the one with the methods of requests (METHOD), if it is named like an event."""
    for path in (path for group in candidates("event", names) for path in group):
        kind = kind_of_event(table.values(path))
        if kind == METHOD or (kind == FLAG and normalized(dotted(path)) in _FLAG_NAMES):
            return {kind: path}
    return {}


def names_people(path: ColumnPath, users: Sequence[ColumnPath], table: Table) -> bool:
    """Return whether a column named like that of the event holds the names of people: each user has one of their own."""
    if normalized(path[-1]) != "name" or not users:
        return False
    pairs = {(user, name) for user, name in zip(table.rows(users[0]), table.rows(path), strict=False) if user and name}
    people, named = {user for user, _ in pairs}, {name for _, name in pairs}
    rows = len(table.values(path))
    return len(people) > 1 and len(pairs) == len(people) and len(named) >= _MOST * len(people) and rows >= min(_FEWEST_ROWS, len(people) + 1)


_NAMED_DEVICES = [line.split(": ", 1) for line in datafiles.lines("device_names")]
DEVICE_WORDS = {word: device for device, words in _NAMED_DEVICES for word in words.split(", ")}
"""The device that each word of a tool means."""
