"""Query parameters: `query: name` requires one, `query: {name: pattern}` also tests its value."""

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
    """Read a name, or a mapping from names to patterns."""
    if isinstance(node.value, str) and node.value:
        return {node.value: _ANYTHING}
    parameters: dict[str, str] = {}
    earlier_problems = len(problems)
    for name, _, value in node.items():
        text = value.text or value.value
        if not isinstance(text, str):
            problems.append(value.problem("the value of a parameter must be text or a pattern"))
        elif why := patterns.problem(text):
            problems.append(value.problem(why))
        else:
            parameters[name] = text
    if not parameters and len(problems) == earlier_problems:
        problems.append(node.problem("`query` needs the name of a parameter, or {name: pattern}"))
    return parameters


def names(value: dict[str, str], _: values.GoalContext) -> pl.Expr:
    """Return the hits with all these parameters."""
    return values.all_of([patterns.named_column(f"query.{name}", pattern) for name, pattern in value.items()])
