"""Which column of an export says what: by the names that are usual, or as the site's owner tells it.

It stands alone because the readers of exports differ in how a column is reached, and in nothing else of this.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convkit.core import lists
from convkit.core.text import safe
from convkit.errors import InputError, did_you_mean
from convkit.formats.parsers import addresses, moments, presets
from convkit.formats.parsers.presets import Place, squeezed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from convkit.formats.parsers.presets import Preset

ROLES = ("time", "date", "user", "address", "agent", "event", "url", "host", "referrer", "id", "session", "value")
_WANTED_BY_FEW = ("session", "value")
"""Roles that no run needs: two candidates are no question, only none."""
TOLD = "told."
"""Before the name of a role that its owner told of the export of a known tool."""
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?")
_SHOWN, _LONGEST = 12, 40
_STATUSES = {
    *("status", "statuscode", "httpstatus", "responsecode", "responsestatus"),
    *("downstreamstatus", "edgeresponsestatus", "scstatus", "elbstatuscode"),
}
_METHODS = {"method", "requestmethod", "httpmethod", "verb", "request", "clientrequestmethod", "csmethod", "requestverb"}
_ANSWERS = {"bodybytessent", "bytessent", "length", "responsesize"}


@dataclass(frozen=True)
class Asked:
    """What a run asks of logs; of exports, columns named by their owner, properties that goals test, and the zone of times that have none."""

    told: Mapping[str, str | int] = field(default_factory=dict)
    """By role: a column's name, or its position from 1, which says that there is no header."""
    properties: tuple[str, ...] = ()
    timezone: str = "UTC"
    texts: tuple[str, ...] = ()
    """Of CELLS, texts that not every run needs: `referrer`, `cookies`, `forwarded`, `session_key`."""
    visitor: tuple[str, ...] = ()
    """The rules that tell visitors, `site.visitor`."""

    @property
    def has_header(self) -> bool:
        """Whether the columns have names."""
        return not any(isinstance(place, int) for place in self.told.values())


NOTHING = Asked()


@dataclass(frozen=True)
class Columns:
    """Where an export says what."""

    roles: Mapping[str, Place]
    properties: Mapping[str, Place]
    timezone: str
    has_local_times: bool = False
    """Whether some times say no zone: then they are of `timezone`."""
    preset: Preset | None = None
    """What is known of the tool's exports: then `roles` are the fields that it names, and those that the owner TOLD."""
    texts: Mapping[Place, Place] = field(default_factory=dict)
    """Of places within a column that holds JSON as text: that column."""
    props: Place = ()
    """The object or column that holds the properties."""
    asked: tuple[str, ...] = ()
    """The properties that goals test, be there a column for them or not."""

    @property
    def fields(self) -> dict[str, Place]:
        """Where everything is that a run needs, by the name that rows give it: a role, or `prop.NAME`."""
        return {**self.roles, **{f"prop.{name}": place for name, place in self.properties.items()}}

    def column(self, place: Place) -> Place:
        """Return the column in which a place is: itself, or the one whose text holds it as JSON."""
        return self.texts.get(place, place)


def find(names: Sequence[Place], asked: Asked, called: str, values: Callable[[Place], Iterable[str]]) -> Columns:
    """Return where the columns are among `names`; `values` gives some texts of a column, and is asked for those of the time.

    Raises InputError where a role has two candidates, a told column is not there, or one is missing that every run needs.
    """
    told = {role: _told(role, name, names, called) for role, name in asked.told.items()}
    if asked.has_header and (preset := presets.of(names)):
        return _of_tool(preset, told, names, asked)
    left = [name for name in names if name not in told.values()]
    roles = told | {role: place for role in ROLES if role not in told and (place := _usual(role, left, called))}
    if "id" in roles and roles["id"] == roles.get("user"):
        del roles["id"]
    if "time" not in roles and "date" in roles:
        roles["time"] = roles.pop("date")
    _refuse_what_says_too_little(roles, names, called)
    clocks = list(values(roles["time"]))
    if "date" in roles and not ("date" in told or (clocks and all(map(_CLOCK.fullmatch, clocks)))):
        del roles["date"]
    properties = {name: place for name in asked.properties if (place := _property(name, names))}
    return Columns(roles, properties, asked.timezone, any(map(moments.is_local, clocks)), asked=asked.properties)


