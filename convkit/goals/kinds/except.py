"""Excludes the hits of another goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.goals import values

if TYPE_CHECKING:
    import polars as pl

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "which"
EXAMPLE = "{page: /blog/**, except: /blog/archive/**}"
SCHEMA = values.schema_ref("goalsOrNames")


def read(node: Node, _: list[Problem]) -> Node:
    """Return the node of the goal; the context reads it later."""
    return node


def names(value: Node, context: values.GoalContext) -> pl.Expr:
    """Return the hits that the other goal does not name."""
    return ~context.condition(value)
