"""The house's rules: floors, sizes, one place that collects, no loops over rows, all from the syntax trees; what plug-ins owe."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl
import pytest

import convkit
from convkit import plugins
from convkit.goals import parse_goals
from convkit.tables import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "convkit"
FOLDERS = ("commands", "formats", "goal_kinds", "outputs", "reports")
LONGEST_MODULE, LONGEST_FUNCTION = 250, 30

FLOORS: tuple[tuple[str, ...], ...] = (
    # Words and tools: they know nothing of ours.
    ("errors", "version", "plugins", "durations", "schema", "patterns", "text", "stats", "definitions", "siblings", "quality"),
    ("tables", "temporary", "surroundings", "whole", "terminal", "shapes", "goals_examples"),
    ("progress_bar",),
    ("talk", "writing", "signals", "progress"),
    (
        "lines",
        "strict_yaml",
        "windows",
        "lists",
        "figures",
        "addresses",
        "senders",
        "requests",
        "bots",
        "moments",
        "escapes",
        "visitor_ids",
        "hit_order",
        "sorting",
        "panics",
    ),
    ("facts", "presets", "archives", "quality_lines", "buckets"),
    ("devices", "splits", "planning", "verdicts", "gaps"),
    ("plain", "masthead", "paths", "periods", "assets", "kinds", "goal_attributes", "tolerant", "columns", "comparisons"),
    ("site_notes", "variants", "cookies", "visitor_rules"),
    ("identities", "proxies", "session_keys"),
    ("exports", "log_fields", "quoted_beginnings", "mixtures", "wrappers", "aws_balancers"),
    ("templates", "json_objects", "quoted_lines", "named_fields", "separated"),
    ("log_strings",),
    ("written_times",),
    ("nginx_strings", "apache_strings", "goaccess_strings", "group_strings"),
    ("own_formats",),
    ("labelled",),
    # Rows as more than one output or format holds them.
    ("sheets", "json_rows", "json_input", "sampling", "copies", "delimited", "json_lines", "json_logs"),
    ("field_tables",),
    ("tools", "refusals", "visits"),
    # Plug-ins of the way in and the way out.
    ("formats.*", "goal_kinds.*", "outputs.*"),
    # Stages.
    ("recognizing", "remote", "keeping", "collecting"),
    ("events", "askers", "budget", "referrers", "sources", "chains", "goal_keys", "channel_rules", "campaigns", "origins"),
    ("any_order", "channels", "identified", "linking"),
    ("funnels", "questions"),
    ("reading", "traffic", "behaviour", "sessions", "arrivals", "matching", "other_ways", "departures", "site", "goal_reader"),
    ("loading", "deciding", "funnel_reader", "clocks", "bot_lines"),
    ("goals", "goals_schema"),
    ("intake",),
    # What reports may use.
    ("analysis", "surveys", "funnel_words", "stops", "lines_told", "goal_words", "goals_writing", "several_hosts", "followers"),
    ("split_tables", "likeness", "period_marks", "trends", "traffic_notes", "findings", "naming", "sensitivity", "nearness", "unassigned"),
    ("sides", "overview_notes"),
    ("compare_rows",),
    ("compare_steps", "compare_caveats"),
    ("compare_words",),
    ("checks", "evidence", "trend_screen", "split_screen"),
    (
        "trend_report",
        "proposals",
        "drop_off_screen",
        "funnel_screen",
        "overview_screen",
        "explain_screen",
        "guess_screen",
        "channels_screen",
        "compare_screen",
    ),
    ("reports.*",),
    # The run.
    ("documents", "rendering"),
    ("tallying",),
    ("scopes",),
    ("analyzing",),
    ("inspecting", "bot_sessions", "parts"),
    ("pieces",),
    ("comparing",),
    ("pipeline",),
    ("surveying", "explaining", "guessing", "drafts"),
    ("proposing",),
    # Who asks for it.
    ("options", "destinations"),
    ("delivery",),
    ("producing",),
    ("commands.*",),
    ("cli",),
    ("__init__", "__main__"),
)
"""From the ground up: a module imports only from floors below its own, so that plug-ins (`folder.*`) never import each other."""

CONTRACTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "commands": {"COMMAND": click.Command},
    "formats": {"SAMPLES": tuple, "COMMENT": (str, type(None))},
    "goal_kinds": {"ROLE": str, "EXAMPLE": str, "SCHEMA": dict},
    "outputs": {"HOLDS_MANY": bool},
    "reports": {"IN_REPORT": (int, type(None)), "COLUMNS": tuple},
}
"""What a plug-in's module says, by folder."""

