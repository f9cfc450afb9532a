"""The referrer's host and path; a pattern without a slash is a host with any path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convkit.core import patterns
from convkit.core.conditions import any_of
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
    """Read a pattern for a host, or for host and path, or a list of them."""
    referrers = values.read_patterns(node, problems, "a referrer like news.example or news.example/post")
    problems += [values.node_of(node, pattern).problem(why) for pattern in referrers if (why := _mistake(pattern))]
    return referrers


def _mistake(pattern: str) -> str | None:
    """Return why a pattern can never match a referrer, or None."""
    if pattern.startswith("re:"):
        return None
    if "://" in pattern:
        return f"write a referrer without the protocol: {pattern.partition('://')[2] or 'news.example'}"
    if pattern.startswith("/"):
        return f"a referrer begins with a host, like news.example{pattern}"
    if "?" in pattern or "#" in pattern:
        return "referrers are compared without `?` and `#`; remove them and everything after them"
    if port := _PORT.match(pattern):
        return f"referrers are compared without a port; remove {port[1]}"
    return None


def names(value: list[str], _: values.GoalContext) -> pl.Expr:
    """Return the hits with a matching referrer; hits without a referrer never match."""
    return any_of([patterns.named_column("referrer", pattern) for pattern in value])
