"""Values in a goals file: how texts, patterns, durations and amounts are read, and the JSON Schema of each.

The keys of goals (`goals.kinds`) build on these readers; `GoalContext` is what a key may ask of the goal around it. A goal's attributes are what
it has beside its hits: the `value` of a conversion, and the `target` rate.
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
from convkit.core.patterns import MAX_LENGTH
from convkit.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node


Schema = Mapping[str, Any]


def one_or_more(item: Schema) -> Schema:
    """Return the schema of one, or of a list of them."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def schema_ref(name: str) -> Schema:
    """Return a reference to a schema that is defined once."""
    return {"$ref": f"#/$defs/{name}"}


def text_schema(regex: str) -> Schema:
    """Return the schema of a text; expressions are those that ECMAScript and Python read alike."""
    return {"type": "string", "pattern": regex}


def mapping_schema(schemas: Mapping[str, Schema], **more: object) -> Schema:
    """Return the schema of a mapping with these keys and no others."""
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
"""A value taken from a hit."""
GOAL_SCHEMA, GOAL_OR_NAME_SCHEMA = schema_ref("goal"), schema_ref("goalOrName")


@dataclass(frozen=True)
class GoalContext:
    """What a key may ask of its goal."""

    condition: Callable[[Node], pl.Expr]
    """Turns a nested goal into the expression of the hits that it names."""
    timeout: timedelta
    """After how long without an interaction a session ends."""
    tests_pages: bool
    """Whether the goal is about pages and nothing else."""
    reached: Callable[[Node], pl.Expr]
    """Turns a nested goal, or a list, into the expression of the hits on which one is true; for what is decided on sessions."""
    beside: Mapping[str, Any]
    """The values of the keys that only say more of another."""


def read_duration(node: Node, problems: list[Problem]) -> timedelta | None:
    """Read a length of time."""
    try:
        return parse_duration(node.text)
    except ValueError as error:
        problems.append(node.problem(str(error)))
        return None


def read_count(node: Node, problems: list[Problem], key: str) -> int | None:
    """Read a whole number of 1 or more; `key` is where it stands."""
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
        return node.value
    problems.append(node.problem(f"`{key}` takes a whole number of 1 or more"))
    return None


def read_texts(node: Node, problems: list[Problem], what: str) -> list[str]:
    """Read a text or a list of texts."""
    nodes = node.value if isinstance(node.value, list) else [node]
    read = [item.value for item in nodes if isinstance(item.value, str) and item.value]
    problems += [item.problem(f"{what} is text here{_quoting_hint(item)}") for item in nodes if not (isinstance(item.value, str) and item.value)]
    if not nodes:
        problems.append(node.problem(f"an empty list; write {what}"))
    return read


def read_choices(node: Node, problems: list[Problem], known: Collection[str], what: str, wrong: str) -> tuple[str, ...]:
    """Read a word or a list of words that are `known`; `wrong` says what any other is or does not do."""
    found = read_texts(node, problems, what)
    unknown = [text for text in found if text not in known]
    problems += [node_of(node, text).problem(f"{text!r} {wrong}{did_you_mean(text, known)}; known are {', '.join(known)}") for text in unknown]
    return tuple(found)


def _quoting_hint(node: Node) -> str:
    return f"; write '{node.text}' in quotes" if node.text else ""


def node_of(node: Node, text: str) -> Node:
    """Return where one of the texts of a node stands."""
    nodes = node.value if isinstance(node.value, list) else [node]
    return next((item for item in nodes if item.text == text), node)


def read_patterns(node: Node, problems: list[Problem], what: str) -> list[str]:
    """Read a pattern of names or a list of them."""
    found = read_texts(node, problems, what)
    problems += [node_of(node, pattern).problem(why) for pattern in found if (why := patterns.problem(pattern))]
    return found


def read_paths(node: Node, problems: list[Problem]) -> list[str]:
    """Read a pattern of paths or a list of them."""
    found = read_texts(node, problems, "a path like /thank-you")
    for pattern in found:
        if not pattern.startswith(("/", "*", "re:")):
            problems.append(node_of(node, pattern).problem(f"{pattern!r} is no path: a path begins with `/`, as /{pattern.lstrip('/')}"))
        elif why := patterns.problem(pattern):
            problems.append(node_of(node, pattern).problem(why))
    return found


def matches_path(pattern: str, lists: pl.Expr) -> pl.Expr:
    """Tell hits whose path matches; those on one of `lists` only where the pattern names a file."""
    fits = patterns.named_column("path", pattern)
    return fits if patterns.names_a_file(pattern) else fits & ~lists


def any_of(expressions: list[pl.Expr]) -> pl.Expr:
    """Tell rows on which one of the expressions holds."""
    return pl.any_horizontal(expressions) if expressions else pl.lit(value=False)


def all_of(expressions: list[pl.Expr]) -> pl.Expr:
    """Tell rows on which every one of the expressions holds."""
    return pl.all_horizontal(expressions) if expressions else pl.lit(value=False)


def is_success() -> pl.Expr:
    """Tell hits answered 2xx or 304."""
    status = pl.col("status")
    return status.is_between(200, 299) | (status == 304)  # noqa: PLR2004 (HTTP's numbers are their own names)


HIT_VALUE_SOURCES = ("query.", "cookie.", "prop.")
"""How a value is written that is taken from a hit."""
_MILLION = 1_000_000
_LARGEST_VALUE = 10**12
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


def _read_value(node: Node, problems: list[Problem]) -> int | str | None:
    """Read an amount as integer millionths, or the notation of a value taken from the hit."""
    if is_hit_value(node.text):
        return node.text
    try:
        amount = Decimal(node.text)
    except InvalidOperation:
        amount = Decimal("nan")
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool) and abs(amount) < _LARGEST_VALUE:
        return int(amount * _MILLION)
    problems.append(node.problem("`value` is a number like 60 or 19.90, query.NAME, cookie.NAME or prop.NAME"))
    return None


def is_hit_value(text: str) -> bool:
    """Tell the notation of a value taken from a hit: a parameter, a cookie or a property, each by its name."""
    return any(text.startswith(source) and len(text) > len(source) for source in HIT_VALUE_SOURCES)


def _read_target(node: Node, problems: list[Problem]) -> float | None:
    """Read a rate."""
    rate = read_percent(node)
    if rate is None:
        problems.append(node.problem("`target` is a rate like 1.5%"))
    return rate


def read_percent(node: Node) -> float | None:
    """Read a percentage above 0, None where it is none."""
    match = _PERCENT.fullmatch(node.text)
    return float(Decimal(match[1]) / 100) if match and 0 < float(match[1]) <= 100 else None  # noqa: PLR2004 (a percentage ends there)


ATTRIBUTE_SCHEMAS = {
    "value": {
        "description": "What a counted match is worth: a number, or where in the URL or the event the amount stands, like query.total.",
        "anyOf": [{"type": "number", "exclusiveMinimum": -_LARGEST_VALUE, "exclusiveMaximum": _LARGEST_VALUE}, HIT_VALUE_SCHEMA],
    },
    "target": {
        "description": "The rate that you hope for, like 1.5%.",
        **PERCENT_SCHEMA,
    },
}
ATTRIBUTE_READERS: dict[str, Callable[[Node, list[Problem]], int | str | float | None]] = {"value": _read_value, "target": _read_target}
