"""Settings of all tests: the Hypothesis profile, the order of the files, and one key for the ids of visitors.

No test writes or reads the key file of the person who runs it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import profiles
import pytest

from convkit.cli import main
from convkit.engine.memory import BASE, MemoryBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

LONGEST = ("test_against_model", "test_manners", "test_docs", "test_tally_contract", "test_exports", "test_parquet", "test_presets", "test_strict")
os.environ["CONVKIT_KEY"] = "a key for tests"
profiles.load()

if "CONVKIT_IN_PARTS" in os.environ:
    # The whole suite holds for logs that do not fit into memory, too: `CONVKIT_IN_PARTS=1 pytest`.
    MemoryBudget.of = classmethod(lambda cls, _: cls(BASE + 20_000))  # type: ignore[method-assign, assignment]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep the tests of a file in one process: what several of them look at is made once."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadfile"
        # It would begin with the files of most tests, and end waiting for the longest ones.
        config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture
def convkit_command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return what runs the command line: arguments -> exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["convkit", *arguments])
        with pytest.raises(SystemExit) as finished:
            main.main()
        said = capfd.readouterr()
        return int(finished.value.code or 0), said.out, said.err

    return run
