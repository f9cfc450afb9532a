"""What a goal has beside the hits it is about: what a conversion is worth, and the rate that is aimed at.

It stands alone because these say nothing of when a goal is reached.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from convkit.goals import shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

TAKEN = ("query.", "cookie.", "prop.")
"""How a value is written that is taken from a hit."""
_MILLION = 1_000_000
_LARGEST_VALUE = 10**12
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


def _value(node: Node, problems: list[Problem]) -> int | str | None:
    """Read an amount as integer millionths, or the notation of a value taken from the hit."""
    if is_taken(node.text):
        return node.text
    try:
        amount = Decimal(node.text)
    except InvalidOperation:
        amount = Decimal("nan")
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool) and abs(amount) < _LARGEST_VALUE:
        return int(amount * _MILLION)
    problems.append(node.problem("`value` is a number like 60 or 19.90, query.NAME, cookie.NAME or prop.NAME"))
    return None


def is_taken(text: str) -> bool:
    """Tell the notation of a value taken from a hit: a parameter, a cookie or a property, each by its name."""
    return any(text.startswith(source) and len(text) > len(source) for source in TAKEN)


def _target(node: Node, problems: list[Problem]) -> float | None:
    """Read a rate."""
    rate = percent(node)
    if rate is None:
        problems.append(node.problem("`target` is a rate like 1.5%"))
    return rate


def percent(node: Node) -> float | None:
    """Read a percentage above 0, None where it is none."""
    match = _PERCENT.fullmatch(node.text)
    return float(Decimal(match[1]) / 100) if match and 0 < float(match[1]) <= 100 else None  # noqa: PLR2004 (a percentage ends there)


SCHEMAS = {
    "value": {
        "description": "What a counted match is worth: a number, or where in the URL or the event the amount stands, like query.total.",
        "anyOf": [{"type": "number", "exclusiveMinimum": -_LARGEST_VALUE, "exclusiveMaximum": _LARGEST_VALUE}, shapes.TAKEN],
    },
    "target": {
        "description": "The rate that you hope for, like 1.5%.",
        **shapes.PERCENT,
    },
}
READERS: dict[str, Callable[[Node, list[Problem]], int | str | float | None]] = {"value": _value, "target": _target}
