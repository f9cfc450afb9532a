"""The columns of an event export: the role of each, determined by its usual name, its values, or `site.columns`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.placeholders import value_or_null
from convkit.core.schema import ORIGIN_ROLES, SESSION_ROLE, VISIT_PREFIX
from convkit.core.text import safe
from convkit.errors import InputError, did_you_mean
from convkit.formats import load_formats
from convkit.formats.parsers import fields, masking, presets, timestamps
from convkit.formats.parsers.presets import ColumnPath, normalized
from convkit.formats.parsers.roles import (
    COLUMN_ROLES,
    CURRENCY,
    FLAG,
    METHOD,
    OPTIONAL_ROLES,
    ROLES,
    Table,
    candidates,
    dotted,
    instead_of_event,
    names_people,
    plain,
    usual_columns,
    usual_names,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.presets import Preset
    from convkit.formats.parsers.roles import Sample


OWNER_PREFIX = "site."
"""The prefix of roles that `site.columns` sets for the export of a known tool."""
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?")
_ORIGIN_COLUMNS = tuple(f"{VISIT_PREFIX}{role}" for role in ORIGIN_ROLES)
_WITHOUT_DAY = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?[AaPp][Mm])?")
_MOST_LISTED, _LONGEST_NAME = 12, 40
_NEEDED = {"time": (("time",), "a time"), "user": (("user", "anonymous", "address"), "a visitor"), "event": (("event", "url"), "an event or a page")}
"""The roles of which every run needs one, by the one that messages suggest, and what they stand for."""
_TWO = 2
_STATUSES = {
    *("status", "statuscode", "httpstatus", "responsecode", "responsestatus"),
    *("downstreamstatus", "edgeresponsestatus", "scstatus", "elbstatuscode"),
}
_METHODS = {"method", "requestmethod", "httpmethod", "verb", "request", "clientrequestmethod", "csmethod", "requestverb"}
_MIN_SHARE = 0.5
_SIZES = {"bodybytessent", "bytessent", "length", "responsesize"}


@dataclass(frozen=True)
class Columns:
    """The columns of an export."""

    roles: Mapping[str, ColumnPath]
    properties: Mapping[str, ColumnPath]
    timezone: str
    has_local_times: bool = False
    """Whether some times have no time zone; they are in `timezone`."""
    preset: Preset | None = None
    """The tool's preset, if the tool is known; `roles` are then the preset's fields and the roles with OWNER_PREFIX."""
    texts: Mapping[ColumnPath, ColumnPath] = field(default_factory=dict)
    """The columns that hold JSON text, by the paths that are read from them."""
    props: ColumnPath = ()
    """The path to the object or column that holds the properties."""
    has_only_days: bool = False
    """Whether the times are days without a time of day."""
    day_first: bool | None = None
    """Whether the day comes first in dates like 10/11/2026; None if there are no such dates."""
    tested: tuple[str, ...] = ()
    """The properties that goals test, whether or not they have a column."""
    visit: Mapping[str, ColumnPath] = field(default_factory=dict)
    """The columns that say where a visit came from, and with which device, by role, as far as a run needs them."""
    has_no_origin: bool = False
    """Whether no column shows where visitors came from."""
    turned_off: tuple[str, ...] = ()
    """The roles of a known tool's export that no column has."""
    remarks: tuple[str, ...] = ()
    """Sentences on columns that are not what their name says."""
    needed: tuple[str, ...] = ()
    """The roles of VISIT_ROLES that the run needs of a known tool's export."""

    @property
    def fields(self) -> dict[str, ColumnPath]:
        """The paths of all values that a run needs, by the names that they get in rows: roles, `prop.NAME`s and `visit.ROLE`s."""
        properties = {f"prop.{name}": path for name, path in self.properties.items()}
        return {**self.roles, **properties, **{f"{VISIT_PREFIX}{role}": path for role, path in self.visit.items()}}

    def column(self, path: ColumnPath) -> ColumnPath:
        """Return the column of a path: itself, or the one whose JSON text contains it."""
        return self.texts.get(path, path)


