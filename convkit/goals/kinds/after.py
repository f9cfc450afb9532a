"""Only hits after another goal was reached, on an earlier hit of the session.

All keys of the other goal apply; it may be a goal's name or defined in place.
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
    """Return the node of the goal, its name, or a list of these; the context reads it later."""
    return node


def turns(value: Node, named: pl.Expr, context: values.GoalContext) -> pl.Expr:
    """Return the hits that come after another hit of the session on which the other goal was true."""
    reached = context.reached(value)
    return named & (windows.running_count(reached, "session") > reached.cast(pl.UInt32))
