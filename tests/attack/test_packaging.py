"""The dependencies: their lowest versions work, and the list of crawlers has what the product needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from places import ROOT

from convkit.traffic import bots

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = {
    "F21": "test_the_lowest_versions_pass_the_golden_tests",
    "A46": "test_the_extra_for_old_processors_is_documented",
    "A74": "test_the_lowest_list_of_crawlers_is_the_first_with_classes",
}

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOWEST = dict(re.findall(r"([\w-]+)>=([0-9.]+)", "\n".join(PROJECT["dependencies"])))
FIRST_WITH_CLASSES = "1.43"
"""Up to version 1.42, no entry on the list of crawlers has tags, so all bots would be of the class `other`."""


def numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(map(int, re.findall(r"\d+", text)[:3]))


def entries() -> Iterator[dict[str, list[str]]]:
    """Yield the entries of the installed list."""
    path = distribution(bots.CRAWLER_LIST).locate_file("crawleruseragents/crawler-user-agents.json")
    yield from json.loads(Path(str(path)).read_text(encoding="utf-8"))


def test_the_lowest_list_of_crawlers_is_the_first_with_classes() -> None:
    assert LOWEST["crawler-user-agents"] == FIRST_WITH_CLASSES
    tags = [set(entry.get("tags", [])) for entry in entries()]
    assert sum(map(bool, tags)) > 0.99 * len(tags)
    assert set(bots._GENERAL_CLASSES) | {"search-engine", "ai-crawler", "monitoring", "scanner", "seo"} <= set().union(*tags)  # noqa: SLF001


@pytest.mark.parametrize("name", LOWEST)
def test_what_is_installed_meets_the_lowest_versions(name: str) -> None:
    assert numbers(version(name)) >= numbers(LOWEST[name])


@pytest.mark.slow
def test_the_lowest_versions_pass_the_golden_tests(tmp_path: Path) -> None:
    """Install the lowest version of each dependency, which needs a package index, and run the golden tests with them."""
    python = tmp_path / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    pins = [f"{name}=={lowest}" for name, lowest in LOWEST.items()]
    subprocess.run([python, "-m", "pip", "install", "-q", *pins, *PROJECT["optional-dependencies"]["test"]], check=True)
    tests = ["tests/outputs/test_golden.py", "tests/program/test_by_hand.py", "tests/traffic/test_bots.py"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "COV"))}
    run = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    version_of_list = [python, "-c", f"from importlib.metadata import version; print(version('{bots.CRAWLER_LIST}'))"]
    assert subprocess.run(version_of_list, capture_output=True, text=True, check=True).stdout.startswith(f"{FIRST_WITH_CLASSES}.")


def test_the_extra_for_old_processors_is_documented() -> None:
    """Without the instructions of newer processors, Polars cannot even be imported, so convkit cannot say so itself."""
    assert "polars[rtcompat]>=2,<3" in PROJECT["optional-dependencies"]["compat"]
    assert "'.[compat]'" in (ROOT / "README.md").read_text(encoding="utf-8")
