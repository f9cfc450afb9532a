"""Downloads: range requests and repeats of a file by the same visitor count once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.core.conditions import any_of
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "what"
EXAMPLE = "{download: /files/*.pdf}"
SCHEMA = values.one_or_more(values.PATH_SCHEMA)


def read(node: Node, problems: list[Problem]) -> list[str]:
    """Read a path pattern or a list of them."""
    return values.read_paths(node, problems)


def names(value: list[str], context: values.GoalContext) -> pl.Expr:
    """Return downloads of a path, except those that come less than the session timeout after the previous one.

    The frame must be sorted by visitor and ORDER.
    """
    is_match = pl.col("download") & (pl.col("method") == "GET") & answered() & any_of([patterns.named_column("path", pattern) for pattern in value])
    previous = pl.when(is_match).then("time").forward_fill().shift(1).over("visitor", "path")
    return is_match & ((pl.col("time") - previous) >= context.timeout).fill_null(value=True)


def answered() -> pl.Expr:
    """Accept 2xx, including ranges, and 304."""
    return values.is_success()
