"""Files are written atomically, with permissions, links and full disks in mind; temporary files are private and never left behind."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from as_program import environment
from ordinary_user import needs_an_ordinary_user, needs_privileges

from convkit.core import filesystem
from convkit.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGER, ANOTHER = 12_345, 12_346


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_the_permissions_of_an_old_file_are_kept(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "made.csv"
    file.write_bytes(b"old")
    file.chmod(mode)
    filesystem.write_file(str(file), b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == ["made.csv"]


@needs_privileges
def test_the_owner_of_an_old_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "made.csv"
    file.touch()
    os.chown(file, STRANGER, ANOTHER)
    filesystem.write_file(str(file), b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (STRANGER, ANOTHER)


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "made.csv").write_bytes(b"old")
    (tmp_path / "inner" / "second").symlink_to("../inner/made.csv")
    (tmp_path / "folder").symlink_to("inner")
    (tmp_path / "first").symlink_to(tmp_path / "folder" / "second")
    filesystem.write_file(str(tmp_path / "first"), b"new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "inner" / "second").is_symlink()
    assert (tmp_path / "inner" / "made.csv").read_bytes() == b"new"


def test_a_dangling_link_creates_its_target(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("made.csv")
    filesystem.write_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "made.csv").read_bytes() == b"new"


def test_a_cycle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OutputError, match="Too many levels"):
        filesystem.write_file(str(tmp_path / "one"), b"new")


@needs_privileges
@pytest.mark.parametrize("write", [lambda path: filesystem.write_file(path, b"new"), filesystem.check_writable])
@pytest.mark.parametrize("place", ["link", "folder/made.csv"])
def test_another_user_s_link_in_a_shared_directory_is_not_followed(place: str, write: Callable[[str], None], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (tmp_path / "made.csv").write_bytes(b"old")
    for name, target in {"link": "../made.csv", "folder": ".."}.items():
        (shared / name).symlink_to(target)
        os.chown(shared / name, STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(OutputError, match="created by another user"):
        write(str(shared / place))
    assert (tmp_path / "made.csv").read_bytes() == b"old"
    shared.chmod(0o755)
    write(str(shared / place))


@pytest.mark.parametrize(
    ("mode", "link", "folder", "foreign"),
    [(0o1777, 2, 1, True), (0o777, 2, 1, True), (0o755, 2, 1, False), (0o1777, 1, 1, False), (0o1777, 3, 1, False), (0o775, 2, 1, False)],
)
def test_which_links_are_foreign(mode: int, link: int, folder: int, *, foreign: bool) -> None:
    """The user has ID 3; the rule is that of `protected_symlinks` in Linux."""
    stats: list[Any] = [SimpleNamespace(st_uid=link), SimpleNamespace(st_uid=folder, st_mode=stat.S_IFDIR | mode)]
    assert filesystem.is_foreign_link(*stats, 3) == foreign


PLACES = {
    "missing/made.csv": "No such file or directory; create the directory first",
    "file/made.csv": "Not a directory; choose a file in an existing directory",
    "folder": "Is a directory; choose a file in it",
    "x" * 300: "File name too long; choose a shorter name",
}


@pytest.mark.parametrize("write", [lambda path: filesystem.write_file(path, b"new"), filesystem.check_writable])
@pytest.mark.parametrize(("place", "words"), PLACES.items(), ids=[text[:10] for text in PLACES])
def test_an_unwritable_path_is_reported_with_the_fix(place: str, words: str, write: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError) as raised:
        write(str(tmp_path / place))
    assert str(raised.value).startswith(f"{tmp_path / place} cannot be written: {words}")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_file_name_cannot_imitate_a_message() -> None:
    with pytest.raises(OutputError) as raised:
        filesystem.write_file("missing\nconvkit: all is well\x1b/made.csv", b"new")
    assert str(raised.value).startswith("missing␊convkit: all is well␛/made.csv cannot be written: ")


def test_a_folder_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        filesystem.make_folder(f"{tmp_path}/file/made/")


@pytest.mark.parametrize("write", [lambda path: filesystem.write_file(path, b"new"), filesystem.check_writable])
def test_a_write_protected_file_is_left_alone(write: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made.csv").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=r"Permission denied; choose another place$"):
        write(str(tmp_path / "made.csv"))
    assert (tmp_path / "made.csv").read_bytes() == b"old"


@needs_an_ordinary_user
def test_a_read_only_directory_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        filesystem.write_file(str(tmp_path / "made.csv"), b"new")


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_whichever_step_fails_the_old_file_is_unchanged(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made.csv").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((filesystem, "keep_temporary_file") if step == "replace" else (os, step)), full)
    with pytest.raises(OutputError, match=r"made\.csv cannot be written: No space left on device; free some space"):
        filesystem.write_file(str(tmp_path / "made.csv"), b"new")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"made.csv": b"old"}


def test_text_is_written_completely_even_if_each_write_takes_only_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, rest: real_write(descriptor, rest[:7]))
    filesystem.write_file(str(tmp_path / "made"), bytes(range(200)))
    assert (tmp_path / "made").read_bytes() == bytes(range(200))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_polars_disk_errors_are_recognised_by_their_message() -> None:
    """They have no error number."""
    with pytest.raises(OSError, match="os error 28") as raised:
        pl.DataFrame({"a": range(1_000_000)}).write_csv("/dev/full")
    assert raised.value.errno is None
    assert filesystem.error_number(raised.value) == errno.ENOSPC
    error = filesystem.disk_full_error(raised.value)
    assert error is not None
    assert "No space left on device; free some space, or set TMPDIR" in str(error)


def test_other_errors_are_not_full_disks() -> None:
    assert filesystem.disk_full_error(OSError("something else")) is None
    assert filesystem.disk_full_error(FileNotFoundError(errno.ENOENT, "No such file", "name")) is None
    assert str(filesystem.disk_full_error(OSError(errno.EDQUOT, "quota", "/there/file"))).startswith("/there/file cannot be written: ")


ENDED = """
import sys, threading
from pathlib import Path
from convkit.core import filesystem
folder = Path(sys.argv[1])
with filesystem.temporary_file(folder) as first:
    filesystem.remove_temporary_files()
    assert list(folder.iterdir()) == []
    late = threading.Thread(target=lambda: filesystem.temporary_file(folder).__enter__(), daemon=True)
    late.start()
    late.join(0.3)
    assert late.is_alive(), "a file was made after the last was removed"
    assert list(folder.iterdir()) == []
"""


def test_a_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with filesystem.temporary_file(tmp_path) as file:
            assert Path(file.name).stat().st_mode & 0o777 == 0o600
            file.write(b"text")
            file.seek(0)
            assert file.read() == b"text"
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_gone_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), filesystem.temporary_file(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_be_kept_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    with filesystem.temporary_file(tmp_path) as file:
        file.write(b"new")
        file.flush()
        filesystem.keep_temporary_file(Path(file.name), tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"new"


def test_a_missing_folder_is_a_system_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), filesystem.temporary_file(tmp_path / "missing"):
        pass


def test_no_file_is_created_after_the_final_cleanup(tmp_path: Path) -> None:
    """The check runs in a separate process, because a process cannot create temporary files after its cleanup."""
    process = subprocess.run([sys.executable, "-c", ENDED, str(tmp_path)], env=environment(), capture_output=True, check=False)
    assert (process.returncode, process.stderr) == (0, b"")
