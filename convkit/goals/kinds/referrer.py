"""Where a hit came from: its referrer's host and path; a pattern without a slash is a host with any path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convkit.core import patterns
from convkit.goals import values

if TYPE_CHECKING:
    import polars as pl

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

ROLE = "which"
EXAMPLE = "{page: /**, referrer: [news.example, '*.google.com', t.co]}"
SCHEMA = values.one_or_more({**values.PATTERN_SCHEMA, "pattern": r"^(?:re:|(?!/)(?!.*(?:://|[?#]))(?![^/]*:[0-9]+(?:/|$)))"})
_PORT = re.compile(r"^[^/]*?(:\d+)(?:/|$)")


def read(node: Node, problems: list[Problem]) -> list[str]:
    """Read a pattern of a host, or of host and path, or a list of them."""
    found = values.read_patterns(node, problems, "a referrer like news.example or news.example/post")
    problems += [values.node_of(node, pattern).problem(why) for pattern in found if (why := _mistake(pattern))]
    return found


def _mistake(pattern: str) -> str | None:
    """Return why a pattern can match no referrer, or None."""
    if pattern.startswith("re:"):
        return None
    if "://" in pattern:
        return f"a referrer is its host and path; write {pattern.partition('://')[2] or 'news.example'}"
    if pattern.startswith("/"):
        return f"a referrer begins with its host; write one, like news.example{pattern}"
    if "?" in pattern or "#" in pattern:
        return "a referrer ends before `?` and `#`; leave out what follows them"
    if port := _PORT.match(pattern):
        return f"a referrer has no port; leave out {port[1]}"
    return None


def names(value: list[str], _: values.GoalContext) -> pl.Expr:
    """Name hits that came from there; one without a referrer came from nowhere."""
    return values.any_of([patterns.named_column("referrer", pattern) for pattern in value])
