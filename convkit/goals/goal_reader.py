"""Reading one goal: its keys by their role (what, which, how, count), and the expressions on hits that they become.

Goals nest: in lists, under `any`, `except` and `after`, and written out as steps of funnels. What a key means is in its file of `goals.kinds`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import plugins
from convkit.core.model import Goal, Step
from convkit.core.schema import is_interaction
from convkit.errors import did_you_mean
from convkit.goals import values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from types import ModuleType

    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node


GOAL_SYNTAX = "a goal is a path (/thank-you), a request (POST /cart), a list of them, or keys like `page: /thank-you`"
_REQUEST = re.compile(r"[A-Z]+ +\S")


@dataclass
class ParsedGoal:
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


def is_inline_goal(text: str) -> bool:
    """Tell a path or a request from a goal's name."""
    return text.startswith(("/", "*", "re:")) or bool(_REQUEST.match(text))


class KeyReader:
    """Reads the keys of goals, each goal once: its problems are reported once."""

    def __init__(self, kinds: dict[str, ModuleType], problems: list[Problem]) -> None:
        """Prepare for one goals file; `kinds` are the plug-ins by key."""
        self._kinds, self._problems = kinds, problems
        self._read: dict[int, ParsedGoal] = {}

    def parse(self, node: Node) -> ParsedGoal:
        """Read the keys of a goal."""
        if id(node) not in self._read:
            self._read[id(node)] = parsed = ParsedGoal(node)
            if isinstance(node.value, str) and node.text:
                self._parse_text(node, parsed)
            elif isinstance(node.value, list):
                self._take("any", node, node, parsed)
            elif isinstance(node.value, dict) and node.value:
                for name, key, value in node.items():
                    self._take(name, key, value, parsed)
                self._check(parsed)
            else:
                self._problems.append(node.problem(GOAL_SYNTAX))
        return self._read[id(node)]

    def _parse_text(self, node: Node, parsed: ParsedGoal) -> None:
        """Read a goal that is a path or a request."""
        if not is_inline_goal(node.text):
            self._problems.append(node.problem(f"{node.text!r} is no goal: {GOAL_SYNTAX}"))
            return
        self._take("request" if _REQUEST.match(node.text) else "page", node, node, parsed)

    def _take(self, name: str, key: Node, value: Node, parsed: ParsedGoal) -> None:
        """Read one key of a goal."""
        if name in values.ATTRIBUTE_READERS:
            setattr(parsed, name, values.ATTRIBUTE_READERS[name](value, self._problems))
            return
        kind = self._kinds.get(name)
        if kind is None:
            known = [*self._kinds, *values.ATTRIBUTE_READERS]
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

    def _check(self, parsed: ParsedGoal) -> None:
        """Find keys without the one that they belong to, and goals that only count and never say what."""
        for name in parsed.beside:
            of = self._kinds[name].OF
            if of not in parsed.node.keys:
                self._problems.append(parsed.node.keys[name].problem(f"`{name}` belongs to `{of}`; write {self._kinds[name].EXAMPLE}"))
        if not (parsed.what or parsed.which or parsed.how) and not self._has_problem(parsed.node):
            self._problems.append(parsed.node.problem(f"this goal says not what it is: {GOAL_SYNTAX}"))

    def _has_problem(self, node: Node) -> bool:
        """Tell whether a mapping's own keys were reported already."""
        lines = {key.line for _, key, _ in node.items()}
        return any(problem.line in lines for problem in self._problems)

    def _check_parts(self, parsed: ParsedGoal) -> None:
        """Find what belongs to a list as a whole and stands at one of its parts."""
        for part in parsed.parts:
            for name, key, _ in part.items():
                if name in {*values.ATTRIBUTE_READERS, "once_per"}:
                    self._problems.append(key.problem(f"`{name}` belongs to the whole list: write `any: [...]` and `{name}` beside it"))


_NO_KEYS: Mapping[str, Any] = {}


