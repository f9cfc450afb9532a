"""Reading `site.notes`: what happened on which day, as people wrote it down.

It stands alone because a day as a key is like no other key of a goals file.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from convkit.goals import shapes, values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.shapes import Shape
    from convkit.goals.strict_yaml import Node

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SHAPE: Shape = {
    "type": "object",
    "propertyNames": shapes.matching("^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"),
    "additionalProperties": shapes.one_or_more(shapes.matching(r"\S")),
}
"""What `read` takes, as far as a schema knows days."""


def read(node: Node, problems: list[Problem]) -> tuple[tuple[date, str], ...]:
    """Return days and what happened on them, the earliest first; of one day in the order of the file."""
    if not isinstance(node.value, dict):
        problems.append(node.problem("`notes` says what happened on which day, like {2026-10-07: new checkout}"))
    found: list[tuple[date, str]] = []
    for name, key, value in node.items():
        day = _day(name)
        if day is None:
            problems.append(key.problem(f"{name!r} is no day; write one like 2026-10-07"))
        texts = values.texts(value, problems, "what happened on a day")
        problems += [
            values.place(value, text).problem("a note without a word; write what happened on that day") for text in texts if not text.strip()
        ]
        found += [(day, " ".join(text.split())) for text in texts if day is not None]
    return tuple(sorted(found, key=lambda note: note[0]))


def _day(text: str) -> date | None:
    """Return the day that is written so, None where there is none."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
