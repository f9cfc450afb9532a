"""Parameters behind the `?`: `query: name` is there, `query: {name: pattern}` has that value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import patterns
from convkit.goals import values

if TYPE_CHECKING:
    import polars as pl

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "which"
EXAMPLE = "{query: {utm_medium: email}}"
SCHEMA = {"anyOf": [values.TEXT_SCHEMA, {"type": "object", "minProperties": 1, "additionalProperties": values.SCALAR_SCHEMA}]}
_ANYTHING = "**"


def read(node: Node, problems: list[Problem]) -> dict[str, str]:
    """Read a name, or a mapping of names to patterns."""
    if isinstance(node.value, str) and node.value:
        return {node.value: _ANYTHING}
    found: dict[str, str] = {}
    before = len(problems)
    for name, _, value in node.items():
        text = value.text or value.value
        if not isinstance(text, str):
            problems.append(value.problem("the value of a parameter is text or a pattern"))
        elif why := patterns.problem(text):
            problems.append(value.problem(why))
        else:
            found[name] = text
    if not found and len(problems) == before:
        problems.append(node.problem("`query` takes a parameter's name, or {name: pattern}"))
    return found


def names(value: dict[str, str], _: values.GoalContext) -> pl.Expr:
    """Name hits with all these parameters."""
    return values.all_of([patterns.named_column(f"query.{name}", pattern) for name, pattern in value.items()])
