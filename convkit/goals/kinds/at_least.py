"""Depth: the n-th matching hit of a session, or the n-th different page if the goal matches only pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "how"
EXAMPLE = "{page: /product/*, at_least: 2}"
SCHEMA = values.COUNT_SCHEMA


def read(node: Node, problems: list[Problem]) -> int | None:
    """Read a whole number of at least 1."""
    return values.read_count(node, problems, "at_least")


def turns(value: int, named: pl.Expr, context: values.GoalContext) -> pl.Expr:
    """Return the hit that reaches the number."""
    if context.tests_pages:
        # One integer for session and path: finding repeats of a struct takes ten times as long.
        session_and_path = pl.col("session") * (1 << 32) + pl.col("path").to_physical().cast(pl.Int64)
        named = named & pl.when(named).then(session_and_path).is_first_distinct()
    return windows.is_nth(named, value, "session")
