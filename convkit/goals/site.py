"""Reading `site:`, the settings of the site, including its notes (what happened on which day) and the rules that identify visitors."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from convkit.core import datafiles, patterns, plugins
from convkit.core.durations import YEARS, YEARS_HINT
from convkit.core.model import ADDRESS_RULES, USER_RULE, Consent, Site
from convkit.errors import GoalsFileError, UsageError, did_you_mean, unknown_name
from convkit.files.encodings import ENCODINGS
from convkit.formats.parsers.base import NO_COLUMN
from convkit.formats.parsers.roles import COLUMN_ROLES
from convkit.formats.strings import AUTO, canonical_name, parse_string
from convkit.formats.strings.template import FormatStringError
from convkit.goals import channel_rules, strict_yaml, variants
from convkit.goals.values import (
    COUNT_SCHEMA,
    DURATION_SCHEMA,
    HIT_VALUE_SCHEMA,
    HIT_VALUE_SOURCES,
    NAME_SCHEMA,
    PATH_SCHEMA,
    PATTERN_SCHEMA,
    PERCENT_SCHEMA,
    TEXT_SCHEMA,
    is_hit_value,
    mapping_schema,
    node_of,
    one_or_more,
    path_problem,
    read_duration,
    read_paths,
    read_patterns,
    read_percent,
    read_texts,
    text_schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node
    from convkit.goals.values import Schema


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
NOTES_SCHEMA: Schema = {
    "type": "object",
    "propertyNames": text_schema("^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"),
    "additionalProperties": one_or_more(text_schema(r"\S")),
}
"""The schema for `read_notes`; a schema cannot check the length of months."""


def read_notes(node: Node, problems: list[Problem]) -> tuple[tuple[date, str], ...]:
    """Return days and what happened on them, earliest first; entries for the same day stay in file order."""
    if not isinstance(node.value, dict):
        problems.append(node.problem("`notes` maps days to what happened on them, like {2026-10-07: new checkout}"))
    notes: list[tuple[date, str]] = []
    for name, key, value in node.items():
        day = _parse_day(name)
        if day is None:
            problems.append(key.problem(f"{name!r} is not a day; write it like 2026-10-07"))
        elif day.year not in YEARS:
            problems.append(key.problem(f"no log is from {name}; {YEARS_HINT}"))
        texts = read_texts(value, problems, "what happened on that day")
        problems += [node_of(value, text).problem("this note is empty; write what happened on that day") for text in texts if not text.strip()]
        notes += [(day, " ".join(text.split())) for text in texts if day is not None]
    return tuple(sorted(notes, key=lambda note: note[0]))


def _parse_day(text: str) -> date | None:
    """Return the day, or None if the string is not one."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


JAVA_SESSION = "jsessionid"
_VISITOR_WORDS = (USER_RULE, JAVA_SESSION, *ADDRESS_RULES)
_VISITOR_SYNTAX = f"{USER_RULE}, cookie.NAME, query.NAME, prop.NAME, {JAVA_SESSION}, {ADDRESS_RULES[0]}, {ADDRESS_RULES[1]}"
VISITOR_SCHEMA: Schema = one_or_more({"anyOf": [{"enum": [*_VISITOR_WORDS, f";{JAVA_SESSION}"]}, HIT_VALUE_SCHEMA]})
"""The schema for `read_visitor_rules`."""


