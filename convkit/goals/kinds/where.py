"""Properties of an event: `where: {seconds: ">= 30"}`, a pattern, a number, a comparison, or a list of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import patterns
from convkit.core.conditions import any_of
from convkit.goals import values

if TYPE_CHECKING:
    import polars as pl

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "which"
EXAMPLE = "{event: video_play, where: {seconds: '>= 30'}}"
SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": values.one_or_more({**values.SCALAR_SCHEMA, "pattern": patterns.COMPARISON_REGEX}),
}


def read(node: Node, problems: list[Problem]) -> dict[str, list[str]]:
    """Read a mapping from each property to the alternative values to compare it with."""
    properties: dict[str, list[str]] = {}
    earlier_problems = len(problems)
    for name, _, value in node.items():
        items = value.value if isinstance(value.value, list) else [value]
        properties[name] = [item.text for item in items]
        if not items:
            problems.append(value.problem("this list is empty; add a value to compare the property with"))
        for item in items:
            if isinstance(item.value, (dict, list)) or item.value is None:
                problems.append(item.problem("compare a property with a pattern, a number, or a comparison like '>= 30'"))
            elif why := patterns.comparison_problem(item.text):
                problems.append(item.problem(why))
    if not properties and len(problems) == earlier_problems:
        problems.append(node.problem("`where` needs properties, like {seconds: '>= 30'}"))
    return properties


def names(value: dict[str, list[str]], _: values.GoalContext) -> pl.Expr:
    """Return the hits whose properties all match."""
    return values.all_of([any_of([patterns.named_column(f"prop.{name}", text) for text in texts]) for name, texts in value.items()])
