"""Event exports: the role of each column, determined by its usual name or `site.columns`, and the conversion of rows into events.

A row is read like a log line: user and address become its sender, and the page its request, so that later stages treat both alike.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles
from convkit.core.placeholders import identity_or_null, value_or_null
from convkit.core.schema import PARSED, PARSED_EVENTS, SESSION_ROLE, first_problem
from convkit.core.text import safe
from convkit.errors import InputError, did_you_mean
from convkit.formats import Layout, load_formats
from convkit.formats.parsers import fields, masking, presets, requests, timestamps
from convkit.formats.parsers.presets import ColumnPath, normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.presets import Preset


ROLES = ("time", "date", "user", "anonymous", "address", "agent", "event", "url", "host", "referrer", "id", "session", "value")
_OPTIONAL_ROLES = ("session", "value")
"""Roles that no run needs; if there are two candidates, neither is used."""
OWNER_PREFIX = "site."
"""The prefix of roles that `site.columns` sets for the export of a known tool."""
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?")
_WITHOUT_DAY = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?[AaPp][Mm])?")
_MOST_LISTED, _LONGEST_NAME = 12, 40
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

    @property
    def fields(self) -> dict[str, ColumnPath]:
        """The paths of all values that a run needs, by the names that they get in rows: roles and `prop.NAME`s."""
        return {**self.roles, **{f"prop.{name}": path for name, path in self.properties.items()}}

    def column(self, path: ColumnPath) -> ColumnPath:
        """Return the column of a path: itself, or the one whose JSON text contains it."""
        return self.texts.get(path, path)


@dataclass(frozen=True)
class ExportLayout(Layout):
    """The layout of one export; its parser adds `scan`."""

    columns: Columns

    @property
    def has_local_times(self) -> bool:
        """Whether some of its times have no time zone."""
        return self.columns.has_local_times

    @property
    def has_only_days(self) -> bool:
        """Whether its times are days without a time of day."""
        return self.columns.has_only_days


def find_columns(names: Sequence[ColumnPath], needs: Needs, called: str, values: Callable[[ColumnPath], Iterable[str]]) -> Columns:
    """Find the columns among `names`; `values` returns sample values of a column, and is called for the time column.

    Raises InputError if a role has two candidates, or if a column that `site.columns` names or that every run needs is missing.
    """
    preset = presets.preset_of(names) if needs.has_header else None
    wanted = {role: name for role, name in needs.columns.items() if not (preset and role == SESSION_ROLE and preset.names_session(str(name)))}
    chosen = {role: _owners_column(role, name, names, called) for role, name in wanted.items()}
    if preset:
        return _tool_columns(preset, chosen, names, needs)
    left = [name for name in names if name not in chosen.values()]
    roles = chosen | {role: path for role in ROLES if role not in chosen and (path := _usual_column(role, left, called))}
    if "user" not in chosen and "anonymous" in roles and roles.get("user") not in _candidates("user", left)[0]:
        # What is hardly ever a user, like a row's UUID, does not replace the ID of a visitor.
        roles.pop("user", None)
    if "id" in roles and roles["id"] == roles.get("user"):
        del roles["id"]
    if "time" not in roles and "date" in roles:
        roles["time"] = roles.pop("date")
    _refuse_missing_roles(roles, names, called)
    clocks = list(values(roles["time"]))
    if "date" in roles and not ("date" in chosen or (clocks and all(map(_CLOCK.fullmatch, clocks)))):
        del roles["date"]
    dates = list(values(roles["date"])) if "date" in roles else clocks
    if "date" not in roles:
        _refuse_column_without_times(clocks, roles["time"], called)
    properties = {name: path for name in needs.properties if (path := _property(name, names))}
    has_local_times, day_first = any(map(timestamps.is_local, clocks)), _day_first(dates, needs, called)
    has_only_days = "date" not in roles and len(clocks) > 1 and all(map(timestamps.is_day, clocks))
    return Columns(roles, properties, needs.timezone, has_local_times, has_only_days=has_only_days, day_first=day_first, tested=needs.properties)


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
    roles = fields | {f"{OWNER_PREFIX}{role}": path for role, path in chosen.items()}
    props = presets.path_of(preset.props, names) if preset.props else ()
    # If the properties are JSON text in one column, they are read from that column.
    is_text = preset.property is None and props in names
    properties = {name: path for name in needs.properties if (path := _property(name, names) or ((*props, name) if is_text else ()))}
    columns = set(names)
    texts = {path: column for path in (*roles.values(), *properties.values()) if path not in columns and (column := _json_column(path, columns))}
    timezone = preset.timezone or needs.timezone
    return Columns(
        roles,
        properties,
        timezone,
        not preset.timezone and "time" not in chosen,
        preset,
        texts,
        props,
        day_first=needs.day_first,
        tested=needs.properties,
    )


def _json_column(path: ColumnPath, columns: Collection[ColumnPath]) -> ColumnPath:
    """Return the column whose JSON text may contain a path, or an empty path if there is none."""
    return next((path[:length] for length in range(len(path) - 1, 0, -1) if path[:length] in columns), ())


def json_path(names: ColumnPath) -> str:
    """Return the JSONPath expression for a path within JSON text."""
    return "$" + "".join(f"[{json.dumps(name)}]" for name in names)


def names_events(names: Sequence[ColumnPath]) -> bool:
    """Return whether names include the roles that every run needs, even ambiguously, and do not belong to a known tool."""
    roles = {role for role in ROLES if any(_candidates(role, names))}
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


def dotted(path: ColumnPath) -> str:
    """Return a column's name as users write it."""
    return ".".join(path)


