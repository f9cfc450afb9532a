"""Values in a goals file: readers for strings, patterns, durations and amounts, and their JSON Schemas.

The keys of goals (`goals/kinds`) build on these readers; a GoalContext gives them access to the rest of the goal. The attributes of a goal are the
`value` of a conversion and the `target` rate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import patterns
from convkit.core.durations import parse_duration
from convkit.core.model import Target
from convkit.core.patterns import MAX_LENGTH
from convkit.errors import unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node


Schema = Mapping[str, Any]


def one_or_more(item: Schema) -> Schema:
    """Return the schema of an item or a list of items."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def schema_ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": f"#/$defs/{name}"}


def text_schema(regex: str) -> Schema:
    """Return the schema of a string that matches a regular expression, which must be valid in both ECMAScript and Python."""
    return {"type": "string", "pattern": regex}


def mapping_schema(schemas: Mapping[str, Schema], **more: object) -> Schema:
    """Return the schema of a mapping with only these keys."""
    return {"type": "object", "properties": dict(schemas), "additionalProperties": False, **more}


_PATH_START = r"(?:/|\*|re:.)"
REQUEST_OR_PATH_SCHEMA = text_schema(rf"^(?:[A-Z]+ +)?{_PATH_START}")
PATH_SCHEMA = {**text_schema(f"^{_PATH_START}"), "maxLength": MAX_LENGTH}
REQUEST_SCHEMA = text_schema(rf"^[A-Z]+ +{_PATH_START}")
TEXT_SCHEMA = {"type": "string", "minLength": 1}
PATTERN_SCHEMA = {**TEXT_SCHEMA, "maxLength": MAX_LENGTH, "not": {"const": "re:"}}
NAME_SCHEMA = text_schema("^[A-Za-z0-9_-]{1,80}$")
DURATION_SCHEMA = text_schema(r"^\s*(?!0+[smhdw])[0-9]{1,6}[smhdw]\s*$")
PERCENT_SCHEMA = text_schema(r"^(?!0+(?:\.0+)? ?%)0*(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?) ?%$")
COUNT_SCHEMA = {"type": "integer", "minimum": 1}
SCALAR_SCHEMA = {"type": ["string", "number", "boolean"], "minLength": 1}
HIT_VALUE_SCHEMA = text_schema(r"^(?:query|cookie|prop)\..")
"""The schema of a value taken from a hit."""
GOAL_SCHEMA, GOAL_OR_NAME_SCHEMA = schema_ref("goal"), schema_ref("goalOrName")


@dataclass(frozen=True)
class GoalContext:
    """The parts of a goals file that the keys of a goal can access."""

    condition: Callable[[Node], pl.Expr]
    """Returns the expression for the hits named by a nested goal."""
    timeout: timedelta
    """The session timeout."""
    tests_pages: bool
    """Whether the goal matches only pages."""
    reached: Callable[[Node], pl.Expr]
    """Returns the expression for the hits on which a nested goal, or one in a list, is true; for session-level keys."""
    modifier: Mapping[str, Any]
    """The values of the keys that modify another key."""


def read_duration(node: Node, problems: list[Problem]) -> timedelta | None:
    """Read a duration."""
    try:
        return parse_duration(node.text)
    except ValueError as error:
        problems.append(node.problem(str(error)))
        return None


def read_count(node: Node, problems: list[Problem], key: str) -> int | None:
    """Read a whole number of at least 1; `key` is named in messages."""
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
        return node.value
    problems.append(node.problem(f"`{key}` must be a whole number of 1 or more"))
    return None


def read_texts(node: Node, problems: list[Problem], what: str) -> list[str]:
    """Read a string or a list of strings; `what` describes one of them in messages."""
    nodes = node.value if isinstance(node.value, list) else [node]
    texts = [item.value for item in nodes if isinstance(item.value, str) and item.value]
    problems += [item.problem(f"expected {what}{_quoting_hint(item)}") for item in nodes if not (isinstance(item.value, str) and item.value)]
    if not nodes:
        problems.append(node.problem(f"this list is empty; add {what}"))
    return texts


def read_choices(node: Node, problems: list[Problem], choices: Collection[str], kind: str, heading: str) -> tuple[str, ...]:
    """Read a keyword or a list of keywords; in messages, `kind` stands for one keyword and `heading` for all of them."""
    texts = read_texts(node, problems, f"a {kind}: {', '.join(choices)}")
    unknown = [text for text in texts if text not in choices]
    problems += [node_of(node, text).problem(unknown_name(kind, text, choices, heading)) for text in unknown]
    return tuple(texts)


def _quoting_hint(node: Node) -> str:
    return f"; write '{node.text}' in quotes" if node.text else ""


def node_of(node: Node, text: str) -> Node:
    """Return the node of one of the strings in a node."""
    nodes = node.value if isinstance(node.value, list) else [node]
    return next((item for item in nodes if item.text == text), node)


