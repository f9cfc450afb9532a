"""Time on site: the first interaction at least this long after the start of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.schema import is_interaction
from convkit.goals import values

if TYPE_CHECKING:
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "how"
EXAMPLE = "{stayed: 5m}"
SCHEMA = values.DURATION_SCHEMA


def read(node: Node, problems: list[Problem]) -> timedelta | None:
    """Read a duration."""
    return values.read_duration(node, problems)


def turns(value: timedelta, named: pl.Expr, _: values.GoalContext) -> pl.Expr:
    """Return the session's first interaction after that time."""
    return windows.is_nth(named & is_interaction() & (pl.col("time") - pl.col("started") >= value), 1, "session")
