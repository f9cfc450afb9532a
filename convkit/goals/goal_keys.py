"""One goal, as people write it -> its keys, read: what, which, how and count, each with its value.

It stands alone because what is written is told apart, and refused, before anything is made of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convkit.errors import did_you_mean
from convkit.goals import goal_attributes

if TYPE_CHECKING:
    from types import ModuleType

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node

A_GOAL = "a goal is a path (/thank-you), a request (POST /cart), a list of them, or keys like `page: /thank-you`"
_REQUEST = re.compile(r"[A-Z]+ +\S")


@dataclass
class Parsed:
    """The keys of a goal, read: by role, each with its value."""

    node: Node
    what: tuple[str, Any] | None = None
    which: dict[str, Any] = field(default_factory=dict)
    how: tuple[str, Any] | None = None
    beside: dict[str, Any] = field(default_factory=dict)
    once_per: str = "session"
    value: int | str | None = None
    target: float | None = None

    @property
    def parts(self) -> list[Node]:
        """The goals of a list."""
        return self.what[1] if self.what and self.what[0] == "any" else []


def is_written_out(text: str) -> bool:
    """Tell a path or a request from a goal's name."""
    return text.startswith(("/", "*", "re:")) or bool(_REQUEST.match(text))


class KeyReader:
    """Reads the keys of goals, each goal once: its problems are reported once."""

    def __init__(self, kinds: dict[str, ModuleType], problems: list[Problem]) -> None:
        """Prepare for one goals file; `kinds` are the plug-ins by key."""
        self._kinds, self._problems = kinds, problems
        self._read: dict[int, Parsed] = {}

    def parse(self, node: Node) -> Parsed:
        """Read the keys of a goal."""
        if id(node) not in self._read:
            self._read[id(node)] = parsed = Parsed(node)
            if isinstance(node.value, str) and node.text:
                self._parse_text(node, parsed)
            elif isinstance(node.value, list):
                self._take("any", node, node, parsed)
            elif isinstance(node.value, dict) and node.value:
                for name, key, value in node.items():
                    self._take(name, key, value, parsed)
                self._check(parsed)
            else:
                self._problems.append(node.problem(A_GOAL))
        return self._read[id(node)]

    def _parse_text(self, node: Node, parsed: Parsed) -> None:
        """Read a goal that is a path or a request."""
        if not is_written_out(node.text):
            self._problems.append(node.problem(f"{node.text!r} is no goal: {A_GOAL}"))
            return
        self._take("request" if _REQUEST.match(node.text) else "page", node, node, parsed)

    def _take(self, name: str, key: Node, value: Node, parsed: Parsed) -> None:
        """Read one key of a goal."""
        if name in goal_attributes.READERS:
            setattr(parsed, name, goal_attributes.READERS[name](value, self._problems))
            return
        kind = self._kinds.get(name)
        if kind is None:
            known = [*self._kinds, *goal_attributes.READERS]
            self._problems.append(key.problem(f"unknown key {name!r} in a goal{did_you_mean(name, known)}"))
            return
        read = kind.read(value, self._problems)
        if read is None:
            return
        if kind.ROLE in {"which", "beside"}:
            getattr(parsed, kind.ROLE)[name] = read
        elif kind.ROLE == "count":
            parsed.once_per = read
        elif getattr(parsed, kind.ROLE):
            message = f"a goal has one of {getattr(parsed, kind.ROLE)[0]} and {name}, not both; write a list of two goals"
            self._problems.append(key.problem(message))
        else:
            setattr(parsed, kind.ROLE, (name, read))
        if name == "any":
            self._check_parts(parsed)

    def _check(self, parsed: Parsed) -> None:
        """Find keys without the one that they belong to, and goals that only count and never say what."""
        for name in parsed.beside:
            of = self._kinds[name].OF
            if of not in parsed.node.keys:
                self._problems.append(parsed.node.keys[name].problem(f"`{name}` belongs to `{of}`; write {self._kinds[name].EXAMPLE}"))
        if not (parsed.what or parsed.which or parsed.how) and not self._has_problem(parsed.node):
            self._problems.append(parsed.node.problem(f"this goal says not what it is: {A_GOAL}"))

    def _has_problem(self, node: Node) -> bool:
        """Tell whether a mapping's own keys were reported already."""
        lines = {key.line for _, key, _ in node.items()}
        return any(problem.line in lines for problem in self._problems)

    def _check_parts(self, parsed: Parsed) -> None:
        """Find what belongs to a list as a whole and stands at one of its parts."""
        for part in parsed.parts:
            for name, key, _ in part.items():
                if name in {*goal_attributes.READERS, "once_per"}:
                    self._problems.append(key.problem(f"`{name}` belongs to the whole list: write `any: [...]` and `{name}` beside it"))
