"""Reading `site:`, the settings of the site, among them its notes (what happened on which day) and the rules that identify visitors."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from convkit.core import datafiles, patterns, plugins
from convkit.core.model import ADDRESS_RULES, USER_RULE, Site
from convkit.errors import GoalsFileError, UsageError, did_you_mean
from convkit.formats.parsers.exports import ROLES
from convkit.formats.strings import AUTO, canonical_name, parse_string
from convkit.formats.strings.template import FormatStringError
from convkit.goals import channel_rules, strict_yaml, variants
from convkit.goals.values import (
    COUNT_SCHEMA,
    DURATION_SCHEMA,
    HIT_VALUE_SCHEMA,
    HIT_VALUE_SOURCES,
    PATH_SCHEMA,
    PATTERN_SCHEMA,
    PERCENT_SCHEMA,
    TEXT_SCHEMA,
    is_hit_value,
    mapping_schema,
    node_of,
    one_or_more,
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
"""What `read_notes` takes, as far as a schema knows days."""


def read_notes(node: Node, problems: list[Problem]) -> tuple[tuple[date, str], ...]:
    """Return days and what happened on them, the earliest first; of one day in the order of the file."""
    if not isinstance(node.value, dict):
        problems.append(node.problem("`notes` says what happened on which day, like {2026-10-07: new checkout}"))
    found: list[tuple[date, str]] = []
    for name, key, value in node.items():
        day = _parse_day(name)
        if day is None:
            problems.append(key.problem(f"{name!r} is no day; write one like 2026-10-07"))
        texts = read_texts(value, problems, "what happened on a day")
        problems += [node_of(value, text).problem("a note without a word; write what happened on that day") for text in texts if not text.strip()]
        found += [(day, " ".join(text.split())) for text in texts if day is not None]
    return tuple(sorted(found, key=lambda note: note[0]))


def _parse_day(text: str) -> date | None:
    """Return the day that is written so, None where there is none."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


JAVA_SESSION = "jsessionid"
_VISITOR_WORDS = (USER_RULE, JAVA_SESSION, *ADDRESS_RULES)
_VISITOR_SYNTAX = f"{USER_RULE}, cookie.NAME, query.NAME, prop.NAME, {JAVA_SESSION}, {ADDRESS_RULES[0]}, {ADDRESS_RULES[1]}"
VISITOR_SCHEMA: Schema = one_or_more({"anyOf": [{"enum": [*_VISITOR_WORDS, f";{JAVA_SESSION}"]}, HIT_VALUE_SCHEMA]})
"""What `read_visitor_rules` takes."""


