"""Temporary files: private, named before they are there, gone afterwards whatever happens, and none is made once the program ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from as_program import environment

from convkit.core import temporary

ENDED = """
import sys, threading
from pathlib import Path
from convkit.core import temporary
folder = Path(sys.argv[1])
with temporary.file(folder) as first:
    temporary.remove_all()
    assert list(folder.iterdir()) == []
    late = threading.Thread(target=lambda: temporary.file(folder).__enter__(), daemon=True)
    late.start()
    late.join(0.3)
    assert late.is_alive(), "a file was made after the last was removed"
    assert list(folder.iterdir()) == []
"""


def test_a_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with temporary.file(tmp_path) as made:
            assert Path(made.name).stat().st_mode & 0o777 == 0o600
            made.write(b"text")
            made.seek(0)
            assert made.read() == b"text"
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_gone_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), temporary.file(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_be_kept_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    with temporary.file(tmp_path) as made:
        made.write(b"new")
        made.flush()
        temporary.keep_as(Path(made.name), tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"new"


def test_no_folder_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), temporary.file(tmp_path / "missing"):
        pass


def test_after_the_last_is_removed_none_is_made(tmp_path: Path) -> None:
    """In a process of its own, which may make none afterwards."""
    done = subprocess.run([sys.executable, "-c", ENDED, str(tmp_path)], env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
