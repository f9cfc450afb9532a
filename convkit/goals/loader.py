"""Loading goals.yaml: strict parsing of goals and funnels; all problems are reported at once, with line and column."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convkit.core.model import ORDERS, Alert, Exclusion, Funnel, Goal, Goals, Metric, Site, Step
from convkit.core.permissions import reading_fix
from convkit.errors import GoalsFileError, Problem, UsageError, did_you_mean, unknown_name
from convkit.goals import filters, strict_yaml, values
from convkit.goals.goal_reader import GoalReader
from convkit.goals.metrics import MOST_METRICS, read_metric
from convkit.goals.site import apply_settings, read_site
from convkit.goals.strict_yaml import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta


_TOP = ("site", "macro", "micro", "funnels", "metrics", "alerts")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")

MOST_GOALS, MOST_MACROS, MOST_FUNNELS, MOST_STEPS = 500, 100, 100, 50
"""How many goals, macro goals and funnels a file may have, and how many steps a funnel; more would take too much memory."""
MOST_VALUES = 30
"""How many different query parameters, cookies and properties `value` and `once_per` may name: each is a column of all hits."""
_FEWER_GOALS = "write one goal with a pattern like /products/**, or use several goals files"


def load_goals(path: str | Path | None = None, settings: Sequence[str] = ()) -> Goals:
    """Return the goals of a file, or the built-in ones if `path` is None, with keys of `site:` overridden by `key=value` settings.

    Raises GoalsFileError with all problems in the file, UsageError if it cannot be read.
    """
    if path is None:
        return parse_goals(files("convkit").joinpath("data", "builtin_goals.yaml").read_text(encoding="utf-8"), None, settings)
    return parse_goals(read_text(path), str(path), settings)


def read_text(path: str | Path) -> str:
    """Return the text of a goals file, or only the beginning of a file that is too large for one.

    Raises GoalsFileError if it is not text, UsageError if it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(strict_yaml.MAX_FILE_SIZE + 1)
        return content.decode("utf-8-sig", "strict" if len(content) <= strict_yaml.MAX_FILE_SIZE else "replace")
    except UnicodeDecodeError as error:
        raise GoalsFileError(str(path), [Problem(0, 0, f"not valid UTF-8 at byte {error.start + 1}; save the file as UTF-8")]) from None
    except PermissionError as error:
        raise UsageError(f"the goals file {path} cannot be read: {error.strerror}; {reading_fix(error, str(path))}") from None
    except OSError as error:
        raise UsageError(f"the goals file {path} cannot be read: {error.strerror}; choose another one with --goals") from None


def parse_goals(text: str, file: str | None, settings: Sequence[str] = ()) -> Goals:
    """Return the goals defined in YAML text; `file` is its name in messages, or None for the built-in goals."""
    root = strict_yaml.load(text, file or "built-in goals")
    reader = _FileReader(root, settings)
    goals = reader.read(file)
    if reader.problems:
        raise GoalsFileError(file or "built-in goals", reader.problems)
    return goals


