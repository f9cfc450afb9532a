"""Files taken: of the ranges and repeats of one file by one visitor, the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
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
    """Name downloads of a path, each less than the timeout after the one before taken as one.

    Asks for a frame sorted by visitor and the order of hits.
    """
    fits = (
        pl.col("download") & (pl.col("method") == "GET") & answered() & values.any_of([patterns.named_column("path", pattern) for pattern in value])
    )
    before = pl.when(fits).then("time").forward_fill().shift(1).over("visitor", "path")
    return fits & ((pl.col("time") - before) >= context.timeout).fill_null(value=True)


def answered() -> pl.Expr:
    """Take 2xx, ranges included, and 304."""
    return values.is_success()