def find_columns(names: Sequence[ColumnPath], needs: Needs, called: str, sample: Sample) -> Columns:
    """Find the columns among `names`; `sample` returns sample values of a column, row by row.

    Raises InputError, with one question for all roles, if roles have several candidates or if columns that every run needs are missing, and if a
    column that `site.columns` names is missing.
    """
    preset = presets.preset_of(names) if needs.has_header else None
    wanted = {role: name for role, name in needs.named.items() if not (preset and role == SESSION_ROLE and preset.names_session(str(name)))}
    table = Table(names, sample)
    if preset:
        return _tool_columns(preset, {role: _owners_column(role, name, names, called) for role, name in wanted.items()}, names, needs)
    chosen = {role: _owners_column(role, name, table.names, called) for role, name in wanted.items()}
    roles, visit = _usual_roles(chosen, table, needs, called)
    clocks = table.values(roles["time"])
    if "date" in roles and not ("date" in chosen or (clocks and all(map(_CLOCK.fullmatch, clocks)))):
        del roles["date"]
    dates = table.values(roles["date"]) if "date" in roles else clocks
    if "date" not in roles:
        _refuse_column_without_times(clocks, roles["time"], called)
    properties = {name: path for name in needs.properties if (path := _property(name, table, roles))}
    return Columns(
        roles,
        properties,
        needs.timezone,
        any(map(timestamps.is_local, clocks)),
        texts={path: column for path, column in table.texts.items() if path in {*roles.values(), *properties.values(), *visit.values()}}
        | {path: column for path in properties.values() if (column := _json_column(path, table.json_columns))},
        has_only_days="date" not in roles and len(clocks) > 1 and all(map(timestamps.is_day, clocks)),
        day_first=_day_first(dates, needs, called),
        tested=needs.properties,
        visit=visit,
        remarks=tuple(_remark(kind, roles[kind]) for kind in (FLAG, METHOD) if kind in roles),
        has_no_origin="source" in needs.visit and "referrer" not in roles and not {*ORIGIN_ROLES} & {*visit},
    )


def _remark(kind: str, path: ColumnPath) -> str:
    """Return the sentence on a column that is named like that of the event and holds something else."""
    held = "0 and 1, so it shows which rows are events" if kind == FLAG else "HTTP methods, so rows with GET are pages"
    return (
        f"column {_quoted(path)} holds {held}; name the column of events with --set columns.event=NAME, or say that there is none: columns.event=none"
    )


def _usual_roles(chosen: Mapping[str, ColumnPath], table: Table, needs: Needs, called: str) -> tuple[dict[str, ColumnPath], dict[str, ColumnPath]]:
    """Return the columns of the roles that every run reads, and those of the visit that this run needs: the chosen ones and the usual ones.

    Raises InputError, with everything that is missing or ambiguous, if a run is impossible.
    """
    left = [name for name in table.names if name not in chosen.values()]
    usual: dict[str, list[ColumnPath]] = {}
    for role in (one for one in COLUMN_ROLES if one not in chosen and one not in needs.turned_off):
        usual[role] = usual_columns(role, table, left, {*chosen, *(name for name, columns in usual.items() if columns)})
    # The source is believed only beside a medium or a campaign.
    if not usual.get("source", [True]):
        usual["source"] = usual_columns("source", table, left, {*chosen, *(name for name, columns in usual.items() if columns)})
    if "event" in usual:
        people = [chosen[role] for role in ("user", "anonymous") if role in chosen] or usual.get("user", []) or usual.get("anonymous", [])
        usual["event"] = [path for path in usual["event"] if not names_people(path, people, table)]
    ambiguous = {role: columns for role, columns in usual.items() if len(columns) > 1 and role not in OPTIONAL_ROLES}
    ambiguous |= {role: usual[role] for role in needs.visit if len(usual.get(role, ())) > 1}
    found = {**chosen, **{role: columns[0] for role, columns in usual.items() if columns and (len(columns) == 1 or role in ambiguous)}}
    if "user" not in chosen and "anonymous" in found and found.get("user") not in candidates("user", left)[0]:
        # What is hardly ever a user, like a row's UUID, does not replace the ID of a visitor.
        found.pop("user", None)
    if "id" in found and found["id"] == found.get("user"):
        del found["id"]
    if "time" not in found and "date" in found:
        found["time"] = found.pop("date")
    _refuse_unusable_columns(found, ambiguous, table, called)
    roles = {role: path for role, path in found.items() if role in (*ROLES, CURRENCY)}
    if "event" not in roles and "event" not in needs.turned_off:
        roles |= instead_of_event(table, left)
    return roles, {role: found[role] for role in needs.visit if role in found}


