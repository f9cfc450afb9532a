"""Which matches count: once per session or visitor, every hit, or once per value and visitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.errors import did_you_mean
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "count"
EXAMPLE = "{page: /thank-you, once_per: query.order}"
_WORDS = ("session", "visitor", "hit", "path")
SCHEMA = {"anyOf": [{"enum": list(_WORDS)}, values.HIT_VALUE_SCHEMA]}


def read(node: Node, problems: list[Problem]) -> str | None:
    """Read the unit within which a match counts only once."""
    if node.text in _WORDS or values.is_hit_value(node.text):
        return node.text
    choices = "session, visitor, hit, path, query.NAME, cookie.NAME or prop.NAME"
    problems.append(node.problem(f"`once_per` must be {choices}{did_you_mean(node.text, _WORDS)}"))
    return None


def turns(value: str, named: pl.Expr, _: values.GoalContext) -> pl.Expr:
    """Return the first match per visitor, or per visitor and value; for session and hit, also return repeated matches."""
    if value in {"session", "hit"}:
        return named
    if value == "visitor":
        return windows.is_nth(named, 1, "visitor")
    visitor_and_value = pl.col("visitor").hash(1) ^ pl.col(value).cast(pl.String).fill_null("").hash(2)
    return named & pl.when(named).then(visitor_and_value).is_first_distinct()
