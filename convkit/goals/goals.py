"""goals.yaml -> Goals: strict, every problem at once with its line and column.

It stands alone because it is the only place that knows how goals and funnels are written; what a key means is in its file of `goals.kinds`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convkit.core.definitions import Goals, Site
from convkit.errors import GoalsFileError, Problem, UsageError, did_you_mean
from convkit.goals import strict_yaml
from convkit.goals.funnel_reader import FunnelReader
from convkit.goals.goal_reader import GoalReader
from convkit.goals.site import read_site, set_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.goals.strict_yaml import Node

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
        site = set_facts(read_site(blocks["site"], self.problems) if "site" in blocks else Site(), self.settings)
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
