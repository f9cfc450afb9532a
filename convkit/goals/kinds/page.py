"""Page views: GET requests answered with 2xx or 304."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "what"
EXAMPLE = "{page: /thank-you}"
SCHEMA = values.one_or_more(values.PATH_SCHEMA)
_NO_CONTENT = 204


def read(node: Node, problems: list[Problem]) -> list[str]:
    """Read a path pattern or a list of them."""
    return values.read_paths(node, problems)


def names(value: list[str], _: values.GoalContext) -> pl.Expr:
    """Return GET requests for a path; listed assets, downloads and background requests match only a pattern that names a file."""
    return (pl.col("method") == "GET") & values.any_of([values.matches_path(pattern, pl.col("listed")) for pattern in value])


def answered() -> pl.Expr:
    """Accept 2xx and 304, except 204 for pages: a response without content is not a page view."""
    return values.is_success() & (pl.col("listed") | (pl.col("status") != _NO_CONTENT))
