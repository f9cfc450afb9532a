"""Event exports: which column has which role, by its usual name or as the site's owner says, and rows of these roles -> one event per row.

A row is read like a line of a log: the user and address are its sender, the page its request, so that later stages treat both alike.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles
from convkit.core.schema import PARSED, PARSED_EVENTS, first_problem
from convkit.core.text import safe
from convkit.errors import InputError, did_you_mean
from convkit.formats.parsers import addresses, presets, requests, timestamps
from convkit.formats.parsers.presets import ColumnPath, normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.presets import Preset


ROLES = ("time", "date", "user", "address", "agent", "event", "url", "host", "referrer", "id", "session", "value")
_OPTIONAL_ROLES = ("session", "value")
"""Roles that no run needs: two candidates are no question, only none."""
OWNER_PREFIX = "told."
"""Before the name of a role that its owner told of the export of a known tool."""
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?")
_MOST_LISTED, _LONGEST_NAME = 12, 40
_STATUSES = {
    *("status", "statuscode", "httpstatus", "responsecode", "responsestatus"),
    *("downstreamstatus", "edgeresponsestatus", "scstatus", "elbstatuscode"),
}
_METHODS = {"method", "requestmethod", "httpmethod", "verb", "request", "clientrequestmethod", "csmethod", "requestverb"}
_SIZES = {"bodybytessent", "bytessent", "length", "responsesize"}


@dataclass(frozen=True)
class Columns:
    """Where an export says what."""

    roles: Mapping[str, ColumnPath]
    properties: Mapping[str, ColumnPath]
    timezone: str
    has_local_times: bool = False
    """Whether some times say no zone: then they are of `timezone`."""
    preset: Preset | None = None
    """What is known of the tool's exports: then `roles` are the fields that it names, and those that the owner TOLD."""
    texts: Mapping[ColumnPath, ColumnPath] = field(default_factory=dict)
    """Of places within a column that holds JSON as text: that column."""
    props: ColumnPath = ()
    """The object or column that holds the properties."""
    asked: tuple[str, ...] = ()
    """The properties that goals test, be there a column for them or not."""

    @property
    def fields(self) -> dict[str, ColumnPath]:
        """Where everything is that a run needs, by the name that rows give it: a role, or `prop.NAME`."""
        return {**self.roles, **{f"prop.{name}": place for name, place in self.properties.items()}}

    def column(self, place: ColumnPath) -> ColumnPath:
        """Return the column in which a place is: itself, or the one whose text holds it as JSON."""
        return self.texts.get(place, place)


def find_columns(names: Sequence[ColumnPath], asked: Needs, called: str, values: Callable[[ColumnPath], Iterable[str]]) -> Columns:
    """Return where the columns are among `names`; `values` gives some texts of a column, and is asked for those of the time.

    Raises InputError where a role has two candidates, a told column is not there, or one is missing that every run needs.
    """
    told = {role: _owners_column(role, name, names, called) for role, name in asked.told.items()}
    if asked.has_header and (preset := presets.preset_of(names)):
        return _tool_columns(preset, told, names, asked)
    left = [name for name in names if name not in told.values()]
    roles = told | {role: place for role in ROLES if role not in told and (place := _usual_column(role, left, called))}
    if "id" in roles and roles["id"] == roles.get("user"):
        del roles["id"]
    if "time" not in roles and "date" in roles:
        roles["time"] = roles.pop("date")
    _refuse_missing_roles(roles, names, called)
    clocks = list(values(roles["time"]))
    if "date" in roles and not ("date" in told or (clocks and all(map(_CLOCK.fullmatch, clocks)))):
        del roles["date"]
    properties = {name: place for name in asked.properties if (place := _property(name, names))}
    return Columns(roles, properties, asked.timezone, any(map(timestamps.is_local, clocks)), asked=asked.properties)


def _tool_columns(preset: Preset, told: Mapping[str, ColumnPath], names: Sequence[ColumnPath], asked: Needs) -> Columns:
    """Return where the columns of a known tool's export are."""
    fields = {name: presets.path_of(column, names) for name, column in preset.fields.items()}
    roles = fields | {f"{OWNER_PREFIX}{role}": place for role, place in told.items()}
    props = presets.path_of(preset.props, names) if preset.props else ()
    # Where the object of the properties is a column of text, they are asked of its text.
    is_text = preset.property is None and props in names
    properties = {name: place for name in asked.properties if (place := _property(name, names) or ((*props, name) if is_text else ()))}
    there = set(names)
    texts = {place: column for place in (*roles.values(), *properties.values()) if place not in there and (column := _json_column(place, there))}
    timezone = preset.timezone or asked.timezone
    return Columns(roles, properties, timezone, not preset.timezone and "time" not in told, preset, texts, props, asked.properties)


