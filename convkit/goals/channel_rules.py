"""Channel rules, built-in and `site.channels`: the source, medium and campaign that put a session into a channel."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.errors import GoalsFileError, did_you_mean
from convkit.goals import strict_yaml, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.core.model import ChannelRule
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node
    from convkit.goals.values import Schema

CATEGORIES = ("search", "social", "video", "shopping", "ai", "mail")
"""What sources are, by the list of sources."""
UNASSIGNED = "Unassigned"
_TESTED = ("source", "medium", "campaign")
_KEYS = (*_TESTED, "category")

_TEXTS = values.one_or_more(values.PATTERN_SCHEMA)
_RULE = values.mapping_schema({**dict.fromkeys(_TESTED, _TEXTS), "category": values.one_or_more({"enum": list(CATEGORIES)})}, minProperties=1)
CHANNELS_SCHEMA: Schema = {"type": "object", "propertyNames": values.text_schema(r"\S"), "additionalProperties": values.one_or_more(_RULE)}


def read_channels(node: Node, problems: list[Problem]) -> dict[str, tuple[ChannelRule, ...]]:
    """Return the rules of channels by their names, in the order of the file; a channel has those of which one fits."""
    found: dict[str, tuple[ChannelRule, ...]] = {}
    if not isinstance(node.value, dict):
        problems.append(node.problem("`channels` takes names with a rule each, like `Newsletter: {source: newsletter}`"))
    for name, key, value in node.items():
        if not name.strip():
            problems.append(key.problem("a channel needs a name"))
        nodes = value.value if isinstance(value.value, list) else [value]
        if not nodes:
            problems.append(value.problem(f"an empty list; write a rule like {{medium: email}} for {name!r}"))
        found[name.strip()] = tuple(_rule(item, problems) for item in nodes)
    return found


def _rule(node: Node, problems: list[Problem]) -> ChannelRule:
    """Read one rule: all its keys must hold."""
    if not isinstance(node.value, dict) or not node.value:
        problems.append(node.problem(f"a rule takes {', '.join(_KEYS)}, like {{medium: email}}"))
    rule: dict[str, tuple[str, ...]] = {}
    for name, key, value in node.items():
        if name == "category":
            rule[name] = values.read_choices(value, problems, CATEGORIES, "a category like search", "is no category")
        elif name in _TESTED:
            rule[name] = tuple(values.read_patterns(value, problems, f"a {name}, or a pattern of one,"))
        else:
            problems.append(key.problem(f"unknown key {name!r} in a rule of a channel{did_you_mean(name, _KEYS)}; it takes {', '.join(_KEYS)}"))
    return rule


@cache
def builtin_channels() -> Mapping[str, tuple[ChannelRule, ...]]:
    """Return the channels that every site has."""
    file = files("convkit").joinpath("data", "channels.yaml")
    problems: list[Problem] = []
    rules = [read_channels(value, problems) for _, _, value in strict_yaml.load(file.read_text(encoding="utf-8"), file.name).items()]
    if problems:
        raise GoalsFileError(file.name, problems)
    return rules[0]


def mediums(own: Mapping[str, tuple[ChannelRule, ...]]) -> dict[str, str]:
    """Return the mediums that rules name by themselves, and the channel of each: of own rules and the built-in ones."""
    found: dict[str, str] = {}
    for name, rules in [*own.items(), *builtin_channels().items()]:
        written = (medium.lower() for rule in rules if [*rule] == ["medium"] for medium in rule["medium"])
        found |= {medium: name for medium in written if medium not in found and "*" not in medium and not medium.startswith("re:")}
    return found


def channel(own: Mapping[str, tuple[ChannelRule, ...]]) -> pl.Expr:
    """Return the channel of `source`, `medium`, `campaign`, in whatever case, and `category`: the first that fits, `own` ones before the built-in."""
    named = pl.lit(UNASSIGNED)
    for name, rules in reversed([*own.items(), *builtin_channels().items()]):
        named = pl.when(pl.any_horizontal(_rule_matches(rule) for rule in rules)).then(pl.lit(name)).otherwise(named)
    return named


def _rule_matches(rule: ChannelRule) -> pl.Expr:
    """Tell what a rule is about: all its keys hold."""
    tests = [pl.col("category").is_in(rule["category"]).fill_null(value=False)] if "category" in rule else []
    return pl.all_horizontal(
        *tests,
        *(
            patterns.matches_any(pl.col(name).str.to_lowercase(), [_in_any_case(pattern) for pattern in rule[name]])
            for name in _TESTED
            if name in rule
        ),
    )


def _in_any_case(pattern: str) -> str:
    return f"re:(?i){pattern[3:]}" if pattern.startswith("re:") else pattern.lower()