def _of_tool(preset: Preset, told: Mapping[str, Place], names: Sequence[Place], asked: Asked) -> Columns:
    """Return where the columns of a known tool's export are."""
    fields = {name: presets.place_of(column, names) for name, column in preset.fields.items()}
    roles = fields | {f"{TOLD}{role}": place for role, place in told.items()}
    props = presets.place_of(preset.props, names) if preset.props else ()
    # Where the object of the properties is a column of text, they are asked of its text.
    is_text = preset.property is None and props in names
    properties = {name: place for name in asked.properties if (place := _property(name, names) or ((*props, name) if is_text else ()))}
    there = set(names)
    texts = {place: column for place in (*roles.values(), *properties.values()) if place not in there and (column := _beginning(place, there))}
    timezone = preset.timezone or asked.timezone
    return Columns(roles, properties, timezone, not preset.timezone and "time" not in told, preset, texts, props, asked.properties)


def _beginning(place: Place, there: Collection[Place]) -> Place:
    """Return the column within whose text a place may be, empty where there is none."""
    return next((place[:length] for length in range(len(place) - 1, 0, -1) if place[:length] in there), ())


def json_path(names: Place) -> str:
    """Return how JSON within a text is asked for what stands there."""
    return "$" + "".join(f"[{json.dumps(name)}]" for name in names)


def is_known(names: Sequence[Place]) -> bool:
    """Tell names among which every run finds what it needs, or a choice of it, and that are no known tool's."""
    known = {role for role in ROLES if any(_candidates(role, names))}
    return presets.tool_of(names) is None and bool(known & {"time", "date"} and known & {"user", "address"} and known & {"event", "url"})


def is_access_log(names: Sequence[Place]) -> bool:
    """Tell names of an access log, whose lines are requests and no events."""
    there = {squeezed(name) for place in names for name in place[-1].split(".")}
    return bool(there & _STATUSES and there & (_METHODS | _ANSWERS))


def shown(place: Place) -> str:
    """Return a column's name as people write it."""
    return ".".join(place)


def _told(role: str, name: str | int, names: Sequence[Place], called: str) -> Place:
    """Return the column that its owner named."""
    by_name = {shown(place): place for place in names}
    if str(name) in by_name:
        return by_name[str(name)]
    alike = [place for place in names if squeezed(shown(place)) == squeezed(str(name))]
    if len(alike) == 1:
        return alike[0]
    there = f"its columns are {_listed(names)}" if isinstance(name, str) else f"it has {len(names)} columns"
    raise InputError(f"{called} has no column {name}, which site.columns names for {role}{did_you_mean(str(name), by_name)}; {there}")


def _usual(role: str, names: Sequence[Place], called: str) -> Place | None:
    """Return the one column whose name is usual for a role."""
    found = next((places for places in _candidates(role, names) if places), [])
    if len(found) > 1 and role in _WANTED_BY_FEW:
        return None
    if len(found) > 1:
        first, second = (_quoted(place) for place in found[:2])
        raise InputError(f"{called} has two columns that may be the {role}, {first} and {second}; say which with --set columns.{role}={first}")
    return found[0] if found else None


def _candidates(role: str, names: Sequence[Place]) -> list[list[Place]]:
    """Return the columns whose names are usual for a role, the most usual first; one that nothing holds goes before one within an object."""
    listed = [line.partition(":") for line in lists.lines("columns")]
    usual = [{squeezed(word) for word in words.split()} for named, _, words in listed if named == role]
    found: list[list[Place]] = [[place for place in names if len(place) == 1 and squeezed(place[0]) in words] for words in usual]
    return [*found, [place for place in names if len(place) > 1 and squeezed(place[-1]) in usual[0]]]


def _property(name: str, names: Sequence[Place]) -> Place | None:
    """Return the column of a property: of this whole name, else the first of this name within an object."""
    return next((place for place in names if shown(place) == name), next((place for place in names if place[-1] == name), None))


def _refuse_what_says_too_little(roles: Mapping[str, Place], names: Sequence[Place], called: str) -> None:
    """Raise InputError where a column is missing that every run needs."""
    for needed, what in ((("time",), "the time"), (("user", "address"), "who it was"), (("event", "url"), "what happened")):
        if not any(role in roles for role in needed):
            option = f"--set columns.{needed[0]}="
            raise InputError(
                f"no column of {called} is named like one that says {what}; name it with {option}NAME, or {option}2 for the second column of a file "
                f"without a header; there are {_listed(names)}"
            )


def _listed(names: Sequence[Place]) -> str:
    """Return names of columns, not too many."""
    some = ", ".join(map(_quoted, names[:_SHOWN]))
    return f"{some} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else some


def _quoted(place: Place) -> str:
    """Return a column's name as a message may hold it: where the file has no header, it is what the first row says."""
    return addresses.masked(safe(shown(place), _LONGEST))
