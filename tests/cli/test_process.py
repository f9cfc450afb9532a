"""The environment of a run: variables that would change results are removed, those that limit resources are kept."""

from __future__ import annotations

import os
import warnings

import pytest

from convkit.cli import process


@pytest.mark.parametrize("name", ["MAX_THREADS", "TEMP_DIR", "OOC_MEMORY_BUDGET_MB", "SKIP_CPU_CHECK"])
def test_variables_that_limit_resources_are_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"POLARS_{name}", "2")
    process.set_environment()
    assert os.environ[f"POLARS_{name}"] == "2"


@pytest.mark.parametrize("name", ["ENGINE_AFFINITY", "FMT_MAX_ROWS", "VERBOSE", "PANIC_ON_ERR", "REGEX_SIZE_LIMIT", "NOT_KNOWN_YET"])
def test_other_polars_variables_are_removed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"POLARS_{name}", "1")
    monkeypatch.setenv(f"NOT_POLARS_{name}", "1")
    process.set_environment()
    assert f"POLARS_{name}" not in os.environ
    assert f"NOT_POLARS_{name}" in os.environ


@pytest.mark.parametrize(("size", "kept"), [("80", True), ("", False), ("²", False), ("wide", False)])
def test_sizes_that_are_not_numbers_are_removed(size: str, *, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", size)
    process.set_environment()
    assert ("COLUMNS" in os.environ) == kept


def test_no_variable_turns_library_warnings_into_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setenv("PYTHONWARNINGS", "error")
        process.set_environment()
        warnings.warn("a library's", DeprecationWarning, stacklevel=1)


def test_other_warning_filters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    process.set_environment()
    with pytest.raises(DeprecationWarning):
        warnings.warn("a library's", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize("value", [None, "narenas:7"])
def test_there_is_one_memory_pool_per_core_by_default(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "_RJEM_MALLOC_CONF"
    if value:
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.setenv(name, "")  # So that its value is restored afterwards.
        monkeypatch.delenv(name)
    process.set_environment()
    assert os.environ[name] == (value or f"narenas:{os.cpu_count()}")
