"""`-o` and `-f`: the ending decides, `-f` wins, a directory gets a file a report, and mistakes are told before a log is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convkit.cli.deliver import Destination, destination, refuse_inputs
from convkit.core import plugins
from convkit.errors import OutputError, UsageError

ENDINGS = {"csv": "csv", "tsv": "tsv", "json": "json", "ndjson": "ndjson", "jsonl": "ndjson", "md": "markdown", "parquet": "parquet", "txt": "table"}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty directory."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", [None, "-"])
def test_standard_output_takes_a_table_unless_told(path: str | None) -> None:
    assert destination(path, None) == Destination("table", None)
    assert destination(path, "json") == Destination("json", None)


@pytest.mark.parametrize(("ending", "output"), ENDINGS.items())
def test_the_ending_decides_and_f_wins(ending: str, output: str) -> None:
    assert destination(f"made.{ending}", None) == Destination(output, f"made.{ending}")
    assert destination(f"MADE.{ending.upper()}", None).output == output
    assert destination(f"made.{ending}", "json").output == "json"


def test_every_output_has_an_ending() -> None:
    assert set(ENDINGS.values()) == set(plugins.names("outputs"))


@pytest.mark.parametrize("path", ["made", "made.xls", "made.csv.gz", ".csv", "made."])
def test_an_unknown_ending_wants_f(path: str) -> None:
    with pytest.raises(UsageError) as told:
        destination(path, None)
    assert all(f".{ending}" in str(told.value) for ending in ENDINGS)
    assert destination(path, "csv") == Destination("csv", path)


def test_directories_get_a_file_a_report() -> None:
    Path("there.csv").mkdir()
    assert destination("new/", None) == Destination("csv", "new/", is_folder=True)
    assert destination("there.csv", None) == Destination("csv", "there.csv", is_folder=True)
    assert destination("new/", None).file_of("drop-off") == "new/drop-off.csv"
    assert destination("there.csv", "markdown").file_of("goals") == "there.csv/goals.md"
    assert destination("new/", "table").file_of("goals") == "new/goals.txt"
    assert not Path("new").exists()


def test_pipes_and_devices_take_what_a_screen_would() -> None:
    os.mkfifo("named.csv")
    for path in ("named.csv", os.devnull, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        assert destination(path, None) == Destination("table", path)


def test_no_place_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="-o is empty"):
        destination("", None)
    with pytest.raises(OutputError, match="create the directory first"):
        destination("missing/made.csv", None)


def test_what_is_read_is_not_written_over() -> None:
    Path("access.log").touch()
    Path("link").symlink_to("access.log")
    Path("other.csv").touch()
    for path in ("access.log", "./access.log", "link"):
        with pytest.raises(UsageError, match="is one of the files to read"):
            refuse_inputs(path, ["other.log", "access.log", None])
    refuse_inputs("other.csv", ["access.log", "missing.log", "-", None])
    refuse_inputs(None, ["access.log"])