def _refuse_column_without_times(texts: Sequence[str], path: ColumnPath, called: str) -> None:
    """Raise InputError if none of the sampled texts in the column of the time is a time, with one of them and the fix."""
    held = pl.Series(texts, dtype=pl.String).to_frame("text").select(value_or_null(pl.col("text"))).to_series().drop_nulls().to_list()
    if not held or any(timestamps.are_times(held)):
        return
    shown = masking.mask_people(safe(held[0], _LONGEST_NAME))
    if _WITHOUT_DAY.fullmatch(held[0].strip()):
        fix = "a spreadsheet may have cut off the day; export the file again as text"
    else:
        fix = "write times like 2026-10-13 13:55:36, or as seconds since 1970"
    other = "or name another column with --set columns.time=NAME"
    raise InputError(f"{called}: column {_quoted(path)} holds {shown!r}, which is not a time; {fix}, {other}")


def _day_first(texts: Sequence[str], needs: Needs, called: str) -> bool | None:
    """Return whether the day comes first in the dates of a column. Raises InputError if that matters and nothing shows it."""
    ambiguous = timestamps.ambiguous_time(texts)
    if needs.day_first is not None or ambiguous is None:
        return needs.day_first
    day_first = timestamps.puts_day_first(texts)
    if day_first is None:
        raise InputError(
            f"{called}: dates like {ambiguous!r} do not show whether the day or the month comes first; add --set day_first=true if it is the day, "
            "or --set day_first=false if it is the month"
        )
    return day_first


def _tool_columns(preset: Preset, chosen: Mapping[str, ColumnPath], names: Sequence[ColumnPath], needs: Needs) -> Columns:
    """Return the columns of a known tool's export."""
    fields = {name: presets.path_of(column, names) for name, column in preset.fields.items()}
    visit = {role: path for role, path in chosen.items() if role in needs.visit}
    roles = fields | {f"{OWNER_PREFIX}{role}": path for role, path in chosen.items() if role in ROLES}
    roles |= _visit_columns(preset, names, needs)
    props = presets.path_of(preset.props, names) if preset.props else ()
    # If the properties are JSON text in one column, they are read from that column.
    is_text = preset.property is None and props in names
    table = Table(names, lambda _: [])
    within_text = {name: (*props, *name.split(".")) for name in needs.properties if is_text}
    properties = {name: path for name in needs.properties if (path := _property(name, table, chosen) or within_text.get(name, ()))}
    columns = set(names)
    read = (*roles.values(), *properties.values(), *visit.values())
    texts = {path: column for path in read if path not in columns and (column := _json_column(path, columns))}
    of_origin = [name for name in roles if name in preset.origin or name.startswith(_ORIGIN_COLUMNS)]
    knows_origin = bool({*ORIGIN_ROLES} & {*visit}) or any(roles[name] in columns or roles[name] in texts for name in of_origin)
    return Columns(
        roles,
        properties,
        preset.timezone or needs.timezone,
        not preset.timezone and "time" not in chosen,
        preset,
        texts,
        props,
        day_first=needs.day_first,
        tested=needs.properties,
        visit=visit,
        has_no_origin="source" in needs.visit and not knows_origin,
        turned_off=needs.turned_off,
        needed=needs.visit,
    )


def _visit_columns(preset: Preset, names: Sequence[ColumnPath], needs: Needs) -> dict[str, ColumnPath]:
    """Return where a known tool's export says what a run needs of visits, as far as it has such columns, or objects that may hold them."""
    paths = {name: presets.path_of(column, names, by_last_name=False) for name, column in preset.visit_fields(needs.visit).items()}
    parents = {one[:length] for one in names for length in range(1, len(one) + 1)}
    return {name: path for name, path in paths.items() if path in parents or (len(path) > 1 and path[:-1] in parents)}


def _json_column(path: ColumnPath, columns: Collection[ColumnPath]) -> ColumnPath:
    """Return the column whose JSON text may contain a path, or an empty path if there is none."""
    return next((path[:length] for length in range(len(path) - 1, 0, -1) if path[:length] in columns), ())


def sought_names(names: Sequence[ColumnPath], needs: Needs) -> set[str]:
    """Return the last names of the columns that are sought in an export with these names."""
    preset = presets.preset_of(names) if needs.has_header else None
    usual = usual_names(COLUMN_ROLES) if preset is None else [*preset.visit_fields(needs.visit).values()]
    return {str(name).rpartition(".")[2] for name in (*usual, *needs.properties, *needs.named.values())} - {""}


def names_events(names: Sequence[ColumnPath]) -> bool:
    """Return whether names include the roles that every run needs, even ambiguously, and do not belong to a known tool."""
    roles = {role for role in ROLES if any(candidates(role, names))}
    return presets.preset_of(names) is None and bool(
        roles & {"time", "date"} and roles & {"user", "anonymous", "address"} and roles & {"event", "url"}
    )


