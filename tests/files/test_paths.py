"""Paths become logs: files, directories, globs, standard input, pipes; errors name the reason."""

from __future__ import annotations

import gzip
import io
import sys
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import fates, figures, line, written

import convkit
from convkit.errors import ExitCode, InputError, UsageError
from convkit.ingest.logs import open_logs

if TYPE_CHECKING:
    from pathlib import Path

LINES = [line("GET /"), line("GET /cart", 10), line("GET /style.css", 20)]


def names(*paths: Path | str) -> list[str]:
    """Return the names of the logs that paths stand for."""
    with ExitStack() as stack:
        return [log.source.name for log in open_logs(paths, "auto", stack).logs]


def numbers(document: dict[str, Any]) -> dict[str, Any]:
    """Return all figures of a report, leaving out the names of logs and files."""
    return {"input": fates(document), **{name: document[name] for name in ("period", "reports")}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two logs, one of them compressed, and other files."""
    place = tmp_path / "logs"
    (place / "deeper").mkdir(parents=True)
    written(place / "deeper" / "access.log", LINES)
    written(place / "b.log", LINES)
    written(place / ".hidden", LINES)
    (place / "a.log.gz").write_bytes(gzip.compress("\n".join(LINES[1:]).encode()))
    return place


def test_a_directory_stands_for_its_regular_files(folder: Path) -> None:
    assert names(folder) == ["a.log.gz", "b.log"]


def test_a_glob_stands_for_the_files_that_it_matches(folder: Path) -> None:
    assert names(folder / "*.log") == ["b.log"]
    assert names(folder / "*") == ["a.log.gz", "b.log"]
    assert names(folder / "**" / "access.log") == ["access.log"]


def test_a_file_name_that_looks_like_a_glob_stands_for_the_file(tmp_path: Path) -> None:
    odd_names = ["access[1].log", "a*b.log", "what?.log", "-x.log", "with blank.log", "new\nline.log"]
    for name in odd_names:
        written(tmp_path / name, LINES)
    assert [names(tmp_path / name) for name in odd_names] == [[name] for name in odd_names]
    assert figures(tmp_path / "access[1].log")["input"]["kept"] == 2


def test_a_file_that_is_named_twice_is_read_once(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.log"
    link.symlink_to(folder / "b.log")
    assert names(folder / "b.log", folder / "*.log", folder / "deeper" / ".." / "b.log", link) == ["b.log"]
    assert figures(folder / "b.log", link)["input"]["lines"] == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.log", "missing.log cannot be read: No such file or directory"),
        ("*.none", "no file matches .*; check the pattern"),
        ("empty", "empty contains no files, and its subdirectories are not searched"),
    ],
)
def test_paths_without_a_log_exit_with_code_3(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(InputError, match=message) as raised:
        names(tmp_path / path)
    assert raised.value.exit_code == ExitCode.INPUT


def test_standard_input_is_one_log_among_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path / "access.log", LINES)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\n".join(LINES[::-1]).encode())))
    assert figures("-", log)["input"]["lines"] == 6
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(log.read_bytes())))
    from_stdin = figures("-")
    assert from_stdin["logs"] == ["standard input"]
    assert numbers(from_stdin) == numbers(figures(log))
    with pytest.raises(UsageError, match="can be read only once"):
        figures("-", "-")


def test_a_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        figures("-")


def test_a_missing_log_among_good_ones_is_found_before_work_starts(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", LINES)
    with pytest.raises(InputError, match=r"gone\.log"):
        figures(log, tmp_path / "gone.log")


def test_a_single_path_need_not_be_in_a_list(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line("GET /a")])
    goals = convkit.load_goals()
    for path in (log, str(log)):
        assert convkit.read_records(path).collect().equals(convkit.read_records([path]).collect())
        assert convkit.read_hits(path, goals=goals).collect().height == 1
        assert runs.analysis(path, goals).analysis.sessions.collect().height == 1
        assert runs.document(path, ["overview"], goals).reports["overview"].frame["sessions"].to_list() == [1]