def _owners_column(role: str, name: str | int, names: Sequence[ColumnPath], called: str) -> ColumnPath:
    """Return the column that `site.columns` names. Raises InputError."""
    by_name = {dotted(path): path for path in names}
    if str(name) in by_name:
        return by_name[str(name)]
    alike = [path for path in names if normalized(dotted(path)) == normalized(str(name))]
    if len(alike) == 1:
        return alike[0]
    columns = f"Columns: {_listed(names)}" if isinstance(name, str) else f"It has {len(names)} columns"
    raise InputError(f"{called} has no column {name}, which site.columns names for {role}{did_you_mean(str(name), by_name) or '.'} {columns}")


def _usual_column(role: str, names: Sequence[ColumnPath], called: str) -> ColumnPath | None:
    """Return the only column whose name is usual for a role. Raises InputError if there are two."""
    candidates = next((paths for paths in _candidates(role, names) if paths), [])
    if len(candidates) > 1 and role in _OPTIONAL_ROLES:
        return None
    if len(candidates) > 1:
        first, second = (_quoted(path) for path in candidates[:2])
        raise InputError(f"{called} has two candidates for the {role} column, {first} and {second}; choose one with --set columns.{role}={first}")
    return candidates[0] if candidates else None


def _candidates(role: str, names: Sequence[ColumnPath]) -> list[list[ColumnPath]]:
    """Return groups of columns whose names are usual for a role, the most usual first, and those within objects last."""
    listed = [line.partition(":") for line in datafiles.lines("columns")]
    words_by_rank = [{normalized(word) for word in words.split()} for named, _, words in listed if named == role]
    candidates: list[list[ColumnPath]] = [[path for path in names if len(path) == 1 and normalized(path[0]) in words] for words in words_by_rank]
    return [*candidates, [path for path in names if len(path) > 1 and normalized(path[-1]) in words_by_rank[0]]]


_CURRENCY = "currency"


