"""The modules of convkit as syntax trees: what each imports, and the names that it uses."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

from places import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator


MODULES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports_of(module: str) -> Iterator[str]:
    """Yield the modules of convkit that a module imports, including those imported only for type checking."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (_module(alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "convkit")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "convkit":
            yield from (_module(node.module or "", alias.name) for alias in node.names)


def _module(package: str, name: str) -> str:
    """Return the module that `from package import name` loads."""
    inner = package.partition(".")[2]
    submodule = f"{inner}.{name}" if inner else name
    return next(place for place in (submodule, f"{submodule}.__init__", inner, f"{inner}.__init__", "__init__") if place in MODULES)


def packages_of(module: str) -> set[str]:
    """Return the top-level packages that a module imports, anywhere in it."""
    nodes = list(ast.walk(tree_of(module)))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.partition(".")[0] for name in whole | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}}


def names_of(module: str) -> set[str]:
    """Return the names that a module uses or imports; an attribute of a module or of a plain name is qualified, like `sys.stdout`."""
    names: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def attributes_of(module: str) -> list[ast.Attribute]:
    """Return every attribute that a module uses."""
    return [node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)]
