"""How long `visits` may take, from the start of the first to the start of the last; the edge is inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.goals import values

if TYPE_CHECKING:
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "beside"
OF = "visits"
EXAMPLE = "{visits: 3, within: 14d}"
SCHEMA = values.DURATION_SCHEMA


def read(node: Node, problems: list[Problem]) -> timedelta | None:
    """Read a length of time."""
    return values.read_duration(node, problems)
