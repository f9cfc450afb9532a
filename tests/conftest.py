"""Settings for all tests: the Hypothesis profile, one process per test file, and a fixed key for visitor IDs.

No test reads or writes the key file of the user who runs it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import profiles
import pytest

from convkit.authoring import suggest
from convkit.cli import main
from convkit.engine.memory import BASE, MemoryBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

os.environ["CONVKIT_KEY"] = "a key for tests"
profiles.load()

if "CONVKIT_IN_PARTS" in os.environ:
    # `CONVKIT_IN_PARTS=1 pytest` runs the whole suite as if logs did not fit into memory.
    MemoryBudget.of = classmethod(lambda cls, _: cls(BASE + 20_000))  # type: ignore[method-assign, assignment]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep the tests of a file in one process, so that the data they share is created only once."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadfile"
        # The default order starts with the files that have the most tests, not with the slowest ones. In folder order, short files come last.
        config.option.loadscopereorder = False
        # Processes that share the cores would only wait for each other's threads. `test_invariance` runs with 1, 2 and 7 threads.
        os.environ.setdefault("POLARS_MAX_THREADS", str(max((os.cpu_count() or 1) // config.option.numprocesses, 1)))


@pytest.fixture
def suggested_goals() -> None:
    """Let runs without a goals file use the goals that the logs suggest, as they do outside tests; `convkit_command` then takes twice the time."""


@pytest.fixture
def convkit_command(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line: arguments -> exit code, standard output, standard error.

    Without a goals file, the goals are the built-in ones, unless the test asks for `suggested_goals`.
    """
    if "suggested_goals" not in request.fixturenames:
        monkeypatch.setattr(suggest, "_with_suggested", lambda _, options, __: options)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["convkit", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.main()
        output = capfd.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return run
