"""Every format, goal key, report, output and command fulfils the contract of its folder."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click
import polars as pl
import pytest
import runs
from places import PACKAGE, ROOT
from places import PLUGIN_FOLDERS as FOLDERS
from syntax_trees import tree_of

from convkit import outputs, reports
from convkit.core import plugins
from convkit.core.document import UNITS
from convkit.formats import LogFormat, load_formats
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Callable

CONTRACTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "cli.commands": {"COMMAND": click.Command, "PLACE": int},
    "formats": {"SAMPLES": tuple, "FORMAT": LogFormat},
    "goals.kinds": {"ROLE": str, "EXAMPLE": str, "SCHEMA": dict},
}
"""The constants that a plug-in must define, by folder, for folders without a protocol."""

FUNCTIONS: dict[str, dict[str, int]] = {
    "cli.commands": {},
    "formats": {},
    "goals.kinds": {"read": 2},
}
"""The functions that such a plug-in must define, and their number of arguments."""

MOMENTS = {"what": {"names": 2}, "which": {"names": 2}, "how": {"turns": 3}, "count": {"turns": 3}, "modifier": {}, "effect": {}}
"""The function that a goal key must define for its role, and its number of arguments; a *which* key may be decided per session, like a *how* key."""
PROTOCOLS: dict[str, type] = {"outputs": outputs.OutputModule, "reports": reports.ReportModule}
LONGEST_HELP = 66
"""The maximum length of a help text that fits on one line of `convkit --help`, as stated in `reports` and `cli.commands`."""
EVERY_PLUGIN = [(folder, name) for folder in FOLDERS for name in plugins.names(folder)]


@pytest.mark.parametrize(("folder", "name"), EVERY_PLUGIN)
def test_a_plugin_fulfils_the_contract_of_its_folder(folder: str, name: str) -> None:
    module = plugins.load(folder, name)
    assert plugins.headline(folder, name).strip(), "the docstring has no first line"
    if folder in PROTOCOLS:
        assert mismatches(module, PROTOCOLS[folder]) == set()
        return
    assert {key for key, kind in CONTRACTS[folder].items() if not isinstance(getattr(module, key), kind)} == set()
    required = FUNCTIONS[folder] | (MOMENTS["how" if hasattr(module, "turns") else module.ROLE] if folder == "goals.kinds" else {})
    assert {key: len(inspect.signature(getattr(module, key)).parameters) for key in required} == required


def mismatches(module: object, protocol: type) -> set[str]:
    """Return the members of a protocol that a module lacks, or whose types or arguments differ from the protocol's.

    Annotations are compared as text; mypy checks the module against its own annotations, and its callers against the protocol's.
    """
    functions = {name for name, member in vars(protocol).items() if inspect.isfunction(member) and not name.startswith("_")}
    constants = {name: annotation for name, annotation in protocol.__annotations__.items() if not name.startswith("_")}
    wrong = {name for name, annotation in constants.items() if type(getattr(module, name, None)).__name__ != annotation.partition("[")[0]}
    return wrong | {name for name in functions if not fits(getattr(module, name, None), getattr(protocol, name))}


def fits(function: object, declared: Callable[..., object]) -> bool:
    """Return whether a function takes the same arguments as a protocol's method, and returns its type or one of its alternatives."""
    if not inspect.isfunction(function):
        return False
    signature, expected = inspect.signature(function), inspect.signature(declared)
    taken = [parameter.annotation for parameter in signature.parameters.values()]
    alternatives = {expected.return_annotation, *expected.return_annotation.split(" | ")}
    return taken == [parameter.annotation for parameter in expected.parameters.values()][1:] and signature.return_annotation in alternatives


def test_mismatches_with_a_protocol_are_detected() -> None:
    assert mismatches(plugins.load("outputs", "csv"), reports.ReportModule) == {"PLACE", "IN_REPORT", "COLUMNS", "tally", "present"}
    module = ModuleType("wrong")
    module.ENDINGS, module.render = "csv", lambda document, screen: ""  # type: ignore[attr-defined]  # noqa: ARG005 (both are wrong)
    assert mismatches(module, outputs.OutputModule) == {"ENDINGS", "render"}


@pytest.mark.parametrize(("folder", "name"), [(folder, name) for folder, name in EVERY_PLUGIN if folder in {"cli.commands", "reports"}])
def test_the_help_of_a_command_fits_on_one_line(folder: str, name: str) -> None:
    assert len(plugins.headline(folder, name)) <= LONGEST_HELP, f"shorten the first line of {plugins.load(folder, name).__file__}"


@pytest.mark.parametrize("folder", sorted(CONTRACTS))
def test_a_folder_s_docstring_names_its_contract(folder: str) -> None:
    text = ast.get_docstring(tree_of(f"{folder}.__init__")) or ""
    named = set(re.findall(r"`([A-Za-z_]\w*)[`(]", text))
    assert {*CONTRACTS[folder], *FUNCTIONS[folder]} <= named


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_are_named_as_users_type_them(folder: str) -> None:
    """The file of `drop-off` is `drop_off.py`."""
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
def test_a_report_s_columns_are_those_of_its_frame(name: str) -> None:
    columns = plugins.load("reports", name).COLUMNS
    report = runs.document([ROOT / "tests" / "data" / "by_hand.log"], [name], goals=ROOT / "tests" / "data" / "by_hand.yaml").reports[name]
    assert report.name == name
    assert report.columns == columns
    assert report.frame.columns == [column.name for column in columns]
    assert len(set(report.frame.columns)) == len(columns)
    assert {column.unit for column in columns} <= set(UNITS)
    assert not any(dtype.is_nested() or isinstance(dtype, pl.Duration) for dtype in report.frame.dtypes)


def test_places_are_read_from_the_source_and_sort_the_plugins() -> None:
    assert {name: plugins.place("reports", name)[0] for name in plugins.names("reports")} == {
        name: reports.load(name).PLACE for name in plugins.names("reports")
    }
    endings = {name: outputs.load(name).ENDINGS for name in plugins.names("outputs")}
    assert {name: outputs.endings(name) for name in plugins.names("outputs")} == endings
    assert reports.names_in_report() == ["overview", "goals", "funnel", "drop-off", "pages"]
    assert plugins.constant("reports", "goals", "NOWHERE", 1) == 1


def test_a_format_follows_its_protocol() -> None:
    """Formats have all members of the protocol, most by inheritance, and detect nothing in an empty log."""
    for name, log_format in load_formats().items():
        assert log_format.comment in {None, "#"}, name
        claim = log_format.claims()
        assert claim is None or pl.DataFrame({"line": ["", None]}, schema={"line": pl.String}).select(claim).to_series().to_list() == [
            False,
            False,
        ], name
        assert log_format.sniff(pl.Series("line", [], dtype=pl.String)) == 0, name
        assert log_format.sniff_rows(pl.Series("line", [], dtype=pl.String)) == 0, name
        assert log_format.preset is None or log_format.preset.marks, name
