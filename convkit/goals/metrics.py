"""Reading computed metrics: quotients of two counts, like `purchase / cart` or `100 * lead / sessions`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convkit.core.model import METRIC_COUNTS, Metric
from convkit.core.schema import FATES
from convkit.errors import unknown_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

MOST_METRICS = 50
FIGURES = (
    *METRIC_COUNTS,
    "pages_per_session",
    "bounce_rate",
    "median_session_seconds",
    "conversion_rate",
    "conversion_rate_low",
    "conversion_rate_high",
    "value",
    "lines",
    *FATES,
    "log_age",
)
"""The names of other figures, which no metric can have: the columns of the overview, and what thresholds know."""
_NAME = r"[A-Za-z0-9_-]+"
_QUOTIENT = rf"(?:(?P<factor>[0-9]+(?:\.[0-9]+)?) *\* *)?(?P<above>{_NAME}) */ *(?P<below>{_NAME})"
SCHEMA = {"type": "string", "pattern": "^ *" + re.sub(r"\?P<\w+>", "?:", _QUOTIENT) + " *$"}
"""The schema of one metric."""


def read_metric(name: str, key: Node, node: Node, goals: Collection[str], problems: list[Problem]) -> Metric | None:
    """Return a metric, or None if it is not one; `goals` are the names of the listed goals."""
    if name.casefold() in {goal.casefold() for goal in goals}:
        problems.append(key.problem(f"{name!r} is also the name of a goal; rename one of them"))
    elif name in FIGURES:
        problems.append(key.problem(f"{name!r} is already the name of a figure; choose another name"))
    quotient = re.fullmatch(_QUOTIENT, node.text.strip()) if isinstance(node.value, str) else None
    if quotient is None:
        problems.append(node.problem("a metric is a quotient of two counts, like purchase / cart or 100 * lead / sessions"))
        return None
    metric = Metric(name, quotient["above"], quotient["below"], float(quotient["factor"] or 1))
    counts = (*goals, *METRIC_COUNTS)
    for one in dict.fromkeys((metric.above, metric.below)):
        if one not in counts:
            problems.append(node.problem(unknown_name("count", one, counts, "Counts", "a metric")))
        elif one in goals and one in METRIC_COUNTS:
            problems.append(node.problem(f"{one!r} is a goal and a count; rename the goal"))
    if metric.above == metric.below:
        problems.append(node.problem(f"{metric.above} / {metric.below} is always 1; divide different counts"))
    if not metric.factor:
        problems.append(node.problem("a metric with the factor 0 is always 0; choose another factor"))
    return metric