def _property(name: str, names: Sequence[ColumnPath]) -> ColumnPath | None:
    """Return the column of a property: the one with its full name or, failing that, the first with this name within an object.

    The currency of amounts is also found by its other usual names.
    """
    exact = next((path for path in names if dotted(path) == name), next((path for path in names if path[-1] == name), None))
    if exact is not None or name != _CURRENCY:
        return exact
    return next((path for paths in _candidates(_CURRENCY, names) for path in paths), None)


def _refuse_missing_roles(roles: Mapping[str, ColumnPath], names: Sequence[ColumnPath], called: str) -> None:
    """Raise InputError if a column that every run needs is missing."""
    for needed, what in ((("time",), "a time"), (("user", "anonymous", "address"), "a visitor"), (("event", "url"), "an event or a page")):
        if not any(role in roles for role in needed):
            option = f"--set columns.{needed[0]}="
            raise InputError(
                f"{called} has no column that looks like {what}; name it with {option}NAME, or {option}2 for the second column of a file "
                f"without a header; its columns are {_listed(names)}"
            )


def _listed(names: Sequence[ColumnPath]) -> str:
    """Return a list of column names, shortened if there are many."""
    some = ", ".join(map(_quoted, names[:_MOST_LISTED]))
    return f"{some} and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else some


def _quoted(path: ColumnPath) -> str:
    """Return a column's name, safe to show and with people masked: if there is no header, it is a value from the first row."""
    return masking.mask_people(safe(dotted(path), _LONGEST_NAME))


_VISIT = "session "
"""The prefix of a session's ID where it stands in place of a user."""
_HOST_FOLLOWS = r"^//[A-Za-z0-9.-]+\.[A-Za-z]{2,24}(?::\d+)?(?:[/?#]|$)"
_DATE_LENGTH = len("20261010")
_ABSENT = {name: {**PARSED, **PARSED_EVENTS}[name] for name in ("status", "bytes", "seconds", "forwarded", "cookies")}
NO_PAGE = "-"
"""The request of a row without a URL."""


def parse_events(rows: pl.LazyFrame, columns: Columns, *, has_times: bool = False) -> pl.LazyFrame:
    """Return PARSED, PARSED_EVENTS and `prop.NAME`s for rows that have `source, line_no, fault`, text columns for ROLES, and `prop.NAME`s.

    `fault` is the reason why a row is not an event, including `blank` and `comment`. If `has_times`, `time` has already been parsed. Rows of a known
    tool's export have the fields of the tool's preset instead of roles. `props` holds the properties as JSON text.
    """
    if columns.preset is not None:
        rows = _tool_roles(rows, columns, columns.preset)
    present = rows.collect_schema().names()
    filled = rows.with_columns(_no_texts(name for name in (*ROLES, "props") if name not in present))
    if not has_times:
        clocked = filled.with_columns(time=_with_clock()) if "date" in present else filled
        filled = timestamps.parse_times(clocked, columns.timezone, day_first=columns.day_first)
    values, identities = ("address", "event", "host", "referrer", "value"), ("user", "anonymous", "id", "session")
    cleaned = {name: value_or_null(pl.col(name)) for name in values} | {name: identity_or_null(pl.col(name)) for name in identities}
    return (
        filled.with_columns(**cleaned, url=_with_scheme(value_or_null(pl.col("url"))))
        .with_columns(problem=_problem(), address=pl.col("address").str.replace_all(" ", "", literal=True), anonymous=_anonymous())
        .with_columns(user=pl.coalesce("user", "anonymous"))
        .with_columns(
            sender=requests.join_sender(pl.col("address"), pl.col("user")),
            host=pl.col("host").str.to_lowercase(),
            # A row without a page is an event, never a message from the server.
            request=pl.concat_str([pl.lit("GET "), "url"]).fill_null(NO_PAGE),
            user_agent=value_or_null(pl.col("agent")),
            session_key="session",
            event=pl.col("event").fill_null(""),
            event_id="id",
            event_number=_number(),
            visit_number=_number_of(pl.when(pl.col("anonymous").is_not_null()).then("session")),
            asset=pl.lit(value=False),
            **{name: pl.lit(None, dtype=dtype) for name, dtype in _ABSENT.items()},
        )
        .select(*PARSED, *PARSED_EVENTS, *(f"prop.{name}" for name in columns.tested if f"prop.{name}" in present))
    )


