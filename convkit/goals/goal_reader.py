"""Reading a goal: its keys by role (what, which, how, count), and the expressions on hits that they become.

Goals can be nested: in lists, under `any`, `except` and `after`, and as steps of funnels. The meaning of each key is defined in its file in
`goals/kinds`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import plugins
from convkit.core.conditions import any_of
from convkit.core.model import Goal, Step
from convkit.core.schema import is_interaction
from convkit.errors import did_you_mean, unknown_name
from convkit.goals import values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from types import ModuleType

    from convkit.core.model import Target
    from convkit.errors import Problem
    from convkit.goals.strict_yaml import Node


GOAL_SYNTAX = "a goal is a path (/thank-you), a request (POST /cart), a list of these, or keys like `page: /thank-you`"
_REQUEST = re.compile(r"[A-Z]+ +\S")


@dataclass
class ParsedGoal:
    """The parsed keys of a goal, by role."""

    node: Node
    what: tuple[str, Any] | None = None
    which: dict[str, Any] = field(default_factory=dict)
    how: tuple[str, Any] | None = None
    modifier: dict[str, Any] = field(default_factory=dict)
    effect: dict[str, Any] = field(default_factory=dict)
    once_per: str | tuple[str, str] = "session"
    value: int | str | None = None
    target: Target | None = None

    @property
    def parts(self) -> list[Node]:
        """The goals in a list."""
        return self.what[1] if self.what and self.what[0] == "any" else []


def is_inline_goal(text: str) -> bool:
    """Return whether a string is a path or a request, not a goal's name."""
    return text.startswith(("/", "*", "re:")) or bool(_REQUEST.match(text))


class KeyReader:
    """Reads the keys of goals, each goal once, so that problems are reported once."""

    def __init__(self, kinds: dict[str, ModuleType], problems: list[Problem]) -> None:
        """Prepare to read a goals file; `kinds` are the plug-ins by key."""
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
        """Read a goal written as a path or a request."""
        if not is_inline_goal(node.text):
            self._problems.append(node.problem(f"{node.text!r} is not a goal: {GOAL_SYNTAX}"))
            return
        self._take("request" if _REQUEST.match(node.text) else "page", node, node, parsed)

    def _take(self, name: str, key: Node, value: Node, parsed: ParsedGoal) -> None:
        """Read a key of a goal."""
        if name in values.ATTRIBUTE_READERS:
            setattr(parsed, name, values.ATTRIBUTE_READERS[name](value, self._problems))
            return
        kind = self._kinds.get(name)
        if kind is None:
            self._problems.append(key.problem(unknown_name("key", name, [*self._kinds, *values.ATTRIBUTE_READERS], "Keys", "a goal")))
            return
        parsed_value = kind.read(value, self._problems)
        if parsed_value is None:
            return
        if kind.ROLE in {"which", "modifier", "effect"}:
            getattr(parsed, kind.ROLE)[name] = parsed_value
        elif kind.ROLE == "count":
            parsed.once_per = parsed_value
        elif getattr(parsed, kind.ROLE):
            message = f"a goal can have {getattr(parsed, kind.ROLE)[0]} or {name}, not both; write a list of two goals"
            self._problems.append(key.problem(message))
        else:
            setattr(parsed, kind.ROLE, (name, parsed_value))
        if name == "any":
            self._check_parts(parsed)

    def _check(self, parsed: ParsedGoal) -> None:
        """Report keys whose companion is missing, and goals that do not say what to match."""
        for name in parsed.modifier:
            companion = self._kinds[name].OF
            if companion not in parsed.node.keys:
                self._problems.append(parsed.node.keys[name].problem(f"`{name}` needs `{companion}`, like {self._kinds[name].EXAMPLE}"))
        if not (parsed.what or parsed.which or parsed.how) and not self._has_problem(parsed.node):
            self._problems.append(parsed.node.problem(f"this goal does not say what to match: {GOAL_SYNTAX}"))

    def _has_problem(self, node: Node) -> bool:
        """Return whether a problem with one of a mapping's keys was already reported."""
        lines = {key.line for _, key, _ in node.items()}
        return any(problem.line in lines for problem in self._problems)

    def _check_parts(self, parsed: ParsedGoal) -> None:
        """Report keys in parts of a list that can only apply to the whole list."""
        for part in parsed.parts:
            for name, key, _ in part.items():
                if name in {*values.ATTRIBUTE_READERS, "once_per"} or (name in self._kinds and self._kinds[name].ROLE == "effect"):
                    self._problems.append(key.problem(f"`{name}` applies to the whole list; write `any: [...]` and put `{name}` next to it"))


