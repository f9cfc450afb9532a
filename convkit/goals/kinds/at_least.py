"""Depth: the n-th fitting hit of a session, of different pages where the goal is about pages."""

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
    """Read a whole number of 1 or more."""
    return values.read_count(node, problems, "at_least")


def turns(value: int, named: pl.Expr, context: values.GoalContext) -> pl.Expr:
    """Return the hit that completes the number."""
    if context.tests_pages:
        # One integer for session and path: telling repeats of a struct takes ten times as long.
        seen = pl.col("session") * (1 << 32) + pl.col("path").to_physical().cast(pl.Int64)
        named = named & pl.when(named).then(seen).is_first_distinct()
    return windows.is_nth(named, value, "session")
