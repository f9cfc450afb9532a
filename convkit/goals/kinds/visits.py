"""Coming back: in a session that is at least the visitor's n-th, `within` a length of time where there is one, the first fitting interaction."""

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
    """Read a whole number of 1 or more."""
    return values.read_count(node, problems, "visits")


def turns(value: int, named: pl.Expr, context: values.GoalContext) -> pl.Expr:
    """Return the first interaction of a session that completes so many; the edge of `within`, from start to start, is inside."""
    started, within = pl.col("started"), context.beside.get("within")
    first_counted = windows.previous_group(started, value - 1, "session", "visitor")
    completes = first_counted.is_not_null() if within is None else (started - first_counted <= within).fill_null(value=False)
    # A session completes them or does not, as a whole: asked last, it is worked out once.
    return windows.is_nth(named & is_interaction(), 1, "session") & completes
