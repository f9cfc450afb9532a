"""Only hits behind another goal: it was reached on an earlier hit of the session.

The other goal's own matches count, by all its keys: it is a goal as any other, and names hits where it is written out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "which"
EXAMPLE = "{page: /checkout, after: POST /cart/add}"
SCHEMA = values.GOAL_OR_NAME_SCHEMA


def read(node: Node, _: list[Problem]) -> Node:
    """Take the goal, its name, or a list of either as it is written; it is read when it is asked whether it was reached."""
    return node


def turns(value: Node, named: pl.Expr, context: values.GoalContext) -> pl.Expr:
    """Return the hits before which the other goal was true in the session; not on the same hit."""
    reached = context.reached(value)
    return named & (windows.running_count(reached, "session") > reached.cast(pl.UInt32))