class GoalReader:
    """Reads goals and steps; `nodes` are the listed goals by name, `unlisted` collects those written out in steps and under `after`."""

    def __init__(self, timeout: timedelta, nodes: dict[str, Node], problems: list[Problem]) -> None:
        """Prepare for one goals file."""
        self.timeout, self.nodes, self.problems = timeout, nodes, problems
        self.unlisted: list[Goal] = []
        self._kinds = {key: plugins.load("goals.kinds", key) for key in plugins.keys("goals.kinds")}
        self._parse = KeyReader(self._kinds, problems).parse
        self._open: list[str] = []
        self._before: dict[int, tuple[str, ...]] = {}

    def goal(self, name: str, node: Node, *, macro: bool = False) -> Goal:
        """Return one goal; meaningless where there are problems."""
        parsed = self._parse(node)
        named: dict[str, pl.Expr] = {}
        if any(self._turns(part.which, part.how) for part in map(self._parse, parsed.parts)):
            matched = values.any_of([self._part(part, parsed, f"names:{name}/{number}", named) for number, part in enumerate(parsed.parts)])
        else:
            matched = self._moment(parsed, f"names:{name}", named)
        turned = [matched]
        for key, value in self._turns(parsed.which, parsed.how, ("once_per", parsed.once_per)):
            turned.append(self._kinds[key].turns(value, pl.col(f"goal:{name}"), self._context(parsed)))
        is_condition = self._is_condition(parsed)
        return Goal(name, macro, named, tuple(turned), parsed.once_per, parsed.value, parsed.target, is_condition)

    def step(self, node: Node, name: str) -> Step:
        """Return one step of a funnel: a goal's name, a goal, or a list of either."""
        items = node.value if isinstance(node.value, list) and node.value else [node]
        columns, shown, conditions = [], [], []
        for number, item in enumerate(items):
            is_name = isinstance(item.value, str) and not is_inline_goal(item.text)
            if is_name and item.text not in self.nodes:
                self.problems.append(item.problem(f"no goal is called {item.text!r}{did_you_mean(item.text, self.nodes)}; {GOAL_SYNTAX}"))
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

    def _part(self, node: Node, whole: ParsedGoal, column: str, named: dict[str, pl.Expr]) -> pl.Expr:
        """Return the expression of a list's part where some are decided on sessions: *which* keys of the list hold before the part counts."""
        parsed = self._parse(node)
        matched = self._moment(parsed, column, named, whole.which)
        for key, value in [*self._turns(whole.which), *self._turns(parsed.which, parsed.how)]:
            matched = self._kinds[key].turns(value, matched, self._context(parsed))
        return matched

    def _moment(self, parsed: ParsedGoal, column: str, named: dict[str, pl.Expr], also: Mapping[str, Any] = _NO_KEYS) -> pl.Expr:
        """Enter what a goal names into `named`, and return its column; a state that names nothing looks at every interaction."""
        if parsed.what is None and not parsed.which and not also and parsed.how:
            return is_interaction()
        named[column] = self._names(parsed, also)
        return pl.col(column)

    def _names(self, parsed: ParsedGoal, also: Mapping[str, Any] = _NO_KEYS) -> pl.Expr:
        """Return the hits that the what and which of a goal name; what is decided on sessions plays no part."""
        context = self._context(parsed)
        what, value = parsed.what or ("event" if self._is_of_events(parsed) else "page", ["**"])
        fits = [self._kinds[what].names(value, context)]
        if "status" not in parsed.which and hasattr(self._kinds[what], "answered"):
            fits.append(self._kinds[what].answered())
        which = [(key, value) for key, value in (*parsed.which.items(), *also.items()) if hasattr(self._kinds[key], "names")]
        return pl.all_horizontal(*fits, *(self._kinds[key].names(value, context) for key, value in which)).fill_null(value=False)

    def _turns(self, which: Mapping[str, Any], *how: tuple[str, Any] | None) -> list[tuple[str, Any]]:
        """Return the keys that look at a session or a visitor, in the order in which they apply."""
        return [*((key, value) for key, value in which.items() if hasattr(self._kinds[key], "turns")), *filter(None, how)]

    def _condition(self, node: Node) -> pl.Expr:
        """Return the hits that a nested goal names, whatever it asks of sessions; a listed goal may be called by its name."""
        if isinstance(node.value, list):
            return values.any_of([self._condition(item) for item in node.value])
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

    def _reached(self, node: Node) -> pl.Expr:
        """Return the hits on which one of the goals under `after` is true: a goal's name, a goal, or a list of either."""
        if id(node) not in self._before:
            self._check_way(node, [])
            self._before[id(node)] = self.step(node, f"after {node.line}:{node.column}").columns
        return values.any_of([pl.col(column) for column in self._before[id(node)]])

    def _check_way(self, node: Node, way: list[str]) -> None:
        """Find goals that are reached only after themselves; `way` are the names on the way to this `after`."""
        for item in node.value if isinstance(node.value, list) else [node]:
            name = item.text if isinstance(item.value, str) else ""
            problem = item.problem(f"{name!r} is reached after itself: {' -> '.join([*way, name])}")
            if name in way and problem not in self.problems:
                self.problems.append(problem)
            if name in way or (name and name not in self.nodes):
                continue
            parsed = self._parse(self.nodes.get(name, item))
            for part in (parsed, *map(self._parse, parsed.parts)):
                if "after" in part.which:
                    self._check_way(part.which["after"], [*way, name] if name else way)

    def _context(self, parsed: ParsedGoal) -> values.GoalContext:
        return values.GoalContext(self._condition, self.timeout, self._tests_pages(parsed), self._reached, parsed.beside)

    def _tests_pages(self, parsed: ParsedGoal) -> bool:
        """Tell whether a goal is about pages and nothing else."""
        if parsed.parts:
            return all(self._tests_pages(self._parse(part)) for part in parsed.parts)
        return (parsed.what is None or parsed.what[0] == "page") and not self._is_of_events(parsed)

    def _is_of_events(self, parsed: ParsedGoal) -> bool:
        """Tell a goal about any event: of single hits it asks nothing but properties."""
        return parsed.what is None and [key for key in parsed.which if hasattr(self._kinds[key], "names")] == ["where"]

    def _is_condition(self, parsed: ParsedGoal) -> bool:
        """Tell whether a goal has no *what*."""
        if parsed.parts:
            return all(self._is_condition(self._parse(part)) for part in parsed.parts)
        return parsed.what is None

    def _describe(self, node: Node) -> str:
        """Return a goal that is written out in a step, as its name on screen."""
        if isinstance(node.value, dict):
            return " ".join(f"{key} {self._describe(value)}" for key, value in node.value.items())
        if isinstance(node.value, list):
            return " or ".join(self._describe(item) for item in node.value)
        return node.text
