"""The modules that a fresh interpreter loads: help appears at once, and `import convkit` costs nothing.

The tests check modules and not seconds, so that a busy machine cannot make them fail.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = frozenset({"polars", "rich", "yaml", "crawleruseragents", "numpy", "pandas", "pyarrow", "zoneinfo"})
"""Top-level packages that only a report needs."""

HELPS = (["--help"], ["report", "--help"], ["--version"], ["help"], ["help", "goals"], ["help", "pages"])


def loaded(*arguments: str) -> set[str]:
    """Return the modules that a fresh interpreter loads for a command, as `-X importtime` names them."""
    process = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    rows = [line.split("|") for line in process.stderr.splitlines() if line.startswith("import time:")]
    return {row[2].strip() for row in rows if len(row) == 3}


def heavy(modules: set[str]) -> set[str]:
    """Return the packages among the modules that only a report needs."""
    return {module.partition(".")[0] for module in modules} & HEAVY


@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_help_loads_no_data_frames(arguments: list[str]) -> None:
    modules = loaded("-m", "convkit", *arguments)
    assert "click" in modules
    assert heavy(modules) == set()


def test_import_loads_nothing_but_the_version() -> None:
    modules = loaded("-c", "import convkit")
    assert {module for module in modules if module.partition(".")[0] == "convkit"} == {"convkit", "convkit.version"}
    assert heavy(modules) == set()


def test_a_public_function_loads_what_it_needs() -> None:
    """The packages appear among the loaded ones here, so the tests above would notice them."""
    modules = loaded("-c", "import convkit; convkit.report")
    assert {"polars", "yaml"} <= heavy(modules)
