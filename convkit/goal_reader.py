"""One goal, as people write it, -> expressions on hits.

It stands alone because goals nest: in lists, under `any` and `except`, and written out as funnel steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import goal_attributes, kinds, plugins
from convkit.definitions import Goal, Step
from convkit.errors import did_you_mean
from convkit.schema import interaction

if TYPE_CHECKING:
    from datetime import timedelta
    from types import ModuleType

    from convkit.errors import Problem
    from convkit.strict_yaml import Node

_REQUEST = re.compile(r"[A-Z]+ +\S")
_A_GOAL = "a goal is a path (/thank-you), a request (POST /cart), a list of them, or keys like `page: /thank-you`"


@dataclass
class _Parsed:
    """The keys of a goal, read: by role, each with its value."""

    node: Node
    what: tuple[str, Any] | None = None
    which: dict[str, Any] = field(default_factory=dict)
    how: tuple[str, Any] | None = None
    once_per: str = "session"
    value: int | str | None = None
    target: float | None = None

    @property
    def parts(self) -> list[Node]:
        """The goals of a list."""
        return self.what[1] if self.what and self.what[0] == "any" else []


class GoalReader:
    """Reads goals and steps; `nodes` are the listed goals by name, `unlisted` collects those written out in steps."""

    def __init__(self, timeout: timedelta, nodes: dict[str, Node], problems: list[Problem]) -> None:
        """Prepare for one goals file."""
        self.timeout, self.nodes, self.problems = timeout, nodes, problems
        self.unlisted: list[Goal] = []
        self._kinds = {key: plugins.load("goal_kinds", key) for key in plugins.keys("goal_kinds")}
        self._read: dict[int, _Parsed] = {}
        self._open: list[str] = []

    def goal(self, name: str, node: Node, *, macro: bool = False) -> Goal:
        """Return one goal; meaningless where there are problems."""
        parsed = self._parse(node)
        states = [part for part in parsed.parts if self._parse(part).how]
        named: dict[str, pl.Expr] = {}
        if states:
            matched = kinds.any_of([self._part(part, f"names:{name}/{number}", named) for number, part in enumerate(parsed.parts)])
        else:
            matched = self._moment(parsed, f"names:{name}", named)
        turned = [matched]
        for key, value in self._turns(parsed):
            turned.append(self._kinds[key].turns(value, pl.col(f"goal:{name}"), self._context(parsed)))
        is_condition = self._is_condition(parsed)
        return Goal(name, macro, named, tuple(turned), parsed.once_per, parsed.value, parsed.target, is_condition)

    def step(self, node: Node, name: str) -> Step:
        """Return one step of a funnel: a goal's name, a goal, or a list of either."""
        items = node.value if isinstance(node.value, list) and node.value else [node]
        columns, shown, conditions = [], [], []
        for number, item in enumerate(items):
            is_name = isinstance(item.value, str) and not self._is_written_out(item.text)
            if is_name and item.text not in self.nodes:
                self.problems.append(item.problem(f"no goal is called {item.text!r}{did_you_mean(item.text, self.nodes)}; {_A_GOAL}"))
            if is_name:
                shown.append(item.text)
                columns.append(f"goal:{item.text}")
                conditions.append(item.text in self.nodes and self._is_condition(self._parse(self.nodes[item.text])))
            else:
                goal = self.goal(f"{name}/{number}", item)
                self.unlisted.append(goal)
                shown.append(self._describe(item))
                columns.append(goal.column)
                conditions.append(goal.is_condition)
        return Step(" or ".join(shown), tuple(columns), all(conditions))

    def _part(self, node: Node, column: str, named: dict[str, pl.Expr]) -> pl.Expr:
        """Return the expression of a list's part that is a state."""
        parsed = self._parse(node)
        matched = self._moment(parsed, column, named)
        if parsed.how:
            matched = self._kinds[parsed.how[0]].turns(parsed.how[1], matched, self._context(parsed))
        return matched

    def _moment(self, parsed: _Parsed, column: str, named: dict[str, pl.Expr]) -> pl.Expr:
        """Enter what a goal names into `named`, and return its column; a state that names nothing looks at every interaction."""
        if parsed.what is None and not parsed.which and parsed.how:
            return interaction()
        named[column] = self._names(parsed)
        return pl.col(column)

    def _names(self, parsed: _Parsed) -> pl.Expr:
        """Return the hits that the what and which of a goal name."""
        context = self._context(parsed)
        what, value = parsed.what or ("event" if self._is_of_events(parsed) else "page", ["**"])
        fits = [self._kinds[what].names(value, context)]
        if "status" not in parsed.which and hasattr(self._kinds[what], "answered"):
            fits.append(self._kinds[what].answered())
        fits += [self._kinds[key].names(value, context) for key, value in parsed.which.items()]
        return pl.all_horizontal(fits).fill_null(value=False)

    def _turns(self, parsed: _Parsed) -> list[tuple[str, Any]]:
        """Return the keys that look at a session or a visitor, in the order in which they apply."""
        return [*([parsed.how] if parsed.how else []), ("once_per", parsed.once_per)]

    def _condition(self, node: Node) -> pl.Expr:
        """Return the hits that a nested goal names; a listed goal may be called by its name."""
        if isinstance(node.value, list):
            return kinds.any_of([self._condition(item) for item in node.value])
        name = node.text if isinstance(node.value, str) else ""
        if name not in self.nodes:
            return self._names(self._parse(node))
        if name in self._open:
            self.problems.append(node.problem(f"{name!r} is defined by itself: {' -> '.join([*self._open, name])}"))
            return pl.lit(value=False)
        self._open.append(name)
        fits = self._names(self._parse(self.nodes[name]))
        self._open.pop()
        return fits

    def _context(self, parsed: _Parsed) -> kinds.Context:
        return kinds.Context(self._condition, self.timeout, self._tests_pages(parsed))

    def _tests_pages(self, parsed: _Parsed) -> bool:
        """Tell whether a goal is about pages and nothing else."""
        if parsed.parts:
            return all(self._tests_pages(self._parse(part)) for part in parsed.parts)
        return (parsed.what is None or parsed.what[0] == "page") and not self._is_of_events(parsed)

    @staticmethod
    def _is_of_events(parsed: _Parsed) -> bool:
        """Tell a goal about any event: it says nothing but properties."""
        return parsed.what is None and list(parsed.which) == ["where"]

    def _is_condition(self, parsed: _Parsed) -> bool:
        """Tell whether a goal has no *what*."""
        if parsed.parts:
            return all(self._is_condition(self._parse(part)) for part in parsed.parts)
        return parsed.what is None

    @staticmethod
    def _is_written_out(text: str) -> bool:
        return text.startswith(("/", "*", "re:")) or bool(_REQUEST.match(text))

    def _describe(self, node: Node) -> str:
        """Return a goal that is written out in a step, as its name on screen."""
        if isinstance(node.value, dict):
            return " ".join(f"{key} {self._describe(value)}" for key, value in node.value.items())
        if isinstance(node.value, list):
            return " or ".join(self._describe(item) for item in node.value)
        return node.text

    def _parse(self, node: Node) -> _Parsed:
        """Read the keys of a goal, once a node: its problems are reported once."""
        if id(node) not in self._read:
            self._read[id(node)] = parsed = _Parsed(node)
            if isinstance(node.value, str) and node.text:
                self._parse_text(node, parsed)
            elif isinstance(node.value, list):
                self._take("any", node, node, parsed)
            elif isinstance(node.value, dict) and node.value:
                for name, key, value in node.items():
                    self._take(name, key, value, parsed)
                self._check(parsed)
            else:
                self.problems.append(node.problem(_A_GOAL))
        return self._read[id(node)]

    def _parse_text(self, node: Node, parsed: _Parsed) -> None:
        """Read a goal that is a path or a request."""
        if not self._is_written_out(node.text):
            self.problems.append(node.problem(f"{node.text!r} is no goal: {_A_GOAL}"))
            return
        self._take("request" if _REQUEST.match(node.text) else "page", node, node, parsed)

    def _take(self, name: str, key: Node, value: Node, parsed: _Parsed) -> None:
        """Read one key of a goal."""
        if name in goal_attributes.READERS:
            setattr(parsed, name, goal_attributes.READERS[name](value, self.problems))
            return
        kind: ModuleType | None = self._kinds.get(name)
        if kind is None:
            self.problems.append(key.problem(f"unknown key {name!r} in a goal{did_you_mean(name, [*self._kinds, *goal_attributes.READERS])}"))
            return
        read = kind.read(value, self.problems)
        if read is None:
            return
        if kind.ROLE == "which":
            parsed.which[name] = read
        elif kind.ROLE == "count":
            parsed.once_per = read
        elif getattr(parsed, kind.ROLE):
            self.problems.append(key.problem(f"a goal has one of {getattr(parsed, kind.ROLE)[0]} and {name}, not both; write a list of two goals"))
        else:
            setattr(parsed, kind.ROLE, (name, read))
        if name == "any":
            self._check_parts(parsed)

    def _check(self, parsed: _Parsed) -> None:
        """Find goals that only count and never say what."""
        if not (parsed.what or parsed.which or parsed.how) and not self._has_problem(parsed.node):
            self.problems.append(parsed.node.problem(f"this goal says not what it is: {_A_GOAL}"))

    def _has_problem(self, node: Node) -> bool:
        """Tell whether a mapping's own keys were reported already."""
        lines = {key.line for _, key, _ in node.items()}
        return any(problem.line in lines for problem in self.problems)

    def _check_parts(self, parsed: _Parsed) -> None:
        """Find what belongs to a list as a whole and stands at one of its parts."""
        for part in parsed.parts:
            for name, key, _ in part.items():
                if name in {*goal_attributes.READERS, "once_per"}:
                    self.problems.append(key.problem(f"`{name}` belongs to the whole list: write `any: [...]` and `{name}` beside it"))