def read_visitor_rules(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    """Return the visitor rules, most preferred first."""
    rules = read_texts(node, problems, "a rule like address+browser")
    unknown = [text for text in rules if text.removeprefix(";") not in _VISITOR_WORDS and not is_hit_value(text)]
    for text in unknown:
        hint = _closest_rule(text)
        problems.append(node_of(node, text).problem(f"{text!r} is not a visitor rule{hint}{'' if hint else '.'} Rules: {_VISITOR_SYNTAX}"))
    return tuple(dict.fromkeys(text.removeprefix(";") for text in rules))


def visitor_rule_label(rule: str) -> str:
    """Return the name of a visitor rule in a sentence."""
    return "user ID" if rule == USER_RULE else rule.replace("+", " + ")


def _closest_rule(text: str) -> str:
    """Return a suggestion for a misspelled rule; any name may follow the source of a value."""
    name = text.partition(".")[2]
    return did_you_mean(text, [f"{source}{name}" for source in HIT_VALUE_SOURCES] if name else _VISITOR_WORDS)


_CURRENCY_LETTERS = 3
_PARAMETER = re.compile(r"^\?[^=&?#]+$")


def is_timezone(name: str) -> bool:
    """Return whether the system knows a time zone by this name."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def timezone_hint(name: str) -> str:
    """Return the message for an unknown time zone, with the closest name."""
    return f"unknown time zone {name!r}{did_you_mean(name, available_timezones()) or '; use a name like Europe/Berlin or UTC'}"


def _timezone(node: Node, problems: list[Problem]) -> str:
    if not is_timezone(node.text):
        problems.append(node.problem(timezone_hint(node.text)))
    return node.text


def _flag(node: Node, problems: list[Problem]) -> bool:
    if not isinstance(node.value, bool):
        problems.append(node.problem("this must be true or false"))
    return node.value is True


def _currency(node: Node, problems: list[Problem]) -> str:
    if not (len(node.text) == _CURRENCY_LETTERS and node.text.isalpha() and node.text.isupper()):
        problems.append(node.problem("a currency is written as three capital letters, like EUR"))
    return node.text


def _encoding(node: Node, problems: list[Problem]) -> str:
    name = node.text.lower()
    if name not in ENCODINGS:
        problems.append(node.problem(unknown_name("encoding", node.text, ENCODINGS, "Encodings")))
    return name


_DECIMALS = {"point": ".", ".": ".", "comma": ",", ",": ","}


def _decimal(node: Node, problems: list[Problem]) -> str:
    if node.text not in _DECIMALS:
        problems.append(node.problem(f"`decimal` must be point or comma{did_you_mean(node.text, _DECIMALS)}"))
    return _DECIMALS.get(node.text, "")


def _hosts(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(host.lower() for host in read_texts(node, problems, "a host like www.shop.example"))


def _timeout(node: Node, problems: list[Problem]) -> timedelta:
    return read_duration(node, problems) or Site.session_timeout


def _paths(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(read_paths(node, problems))


def _ignored_paths(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    """Read paths, or parameters like `?ajax`."""
    texts = read_texts(node, problems, "a path like /admin/**, or a parameter in quotes, like '?ajax'")
    for text in texts:
        is_parameter = text.startswith(patterns.PARAMETER_SIGN)
        if is_parameter and not _PARAMETER.fullmatch(text):
            problems.append(node_of(node, text).problem(f"{text!r} is not the name of a parameter; write it like ?ajax, without a value"))
        elif not is_parameter and (why := path_problem(text)):
            problems.append(node_of(node, text).problem(why))
    return tuple(texts)


def _names(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(read_texts(node, problems, "the name of a parameter"))


def _patterns(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(read_patterns(node, problems, "a name or a pattern"))


def _columns(node: Node, problems: list[Problem]) -> dict[str, str | int]:
    columns: dict[str, str | int] = {}
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`columns` maps roles to columns, like {{user: account_id}}. Roles: {', '.join(COLUMN_ROLES)}"))
    for role, key, value in node.items():
        is_place = isinstance(value.value, int) and not isinstance(value.value, bool) and value.value > 0
        if role not in COLUMN_ROLES:
            problems.append(key.problem(unknown_name("key", role, COLUMN_ROLES, "Keys", "`columns`")))
        elif is_place or (isinstance(value.value, str) and value.value):
            columns[role] = value.value  # type: ignore[assignment]
        else:
            problems.append(
                value.problem("a column is given by its name, or by its position, counted from 1; `none` is for a role that no column has")
            )
    if len({type(place) for place in columns.values() if place != NO_COLUMN}) > 1:
        problems.append(node.problem("use names or positions for all columns, not both; positions mean that the file has no header"))
    return columns


def _addresses(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    texts = read_texts(node, problems, "an IP address or a network like 203.0.113.0/24")
    for text in texts:
        try:
            ip_network(text, strict=False)
        except ValueError:
            problems.append(node_of(node, text).problem(f"{text!r} is not an IP address or network; write it like 203.0.113.0/24"))
    return tuple(texts)


def _agents(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    texts = read_texts(node, problems, "a user agent or part of one, like MyMonitor")
    reasons = {text: patterns.problem(text) for text in texts if patterns.is_whole_pattern(text)}
    problems += [node_of(node, text).problem(reason) for text, reason in reasons.items() if reason]
    return tuple(texts)


def _margin(node: Node, problems: list[Problem]) -> float:
    margin = read_percent(node)
    if margin is None:
        problems.append(node.problem("`margin` must be a percentage like 10%"))
    return margin or Site.margin


_ELSEWHERE = "elsewhere"
_CONSENT_KEYS = ("given", "withdrawn")
_CONSENT_SYNTAX = f"a goal, {{given: GOAL, withdrawn: GOAL}}, or `{_ELSEWHERE}` if another system keeps it"
_CONSENT_SCHEMA: Schema = {"anyOf": [NAME_SCHEMA, mapping_schema(dict.fromkeys(_CONSENT_KEYS, NAME_SCHEMA), required=["given"])]}


def _consent(node: Node, problems: list[Problem]) -> Consent:
    """Read `site.consent`; whether its goals exist is checked where goals are known."""
    parts = dict(node.value) if isinstance(node.value, dict) else {"given": node}
    for key, place, _ in node.items():
        if key not in _CONSENT_KEYS:
            problems.append(place.problem(unknown_name("key", key, _CONSENT_KEYS, "Keys", "`consent`")))
    if "given" not in parts or not all(isinstance(part.value, str) and part.value for part in parts.values()):
        problems.append(node.problem(f"`consent` says how people agree to be written to: {_CONSENT_SYNTAX}"))
        return Consent()
    if node.value == _ELSEWHERE:
        return Consent()
    return Consent(**{key: part.text for key, part in parts.items() if key in _CONSENT_KEYS})


_NESTED: dict[str, dict[str, tuple[str, Callable[[Node, list[Problem]], object]]]] = {
    "ignore": {
        "paths": ("ignore_paths", _ignored_paths),
        "addresses": ("ignore_addresses", _addresses),
        "events": ("ignore_events", _patterns),
        "users": ("ignore_users", _patterns),
    },
    "bots": {"keep": ("bots_keep", _agents), "drop": ("bots_drop", _agents)},
}
"""Keys that contain other keys, each with its field of Site and its reader."""


def _log_format(node: Node, problems: list[Problem]) -> str:
    """Read `site.log_format`."""
    name = canonical_name(node.text)
    if name != AUTO and name not in plugins.names("formats"):
        try:
            parse_string(name)
        except FormatStringError as error:
            problems.append(node.problem(str(error)))
    return name


_KEYS: dict[str, Callable[[Node, list[Problem]], object]] = {
    "timezone": _timezone,
    "log_timezone": _timezone,
    "encoding": _encoding,
    "day_first": _flag,
    "currency": _currency,
    "decimal": _decimal,
    "hosts": _hosts,
    "session_timeout": _timeout,
    "pageless_sessions": _flag,
    "visitor": read_visitor_rules,
    "trusted_proxy": _addresses,
    "ignore_case": _flag,
    "hash_routes": _flag,
    "group": _paths,
    "keep_query": _names,
    "payment": _hosts,
    "channels": channel_rules.read_channels,
    "log_format": _log_format,
    "columns": _columns,
    "notes": read_notes,
    "margin": _margin,
    "variants": variants.read_variants,
    "consent": _consent,
}

_PLACE_SCHEMA: Schema = {"anyOf": [COUNT_SCHEMA, {"const": NO_COLUMN}]}
_SHAPES: dict[Callable[[Node, list[Problem]], object], Schema] = {
    _timezone: TEXT_SCHEMA,
    _flag: {"type": "boolean"},
    _currency: text_schema("^[A-Z]{3}$"),
    _encoding: {"enum": list(ENCODINGS)},
    _decimal: {"enum": list(_DECIMALS)},
    _hosts: one_or_more(TEXT_SCHEMA),
    _timeout: DURATION_SCHEMA,
    read_visitor_rules: VISITOR_SCHEMA,
    _paths: one_or_more(PATH_SCHEMA),
    _ignored_paths: one_or_more({"anyOf": [PATH_SCHEMA, text_schema(_PARAMETER.pattern)]}),
    _names: one_or_more(TEXT_SCHEMA),
    _patterns: one_or_more(PATTERN_SCHEMA),
    _columns: {"anyOf": [mapping_schema(dict.fromkeys(COLUMN_ROLES, place)) for place in (TEXT_SCHEMA, _PLACE_SCHEMA)]},
    channel_rules.read_channels: channel_rules.CHANNELS_SCHEMA,
    _log_format: TEXT_SCHEMA,
    _addresses: one_or_more(TEXT_SCHEMA),
    _agents: one_or_more(PATTERN_SCHEMA),
    read_notes: NOTES_SCHEMA,
    _margin: PERCENT_SCHEMA,
    variants.read_variants: variants.VARIANTS_SCHEMA,
    _consent: _CONSENT_SCHEMA,
}
"""The schema for each reader."""


def schema() -> Schema:
    """Return the JSON Schema of `site:`, with a description of each key."""
    meanings = dict(line.split(": ", 1) for line in datafiles.lines("site_keys"))

    def described(name: str, read: Callable[[Node, list[Problem]], object]) -> Schema:
        return {"description": meanings[name], **_SHAPES[read]}

    nested = {
        group: mapping_schema({name: described(f"{group}.{name}", read) for name, (_, read) in keys.items()}) for group, keys in _NESTED.items()
    }
    return mapping_schema({name: described(name, read) for name, read in _KEYS.items()} | nested)


def read_site(node: Node, problems: list[Problem]) -> Site:
    """Return the settings under `site:`, and add their mistakes to `problems`."""
    return Site(**_values(node, problems))


def apply_settings(site: Site, settings: Iterable[str]) -> Site:
    """Return the settings with some of them overridden for this run, each by `key=value` or `ignore.paths=[/admin/**]`. Raises UsageError."""
    for setting in settings:
        key, sign, value = setting.partition("=")
        problems: list[Problem] = []
        if sign and value:
            text = f"{{{': {'.join(key.split('.'))}: {value}{'}' * (key.count('.') + 1)}"
            try:
                values = _values(strict_yaml.load(text, "--set"), problems)
                site = replace(site, **values | {name: {**getattr(site, name), **value} for name, value in values.items() if isinstance(value, dict)})
            except GoalsFileError as error:
                problems = error.problems
        if problems or not (sign and value):
            message = problems[0].message if problems else "write it as key=value, like session_timeout=10m"
            raise UsageError(f"--set {setting}: {message}")
    return site


def _values(node: Node, problems: list[Problem]) -> dict[str, Any]:
    """Read the settings into the fields of a Site."""
    values: dict[str, object] = {}
    if node.value is not None and not isinstance(node.value, dict):
        problems.append(node.problem("`site` takes keys like `timezone: Europe/Berlin`"))
    for name, key, value in node.items():
        if name in _NESTED:
            values |= _read_nested(name, value, problems)
        elif name in _KEYS:
            values[name] = _KEYS[name](value, problems)
        else:
            problems.append(key.problem(unknown_name("key", name, [*_KEYS, *_NESTED], "Keys", "`site`")))
    return values


def _read_nested(group: str, node: Node, problems: list[Problem]) -> dict[str, object]:
    """Read a key that contains other keys."""
    values: dict[str, object] = {}
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`{group}` takes the keys {', '.join(_NESTED[group])}"))
    for name, key, value in node.items():
        if name in _NESTED[group]:
            field, read = _NESTED[group][name]
            values[field] = read(value, problems)
        else:
            problems.append(key.problem(unknown_name("key", name, _NESTED[group], "Keys", f"`{group}`")))
    return values