_NO_KEYS: Mapping[str, Any] = {}


class GoalReader:
    """Reads goals and steps; `nodes` are the listed goals by name, `unlisted` collects those defined inside steps and under `after`."""

    def __init__(self, timeout: timedelta, nodes: dict[str, Node], problems: list[Problem]) -> None:
        """Prepare to read a goals file."""
        self.timeout, self.nodes, self.problems = timeout, nodes, problems
        self.unlisted: list[Goal] = []
        self._kinds = plugins.load_all("goals.kinds")
        self._parse = KeyReader(self._kinds, problems).parse
        self._open: list[str] = []
        self._after_columns: dict[int, tuple[str, ...]] = {}

    def goal(self, name: str, node: Node, *, macro: bool = False) -> Goal:
        """Return a goal, which is meaningless if there are problems."""
        parsed = self._parse(node)
        named: dict[str, pl.Expr] = {}
        if any(self._turns(part.which, part.how) for part in map(self._parse, parsed.parts)):
            matched = any_of([self._part(part, parsed, f"names:{name}/{number}", named) for number, part in enumerate(parsed.parts)])
        else:
            matched = self._named_hits(parsed, f"names:{name}", named)
        turned = [matched]
        for key, value in self._turns(parsed.which, parsed.how, ("once_per", parsed.once_per)):
            turned.append(self._kinds[key].turns(value, pl.col(f"goal:{name}"), self._context(parsed)))
        is_condition, is_passive = self._is_condition(parsed), parsed.effect.get("passive", False)
        shared = self._kinds["once_per"].shared(parsed.once_per, pl.col(f"goal:{name}"))
        flags = {"is_condition": is_condition, "is_passive": is_passive}
        return Goal(name, macro, named, tuple(turned), parsed.once_per, shared, parsed.value, parsed.target, **flags)

    def step(self, node: Node, name: str) -> Step:
        """Return a step of a funnel: a goal's name, a goal, or a list of these."""
        items = node.value if isinstance(node.value, list) and node.value else [node]
        columns, labels, conditions = [], [], []
        for number, item in enumerate(items):
            is_name = isinstance(item.value, str) and not is_inline_goal(item.text)
            if is_name and item.text not in self.nodes:
                self.problems.append(item.problem(f"unknown goal {item.text!r}{did_you_mean(item.text, self.nodes) or f': {GOAL_SYNTAX}'}"))
            if is_name:
                labels.append(item.text)
                columns.append(f"goal:{item.text}")
                conditions.append(item.text in self.nodes and self._is_condition(self._parse(self.nodes[item.text])))
            else:
                goal = self.goal(f"{name}/{number}", item)
                self.unlisted.append(goal)
                labels.append(self._describe(item))
                columns.append(goal.column)
                conditions.append(goal.is_condition)
        return Step(" or ".join(labels), tuple(columns), all(conditions))

    def _part(self, node: Node, whole: ParsedGoal, column: str, named: dict[str, pl.Expr]) -> pl.Expr:
        """Return the expression for a part of a list with session-level parts; the list's own *which* keys are applied before the part's keys."""
        parsed = self._parse(node)
        matched = self._named_hits(parsed, column, named, whole.which)
        for key, value in [*self._turns(whole.which), *self._turns(parsed.which, parsed.how)]:
            matched = self._kinds[key].turns(value, matched, self._context(parsed))
        return matched

    def _named_hits(self, parsed: ParsedGoal, column: str, named: dict[str, pl.Expr], also: Mapping[str, Any] = _NO_KEYS) -> pl.Expr:
        """Add the hits that a goal names to `named` and return their column; a goal that names none applies to every interaction."""
        if parsed.what is None and not parsed.which and not also and parsed.how:
            return is_interaction()
        named[column] = self._names(parsed, also)
        return pl.col(column)

    def _names(self, parsed: ParsedGoal, also: Mapping[str, Any] = _NO_KEYS) -> pl.Expr:
        """Return the hits named by the *what* and *which* keys of a goal, without its session-level keys."""
        context = self._context(parsed)
        what, value = parsed.what or ("event" if self._is_of_events(parsed) else "page", ["**"])
        tests = [self._kinds[what].names(value, context)]
        if "status" not in parsed.which and hasattr(self._kinds[what], "answered"):
            tests.append(self._kinds[what].answered())
        which = [(key, value) for key, value in (*parsed.which.items(), *also.items()) if hasattr(self._kinds[key], "names")]
        return pl.all_horizontal(*tests, *(self._kinds[key].names(value, context) for key, value in which)).fill_null(value=False)

    def _turns(self, which: Mapping[str, Any], *how: tuple[str, Any] | None) -> list[tuple[str, Any]]:
        """Return the keys that apply to a session or a visitor, in order."""
        return [*((key, value) for key, value in which.items() if hasattr(self._kinds[key], "turns")), *filter(None, how)]

    def _condition(self, node: Node) -> pl.Expr:
        """Return the hits named by a nested goal, without its session-level keys; a listed goal may be given by name."""
        if isinstance(node.value, list):
            return any_of([self._condition(item) for item in node.value])
        name = node.text if isinstance(node.value, str) else ""
        if name not in self.nodes:
            return self._names(self._parse(node))
        if name in self._open:
            self.problems.append(node.problem(f"{name!r} refers to itself ({' -> '.join([*self._open, name])}); remove one of these references"))
            return pl.lit(value=False)
        self._open.append(name)
        named = self._names(self._parse(self.nodes[name]))
        self._open.pop()
        return named

    def _reached(self, node: Node) -> pl.Expr:
        """Return the hits on which a goal under `after` (a goal's name, a goal, or a list of these) is true."""
        if id(node) not in self._after_columns:
            self._check_cycles(node, [])
            self._after_columns[id(node)] = self.step(node, f"after {node.line}:{node.column}").columns
        return any_of([pl.col(column) for column in self._after_columns[id(node)]])

    def _check_cycles(self, node: Node, path: list[str]) -> None:
        """Report goals that come after themselves; `path` holds the names that lead to this `after`."""
        for item in node.value if isinstance(node.value, list) else [node]:
            name = item.text if isinstance(item.value, str) else ""
            problem = item.problem(f"{name!r} comes after itself ({' -> '.join([*path, name])}); remove one of these references")
            if name in path and problem not in self.problems:
                self.problems.append(problem)
            if name in path or (name and name not in self.nodes):
                continue
            parsed = self._parse(self.nodes.get(name, item))
            for part in (parsed, *map(self._parse, parsed.parts)):
                if "after" in part.which:
                    self._check_cycles(part.which["after"], [*path, name] if name else path)

    def _context(self, parsed: ParsedGoal) -> values.GoalContext:
        return values.GoalContext(self._condition, self.timeout, self._tests_pages(parsed), self._reached, parsed.modifier)

    def _tests_pages(self, parsed: ParsedGoal) -> bool:
        """Return whether a goal matches only pages."""
        if parsed.parts:
            return all(self._tests_pages(self._parse(part)) for part in parsed.parts)
        return (parsed.what is None or parsed.what[0] == "page") and not self._is_of_events(parsed)

    def _is_of_events(self, parsed: ParsedGoal) -> bool:
        """Return whether a goal matches any event, because properties are all that it tests on single hits."""
        return parsed.what is None and [key for key in parsed.which if hasattr(self._kinds[key], "names")] == ["where"]

    def _is_condition(self, parsed: ParsedGoal) -> bool:
        """Return whether a goal has no *what*."""
        if parsed.parts:
            return all(self._is_condition(self._parse(part)) for part in parsed.parts)
        return parsed.what is None

    def _describe(self, node: Node) -> str:
        """Return the name shown for a goal that is defined inside a step."""
        if isinstance(node.value, dict):
            return " ".join(f"{key} {self._describe(value)}" for key, value in node.value.items())
        if isinstance(node.value, list):
            return " or ".join(self._describe(item) for item in node.value)
        return node.text
