"""Loading goals.yaml: its goals and funnels, read strictly, every problem reported at once with its line and column."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convkit.core.model import ORDERS, Exclusion, Funnel, Goals, Site, Step
from convkit.errors import GoalsFileError, Problem, UsageError, did_you_mean
from convkit.goals import filters, strict_yaml, values
from convkit.goals.goal_reader import GoalReader
from convkit.goals.site import apply_settings, read_site
from convkit.goals.strict_yaml import Node

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta


_TOP = ("site", "macro", "micro", "funnels")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


def load_goals(path: str | Path | None = None, settings: Sequence[str] = ()) -> Goals:
    """Return the goals of a file, or the built-in ones where `path` is None, with some keys of `site:` set as `key=value`.

    Raises GoalsFileError with all problems of the file, UsageError where it cannot be read.
    """
    if path is None:
        return parse_goals(files("convkit").joinpath("data", "builtin_goals.yaml").read_text(encoding="utf-8"), None, settings)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GoalsFileError(str(path), [Problem(0, 0, f"not UTF-8 at byte {error.start + 1}; save it as UTF-8")]) from None
    except OSError as error:
        raise UsageError(f"the goals file {path} cannot be read: {error.strerror}; name another with --goals") from None
    return parse_goals(text, str(path), settings)


def parse_goals(text: str, file: str | None, settings: Sequence[str] = ()) -> Goals:
    """Return the goals that a YAML text describes; `file` is its name in messages, None for the built-in goals."""
    root = strict_yaml.load(text, file or "built-in goals")
    reader = _FileReader(root, settings)
    goals = reader.read(file)
    if reader.problems:
        raise GoalsFileError(file or "built-in goals", reader.problems)
    return goals


class _FileReader:
    """Reads the four blocks of a file, collecting problems on the way."""

    def __init__(self, root: Node, settings: Sequence[str]) -> None:
        self.root = root
        self.settings = settings
        self.problems: list[Problem] = []

    def read(self, file: str | None) -> Goals:
        """Return all that the file says; meaningless where there are problems."""
        blocks: dict[str, Any] = self.root.value if isinstance(self.root.value, dict) else {}
        self._check_top()
        site = apply_settings(read_site(blocks["site"], self.problems) if "site" in blocks else Site(), self.settings)
        entries = [entry for block in ("macro", "micro") for entry in self._named(blocks.get(block), block)]
        nodes, lines = {name: node for name, _, node in entries}, {name: key.line for name, key, _ in entries}
        self._check_names(blocks)
        reader = GoalReader(site.session_timeout, nodes, self.problems)
        macros = {name for name, _, _ in self._named(blocks.get("macro"), "macro")}
        listed = tuple(replace(reader.goal(name, node, macro=name in macros), line=lines[name]) for name, node in nodes.items())
        goals = Goals(file, site, listed)
        funnels = FunnelReader(reader, goals, self.problems)
        read = [(key.line, funnels.funnel(name, node)) for name, key, node in self._named(blocks.get("funnels"), "funnels")]
        return replace(goals, unlisted=tuple(reader.unlisted), funnels=tuple(replace(funnel, line=line) for line, funnel in read if funnel))

    def _check_top(self) -> None:
        """Find what stands at the top of the file and does not belong there."""
        if self.root.value is None:
            self.problems.append(Problem(0, 0, "empty; write at least a macro goal, or run `convkit init` for a start"))
        elif not isinstance(self.root.value, dict):
            self.problems.append(self.root.problem(f"a goals file has the blocks {', '.join(_TOP)}, like `macro:`"))
        for name, key, _ in self.root.items():
            if name not in _TOP:
                self.problems.append(key.problem(f"unknown key {name!r}{did_you_mean(name, _TOP)}; at the top stand {', '.join(_TOP)}"))

    def _named(self, block: Node | None, title: str) -> list[tuple[str, Node, Node]]:
        """Return name, key and value of a block's entries."""
        if block is None or block.value is None:
            return []
        problem = block.problem(f"`{title}` takes names, each with what it means, like `name: /path`")
        if not isinstance(block.value, dict) and problem not in self.problems:
            self.problems.append(problem)
        return list(block.items())

    def _check_names(self, blocks: dict[str, Node]) -> None:
        """Find names that are no names, and goals that are called alike."""
        goals = self._named(blocks.get("macro"), "macro") + self._named(blocks.get("micro"), "micro")
        for entries in (goals, self._named(blocks.get("funnels"), "funnels")):
            seen: dict[str, Node] = {}
            for name, key, _ in entries:
                if not _NAME.fullmatch(name):
                    self.problems.append(key.problem(f"{name!r} is no name: use letters, digits, `_` and `-`"))
                first = seen.setdefault(name.casefold(), key)
                if first is not key:
                    self.problems.append(key.problem(f"{name!r} is called like the one in line {first.line}; rename one of them"))


FUNNEL_OPTIONS = ("steps", "per", "order", "window", "without", "same", "open", "where")
STEP_OPTIONS = ("within", "optional")
_WITHOUT_KEYS = ("goal", "after", "before")
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
            if key not in FUNNEL_OPTIONS:
                self.problems.append(place.problem(f"unknown key {key!r} in a funnel{did_you_mean(key, FUNNEL_OPTIONS)}"))
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

    def _without(self, node: Node | None, funnel: Funnel) -> tuple[Exclusion, ...]:
        """Read what may not come between steps: a goal, a mapping that says between which, or a list of these."""
        if node is None:
            return ()
        items = node.value if isinstance(node.value, list) else [node]
        return tuple(self._one_without(item, funnel, number) for number, item in enumerate(items))

    def _one_without(self, node: Node, funnel: Funnel, number: int) -> Exclusion:
        parts: dict[str, Any] = node.value if isinstance(node.value, dict) else {"goal": node}
        for key, place, _ in node.items():
            if key not in _WITHOUT_KEYS:
                self.problems.append(place.problem(f"unknown key {key!r} in `without`{did_you_mean(key, _WITHOUT_KEYS)}"))
        if "goal" not in parts:
            self.problems.append(node.problem("`without` takes a goal, like {goal: help, after: cart, before: purchase}"))
            return Exclusion("", (), 1, len(funnel.steps))
        goal = self.reader.step(parts["goal"], f"{funnel.name}#without{number}")
        after = self._number(parts["after"], funnel) if "after" in parts else 1
        before = self._number(parts["before"], funnel) if "before" in parts else len(funnel.steps)
        if after >= before:
            self.problems.append(node.problem(f"step {before} does not come behind step {after}; nothing lies between them"))
        return Exclusion(goal.name, goal.columns, after, before)

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
                filters.parse_filters([text], self.goals)
            except UsageError as error:
                self.problems.append(place.problem(str(error).removeprefix("--where ")))
        return tuple(text for _, text in asked)

    def _same(self, node: Node | None) -> str | None:
        if node is None:
            return None
        if node.text not in _SAME and not values.is_hit_value(node.text):
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
        return None if node is None else values.read_duration(node, self.problems)

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
