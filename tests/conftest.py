"""Settings of all tests: the Hypothesis profile, one process for the tests of a file, and one key for the ids of visitors.

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
        # It would begin with the files that hold most tests, not with those that take longest. In the order of the folders, short files come last.
        config.option.loadscopereorder = False


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
