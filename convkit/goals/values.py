"""What the keys of a goal share: how their values are read, and what they may ask of the goal around them.

It stands alone because the keys must not know each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import patterns
from convkit.core.durations import parse_duration
from convkit.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import timedelta

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node


@dataclass(frozen=True)
class Context:
    """What a key may ask of its goal."""

    condition: Callable[[Node], pl.Expr]
    """Turns a nested goal into the expression of the hits that it names."""
    timeout: timedelta
    """After how long without an interaction a session ends."""
    tests_pages: bool
    """Whether the goal is about pages and nothing else."""
    reached: Callable[[Node], pl.Expr]
    """Turns a nested goal, or a list, into the expression of the hits on which one is true; for what is decided on sessions."""
    beside: Mapping[str, Any]
    """The values of the keys that only say more of another."""


def duration(node: Node, problems: list[Problem]) -> timedelta | None:
    """Read a length of time."""
    try:
        return parse_duration(node.text)
    except ValueError as error:
        problems.append(node.problem(str(error)))
        return None


def count(node: Node, problems: list[Problem], key: str) -> int | None:
    """Read a whole number of 1 or more; `key` is where it stands."""
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
        return node.value
    problems.append(node.problem(f"`{key}` takes a whole number of 1 or more"))
    return None


def texts(node: Node, problems: list[Problem], what: str) -> list[str]:
    """Read a text or a list of texts."""
    nodes = node.value if isinstance(node.value, list) else [node]
    read = [item.value for item in nodes if isinstance(item.value, str) and item.value]
    problems += [item.problem(f"{what} is text here{_quote(item)}") for item in nodes if not (isinstance(item.value, str) and item.value)]
    if not nodes:
        problems.append(node.problem(f"an empty list; write {what}"))
    return read


def words(node: Node, problems: list[Problem], known: Collection[str], what: str, wrong: str) -> tuple[str, ...]:
    """Read a word or a list of words that are `known`; `wrong` says what any other is or does not do."""
    found = texts(node, problems, what)
    unknown = [text for text in found if text not in known]
    problems += [place(node, text).problem(f"{text!r} {wrong}{did_you_mean(text, known)}; known are {', '.join(known)}") for text in unknown]
    return tuple(found)


def _quote(node: Node) -> str:
    return f"; write '{node.text}' in quotes" if node.text else ""


def place(node: Node, text: str) -> Node:
    """Return where one of the texts of a node stands."""
    nodes = node.value if isinstance(node.value, list) else [node]
    return next((item for item in nodes if item.text == text), node)


def patterns_of(node: Node, problems: list[Problem], what: str) -> list[str]:
    """Read a pattern of names or a list of them."""
    found = texts(node, problems, what)
    problems += [place(node, pattern).problem(why) for pattern in found if (why := patterns.problem(pattern))]
    return found


def path_patterns(node: Node, problems: list[Problem]) -> list[str]:
    """Read a pattern of paths or a list of them."""
    found = texts(node, problems, "a path like /thank-you")
    for pattern in found:
        if not pattern.startswith(("/", "*", "re:")):
            problems.append(place(node, pattern).problem(f"{pattern!r} is no path: a path begins with `/`, as /{pattern.lstrip('/')}"))
        elif why := patterns.problem(pattern):
            problems.append(place(node, pattern).problem(why))
    return found


def on_path(pattern: str, lists: pl.Expr) -> pl.Expr:
    """Tell hits whose path matches; those on one of `lists` only where the pattern names a file."""
    fits = patterns.test("path", pattern)
    return fits if patterns.names_a_file(pattern) else fits & ~lists


def any_of(expressions: list[pl.Expr]) -> pl.Expr:
    """Tell rows on which one of the expressions holds."""
    return pl.any_horizontal(expressions) if expressions else pl.lit(value=False)


def all_of(expressions: list[pl.Expr]) -> pl.Expr:
    """Tell rows on which every one of the expressions holds."""
    return pl.all_horizontal(expressions) if expressions else pl.lit(value=False)


def succeeded() -> pl.Expr:
    """Tell hits answered 2xx or 304."""
    status = pl.col("status")
    return status.is_between(200, 299) | (status == 304)  # noqa: PLR2004 (HTTP's numbers are their own names)