class _FileReader:
    """Reads the blocks of a file and collects problems."""

    def __init__(self, root: Node, settings: Sequence[str]) -> None:
        self.root = root
        self.settings = settings
        self.problems: list[Problem] = []

    def read(self, file: str | None) -> Goals:
        """Return the content of the file, which is meaningless if there are problems."""
        blocks: dict[str, Any] = self.root.value if isinstance(self.root.value, dict) else {}
        self._check_top()
        if self._are_too_many(blocks):
            return Goals(file, Site(), ())
        site = apply_settings(read_site(blocks["site"], self.problems) if "site" in blocks else Site(), self.settings)
        entries = [entry for block in ("macro", "micro") for entry in self._named(blocks.get(block), block)]
        nodes, lines = {name: node for name, _, node in entries}, {name: key.line for name, key, _ in entries}
        self._check_names(blocks)
        reader = GoalReader(site.session_timeout, nodes, self.problems)
        macros = {name for name, _, _ in self._named(blocks.get("macro"), "macro")}
        listed = tuple(replace(reader.goal(name, node, macro=name in macros), line=lines[name]) for name, node in nodes.items())
        goals = Goals(file, site, listed)
        self._check_consent(blocks.get("site"), goals)
        funnels = FunnelReader(reader, goals, self.problems)
        parsed = [(key.line, funnels.funnel(name, node)) for name, key, node in self._named(blocks.get("funnels"), "funnels")]
        if len(listed) + len(reader.unlisted) > MOST_GOALS:
            number = f"{len(listed) + len(reader.unlisted):,} goals, {len(reader.unlisted):,} of them inside funnels and `after`"
            self.problems.append(
                blocks.get("funnels", self.root).problem(f"this file has {number}, but at most {MOST_GOALS} are possible; {_FEWER_GOALS}")
            )
        self._check_values((*listed, *reader.unlisted))
        alerts = self._alerts(blocks.get("alerts"))
        return replace(
            goals,
            unlisted=tuple(reader.unlisted),
            alerts=alerts,
            metrics=self._metrics(blocks.get("metrics"), nodes),
            funnels=tuple(replace(funnel, line=line) for line, funnel in parsed if funnel),
        )

    def _check_values(self, goals: Sequence[Goal]) -> None:
        """Report too many different values that goals read from hits."""
        read = {name for goal in goals for name in (goal.value, goal.once_value) if isinstance(name, str)}
        if len(read) > MOST_VALUES:
            number = f"`value` and `once_per` name {len(read)} different parameters, cookies and properties"
            self.problems.append(self.root.problem(f"{number}, but at most {MOST_VALUES} are possible; use several goals files"))

    def _metrics(self, block: Node | None, goals: Collection[str]) -> tuple[Metric, ...]:
        """Return the computed metrics; `goals` are the names of the listed goals."""
        read = (read_metric(name, key, node, goals, self.problems) for name, key, node in self._named(block, "metrics"))
        return tuple(metric for metric in read if metric)

    def _alerts(self, block: Node | None) -> tuple[Alert, ...]:
        """Return the thresholds in the file; whether they make sense is checked where reports are known."""
        if block is None or block.value is None:
            return ()
        items = block.value if isinstance(block.value, list) else []
        if not items or not all(isinstance(item.value, str) for item in items):
            self.problems.append(block.problem("`alerts` is a list of tests, like [purchase.silent, 'purchase.rate < 0.01']"))
        return tuple(Alert(item.text, item.line, item.column) for item in items)

    def _check_consent(self, site: Node | None, goals: Goals) -> None:
        """Report goals under `site.consent` that do not exist. Raises UsageError if a setting of the run names them."""
        names = [goal.name for goal in goals.goals]
        unknown = [name for name in goals.site.consent.goals if name not in names] if goals.site.consent else []
        consent = site.value.get("consent") if site is not None and isinstance(site.value, dict) else None
        nodes = [] if consent is None else [*consent.value.values()] if isinstance(consent.value, dict) else [consent]
        for name in unknown:
            message = unknown_name("goal", name, names, "Goals", "`consent`")
            node = next((node for node in nodes if node.text == name), None)
            if node is None:
                setting = next(setting for setting in self.settings if setting.startswith("consent"))
                raise UsageError(f"--set {setting}: {message}")
            self.problems.append(node.problem(message))

    def _check_top(self) -> None:
        """Report problems at the top level of the file."""
        if self.root.value is None:
            self.problems.append(Problem(0, 0, "this file is empty; add at least one macro goal, or create a file with `convkit init`"))
        elif not isinstance(self.root.value, dict):
            self.problems.append(self.root.problem(f"a goals file consists of the blocks {', '.join(_TOP)}, like `macro:`"))
        for name, key, _ in self.root.items():
            if name not in _TOP:
                self.problems.append(key.problem(unknown_name("key", name, _TOP, "Top-level keys")))

    def _are_too_many(self, blocks: dict[str, Node]) -> bool:
        """Report goals and funnels beyond the largest numbers of them, and return whether there are any: all of them are not even read then."""
        macros, micros, funnels, metrics = (self._named(blocks.get(title), title) for title in ("macro", "micro", "funnels", "metrics"))
        limits = (
            ("goals", macros + micros, MOST_GOALS, _FEWER_GOALS),
            ("macro goals", macros, MOST_MACROS, "list those that are steps to others under `micro`"),
            ("funnels", funnels, MOST_FUNNELS, "use several goals files"),
            ("metrics", metrics, MOST_METRICS, "use several goals files"),
        )
        too_many = [
            entries[most][1].problem(f"this file has {len(entries):,} {what}, but at most {most} are possible; {cure}")
            for what, entries, most, cure in limits
            if len(entries) > most
        ]
        self.problems += too_many
        return bool(too_many)

    def _named(self, block: Node | None, title: str) -> list[tuple[str, Node, Node]]:
        """Return the name, key and value of each entry of a block."""
        if block is None or block.value is None:
            return []
        problem = block.problem(f"`{title}` maps names to definitions, like `name: {'purchase / cart' if title == 'metrics' else '/path'}`")
        if not isinstance(block.value, dict) and problem not in self.problems:
            self.problems.append(problem)
        return list(block.items())

    def _check_names(self, blocks: dict[str, Node]) -> None:
        """Report invalid names, and goals or funnels with the same name."""
        goals = self._named(blocks.get("macro"), "macro") + self._named(blocks.get("micro"), "micro")
        funnels, metrics = (self._named(blocks.get(title), title) for title in ("funnels", "metrics"))
        for kind, entries in (("goal", goals), ("funnel", funnels), ("metric", metrics)):
            first_keys: dict[str, Node] = {}
            for name, key, _ in entries:
                if not _NAME.fullmatch(name):
                    self.problems.append(key.problem(f"{name!r} is not a valid name; use letters, digits, `_` and `-`"))
                first = first_keys.setdefault(name.casefold(), key)
                if first is not key:
                    self.problems.append(key.problem(f"{name!r} has the same name as the {kind} on line {first.line}; rename one of them"))


