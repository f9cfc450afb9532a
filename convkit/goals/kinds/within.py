"""The time that `visits` may take, inclusive, from the start of the first session to the start of the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.goals import values

if TYPE_CHECKING:
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "modifier"
OF = "visits"
EXAMPLE = "{visits: 3, within: 14d}"
SCHEMA = values.DURATION_SCHEMA


def read(node: Node, problems: list[Problem]) -> timedelta | None:
    """Read a duration."""
    return values.read_duration(node, problems)
