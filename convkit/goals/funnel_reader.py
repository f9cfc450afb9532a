"""One funnel, as people write it, -> its steps and what is asked of chains.

It stands alone because options of funnels have rules among themselves that goals know nothing of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from convkit.core.definitions import ORDERS, Funnel, Step, Without
from convkit.errors import UsageError, did_you_mean
from convkit.goals import goal_attributes, questions, values
from convkit.goals.strict_yaml import Node

if TYPE_CHECKING:
    from datetime import timedelta

    from convkit.core.definitions import Goals
    from convkit.errors import Problem
    from convkit.goals.goal_reader import GoalReader

OPTIONS = ("steps", "per", "order", "window", "without", "same", "open", "where")
STEP_OPTIONS = ("within", "optional")
_OF_WITHOUT = ("goal", "after", "before")
_FEWEST_STEPS, _MOST_OPTIONAL = 2, 6
_SAME = ("path",)


@dataclass(frozen=True)
class FunnelReader:
    """Reads funnels; `goals` are the listed ones, `reader` reads those written out in steps."""

    reader: GoalReader
    goals: Goals
    problems: list[Problem]

    def funnel(self, name: str, node: Node) -> Funnel | None:
        """Return a funnel, a list of steps or a mapping with `steps`; meaningless where there are problems."""
        options = {"steps": node} if isinstance(node.value, list) else dict(node.value) if isinstance(node.value, dict) else {}
        for key, place, _ in node.items():
            if key not in OPTIONS:
                self.problems.append(place.problem(f"unknown key {key!r} in a funnel{did_you_mean(key, OPTIONS)}"))
        if "steps" not in options:
            self.problems.append(node.problem("a funnel is a list of steps, or has `steps`"))
            return None
        funnel = Funnel(
            name,
            self._steps(name, options["steps"]),
            self._word(options, "per", ("session", "visitor")),
            self._duration(options.get("window")),
            self._word(options, "order", ORDERS),
            same=self._same(options.get("same")),
            is_open=self._flag(options.get("open"), "open"),
            where=self._where(options.get("where")),
        )
        funnel = replace(funnel, without=self._without(options.get("without"), funnel))
        self._check(funnel, options)
        return funnel

    def _steps(self, name: str, node: Node) -> tuple[Step, ...]:
        """Read the steps."""
        items = node.value if isinstance(node.value, list) else []
        if len(items) < _FEWEST_STEPS:
            self.problems.append(node.problem("a funnel has at least two steps, as a list like [product, cart, purchase]"))
        steps = tuple(self._step(item, f"{name}#{number}") for number, item in enumerate(items, 1))
        for number, (item, step) in enumerate(zip(items, steps, strict=True), 1):
            if step.is_optional and number in {1, len(items)}:
                self.problems.append(item.problem("the first and the last step cannot be optional"))
            if step.within is not None and number == 1:
                self.problems.append(item.problem("`within` is the time since the step before; the first step has none"))
        if sum(step.is_optional for step in steps) > _MOST_OPTIONAL:
            self.problems.append(node.problem(f"at most {_MOST_OPTIONAL} steps of a funnel can be optional; leave some out"))
        return steps

    def _step(self, node: Node, name: str) -> Step:
        """Read a step: a goal, or a mapping that says more beside it."""
        if not isinstance(node.value, dict):
            return self.reader.step(node, name)
        # Beside `visits`, `within` is a part of the goal.
        own = [key for key in STEP_OPTIONS if key in node.value and not (key == "within" and "visits" in node.value)]
        rest = {key: value for key, value in node.value.items() if key not in own}
        if list(rest) == ["goal"]:
            step = self.reader.step(rest["goal"], name)
        else:
            step = self.reader.step(Node(node.line, node.column, rest, node.text, {key: node.keys[key] for key in rest if key in node.keys}), name)
        within = self._duration(node.value["within"]) if "within" in own else None
        return replace(step, within=within, is_optional=self._flag(node.value.get("optional"), "optional"))

    def _without(self, node: Node | None, funnel: Funnel) -> tuple[Without, ...]:
        """Read what may not come between steps: a goal, a mapping that says between which, or a list of these."""
        if node is None:
            return ()
        items = node.value if isinstance(node.value, list) else [node]
        return tuple(self._one_without(item, funnel, number) for number, item in enumerate(items))

    def _one_without(self, node: Node, funnel: Funnel, number: int) -> Without:
        parts: dict[str, Any] = node.value if isinstance(node.value, dict) else {"goal": node}
        for key, place, _ in node.items():
            if key not in _OF_WITHOUT:
                self.problems.append(place.problem(f"unknown key {key!r} in `without`{did_you_mean(key, _OF_WITHOUT)}"))
        if "goal" not in parts:
            self.problems.append(node.problem("`without` takes a goal, like {goal: help, after: cart, before: purchase}"))
            return Without("", (), 1, len(funnel.steps))
        goal = self.reader.step(parts["goal"], f"{funnel.name}#without{number}")
        after = self._number(parts["after"], funnel) if "after" in parts else 1
        before = self._number(parts["before"], funnel) if "before" in parts else len(funnel.steps)
        if after >= before:
            self.problems.append(node.problem(f"step {before} does not come behind step {after}; nothing lies between them"))
        return Without(goal.name, goal.columns, after, before)

    def _number(self, node: Node, funnel: Funnel) -> int:
        """Return the number of a step that is meant by its name, or by its number."""
        names = [step.name for step in funnel.steps]
        places = [number for number, name in enumerate(names, 1) if node.text in {name, str(number)}]
        if not places:
            self.problems.append(node.problem(f"no step is called {node.text!r}{did_you_mean(node.text, names)}; steps are {', '.join(names)}"))
        elif len(places) > 1:
            self.problems.append(node.problem(f"{len(places)} steps are called {node.text!r}; write the number of one"))
        elif funnel.step(places[0]).is_optional:
            self.problems.append(node.problem(f"{node.text!r} is optional: a chain without it would have no such place; name another step"))
        return places[0] if places else 1

    def _where(self, node: Node | None) -> tuple[str, ...]:
        """Read which sessions may enter: as `--where` is written, one or a list, or as a mapping."""
        if node is None:
            return ()
        if isinstance(node.value, dict):
            asked = [(value, f"{field}={value.text}") for field, _, value in node.items()]
        else:
            asked = [(item, item.text) for item in (node.value if isinstance(node.value, list) else [node])]
        for place, text in asked:
            try:
                questions.parse([text], self.goals)
            except UsageError as error:
                self.problems.append(place.problem(str(error).removeprefix("--where ")))
        return tuple(text for _, text in asked)

    def _same(self, node: Node | None) -> str | None:
        if node is None:
            return None
        if node.text not in _SAME and not goal_attributes.is_taken(node.text):
            self.problems.append(node.problem("`same` is path, query.NAME, cookie.NAME or prop.NAME"))
        return node.text

    def _word(self, options: dict[str, Node], key: str, known: tuple[str, ...]) -> str:
        """Read one of a few words; the first is the default."""
        node = options.get(key)
        if node is not None and node.value not in known:
            self.problems.append(node.problem(f"`{key}` is {', '.join(known[:-1])} or {known[-1]}{did_you_mean(node.text, known)}"))
        return known[0] if node is None else node.text

    def _flag(self, node: Node | None, key: str) -> bool:
        if node is not None and not isinstance(node.value, bool):
            self.problems.append(node.problem(f"`{key}` is true or false"))
        return node is not None and node.value is True

    def _duration(self, node: Node | None) -> timedelta | None:
        return None if node is None else values.duration(node, self.problems)

    def _check(self, funnel: Funnel, options: dict[str, Node]) -> None:
        """Find options that make no sense together."""
        if funnel.order == "ordered":
            return
        asked = {"without": bool(funnel.without), "open": funnel.is_open, "optional": any(step.is_optional for step in funnel.steps)}
        asked["within"] = funnel.order == "any" and any(step.within is not None for step in funnel.steps)
        reasons = {
            "any": "in any order no step comes before another",
            "strict": "where nothing may come between the steps, nothing else can be asked of them",
        }
        for key in (key for key, is_asked in asked.items() if is_asked):
            place = options.get(key, options["steps"])
            self.problems.append(place.problem(f"`{key}` needs `order: ordered`{' or strict' if key == 'within' else ''}: {reasons[funnel.order]}"))