ALERTS_SCHEMA = {
    "description": "Thresholds that --alerts checks, like purchase.silent or purchase.rate < 0.01.",
    "anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "null"}],
}
FUNNEL_OPTIONS = ("steps", "per", "order", "window", "without", "same", "open", "where")
STEP_OPTIONS = ("within", "optional")
_WITHOUT_KEYS = ("goal", "after", "before")
_MIN_STEPS, _MAX_OPTIONAL = 2, 6
_SAME = ("path",)


@dataclass(frozen=True)
class FunnelReader:
    """Reads funnels; `goals` are the listed goals, `reader` reads goals that are defined inside steps."""

    reader: GoalReader
    goals: Goals
    problems: list[Problem]

    def funnel(self, name: str, node: Node) -> Funnel | None:
        """Return a funnel written as a list of steps or as a mapping with `steps`; it is meaningless if there are problems."""
        options = {"steps": node} if isinstance(node.value, list) else dict(node.value) if isinstance(node.value, dict) else {}
        for key, place, _ in node.items():
            if key not in FUNNEL_OPTIONS:
                self.problems.append(place.problem(unknown_name("key", key, FUNNEL_OPTIONS, "Keys", "a funnel")))
        if "steps" not in options:
            self.problems.append(node.problem("a funnel is a list of steps, or a mapping with `steps`"))
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
        if len(items) < _MIN_STEPS:
            self.problems.append(node.problem("a funnel needs a list of at least two steps, like [product, cart, purchase]"))
        if len(items) > MOST_STEPS:
            self.problems.append(items[MOST_STEPS].problem(f"this funnel has {len(items):,} steps, but at most {MOST_STEPS} are possible; split it"))
            items = items[:MOST_STEPS]
        steps = tuple(self._step(item, f"{name}#{number}") for number, item in enumerate(items, 1))
        for number, (item, step) in enumerate(zip(items, steps, strict=True), 1):
            if step.is_optional and number in {1, len(items)}:
                self.problems.append(item.problem("the first and last step cannot be optional; remove `optional`"))
            if step.within is not None and number == 1:
                self.problems.append(item.problem("`within` is the time since the previous step; remove it from the first step"))
        if sum(step.is_optional for step in steps) > _MAX_OPTIONAL:
            self.problems.append(node.problem(f"at most {_MAX_OPTIONAL} steps of a funnel can be optional; make some required"))
        return steps

    def _step(self, node: Node, name: str) -> Step:
        """Read a step: a goal, or a mapping with a goal and step options."""
        if not isinstance(node.value, dict):
            return self.reader.step(node, name)
        # If `visits` is given too, `within` applies to the goal, not to the step.
        own = [key for key in STEP_OPTIONS if key in node.value and not (key == "within" and "visits" in node.value)]
        rest = {key: value for key, value in node.value.items() if key not in own}
        if list(rest) == ["goal"]:
            step = self.reader.step(rest["goal"], name)
        else:
            step = self.reader.step(Node(node.line, node.column, rest, node.text, {key: node.keys[key] for key in rest if key in node.keys}), name)
        within = self._duration(node.value["within"]) if "within" in own else None
        return replace(step, within=within, is_optional=self._flag(node.value.get("optional"), "optional"))

    def _without(self, node: Node | None, funnel: Funnel) -> tuple[Exclusion, ...]:
        """Read the goals that may not come between steps: a goal, a mapping that also gives the steps, or a list of these."""
        if node is None:
            return ()
        items = node.value if isinstance(node.value, list) else [node]
        return tuple(self._one_without(item, funnel, number) for number, item in enumerate(items))

    def _one_without(self, node: Node, funnel: Funnel, number: int) -> Exclusion:
        parts: dict[str, Any] = node.value if isinstance(node.value, dict) else {"goal": node}
        for key, place, _ in node.items():
            if key not in _WITHOUT_KEYS:
                self.problems.append(place.problem(unknown_name("key", key, _WITHOUT_KEYS, "Keys", "`without`")))
        if "goal" not in parts:
            self.problems.append(node.problem("`without` needs a goal, like {goal: help, after: cart, before: purchase}"))
            return Exclusion("", (), 1, len(funnel.steps))
        goal = self.reader.step(parts["goal"], f"{funnel.name}#without{number}")
        after = self._number(parts["after"], funnel) if "after" in parts else 1
        before = self._number(parts["before"], funnel) if "before" in parts else len(funnel.steps)
        if after >= before:
            self.problems.append(
                node.problem(f"step {before} does not come after step {after}, so nothing is between them; change `after` or `before`")
            )
        return Exclusion(goal.name, goal.columns, after, before)

    def _number(self, node: Node, funnel: Funnel) -> int:
        """Return the number of a step that is given by name or number."""
        names = [step.name for step in funnel.steps]
        places = [number for number, name in enumerate(names, 1) if node.text in {name, str(number)}]
        if not places:
            self.problems.append(node.problem(unknown_name("step", node.text, names, "Steps")))
        elif len(places) > 1:
            self.problems.append(node.problem(f"{len(places)} steps are named {node.text!r}; use the number of the step"))
        elif funnel.step(places[0]).is_optional:
            self.problems.append(node.problem(f"{node.text!r} is optional, so some visitors skip it; choose another step"))
        return places[0] if places else 1

    def _where(self, node: Node | None) -> tuple[str, ...]:
        """Read the filters that decide which sessions may enter: one filter written like `--where`, a list of them, or a mapping."""
        if node is None:
            return ()
        if isinstance(node.value, dict):
            tests = [(value, f"{field}={value.text}") for field, _, value in node.items()]
        else:
            tests = [(item, item.text) for item in (node.value if isinstance(node.value, list) else [node])]
        for place, text in tests:
            field = re.split("!?=", text, maxsplit=1)[0]
            if field in filters.BEHAVIOUR_FIELDS:
                self.problems.append(place.problem(f"{text}: a funnel cannot test {field!r}; use --where"))
                continue
            try:
                filters.parse_filters([text], self.goals)
            except UsageError as error:
                self.problems.append(place.problem(str(error).removeprefix("--where ")))
        return tuple(text for _, text in tests)

    def _same(self, node: Node | None) -> str | None:
        if node is None:
            return None
        if node.text not in _SAME and not values.is_hit_value(node.text):
            self.problems.append(node.problem("`same` must be path, query.NAME, cookie.NAME or prop.NAME"))
        return node.text

    def _word(self, options: dict[str, Node], key: str, choices: tuple[str, ...]) -> str:
        """Read one of a few keywords; the first is the default."""
        node = options.get(key)
        if node is not None and node.value not in choices:
            self.problems.append(node.problem(f"`{key}` must be {', '.join(choices[:-1])} or {choices[-1]}{did_you_mean(node.text, choices)}"))
        return choices[0] if node is None else node.text

    def _flag(self, node: Node | None, key: str) -> bool:
        if node is not None and not isinstance(node.value, bool):
            self.problems.append(node.problem(f"`{key}` must be true or false"))
        return node is not None and node.value is True

    def _duration(self, node: Node | None) -> timedelta | None:
        return None if node is None else values.read_duration(node, self.problems)

    def _check(self, funnel: Funnel, options: dict[str, Node]) -> None:
        """Report options that do not work together."""
        if funnel.order == "ordered":
            return
        passive = {goal.column for goal in (*self.goals.goals, *self.reader.unlisted) if goal.is_passive}
        for step in funnel.steps if funnel.order == "strict" else ():
            if passive & {*step.columns}:
                reason = f"{step.name} is passive, and `order: strict` follows interactions only; remove the step"
                self.problems.append(options["steps"].problem(reason))
        used = {"without": bool(funnel.without), "open": funnel.is_open, "optional": any(step.is_optional for step in funnel.steps)}
        used["within"] = funnel.order == "any" and any(step.within is not None for step in funnel.steps)
        reasons = {
            "any": "with `order: any`, the steps have no fixed order",
            "strict": "with `order: strict`, nothing may come between steps anyway",
        }
        for key in (key for key, is_used in used.items() if is_used):
            place = options.get(key, options["steps"])
            self.problems.append(place.problem(f"`{key}` needs `order: ordered`{' or strict' if key == 'within' else ''}; {reasons[funnel.order]}"))
