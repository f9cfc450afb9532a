"""The response status: a number, a class like 3xx, or a list of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.conditions import any_of
from convkit.goals import values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "which"
EXAMPLE = "{request: POST /newsletter, status: 3xx}"
SCHEMA = values.one_or_more({"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, values.text_schema("^[1-5](?:xx|[0-9]{2})$")]})
_STATUS = re.compile(r"[1-5](?:xx|\d\d)")


def read(node: Node, problems: list[Problem]) -> list[tuple[int, int]]:
    """Read statuses as ranges that include both ends."""
    nodes = node.value if isinstance(node.value, list) else [node]
    ranges = []
    if not nodes:
        problems.append(node.problem("this list is empty; add a status like 404 or 3xx"))
    for item in nodes:
        if _STATUS.fullmatch(item.text):
            ranges.append((int(item.text.replace("x", "0")), int(item.text.replace("x", "9"))))
        else:
            problems.append(item.problem("a status must be a number like 404 or a class like 3xx"))
    return ranges


def names(value: list[tuple[int, int]], _: values.GoalContext) -> pl.Expr:
    """Return the hits with one of these statuses."""
    return any_of([pl.col("status").is_between(low, high) for low, high in value])
