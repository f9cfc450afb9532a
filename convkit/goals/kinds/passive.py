"""Matches that are no interactions: something that was shown to the visitor, like a popup."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "effect"
EXAMPLE = "{event: popup_shown, passive: true}"
SCHEMA = {"type": "boolean"}


def read(node: Node, problems: list[Problem]) -> bool | None:
    """Read true or false."""
    if isinstance(node.value, bool):
        return node.value
    problems.append(node.problem("`passive` must be true or false"))
    return None
