"""Hits of another goal are left out."""

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
    """Take the goal as it is written; it is read when its condition is asked for."""
    return node


def names(value: Node, context: values.GoalContext) -> pl.Expr:
    """Name hits that the other goal does not name."""
    return ~context.condition(value)
