"""The house's rules: rooms in the order of the data, one place that collects, no loops over rows, all from the syntax trees; what plug-ins owe."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl
import pytest

import convkit
from convkit.core import plugins
from convkit.core.tables import UNITS
from convkit.goals.goals import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "convkit"
FOLDERS = ("cli.commands", "formats", "goals.kinds", "outputs", "reports")

ROOMS = (
    "core",
    "files",
    "formats",
    "goals",
    "ingest",
    "traffic",
    "sessions",
    "funnels",
    "analysis",
    "reports",
    "outputs",
    "engine",
    "comparison",
    "diagnosis",
    "authoring",
    "cli",
)
"""In the order of the data: a room imports from itself and from rooms before it."""
FOR_ALL = ("errors", "version")
BESIDE_CLI = ("__init__", "__main__")

AGAINST_THE_ORDER = {("analysis.tallying", "engine.documents")}
"""Imports that still run against the order of the rooms."""

CONTRACTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "cli.commands": {"COMMAND": click.Command},
    "formats": {"SAMPLES": tuple, "COMMENT": (str, type(None))},
    "goals.kinds": {"ROLE": str, "EXAMPLE": str, "SCHEMA": dict},
    "outputs": {"HOLDS_MANY": bool},
    "reports": {"IN_REPORT": (int, type(None)), "COLUMNS": tuple},
}
"""What a plug-in's module says, by folder."""

FUNCTIONS: dict[str, dict[str, int]] = {
    "cli.commands": {},
    "formats": {"sniff": 1, "fit": 3},
    "goals.kinds": {"read": 2},
    "outputs": {"render": 2},
    "reports": {"tally": 1, "present": 2},
}
"""The functions that it has, and how many arguments they take."""

MOMENTS = {"what": {"names": 2}, "which": {"names": 2}, "how": {"turns": 3}, "count": {"turns": 3}, "beside": {}}
"""By a goal key's role: its expression, and how many arguments that takes; a which may be decided on sessions, as a how is."""

UNSTABLE = """
import sys, convkit
for reports, where in ((None, ()), (["sessions", "hits"], ["page=**", "goal!=x*", "host!=x"])):
    document = convkit.run([sys.argv[1]], reports, sys.argv[2], where=where, sort="value")
    for output in sys.argv[3:]:
        convkit.render(document, output)
"""

MODULES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}
EVERY_PLUGIN = [(folder, name) for folder in FOLDERS for name in plugins.names(folder)]


def tree_of(module: str) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def room_of(module: str) -> int | None:
    """Return the place of a module's room in ROOMS, None where it has none."""
    room = module.partition(".")[0]
    return ROOMS.index(room) if room in ROOMS else None


def imports_of(module: str) -> Iterator[str]:
    """Yield the modules of ours that a module imports, for its types too."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (_module(alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "convkit")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "convkit":
            yield from (_module(node.module or "", alias.name) for alias in node.names)


def _module(package: str, name: str) -> str:
    """Return the module that `from package import name` loads."""
    inner = package.partition(".")[2]
    inside = f"{inner}.{name}" if inner else name
    return next(place for place in (inside, inner, f"{inner}.__init__", "__init__") if place in MODULES)


def functions_of(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield all functions of a module, methods and inner ones too."""
    return (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def attributes_of(module: str) -> list[ast.Attribute]:
    """Return every attribute that a module names."""
    return [node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)]


def test_every_module_is_in_a_room() -> None:
    assert [module for module in MODULES if room_of(module) is None] == sorted([*BESIDE_CLI, *FOR_ALL])
    assert sorted(ROOMS) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_a_room_imports_only_from_rooms_before_it() -> None:
    rising = {
        (module, other)
        for module in MODULES
        for other in imports_of(module)
        if (mine := room_of(module)) is not None and (room_of(other) or 0) > mine
    }
    assert rising == AGAINST_THE_ORDER


def test_no_plugin_imports_another() -> None:
    plugins_of = {f"{folder}.{name.replace('-', '_')}" for folder, name in EVERY_PLUGIN}
    assert {(module, other) for module in plugins_of for other in imports_of(module) if other in plugins_of} == set()


def test_imports_are_found() -> None:
    """Were they not, every rule about them would hold."""
    assert {"engine.deciding", "ingest.reading", "engine.documents", "goals.goals"} <= set(imports_of("engine.pipeline"))
    assert set(imports_of("formats.combined")) == {"formats.parsers.quoted_lines"}
    assert "goals.goals" in set(imports_of("__init__"))
    assert {"core.stats", "analysis.analysis"} <= set(imports_of("reports.pages"))