def _json_column(place: ColumnPath, there: Collection[ColumnPath]) -> ColumnPath:
    """Return the column within whose text a place may be, empty where there is none."""
    return next((place[:length] for length in range(len(place) - 1, 0, -1) if place[:length] in there), ())


def json_path(names: ColumnPath) -> str:
    """Return how JSON within a text is asked for what stands there."""
    return "$" + "".join(f"[{json.dumps(name)}]" for name in names)


def names_events(names: Sequence[ColumnPath]) -> bool:
    """Tell names among which every run finds what it needs, or a choice of it, and that are no known tool's."""
    known = {role for role in ROLES if any(_candidates(role, names))}
    return presets.preset_of(names) is None and bool(known & {"time", "date"} and known & {"user", "address"} and known & {"event", "url"})


def names_requests(names: Sequence[ColumnPath]) -> bool:
    """Tell names of an access log, whose lines are requests and no events."""
    there = {normalized(name) for place in names for name in place[-1].split(".")}
    return bool(there & _STATUSES and there & (_METHODS | _SIZES))


def dotted(place: ColumnPath) -> str:
    """Return a column's name as people write it."""
    return ".".join(place)


def _owners_column(role: str, name: str | int, names: Sequence[ColumnPath], called: str) -> ColumnPath:
    """Return the column that its owner named."""
    by_name = {dotted(place): place for place in names}
    if str(name) in by_name:
        return by_name[str(name)]
    alike = [place for place in names if normalized(dotted(place)) == normalized(str(name))]
    if len(alike) == 1:
        return alike[0]
    there = f"its columns are {_listed(names)}" if isinstance(name, str) else f"it has {len(names)} columns"
    raise InputError(f"{called} has no column {name}, which site.columns names for {role}{did_you_mean(str(name), by_name)}; {there}")


def _usual_column(role: str, names: Sequence[ColumnPath], called: str) -> ColumnPath | None:
    """Return the one column whose name is usual for a role."""
    found = next((places for places in _candidates(role, names) if places), [])
    if len(found) > 1 and role in _OPTIONAL_ROLES:
        return None
    if len(found) > 1:
        first, second = (_quoted(place) for place in found[:2])
        raise InputError(f"{called} has two columns that may be the {role}, {first} and {second}; say which with --set columns.{role}={first}")
    return found[0] if found else None


def _candidates(role: str, names: Sequence[ColumnPath]) -> list[list[ColumnPath]]:
    """Return the columns whose names are usual for a role, the most usual first; one that nothing holds goes before one within an object."""
    listed = [line.partition(":") for line in datafiles.lines("columns")]
    usual = [{normalized(word) for word in words.split()} for named, _, words in listed if named == role]
    found: list[list[ColumnPath]] = [[place for place in names if len(place) == 1 and normalized(place[0]) in words] for words in usual]
    return [*found, [place for place in names if len(place) > 1 and normalized(place[-1]) in usual[0]]]


def _property(name: str, names: Sequence[ColumnPath]) -> ColumnPath | None:
    """Return the column of a property: of this whole name, else the first of this name within an object."""
    return next((place for place in names if dotted(place) == name), next((place for place in names if place[-1] == name), None))


def _refuse_missing_roles(roles: Mapping[str, ColumnPath], names: Sequence[ColumnPath], called: str) -> None:
    """Raise InputError where a column is missing that every run needs."""
    for needed, what in ((("time",), "the time"), (("user", "address"), "who it was"), (("event", "url"), "what happened")):
        if not any(role in roles for role in needed):
            option = f"--set columns.{needed[0]}="
            raise InputError(
                f"no column of {called} is named like one that says {what}; name it with {option}NAME, or {option}2 for the second column of a file "
                f"without a header; there are {_listed(names)}"
            )


def _listed(names: Sequence[ColumnPath]) -> str:
    """Return names of columns, not too many."""
    some = ", ".join(map(_quoted, names[:_MOST_LISTED]))
    return f"{some} and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else some


def _quoted(place: ColumnPath) -> str:
    """Return a column's name as a message may hold it: where the file has no header, it is what the first row says."""
    return addresses.mask_addresses(safe(dotted(place), _LONGEST_NAME))


_NO_VALUES = ["", "-", "null", "NULL", "Null", "None", "nan", "NaN", "NA", "N/A", "\\N", "<NA>", "(not set)", "undefined"]
"""What tools write where there is no value."""
_DATE_LENGTH = len("20261010")
_ABSENT = {name: {**PARSED, **PARSED_EVENTS}[name] for name in ("status", "bytes", "seconds", "forwarded", "cookies")}
_NO_PAGE = "-"


