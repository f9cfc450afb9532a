"""Any of several goals, like a list; the other keys of the goal apply to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core.conditions import any_of
from convkit.goals import values
from convkit.goals.strict_yaml import Node

if TYPE_CHECKING:
    import polars as pl

    from convkit.errors import Problem

ROLE = "what"
EXAMPLE = "{any: [/contact/thanks, POST /quote], value: 400}"
SCHEMA = {"type": "array", "items": values.schema_ref("part"), "minItems": 1}


def read(node: Node, problems: list[Problem]) -> list[Node]:
    """Read a list of goals."""
    if isinstance(node.value, list) and node.value:
        return [item for item in node.value if isinstance(item, Node)]
    problems.append(node.problem("`any` needs a list of goals, like [/thanks, POST /quote]"))
    return []


def names(value: list[Node], context: values.GoalContext) -> pl.Expr:
    """Return the hits that any of the goals names."""
    return any_of([context.condition(part) for part in value])