def test_rooms_that_describe_never_collect() -> None:
    """Reading collects what it reads; all else goes through one place."""
    collects = {"collect", "collect_all", "collect_async", "collect_batches"}
    collecting = {module for module in MODULES for node in attributes_of(module) if node.attr in collects}
    assert {module for module in collecting if module.partition(".")[0] not in {"files", "ingest"}} == {"core.collecting"}
    lazy = {"formats", "goals", "sessions", "funnels", "reports"}
    assert {module for module in MODULES if module.partition(".")[0] in lazy and "core.collecting" in imports_of(module)} == set()


@pytest.mark.parametrize("module", MODULES)
def test_no_python_runs_on_rows(module: str) -> None:
    """But for objects of JSON, of which Polars reads whole batches: where one fails, Python looks for the lines that made it fail."""
    loops = {"map_elements", "map_batches", "map_groups", "map_rows", "iter_rows", "iter_slices", "apply"}
    loops -= {"map_batches"} if module == "formats.parsers.json_objects" else set()
    assert {node.lineno: node.attr for node in attributes_of(module) if node.attr in loops} == {}


@pytest.mark.parametrize(("folder", "name"), EVERY_PLUGIN)
def test_a_plugin_is_what_its_folder_says(folder: str, name: str) -> None:
    module = plugins.load(folder, name)
    assert plugins.headline(folder, name).strip(), "a first line of its docstring"
    assert {key for key, kind in CONTRACTS[folder].items() if not isinstance(getattr(module, key), kind)} == set()
    asked = FUNCTIONS[folder] | (MOMENTS["how" if hasattr(module, "turns") else module.ROLE] if folder == "goals.kinds" else {})
    assert {key: len(inspect.signature(getattr(module, key)).parameters) for key in asked} == asked


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_s_docstring_names_its_contract(folder: str) -> None:
    text = ast.get_docstring(tree_of(f"{folder}.__init__")) or ""
    named = set(re.findall(r"`([A-Za-z_]\w*)[`(]", text))
    assert {*CONTRACTS[folder], *FUNCTIONS[folder]} <= named
    assert len(tree_of(f"{folder}.__init__").body) == 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_are_named_as_users_type(folder: str) -> None:
    """`drop_off.py` is `drop-off`."""
    files = {path.stem for path in PACKAGE.joinpath(*folder.split(".")).glob("[!_]*.py")}
    assert set(plugins.names(folder)) == {stem.replace("_", "-") for stem in files}
    for name in plugins.names(folder):
        assert Path(str(plugins.load(folder, name).__file__)).stem == name.replace("-", "_")


@pytest.mark.parametrize("key", plugins.keys("goals.kinds"))
def test_a_goal_key_s_example_is_a_goal_that_uses_it(key: str) -> None:
    example = plugins.load("goals.kinds", key).EXAMPLE
    assert re.search(rf"[{{ ,]{key}:", example)
    assert [goal.name for goal in parse_goals(f"macro: {{g: {example}}}\n", "goals.yaml").goals] == ["g"]


@pytest.mark.parametrize("name", plugins.names("reports"))
def test_a_report_s_columns_are_its_frame_s(name: str) -> None:
    columns = plugins.load("reports", name).COLUMNS
    report = convkit.run([ROOT / "tests" / "data" / "by_hand.log"], [name], goals=ROOT / "tests" / "data" / "by_hand.yaml").reports[name]
    assert report.name == name
    assert report.columns == columns
    assert report.frame.columns == [column.name for column in columns]
    assert len(set(report.frame.columns)) == len(columns)
    assert {column.unit for column in columns} <= set(UNITS)
    assert not any(dtype.is_nested() or isinstance(dtype, pl.Duration) for dtype in report.frame.dtypes)


def test_reports_have_a_place_of_their_own_on_the_screen() -> None:
    places = [module.IN_REPORT for module in plugins.load_all("reports").values() if module.IN_REPORT is not None]
    assert len(places) == len(set(places))


def test_nothing_unstable_runs() -> None:
    """With the variable set, Polars warns of every unstable function; warnings are errors here."""
    command = [sys.executable, "-W", "error", "-c", UNSTABLE, str(ROOT / "sample_logs" / "access.log.gz"), str(ROOT / "goals.example.yaml")]
    environment = {**os.environ, "POLARS_WARN_UNSTABLE": "1"}
    done = subprocess.run([*command, *plugins.names("outputs")], capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
