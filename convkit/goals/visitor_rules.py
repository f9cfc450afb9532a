"""`site.visitor`: by which rules visitors are told, and how each is called in a sentence.

It stands alone because a rule may name a value of a hit, which the other facts about a site never do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core.definitions import BY_ADDRESS, USER
from convkit.errors import did_you_mean
from convkit.goals import goal_attributes, shapes, values

if TYPE_CHECKING:
    from convkit.errors import Problem
    from convkit.goals.shapes import Shape
    from convkit.goals.strict_yaml import Node

JAVA_SESSION = "jsessionid"
_WORDS = (USER, JAVA_SESSION, *BY_ADDRESS)
_TAKES = f"{USER}, cookie.NAME, query.NAME, prop.NAME, {JAVA_SESSION}, {BY_ADDRESS[0]}, {BY_ADDRESS[1]}"
SHAPE: Shape = shapes.one_or_more({"anyOf": [{"enum": [*_WORDS, f";{JAVA_SESSION}"]}, shapes.TAKEN]})
"""What `read` takes."""


def read(node: Node, problems: list[Problem]) -> tuple[str, ...]:
    """Return the rules, the most preferred first."""
    found = values.texts(node, problems, "a rule like address+browser")
    unknown = [text for text in found if text.removeprefix(";") not in _WORDS and not goal_attributes.is_taken(text)]
    problems += [values.place(node, text).problem(f"{text!r} tells no visitor{_meant(text)}; known are {_TAKES}") for text in unknown]
    return tuple(dict.fromkeys(text.removeprefix(";") for text in found))


def named(rule: str) -> str:
    """Return what a rule is called in a sentence."""
    return "user id" if rule == USER else rule.replace("+", " + ")


def _meant(text: str) -> str:
    """Return the closest rule; behind the source of a value stands any name."""
    name = text.partition(".")[2]
    return did_you_mean(text, [f"{source}{name}" for source in goal_attributes.TAKEN] if name else _WORDS)