def parse_events(rows: pl.LazyFrame, columns: Columns, *, has_times: bool = False) -> pl.LazyFrame:
    """Return PARSED, PARSED_EVENTS and `prop.NAME`s of rows: `source, line_no, fault`, text by role (ROLES), and `prop.NAME`s, where they are there.

    `fault` says why a row is no event, `blank` and `comment` among it. `has_times` says that `time` is one already, and no text. Of a known tool's
    export, rows have the fields of its preset in the place of roles. `props` is the JSON text of the properties.
    """
    if columns.preset is not None:
        rows = _tool_roles(rows, columns, columns.preset)
    there = rows.collect_schema().names()
    told = rows.with_columns(_no_texts(name for name in (*ROLES, "anonymous", "props") if name not in there))
    if "same" not in there:
        told = told.with_columns(same="id")
    if not has_times:
        told = timestamps.parse_times(told.with_columns(time=_with_clock()) if "date" in there else told, columns.timezone)
    names = ("user", "address", "event", "anonymous", "host", "referrer", "id", "same", "session", "value")
    return (
        told.with_columns(**{name: _value_or_null(pl.col(name)) for name in names}, url=_text_or_null(pl.col("url").str.strip_chars()))
        .with_columns(problem=_problem(), address=pl.col("address").str.replace_all(" ", "", literal=True))
        .with_columns(
            sender=requests.join_sender(pl.col("address"), pl.col("user")),
            host=pl.col("host").str.to_lowercase(),
            # A row without a page is no server's message: it has a visitor, or is of no use.
            request=pl.concat_str([pl.lit("GET "), "url"]).fill_null(_NO_PAGE),
            user_agent=_value_or_null(pl.col("agent")),
            session_key="session",
            event=pl.col("event").fill_null(""),
            event_id="id",
            event_number=_number(pl.col("same")),
            asset=pl.lit(value=False),
            **{name: pl.lit(None, dtype=dtype) for name, dtype in _ABSENT.items()},
        )
        .select(*PARSED, *PARSED_EVENTS, *(f"prop.{name}" for name in columns.asked if f"prop.{name}" in there))
    )


def _tool_roles(rows: pl.LazyFrame, columns: Columns, preset: Preset) -> pl.LazyFrame:
    """Turn the fields of a tool's export into roles; what the site's owner told of a role goes before."""
    there = rows.collect_schema().names()
    whole = rows.with_columns(_no_texts(name for name in preset.fields if name not in there))
    if preset.property is not None:
        found = {f"prop.{name}": preset.property(name) for name in columns.asked}
        whole = whole.with_columns(**{name: pl.coalesce(value, name) if name in there else value for name, value in found.items()})
    told = {name.removeprefix(OWNER_PREFIX): name for name in there if name.startswith(OWNER_PREFIX)}
    return preset.rows(whole).with_columns(**told)


def _no_texts(names: Iterable[str]) -> list[pl.Expr]:
    """Return columns that say nothing."""
    return [pl.lit(None, dtype=pl.String).alias(name) for name in names]


def json_text(text: pl.Expr, names: ColumnPath) -> pl.Expr:
    """Return what stands in a place of a text that is JSON; the text itself where no name is given."""
    return text.str.json_path_match(json_path(names)) if names else text


def _text_or_null(text: pl.Expr) -> pl.Expr:
    """Return a text, null where it is empty."""
    return pl.when(text != "").then(text)


def _value_or_null(text: pl.Expr) -> pl.Expr:
    """Return what a column says, null where it says nothing."""
    bare = text.str.strip_chars()
    return pl.when(~bare.is_in(_NO_VALUES)).then(bare)


def _number(text: pl.Expr) -> pl.Expr:
    """Return a number for each text, null where there is none."""
    return pl.when(text.is_not_null()).then(text.hash(4).reinterpret(signed=True))


def _with_clock() -> pl.Expr:
    """Return day and time of day, from two columns, as one text."""
    day, clock = pl.col("date").str.strip_chars(), pl.col("time").str.strip_chars()
    dashed = timestamps.iso_day(pl.when(day.str.len_bytes() == _DATE_LENGTH).then(day))
    padded = pl.when(clock.str.slice(1, 1) == ":").then(pl.concat_str([pl.lit("0"), clock])).otherwise(clock)
    return pl.concat_str([pl.coalesce(dashed, day), padded], separator=" ")


def _problem() -> pl.Expr:
    """Return why a row is no event: one without a time or a visitor says something all the same."""
    return pl.coalesce("fault", first_problem({"no event and no page": pl.col("event").is_null() & pl.col("url").is_null()}))
