"""The plug-ins: what a format, goal key, report, output or command has to have, by its folder's contract."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import click
import polars as pl
import pytest
import runs
from places import PACKAGE, ROOT
from places import PLUGIN_FOLDERS as FOLDERS
from syntax_trees import tree_of

from convkit.core import plugins
from convkit.core.document import UNITS
from convkit.goals.loader import parse_goals

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
EVERY_PLUGIN = [(folder, name) for folder in FOLDERS for name in plugins.names(folder)]


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
    report = runs.document([ROOT / "tests" / "data" / "by_hand.log"], [name], goals=ROOT / "tests" / "data" / "by_hand.yaml").reports[name]
    assert report.name == name
    assert report.columns == columns
    assert report.frame.columns == [column.name for column in columns]
    assert len(set(report.frame.columns)) == len(columns)
    assert {column.unit for column in columns} <= set(UNITS)
    assert not any(dtype.is_nested() or isinstance(dtype, pl.Duration) for dtype in report.frame.dtypes)


def test_reports_have_a_place_of_their_own_on_the_screen() -> None:
    places = [module.IN_REPORT for module in plugins.load_all("reports").values() if module.IN_REPORT is not None]
    assert len(places) == len(set(places))
