"""Events of an export, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import patterns
from convkit.core.conditions import any_of
from convkit.goals import values

if TYPE_CHECKING:
    import polars as pl

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "what"
EXAMPLE = "{event: video_play}"
SCHEMA = values.one_or_more(values.PATTERN_SCHEMA)


def read(node: Node, problems: list[Problem]) -> list[str]:
    """Read a name, a pattern of names, or a list of them."""
    return values.read_patterns(node, problems, "the name of an event, like video_play")


def names(value: list[str], _: values.GoalContext) -> pl.Expr:
    """Return the rows of an export whose event name matches."""
    return any_of([patterns.named_column("event", pattern) for pattern in value])
