"""Finding plug-ins (formats, goal keys, reports, outputs, commands): one module each, named as users type it.

Listing their names imports none of them.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


_PACKAGE = Path(__file__).parents[1]


@cache
def names(package: str) -> tuple[str, ...]:
    """Return the users' names of the plug-ins in a folder of convkit, sorted; imports none of them."""
    found = (entry.name for entry in _folder(package).iterdir())
    return tuple(sorted(name[:-3].replace("_", "-") for name in found if name.endswith(".py") and not name.startswith("_")))


def load(package: str, name: str) -> ModuleType:
    """Import the plug-in that users call `name`."""
    return import_module(f"convkit.{package}.{name.replace('-', '_')}")


def load_all(package: str) -> dict[str, ModuleType]:
    """Import every plug-in of a folder, by name."""
    return {name: load(package, name) for name in names(package)}


@cache
def headline(package: str, name: str) -> str:
    """Return the first line of a plug-in's docstring, read from its source: help imports no Polars, and parsing would take longest of all."""
    return _source(package, name).partition('"""')[2].partition("\n")[0].removesuffix('"""')


@cache
def constant(package: str, name: str, constant: str, default: Any) -> Any:  # noqa: ANN401 (a literal of any type)
    """Return a plug-in's constant, a literal on one line of its source, without importing it; or the default if it has none."""
    found = re.search(rf"^{constant} = (.+)$", _source(package, name), re.MULTILINE)
    return ast.literal_eval(found[1]) if found else default


def place(package: str, name: str) -> tuple[int, str]:
    """Return what sorts plug-ins: their PLACE, those without one last, equal ones by name."""
    return constant(package, name, "PLACE", sys.maxsize), name


def names_in_order(package: str) -> list[str]:
    """Return the names of the plug-ins in a folder in the order of their places; imports none of them."""
    return sorted(names(package), key=lambda name: place(package, name))


@cache
def options(package: str, name: str) -> Mapping[str, tuple[str, str]]:
    """Return a plug-in's own options, by name: what stands for a value in help, and the help; read from its source, for the same reason."""
    source = _source(package, name)
    if "\nOPTIONS = " not in source:
        return {}
    assigned = (node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    found = (node.value for node in assigned if [ast.unparse(target) for target in node.targets] == ["OPTIONS"])
    return next((ast.literal_eval(value) for value in found), {})


def _source(package: str, name: str) -> str:
    return (_folder(package) / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")


def _folder(package: str) -> Path:
    return _PACKAGE.joinpath(*package.split("."))


def keys(package: str) -> tuple[str, ...]:
    """Return the plug-ins' names as they are written in YAML, where `_` stays `_`."""
    return tuple(name.replace("-", "_") for name in names(package))
