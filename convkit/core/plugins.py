"""Plug-ins (log formats, goal keys, reports, outputs, commands): one module each, named the way users type it.

Plug-ins are looked for in every folder on the `__path__` of their package. Listing them imports none of them.
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


@cache
def names(package: str) -> tuple[str, ...]:
    """Return the names of a package's plug-ins as users type them, sorted."""
    return tuple(sorted(_files(package)))


def keys(package: str) -> tuple[str, ...]:
    """Return the names of a package's plug-ins as they are written in YAML, where `_` stays `_`."""
    return tuple(name.replace("-", "_") for name in names(package))


def load(package: str, name: str) -> ModuleType:
    """Import a plug-in by the name that users type."""
    return import_module(f"convkit.{package}.{name.replace('-', '_')}")


def load_all(package: str) -> dict[str, ModuleType]:
    """Import every plug-in of a package, and return them by the names that are written in YAML."""
    return {key: load(package, key) for key in keys(package)}


@cache
def headline(package: str, name: str) -> str:
    """Return the first line of a plug-in's docstring, taken from its source text: help must not import Polars, and parsing takes too long."""
    return _source(package, name).partition('"""')[2].partition("\n")[0].removesuffix('"""')


@cache
def constant(package: str, name: str, constant: str, default: Any) -> Any:  # noqa: ANN401 (a literal of any type)
    """Return a plug-in's constant (a literal on one line) without importing the plug-in, or the default if it has no such constant."""
    match = re.search(rf"^{constant} = (.+)$", _source(package, name), re.MULTILINE)
    return ast.literal_eval(match[1]) if match else default


def place(package: str, name: str) -> tuple[int, str]:
    """Return a plug-in's sort key: its PLACE, or a place after all others if it has none, and then its name."""
    return constant(package, name, "PLACE", sys.maxsize), name


def names_in_order(package: str) -> list[str]:
    """Return the names of a package's plug-ins in the order of their places, without importing any of them."""
    return sorted(names(package), key=lambda name: place(package, name))


@cache
def options(package: str, name: str) -> Mapping[str, tuple[str, str]]:
    """Return, by name, the value placeholder and the help of each option that only this plug-in has, read from its source like the headline."""
    source = _source(package, name)
    if "\nOPTIONS = " not in source:
        return {}
    assignments = (node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    values = (node.value for node in assignments if [ast.unparse(target) for target in node.targets] == ["OPTIONS"])
    return next((ast.literal_eval(value) for value in values), {})


@cache
def _files(package: str) -> dict[str, Path]:
    """Return the files of a package's plug-ins by name; the first folder on the path wins, as it does for imports."""
    folders = [Path(folder) for folder in reversed(import_module(f"convkit.{package}").__path__)]
    files = [file for folder in folders for file in folder.iterdir() if file.suffix == ".py" and not file.name.startswith("_")]
    return {file.stem.replace("_", "-"): file for file in files}


def _source(package: str, name: str) -> str:
    return _files(package)[name.replace("_", "-")].read_text(encoding="utf-8")
