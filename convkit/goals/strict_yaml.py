"""YAML without surprises: the scalars of YAML 1.2, every value with its line and column, and all problems at once.

Anchors, tags, merge keys and duplicate keys are rejected; `on`, `yes`, `30:00` and `010` are read as text or numbers exactly as written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from convkit.errors import GoalsFileError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE_SIZE = 1 << 20
"""The maximum number of bytes; goals files usually have a few thousand."""
MAX_DEPTH = 30
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep; remove levels, and check for unclosed brackets"

_CORE = "tag:yaml.org,2002:"
_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]{1,18}", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
}
_HINTS = {
    "a tab": "indent with spaces; YAML does not allow tabs here",
    "found unknown escape character": "quote it with '...' instead of \"...\"; in single quotes a backslash is an ordinary character",
    "expected alphabetic or numeric character": "quote it with '...'; `*` and `&` have a special meaning in YAML at the start of a value",
    "cannot start any token": "quote it with '...'; this character has a special meaning in YAML at the start of a value",
    "mapping values are not allowed": "quote it with '...', or check the indentation; YAML reads this `: ` as a new key",
    "did not find expected": "check the brackets, quotes and indentation just before this position, or quote the text with '...'",
    "could not find expected ':'": "a key needs a `:` followed by a space",
    "expected a single document": "only one YAML document is allowed; remove the `---` line and everything after it",
    # PyYAML 6.0.4 looks past brackets for a key and gives up after 1,000 of them, before it yields an event that could be counted here.
    "exceeded maximum nesting depth": TOO_DEEP,
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader with the scalars of YAML 1.2's core schema."""


_Loader.yaml_implicit_resolvers = {}
for _name, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_CORE + _name, re.compile(f"^(?:{_pattern})$"), list(_first))


@dataclass
class Node:
    """A value with its position: `value` is a string, a number, a Boolean, None, a list of nodes or a dict from names to nodes."""

    line: int
    column: int
    value: object
    text: str = ""
    keys: dict[str, Node] = field(default_factory=dict)
    """The nodes of a mapping's keys."""

    def problem(self, message: str) -> Problem:
        """Return a problem at this position."""
        return Problem(self.line, self.column, message)

    def items(self) -> Iterator[tuple[str, Node, Node]]:
        """Yield the name, key and value of each entry in a mapping."""
        if isinstance(self.value, dict):
            for name, value in self.value.items():
                yield name, self.keys[name], value


def load(text: str, file: str) -> Node:
    """Return the root of a YAML document. Raises GoalsFileError with all problems."""
    if len(text.encode(errors="replace")) > MAX_FILE_SIZE:
        raise GoalsFileError(file, [Problem(0, 0, "larger than 1 MiB; goals files are usually a few thousand bytes long, so check that this is one")])
    problems: list[Problem] = []
    try:
        _refuse_events(text, problems)
        if problems:
            raise GoalsFileError(file, problems)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise GoalsFileError(file, [_syntax(error, text)]) from None
    except yaml.YAMLError as error:
        raise GoalsFileError(file, [Problem(0, 0, f"not valid YAML: {str(error).splitlines()[0]}")]) from None
    node = _build(root, problems) if root else Node(1, 1, None)
    if problems:
        raise GoalsFileError(file, problems)
    return node


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """Return a syntax error, explained for people who do not know YAML's grammar."""
    mark = error.problem_mark or error.context_mark
    reason = f"{error.context or ''} {error.problem or ''}".strip()
    if mark and any(line.startswith("\t", mark.column) for line in text.splitlines()[mark.line : mark.line + 1]):
        reason = "a tab"
    hint = next((hint for part, hint in _HINTS.items() if part in reason), f"not valid YAML: {reason}")
    return Problem(mark.line + 1, mark.column + 1, hint) if mark else Problem(0, 0, hint)


def _refuse_events(text: str, problems: list[Problem]) -> None:
    """Report constructs that must be rejected before a tree is built: anchors, aliases and deep nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        if mark is None:
            continue
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            message = "anchors and aliases are not supported; quote a value that starts with `*` or `&` with '...'"
            problems.append(Problem(mark.line + 1, mark.column + 1, message))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problems.append(Problem(mark.line + 1, mark.column + 1, TOO_DEEP))
            return


def _build(node: yaml.Node, problems: list[Problem]) -> Node:
    """Return the Node for a node of PyYAML."""
    built = Node(node.start_mark.line + 1, node.start_mark.column + 1, None)
    kind = node.tag.removeprefix(_CORE)
    if kind not in {"map", "seq", "str", *_SCALARS}:
        problems.append(built.problem(f"the tag {node.tag!r} is not supported; remove it"))
    elif isinstance(node, yaml.MappingNode):
        built.value = _mapping(node, built, problems)
    elif isinstance(node, yaml.SequenceNode):
        built.value = [_build(item, problems) for item in node.value]
    else:
        built.text = str(node.value)
        built.value = _scalar(kind, built.text)
    return built


def _mapping(node: yaml.MappingNode, built: Node, problems: list[Problem]) -> dict[str, Node]:
    """Read a mapping; reject merge keys, keys that are not text, and duplicate keys."""
    values: dict[str, Node] = {}
    for key, value in node.value:
        place = _build(key, problems)
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name == "<<":
            problems.append(place.problem("merge keys (`<<`) are not supported; write the keys out"))
        elif key.tag != _CORE + "str":
            problems.append(place.problem(f"a key must be text; write '{name}' in quotes" if name else "a key must be text"))
        elif name in values:
            problems.append(place.problem(f"duplicate key {name!r}, first used on line {built.keys[name].line}; keep one of them"))
        else:
            built.keys[name] = place
            values[name] = _build(value, problems)
    return values


def _scalar(kind: str, text: str) -> object:
    """Return the value of a scalar in YAML 1.2's core schema."""
    if kind == "int":
        return int(text, 10)
    if kind == "float":
        return float(text)
    if kind == "bool":
        return text.lower() == "true"
    return None if kind == "null" else text
