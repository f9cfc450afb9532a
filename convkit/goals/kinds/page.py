"""Page views: GET requests answered with 2xx or 304."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.conditions import any_of
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "what"
EXAMPLE = "{page: /thank-you}"
SCHEMA = values.one_or_more(values.PATH_SCHEMA)
_NO_CONTENT, _PARTIAL_CONTENT = 204, 206


def read(node: Node, problems: list[Problem]) -> list[str]:
    """Read a path pattern or a list of them."""
    return values.read_paths(node, problems)


def names(value: list[str], _: values.GoalContext) -> pl.Expr:
    """Return GET requests for a path; listed assets, downloads and background requests match only a pattern that names a file.

    Requests that only load data for the page at their path, or prefetch it, never match.
    """
    return (pl.col("method") == "GET") & ~pl.col("subrequest") & any_of([values.matches_path(pattern, pl.col("listed")) for pattern in value])


def answered() -> pl.Expr:
    """Accept 2xx and 304, except 204 and 206 for pages: a response without content, or with a piece of a file, is not a page view."""
    status = pl.col("status")
    return values.is_success() & (pl.col("listed") | ((status != _NO_CONTENT) & (status != _PARTIAL_CONTENT)))
