"""Channel rules, built-in and from `site.channels`: which source, medium and campaign put a session into which channel."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.errors import GoalsFileError, unknown_name
from convkit.goals import strict_yaml, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.core.model import ChannelRule
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node
    from convkit.goals.values import Schema

CATEGORIES = ("search", "social", "video", "shopping", "ai", "mail")
"""The categories of the list of sources."""
UNASSIGNED, UNKNOWN = "Unassigned", "Unknown"
"""The channels of sessions that no rule matches, and of exports in which nothing shows where visitors came from."""
_PATTERN_KEYS = ("source", "medium", "campaign")
_KEYS = (*_PATTERN_KEYS, "category")

_TEXTS = values.one_or_more(values.PATTERN_SCHEMA)
_RULE = values.mapping_schema({**dict.fromkeys(_PATTERN_KEYS, _TEXTS), "category": values.one_or_more({"enum": list(CATEGORIES)})}, minProperties=1)
CHANNELS_SCHEMA: Schema = {"type": "object", "propertyNames": values.text_schema(r"\S"), "additionalProperties": values.one_or_more(_RULE)}


def read_channels(node: Node, problems: list[Problem]) -> dict[str, tuple[ChannelRule, ...]]:
    """Return the rules of each channel by name, in file order; a session belongs to a channel if one of its rules matches."""
    channels: dict[str, tuple[ChannelRule, ...]] = {}
    if not isinstance(node.value, dict):
        problems.append(node.problem("`channels` maps names to rules, like `Newsletter: {source: newsletter}`"))
    for name, key, value in node.items():
        if not name.strip():
            problems.append(key.problem("a channel needs a name"))
        nodes = value.value if isinstance(value.value, list) else [value]
        if not nodes:
            problems.append(value.problem(f"this list is empty; add a rule like {{medium: email}} for {name!r}"))
        channels[name.strip()] = tuple(_rule(item, problems) for item in nodes)
    return channels


def _rule(node: Node, problems: list[Problem]) -> ChannelRule:
    """Read a rule, all of whose keys must match."""
    if not isinstance(node.value, dict) or not node.value:
        problems.append(node.problem(f"a rule consists of the keys {', '.join(_KEYS)}, like {{medium: email}}"))
    rule: dict[str, tuple[str, ...]] = {}
    for name, key, value in node.items():
        if name == "category":
            rule[name] = values.read_choices(value, problems, CATEGORIES, "category", "Categories")
        elif name in _PATTERN_KEYS:
            rule[name] = tuple(values.read_patterns(value, problems, f"a {name}, or a pattern for one"))
        else:
            problems.append(key.problem(unknown_name("key", name, _KEYS, "Keys", "a channel rule")))
    return rule


@cache
def builtin_channels() -> Mapping[str, tuple[ChannelRule, ...]]:
    """Return the built-in channels and their rules."""
    file = files("convkit").joinpath("data", "channels.yaml")
    problems: list[Problem] = []
    rules = [read_channels(value, problems) for _, _, value in strict_yaml.load(file.read_text(encoding="utf-8"), file.name).items()]
    if problems:
        raise GoalsFileError(file.name, problems)
    return rules[0]


def names(own: Mapping[str, tuple[ChannelRule, ...]]) -> list[str]:
    """Return the names of all channels, the site's own ones first."""
    return [*own, *builtin_channels(), UNASSIGNED, UNKNOWN]


def mediums(own: Mapping[str, tuple[ChannelRule, ...]]) -> dict[str, str]:
    """Return the channel of each medium that determines the channel on its own, by the site's own rules first, then by the built-in ones."""
    channels: dict[str, str] = {}
    for name, rules in [*own.items(), *builtin_channels().items()]:
        literal = (medium.lower() for rule in rules if [*rule] == ["medium"] for medium in rule["medium"])
        channels |= {medium: name for medium in literal if medium not in channels and "*" not in medium and not medium.startswith("re:")}
    return channels


def channel(own: Mapping[str, tuple[ChannelRule, ...]]) -> pl.Expr:
    """Return the first channel that matches `source`, `medium`, `campaign` (ignoring case) and `category`; `own` channels come first."""
    name_of_first = pl.lit(UNASSIGNED)
    for name, rules in reversed([*own.items(), *builtin_channels().items()]):
        name_of_first = pl.when(pl.any_horizontal(_rule_matches(rule) for rule in rules)).then(pl.lit(name)).otherwise(name_of_first)
    return name_of_first


def _rule_matches(rule: ChannelRule) -> pl.Expr:
    """Return whether all keys of a rule match."""
    tests = [pl.col("category").is_in(rule["category"]).fill_null(value=False)] if "category" in rule else []
    return pl.all_horizontal(
        *tests,
        *(patterns.matches_any(pl.col(name).str.to_lowercase(), rule[name], ignore_case=True) for name in _PATTERN_KEYS if name in rule),
    )