FUNCTIONS: dict[str, dict[str, int]] = {
    "commands": {},
    "formats": {"sniff": 1, "fit": 3},
    "goal_kinds": {"read": 2},
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


def floor_of(module: str) -> int | None:
    """Return a module's floor, None where it has none; a folder's `__init__` is only its docstring, on the ground."""
    folder, _, name = module.rpartition(".")
    if name == "__init__" and folder:
        return 0
    return next((number for number, floor in enumerate(FLOORS) if module in floor or f"{folder}.*" in floor), None)


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


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return a function's lines without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    return (function.end_lineno or 0) - function.lineno + 1 - ((first.end_lineno or 0) - first.lineno + 1 if documented else 0)


def attributes_of(module: str) -> list[ast.Attribute]:
    """Return every attribute that a module names."""
    return [node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)]


def test_every_module_has_a_floor() -> None:
    assert [module for module in MODULES if floor_of(module) is None] == []
    named = [name for name in chain(*FLOORS) if not name.endswith("*")]
    assert [name for name in named if name not in MODULES] == []
    assert len(named) == len(set(named))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_lower_floors(module: str) -> None:
    own = floor_of(module)
    assert own is not None
    assert {other for other in imports_of(module) if (floor_of(other) or 0) >= own} == set()


def test_imports_are_found() -> None:
    """Were they not, every floor would hold."""
    assert {"deciding", "reading", "analysis", "goals", "documents"} <= set(imports_of("pipeline"))
    assert set(imports_of("formats.combined")) == {"quoted_lines"}
    assert "goals" in set(imports_of("__init__"))
    assert {"stats", "analysis"} <= set(imports_of("reports.pages"))


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_are_short(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE
    assert {function.name: length for function in functions_of(module) if (length := length_of(function)) > LONGEST_FUNCTION} == {}


def test_the_run_collects_and_nothing_else() -> None:
    """Reading does, and through `collecting` deciding, tallying and what calls them."""
    collects = {"collect", "collect_all", "collect_async", "collect_batches"}
    assert {module for module in MODULES for node in attributes_of(module) if node.attr in collects} == {
        "collecting",
        "intake",
        "keeping",
        "loading",
        "sampling",
    }
    assert {module for module in MODULES if "collecting" in imports_of(module)} == {
        "analyzing",
        "askers",
        "bot_sessions",
        "budget",
        "comparing",
        "deciding",
        "explaining",
        "guessing",
        "inspecting",
        "linking",
        "parts",
        "proposing",
        "scopes",
        "sources",
        "surveying",
        "tallying",
    }


@pytest.mark.parametrize("module", MODULES)
def test_no_python_runs_on_rows(module: str) -> None:
    """But for objects of JSON, of which Polars reads whole batches: where one fails, Python looks for the lines that made it fail."""
    loops = {"map_elements", "map_batches", "map_groups", "map_rows", "iter_rows", "iter_slices", "apply"}
    loops -= {"map_batches"} if module == "json_objects" else set()
    assert {node.lineno: node.attr for node in attributes_of(module) if node.attr in loops} == {}


@pytest.mark.parametrize(("folder", "name"), EVERY_PLUGIN)
def test_a_plugin_is_what_its_folder_says(folder: str, name: str) -> None:
    module = plugins.load(folder, name)
    assert plugins.headline(folder, name).strip(), "a first line of its docstring"
    assert {key for key, kind in CONTRACTS[folder].items() if not isinstance(getattr(module, key), kind)} == set()
    asked = FUNCTIONS[folder] | (MOMENTS["how" if hasattr(module, "turns") else module.ROLE] if folder == "goal_kinds" else {})
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
    files = {path.stem for path in PACKAGE.joinpath(folder).glob("*.py")} - {"__init__"}
    assert set(plugins.names(folder)) == {stem.replace("_", "-") for stem in files}
    for name in plugins.names(folder):
        assert Path(str(plugins.load(folder, name).__file__)).stem == name.replace("-", "_")


@pytest.mark.parametrize("key", plugins.keys("goal_kinds"))
def test_a_goal_key_s_example_is_a_goal_that_uses_it(key: str) -> None:
    example = plugins.load("goal_kinds", key).EXAMPLE
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