def read_patterns(node: Node, problems: list[Problem], what: str) -> list[str]:
    """Read a pattern for names or a list of them."""
    texts = read_texts(node, problems, what)
    problems += [node_of(node, pattern).problem(why) for pattern in texts if (why := patterns.problem(pattern))]
    return texts


def read_paths(node: Node, problems: list[Problem]) -> list[str]:
    """Read a path pattern or a list of them."""
    texts = read_texts(node, problems, "a path like /thank-you")
    problems += [node_of(node, pattern).problem(why) for pattern in texts if (why := path_problem(pattern))]
    return texts


def path_problem(pattern: str) -> str | None:
    """Return why a string cannot be used as a path pattern, or None if it can."""
    return patterns.problem(pattern) if pattern.startswith(("/", "*", "re:")) else not_a_path(pattern)


def not_a_path(pattern: str) -> str:
    """Return why a pattern that does not begin like a path cannot be one, and how to fix it."""
    return f"{pattern!r} is not a path; paths begin with `/`, like /{pattern.lstrip('/')}"


def matches_path(pattern: str, lists: pl.Expr) -> pl.Expr:
    """Return whether the path of a hit matches; hits on one of the `lists` match only a pattern that names a file."""
    matches = patterns.named_column("path", pattern)
    return matches if patterns.names_a_file(pattern) else matches & ~lists


def all_of(expressions: list[pl.Expr]) -> pl.Expr:
    """Return whether all expressions are true."""
    return pl.all_horizontal(expressions) if expressions else pl.lit(value=False)


def is_success() -> pl.Expr:
    """Return whether a hit was answered with 2xx or 304."""
    status = pl.col("status")
    return status.is_between(200, 299) | (status == 304)  # noqa: PLR2004 (HTTP status codes speak for themselves)


HIT_VALUE_SOURCES = ("query.", "cookie.", "prop.")
"""The prefixes of values that are taken from a hit."""
NO_VALUES = ["", "-", "0", "null", "none", "nil", "undefined", "nan", "na", "n/a", "(not set)", "[object object]"]
"""Texts, in lower case, that stand for a missing value."""
_MILLION = 1_000_000
_LARGEST_VALUE = 10**12
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")
_MONTHLY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)( ?[A-Z]{3})? ?/ ?month")
"""Conversions, or value with its currency, in a month."""


def _read_value(node: Node, problems: list[Problem]) -> int | str | None:
    """Read an amount in integer millionths, or the name of a value taken from the hit."""
    if is_hit_value(node.text):
        return node.text
    try:
        amount = Decimal(node.text)
    except InvalidOperation:
        amount = Decimal("nan")
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool) and abs(amount) < _LARGEST_VALUE:
        return int(amount * _MILLION)
    problems.append(node.problem("`value` must be a number like 60 or 19.90, or query.NAME, cookie.NAME or prop.NAME"))
    return None


def is_hit_value(text: str) -> bool:
    """Return whether a string names a value taken from a hit: a query parameter, a cookie or a property."""
    return any(text.startswith(source) and len(text) > len(source) for source in HIT_VALUE_SOURCES)


def value_number(value: pl.Expr) -> pl.Expr:
    """Return a number (Int64) for a value of hits, or null if a hit does not have it."""
    text = value.cast(pl.String).str.strip_chars()
    return pl.when(~text.str.to_lowercase().is_in(NO_VALUES)).then(text.hash(2)).reinterpret(signed=True)


def _read_target(node: Node, problems: list[Problem]) -> Target | None:
    """Read a rate, or conversions or value a month."""
    rate = read_percent(node)
    if rate is not None:
        return Target(rate)
    match = _MONTHLY.fullmatch(node.text)
    if match is None or not float(match[1]):
        problems.append(node.problem("`target` must be a rate like 1.5%, conversions like 40/month, or value like 2000 EUR/month"))
        return None
    return Target(float(Decimal(match[1]) * 1_000_000), "value") if match[2] else Target(float(match[1]), "conversions")


def read_percent(node: Node) -> float | None:
    """Read a percentage above 0 and up to 100%, and return None if it is not one."""
    match = _PERCENT.fullmatch(node.text)
    return float(Decimal(match[1]) / 100) if match and 0 < float(match[1]) <= 100 else None  # noqa: PLR2004 (the largest percentage)


ATTRIBUTE_SCHEMAS = {
    "value": {
        "description": "What each counted match is worth: a number, or where the amount is found in the URL or event, like query.total.",
        "anyOf": [{"type": "number", "exclusiveMinimum": -_LARGEST_VALUE, "exclusiveMaximum": _LARGEST_VALUE}, HIT_VALUE_SCHEMA],
    },
    "target": {
        "description": "What you aim for: a rate like 1.5%, conversions like 40/month, or value like 2000 EUR/month.",
        "anyOf": [PERCENT_SCHEMA, {"type": "string", "pattern": f"^{_MONTHLY.pattern}$"}],
    },
}
ATTRIBUTE_READERS: dict[str, Callable[[Node, list[Problem]], int | str | Target | None]] = {"value": _read_value, "target": _read_target}
