"""Requests with a method: a submitted form, an API call, a link that triggers an action."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.core.conditions import any_of
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "what"
EXAMPLE = "{request: POST /register, status: 3xx}"
SCHEMA = values.one_or_more(values.REQUEST_SCHEMA)
_REQUEST = re.compile(r"([A-Z]+) +(\S.*)")
_FIRST_GOOD, _FIRST_ERROR = 200, 400


def read(node: Node, problems: list[Problem]) -> list[tuple[str, str]]:
    """Read `METHOD /path` or a list of them."""
    requests = []
    for text in values.read_texts(node, problems, "a request like POST /cart/add"):
        match = _REQUEST.fullmatch(text)
        if not match or not match[2].startswith(("/", "*", "re:")):
            problems.append(values.node_of(node, text).problem(f"{text!r} is not a request; write a method and a path, like POST /cart/add"))
        elif why := patterns.problem(match[2]):
            problems.append(values.node_of(node, text).problem(why))
        else:
            requests.append((match[1], match[2]))
    return requests


def names(value: list[tuple[str, str]], _: values.GoalContext) -> pl.Expr:
    """Return requests with the method and path; listed assets match only a pattern that names a file."""
    return any_of([(pl.col("method") == method) & values.matches_path(pattern, pl.col("asset")) for method, pattern in value])


def answered() -> pl.Expr:
    """Accept every status below 400, including redirects."""
    return pl.col("status").is_between(_FIRST_GOOD, _FIRST_ERROR - 1)
