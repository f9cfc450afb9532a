"""`-o` and `-f`: the extension decides, `-f` overrides it, a directory gets one file per report, and mistakes are reported before a log is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convkit.cli.deliver import Destination, destination
from convkit.core import plugins
from convkit.errors import OutputError, UsageError

EXTENSIONS = {
    "csv": "csv",
    "tsv": "tsv",
    "json": "json",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "md": "markdown",
    "parquet": "parquet",
    "txt": "table",
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", [None, "-"])
def test_standard_output_gets_a_table_by_default(path: str | None) -> None:
    assert destination(path, None) == Destination("table", None)
    assert destination(path, "json") == Destination("json", None)


@pytest.mark.parametrize(("extension", "output"), EXTENSIONS.items())
def test_the_extension_decides_unless_f_is_given(extension: str, output: str) -> None:
    assert destination(f"made.{extension}", None) == Destination(output, f"made.{extension}")
    assert destination(f"MADE.{extension.upper()}", None).output == output
    assert destination(f"made.{extension}", "json").output == "json"


def test_every_output_has_an_extension() -> None:
    extensions = {output: destination("new/", output).file_of("goals").rpartition(".")[2] for output in plugins.names("outputs")}
    assert {destination(f"made.{extension}", None).output for extension in extensions.values()} == set(extensions) >= set(EXTENSIONS.values())


@pytest.mark.parametrize("path", ["made", "made.xls", "made.csv.gz", ".csv", "made."])
def test_an_unknown_extension_needs_f(path: str) -> None:
    with pytest.raises(UsageError) as raised:
        destination(path, None)
    assert all(f".{extension}" in str(raised.value) for extension in EXTENSIONS)
    assert destination(path, "csv") == Destination("csv", path)


def test_directories_get_one_file_per_report() -> None:
    Path("folder.csv").mkdir()
    assert destination("new/", None) == Destination("csv", "new/", is_folder=True)
    assert destination("folder.csv", None) == Destination("csv", "folder.csv", is_folder=True)
    assert destination("new/", None).file_of("drop-off") == "new/drop-off.csv"
    assert destination("folder.csv", "markdown").file_of("goals") == "folder.csv/goals.md"
    assert destination("new/", "table").file_of("goals") == "new/goals.txt"
    assert not Path("new").exists()


def test_pipes_and_devices_get_a_table() -> None:
    os.mkfifo("named.csv")
    for path in ("named.csv", os.devnull, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        assert destination(path, None) == Destination("table", path)


def test_an_impossible_destination_is_an_error() -> None:
    with pytest.raises(UsageError, match="-o is empty"):
        destination("", None)
    with pytest.raises(OutputError, match="create the directory first"):
        destination("missing/made.csv", None)