def read_visitor_rules(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    """Return the rules, the most preferred first."""
    found = read_texts(node, problems, "a rule like address+browser")
    unknown = [text for text in found if text.removeprefix(";") not in _VISITOR_WORDS and not is_hit_value(text)]
    problems += [node_of(node, text).problem(f"{text!r} tells no visitor{_closest_rule(text)}; known are {_VISITOR_SYNTAX}") for text in unknown]
    return tuple(dict.fromkeys(text.removeprefix(";") for text in found))


def visitor_rule_label(rule: str) -> str:
    """Return what a rule is called in a sentence."""
    return "user id" if rule == USER_RULE else rule.replace("+", " + ")


def _closest_rule(text: str) -> str:
    """Return the closest rule; behind the source of a value stands any name."""
    name = text.partition(".")[2]
    return did_you_mean(text, [f"{source}{name}" for source in HIT_VALUE_SOURCES] if name else _VISITOR_WORDS)


_CURRENCY_LETTERS = 3


def is_timezone(name: str) -> bool:
    """Tell whether the machine knows a time zone of this name."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def timezone_hint(name: str) -> str:
    """Return how to write a time zone, with the closest one."""
    return f"{name!r} is no time zone; write one like Europe/Berlin or UTC{did_you_mean(name, available_timezones())}"


def _timezone(node: Node, problems: list[Problem]) -> str:
    if not is_timezone(node.text):
        problems.append(node.problem(timezone_hint(node.text)))
    return node.text


def _currency(node: Node, problems: list[Problem]) -> str:
    if not (len(node.text) == _CURRENCY_LETTERS and node.text.isalpha() and node.text.isupper()):
        problems.append(node.problem("a currency is three capital letters, like EUR"))
    return node.text


def _hosts(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(host.lower() for host in read_texts(node, problems, "a host like www.shop.example"))


def _timeout(node: Node, problems: list[Problem]) -> timedelta:
    return read_duration(node, problems) or Site.session_timeout


def _paths(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(read_paths(node, problems))


def _names(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(read_texts(node, problems, "a parameter's name"))


def _patterns(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(read_patterns(node, problems, "a name or a pattern"))


def _columns(node: Node, problems: list[Problem]) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`columns` says which column is which, like {{user: account_id}}; it takes {', '.join(ROLES)}"))
    for role, key, value in node.items():
        is_place = isinstance(value.value, int) and not isinstance(value.value, bool) and value.value > 0
        if role not in ROLES:
            problems.append(key.problem(f"unknown key {role!r} in `columns`{did_you_mean(role, ROLES)}; it takes {', '.join(ROLES)}"))
        elif is_place or (isinstance(value.value, str) and value.value):
            found[role] = value.value  # type: ignore[assignment]
        else:
            problems.append(value.problem("a column is a name, or its position from 1"))
    if len({type(place) for place in found.values()}) > 1:
        problems.append(node.problem("columns are names or positions, not both: a position says that the file has no header"))
    return found


def _addresses(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    found = read_texts(node, problems, "an address or a network like 203.0.113.0/24")
    for text in found:
        try:
            ip_network(text, strict=False)
        except ValueError:
            problems.append(node_of(node, text).problem(f"{text!r} is no address and no network; write one like 203.0.113.0/24"))
    return tuple(found)


def _agents(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    found = read_texts(node, problems, "an agent or a part of one, like MyMonitor")
    wrong = {text: patterns.problem(text) for text in found if patterns.is_whole_pattern(text)}
    problems += [node_of(node, text).problem(why) for text, why in wrong.items() if why]
    return tuple(found)


def _margin(node: Node, problems: list[Problem]) -> float:
    margin = read_percent(node)
    if margin is None:
        problems.append(node.problem("`margin` is how much a rate may move and pass for none, like 10%"))
    return margin or Site.margin


_NESTED: dict[str, dict[str, tuple[str, Callable[[Node, list[Problem]], object]]]] = {
    "ignore": {
        "paths": ("ignore_paths", _paths),
        "addresses": ("ignore_addresses", _addresses),
        "events": ("ignore_events", _patterns),
        "users": ("ignore_users", _patterns),
    },
    "bots": {"keep": ("bots_keep", _agents), "drop": ("bots_drop", _agents)},
}
"""Keys that hold keys: of each of those the field of a Site, and how it is read."""


def _log_format(node: Node, problems: list[Problem]) -> str:
    """Read `site.log_format`."""
    wanted = canonical_name(node.text)
    if wanted != AUTO and wanted not in plugins.names("formats"):
        try:
            parse_string(wanted)
        except FormatStringError as error:
            problems.append(node.problem(str(error)))
    return wanted


_KEYS: dict[str, Callable[[Node, list[Problem]], object]] = {
    "timezone": _timezone,
    "currency": _currency,
    "hosts": _hosts,
    "session_timeout": _timeout,
    "visitor": read_visitor_rules,
    "trusted_proxy": _addresses,
    "group": _paths,
    "keep_query": _names,
    "payment": _hosts,
    "channels": channel_rules.read_channels,
    "log_format": _log_format,
    "columns": _columns,
    "notes": read_notes,
    "margin": _margin,
    "variants": variants.read_variants,
}

_SHAPES: dict[Callable[[Node, list[Problem]], object], Schema] = {
    _timezone: TEXT_SCHEMA,
    _currency: text_schema("^[A-Z]{3}$"),
    _hosts: one_or_more(TEXT_SCHEMA),
    _timeout: DURATION_SCHEMA,
    read_visitor_rules: VISITOR_SCHEMA,
    _paths: one_or_more(PATH_SCHEMA),
    _names: one_or_more(TEXT_SCHEMA),
    _patterns: one_or_more(PATTERN_SCHEMA),
    _columns: {"anyOf": [mapping_schema(dict.fromkeys(ROLES, place)) for place in (TEXT_SCHEMA, COUNT_SCHEMA)]},
    channel_rules.read_channels: channel_rules.CHANNELS_SCHEMA,
    _log_format: TEXT_SCHEMA,
    _addresses: one_or_more(TEXT_SCHEMA),
    _agents: one_or_more(PATTERN_SCHEMA),
    read_notes: NOTES_SCHEMA,
    _margin: PERCENT_SCHEMA,
    variants.read_variants: variants.VARIANTS_SCHEMA,
}
"""What each reader takes."""


def schema() -> Schema:
    """Return the JSON Schema of `site:`, with what each key means."""
    meanings = dict(line.split(": ", 1) for line in datafiles.lines("site_keys"))

    def said(name: str, read: Callable[[Node, list[Problem]], object]) -> Schema:
        return {"description": meanings[name], **_SHAPES[read]}

    nested = {fact: mapping_schema({name: said(f"{fact}.{name}", read) for name, (_, read) in keys.items()}) for fact, keys in _NESTED.items()}
    return mapping_schema({name: said(name, read) for name, read in _KEYS.items()} | nested)


def read_site(node: Node, problems: list[Problem]) -> Site:
    """Return the facts under `site:`; what is wrong with them is added to `problems`."""
    return Site(**_values(node, problems))


def apply_settings(site: Site, settings: Iterable[str]) -> Site:
    """Return the facts with some of them set for one run, each as `key=value` or `ignore.paths=[/admin/**]`. Raises UsageError."""
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
            what = problems[0].message if problems else "write it as key=value, like session_timeout=10m"
            raise UsageError(f"--set {setting}: {what}")
    return site


def _values(node: Node, problems: list[Problem]) -> dict[str, Any]:
    """Read the facts into the fields of a Site."""
    values: dict[str, object] = {}
    if node.value is not None and not isinstance(node.value, dict):
        problems.append(node.problem("`site` takes keys like `timezone: Europe/Berlin`"))
    for name, key, value in node.items():
        if name in _NESTED:
            values |= _read_nested(name, value, problems)
        elif name in _KEYS:
            values[name] = _KEYS[name](value, problems)
        else:
            problems.append(key.problem(f"unknown key {name!r} in `site`{did_you_mean(name, [*_KEYS, *_NESTED])}"))
    return values


def _read_nested(fact: str, node: Node, problems: list[Problem]) -> dict[str, object]:
    """Read a fact that has keys of its own."""
    values: dict[str, object] = {}
    if not isinstance(node.value, dict):
        problems.append(node.problem(f"`{fact}` takes {', '.join(_NESTED[fact])}"))
    for name, key, value in node.items():
        if name in _NESTED[fact]:
            field, read = _NESTED[fact][name]
            values[field] = read(value, problems)
        else:
            problems.append(key.problem(f"unknown key {name!r} in `{fact}`{did_you_mean(name, _NESTED[fact])}"))
    return values
