"""Return visits: the first matching interaction of a visitor's n-th or later session, optionally `within` a duration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.schema import is_interaction
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "how"
EXAMPLE = "{visits: 3, within: 14d}"
SCHEMA = values.COUNT_SCHEMA


def read(node: Node, problems: list[Problem]) -> int | None:
    """Read a whole number of at least 1."""
    return values.read_count(node, problems, "visits")


def turns(value: int, named: pl.Expr, context: values.GoalContext) -> pl.Expr:
    """Return the first interaction of a session that reaches the number; `within` is inclusive and runs from start to start."""
    started, within = pl.col("started"), context.modifier.get("within")
    first_start = windows.previous_group(started, value - 1, "session", "visitor")
    reaches = first_start.is_not_null() if within is None else (started - first_start <= within).fill_null(value=False)
    # The whole session reaches the number or not, so this is tested last and computed once.
    return windows.is_nth(named & is_interaction(), 1, "session") & reaches