def names_requests(names: Sequence[ColumnPath]) -> bool:
    """Return whether names may belong to an access log, which holds requests instead of events: those of a status, a method and a target or client.

    Events may have such names, too: the method and the status of a login. So an access-log format must also read the lines (`is_access_log`).
    """
    compared = {normalized(name) for path in names for name in path[-1].split(".")}
    usual = fields.usual_names()
    targets = {name for field in ("request", "target", "address") for name in fields.normalized_words(usual[field])}
    return bool(compared & _STATUSES and compared & (_METHODS | _SIZES) and compared & targets)


def is_access_log(lines: pl.Series) -> bool:
    """Return whether an access-log format with named fields reads most of these lines."""
    return any(one.names_requests and one.sniff(lines) >= _MIN_SHARE for one in load_formats().values())


def _owners_column(role: str, name: str | int, names: Sequence[ColumnPath], called: str) -> ColumnPath:
    """Return the column that `site.columns` names. Raises InputError."""
    by_name = {dotted(plain(path)): path for path in names} | {dotted(path): path for path in names}
    if str(name) in by_name:
        return by_name[str(name)]
    alike = [path for path in names if normalized(dotted(path)) == normalized(str(name))]
    if len(alike) == 1:
        return alike[0]
    columns = f"Columns: {_listed(names)}" if isinstance(name, str) else f"It has {len(names)} columns"
    raise InputError(f"{called} has no column {name}, which site.columns names for {role}{did_you_mean(str(name), by_name) or '.'} {columns}")


def _property(name: str, table: Table, roles: Mapping[str, ColumnPath]) -> ColumnPath | None:
    """Return the column of a property: the one with its full name or, failing that, the first with this name within an object or JSON text.

    The currency of amounts is also found by its other usual names.
    """
    named = {path: dotted(plain(path)) for path in table.names}
    within = (path for path, full in named.items() if full.endswith(f".{name}") or plain(path)[-1] == name)
    exact = next((path for path, full in named.items() if full == name), next(within, None))
    if exact is None and name == CURRENCY and CURRENCY in roles:
        return roles[CURRENCY]
    if exact is not None or name == CURRENCY:
        return exact or next((path for group in candidates(CURRENCY, table.names) for path in group), None)
    # What few rows have is not among the sampled ones.
    return (*table.json_columns[0], *name.split(".")) if table.json_columns else None


def _refuse_unusable_columns(roles: Mapping[str, ColumnPath], ambiguous: Mapping[str, Sequence[ColumnPath]], table: Table, called: str) -> None:
    """Raise InputError if roles have several candidates, or if columns that every run needs are missing; one sentence asks about all of them."""
    # A role that another one replaced, like the time by the date, is not asked about.
    choices = {role: paths for role, paths in ambiguous.items() if roles.get(role) == paths[0]}
    missing = {role: what for role, (needed, what) in _NEEDED.items() if not any(one in roles for one in needed)}
    if "event" in missing and instead_of_event(table, table.names):
        del missing["event"]
    if not choices and not missing:
        return
    candidates = [f"the {role} column, {_in_words([_quoted(path) for path in paths])}" for role, paths in choices.items()]
    number = "two" if all(len(paths) == _TWO for paths in choices.values()) else "several"
    has = [f"has {number} candidates for {', and for '.join(candidates)}"] if candidates else []
    has += [f"has no column that looks like {', or '.join(missing.values())}"] if missing else []
    options = [f"--set columns.{role}={_quoted(paths[0])}" for role, paths in choices.items()] + [f"--set columns.{role}=NAME" for role in missing]
    asked = f"{'choose' if not missing else 'name'} {'one' if len(options) == 1 and not missing else 'it' if len(options) == 1 else 'them'}"
    numbered = f", or --set columns.{next(iter(missing))}=2 for the second column of a file without a header" if missing else ""
    listed = f"; its columns are {_listed(table.names)}" if missing else ""
    raise InputError(f"{called} {' and '.join(has)}; {asked} with {' '.join(options)}{numbered}{listed}")


def _in_words(texts: Sequence[str]) -> str:
    """Return texts as an enumeration: `a, b and c`."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _listed(names: Sequence[ColumnPath]) -> str:
    """Return a list of column names, shortened if there are many."""
    some = ", ".join(map(_quoted, names[:_MOST_LISTED]))
    return f"{some} and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else some


def _quoted(path: ColumnPath) -> str:
    """Return a column's name, safe to show and with people masked: if there is no header, it is a value from the first row."""
    return masking.mask_people(safe(dotted(path), _LONGEST_NAME))
