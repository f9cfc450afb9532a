"""The text of goals files: values from logs, written so that YAML reads them back unchanged, and the examples in `data/examples`."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from convkit.core.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    YamlValue = str | int | list["YamlValue"] | dict[str, "YamlValue"]
    """A goal, a funnel or a setting in YAML."""

_PLAIN = re.compile(r"(?:(?:[A-Z]+ )?/[A-Za-z0-9_./*~+-]*|[A-Za-z_][A-Za-z0-9_.-]*|[1-9]xx|\d+[smhd])")
_WORDS = frozenset({"true", "false", "null"})
_WIDEST = 60
"""The length above which a mapping is written on several lines."""
_ENDING = ".yaml"


def is_writable(text: str) -> bool:
    """Return whether text is readable in a goals file: it has no invisible or control characters."""
    return text.isprintable() and safe(text, None) == text


def scalar(value: str | int) -> str:
    """Return a value, in quotes if YAML might read it as something else; its text must be writable (`is_writable`)."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, int) or (_PLAIN.fullmatch(text) and text.lower() not in _WORDS):
        return text
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def flow(value: YamlValue) -> str:
    """Return a value on one line (YAML's flow style)."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def block(title: str, comment: str, entries: Mapping[str, tuple[YamlValue, str]]) -> list[str]:
    """Return the lines of a block: its names with their values and comments. An empty block has no lines at all."""
    if not entries:
        return []
    lines = [f"# {comment}", f"{title}:"] if comment else [f"{title}:"]
    for name, (value, remark) in entries.items():
        line = f"  {name}: {flow(value)}"
        if len(line) > _WIDEST and isinstance(value, dict):
            lines += [*_commented([(f"  {name}:", remark)]), *(f"    {scalar(key)}: {flow(inner)}" for key, inner in value.items())]
        else:
            lines += _commented([(line, remark)])
    return lines


def _commented(lines: Iterable[tuple[str, str]]) -> list[str]:
    """Return lines with their comments appended."""
    return [f"{text:<{_WIDEST}}  # {safe(comment, None)}" if comment else text for text, comment in lines]


def example_names() -> tuple[str, ...]:
    """Return the names of all examples."""
    return tuple(sorted(entry.name.removesuffix(_ENDING) for entry in files("convkit").joinpath("data", "examples").iterdir()))


def example_text(name: str) -> str:
    """Return the text of an example."""
    return files("convkit").joinpath("data", "examples", f"{name}{_ENDING}").read_text(encoding="utf-8")
