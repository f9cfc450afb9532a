"""The environment that a run relies on: what would change figures is taken out, what says how much of the machine to use stays."""

from __future__ import annotations

import os
import warnings

import pytest

from convkit.cli import process


@pytest.mark.parametrize("name", ["MAX_THREADS", "TEMP_DIR", "OOC_MEMORY_BUDGET_MB", "SKIP_CPU_CHECK"])
def test_what_the_user_says_of_the_machine_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"POLARS_{name}", "2")
    process.set_environment()
    assert os.environ[f"POLARS_{name}"] == "2"


@pytest.mark.parametrize("name", ["ENGINE_AFFINITY", "FMT_MAX_ROWS", "VERBOSE", "PANIC_ON_ERR", "REGEX_SIZE_LIMIT", "NOT_KNOWN_YET"])
def test_whatever_else_polars_reads_is_taken_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"POLARS_{name}", "1")
    monkeypatch.setenv(f"NOT_POLARS_{name}", "1")
    process.set_environment()
    assert f"POLARS_{name}" not in os.environ
    assert f"NOT_POLARS_{name}" in os.environ


@pytest.mark.parametrize(("size", "kept"), [("80", True), ("", False), ("²", False), ("wide", False)])
def test_sizes_that_are_no_numbers_are_taken_out(size: str, *, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", size)
    process.set_environment()
    assert ("COLUMNS" in os.environ) == kept


def test_warnings_of_libraries_are_not_made_errors_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setenv("PYTHONWARNINGS", "error")
        process.set_environment()
        warnings.warn("a library's", DeprecationWarning, stacklevel=1)


def test_other_filters_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    process.set_environment()
    with pytest.raises(DeprecationWarning):
        warnings.warn("a library's", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize("said", [None, "narenas:7"])
def test_pools_of_memory_are_as_many_as_cores_unless_somebody_says_otherwise(said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "_RJEM_MALLOC_CONF"
    if said:
        monkeypatch.setenv(name, said)
    else:
        monkeypatch.setenv(name, "")  # What it was is put back afterwards.
        monkeypatch.delenv(name)
    process.set_environment()
    assert os.environ[name] == (said or f"narenas:{os.cpu_count()}")