def _tool_roles(rows: pl.LazyFrame, columns: Columns, preset: Preset) -> pl.LazyFrame:
    """Turn the fields of a tool's export into roles; `site.columns` overrides them."""
    present = rows.collect_schema().names()
    whole = rows.with_columns(_no_texts(name for name in preset.fields if name not in present))
    texts = [name for name, of_type in rows.collect_schema().items() if name in preset.fields and of_type == pl.String]
    whole = whole.with_columns((identity_or_null if name in preset.identities else value_or_null)(pl.col(name)).alias(name) for name in texts)
    if preset.property is not None:
        values = {f"prop.{name}": preset.property(name) for name in columns.tested}
        whole = whole.with_columns(**{name: pl.coalesce(value, name) if name in present else value for name, value in values.items()})
    chosen = {name.removeprefix(OWNER_PREFIX): name for name in present if name.startswith(OWNER_PREFIX)}
    return preset.rows(whole).with_columns(**chosen)


def _no_texts(names: Iterable[str]) -> list[pl.Expr]:
    """Return empty columns."""
    return [pl.lit(None, dtype=pl.String).alias(name) for name in names]


def json_text(text: pl.Expr, names: ColumnPath) -> pl.Expr:
    """Return the value at a path within JSON text, or the text itself if the path is empty."""
    return text.str.json_path_match(json_path(names)) if names else text


def _anonymous() -> pl.Expr:
    """Return the ID of the row's visitor before logging in, or else, in rows without an address, the ID of the session: it, too, is somebody's."""
    visit = pl.when(pl.col("address").is_null()).then(pl.concat_str([pl.lit(_VISIT), "session"]))
    return pl.coalesce("anonymous", visit)


def _number() -> pl.Expr:
    """Return a number that is the same for rows with the same ID, visitor, event and time, or null if a row has no ID.

    An ID alone may be that of a message, a product or a concert, which many rows are about.
    """
    number = pl.col("id").hash(4) ^ pl.col("user").hash(5) ^ pl.col("address").hash(6) ^ pl.col("event").hash(7) ^ pl.col("time").hash(8)
    return pl.when(pl.col("id").is_not_null()).then(number.reinterpret(signed=True))


def _with_scheme(url: pl.Expr) -> pl.Expr:
    """Return URLs with a scheme before those that begin with two slashes and a host."""
    relative = pl.when(url.str.starts_with("//")).then(url)
    return pl.coalesce(pl.when(relative.str.contains(_HOST_FOLLOWS)).then(pl.concat_str(pl.lit("http:"), url)), url)


def _number_of(text: pl.Expr) -> pl.Expr:
    """Return a number that identifies each text, or null if there is none."""
    return pl.when(text.is_not_null()).then(text.hash(4).reinterpret(signed=True))


def _with_clock() -> pl.Expr:
    """Join the day and the time of day from two columns into one string."""
    day, clock = pl.col("date").str.strip_chars(), pl.col("time").str.strip_chars()
    dashed = timestamps.iso_day(pl.when(day.str.len_bytes() == _DATE_LENGTH).then(day))
    padded = pl.when(clock.str.slice(1, 1) == ":").then(pl.concat_str([pl.lit("0"), clock])).otherwise(clock)
    return pl.concat_str([pl.coalesce(dashed, day), padded], separator=" ")


def _problem() -> pl.Expr:
    """Return why a row is not an event; rows without a time or a visitor are events."""
    return pl.coalesce("fault", first_problem({"neither an event nor a page": pl.col("event").is_null() & pl.col("url").is_null()}))
