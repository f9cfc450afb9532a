"""Reading `site:`, the facts about the site.

It stands alone because goals and facts have nothing in common but the file they stand in.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from convkit.core import lists, patterns, plugins
from convkit.core.definitions import Site
from convkit.errors import GoalsFileError, UsageError, did_you_mean
from convkit.formats.parsers.columns import ROLES
from convkit.formats.strings.log_strings import StringError
from convkit.formats.strings.own_formats import AUTO, named, template
from convkit.goals import channel_rules, shapes, site_notes, strict_yaml, variants, visitor_rules
from convkit.goals import values as goals_values
from convkit.goals.goal_attributes import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.shapes import Shape
    from convkit.goals.strict_yaml import Node


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
    return tuple(host.lower() for host in goals_values.texts(node, problems, "a host like www.shop.example"))


def _timeout(node: Node, problems: list[Problem]) -> timedelta:
    return goals_values.duration(node, problems) or Site.session_timeout


def _paths(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(goals_values.path_patterns(node, problems))


def _names(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(goals_values.texts(node, problems, "a parameter's name"))


def _patterns(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    return tuple(goals_values.patterns_of(node, problems, "a name or a pattern"))


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
    found = goals_values.texts(node, problems, "an address or a network like 203.0.113.0/24")
    for text in found:
        try:
            ip_network(text, strict=False)
        except ValueError:
            problems.append(goals_values.place(node, text).problem(f"{text!r} is no address and no network; write one like 203.0.113.0/24"))
    return tuple(found)


def _agents(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    found = goals_values.texts(node, problems, "an agent or a part of one, like MyMonitor")
    wrong = {text: patterns.problem(text) for text in found if patterns.is_whole_pattern(text)}
    problems += [goals_values.place(node, text).problem(why) for text, why in wrong.items() if why]
    return tuple(found)


def _margin(node: Node, problems: list[Problem]) -> float:
    margin = percent(node)
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
    wanted = named(node.text)
    if wanted != AUTO and wanted not in plugins.names("formats"):
        try:
            template(wanted)
        except StringError as error:
            problems.append(node.problem(str(error)))
    return wanted


_KEYS: dict[str, Callable[[Node, list[Problem]], object]] = {
    "timezone": _timezone,
    "currency": _currency,
    "hosts": _hosts,
    "session_timeout": _timeout,
    "visitor": visitor_rules.read,
    "trusted_proxy": _addresses,
    "group": _paths,
    "keep_query": _names,
    "payment": _hosts,
    "channels": channel_rules.read,
    "log_format": _log_format,
    "columns": _columns,
    "notes": site_notes.read,
    "margin": _margin,
    "variants": variants.read,
}

_SHAPES: dict[Callable[[Node, list[Problem]], object], Shape] = {
    _timezone: shapes.TEXT,
    _currency: shapes.matching("^[A-Z]{3}$"),
    _hosts: shapes.one_or_more(shapes.TEXT),
    _timeout: shapes.DURATION,
    visitor_rules.read: visitor_rules.SHAPE,
    _paths: shapes.one_or_more(shapes.PATH),
    _names: shapes.one_or_more(shapes.TEXT),
    _patterns: shapes.one_or_more(shapes.PATTERN),
    _columns: {"anyOf": [shapes.keys(dict.fromkeys(ROLES, place)) for place in (shapes.TEXT, shapes.COUNT)]},
    channel_rules.read: channel_rules.SHAPE,
    _log_format: shapes.TEXT,
    _addresses: shapes.one_or_more(shapes.TEXT),
    _agents: shapes.one_or_more(shapes.PATTERN),
    site_notes.read: site_notes.SHAPE,
    _margin: shapes.PERCENT,
    variants.read: variants.SHAPE,
}
"""What each reader takes."""


def schema() -> Shape:
    """Return the JSON Schema of `site:`, with what each key means."""
    meanings = dict(line.split(": ", 1) for line in lists.lines("site_keys"))

    def said(name: str, read: Callable[[Node, list[Problem]], object]) -> Shape:
        return {"description": meanings[name], **_SHAPES[read]}

    nested = {fact: shapes.keys({name: said(f"{fact}.{name}", read) for name, (_, read) in keys.items()}) for fact, keys in _NESTED.items()}
    return shapes.keys({name: said(name, read) for name, read in _KEYS.items()} | nested)


def read_site(node: Node, problems: list[Problem]) -> Site:
    """Return the facts under `site:`; what is wrong with them is added to `problems`."""
    return Site(**_values(node, problems))


def set_facts(site: Site, settings: Iterable[str]) -> Site:
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
