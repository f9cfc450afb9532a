"""Files are written whole or not at all: permissions, links, strangers' links, directories, full disks, and what is said of them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from convkit.core import temporary, writing
from convkit.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGER, ANOTHER = 12_345, 12_346
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
not_as_root = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_the_permissions_of_an_old_file_are_kept(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "made.csv"
    file.write_bytes(b"old")
    file.chmod(mode)
    writing.write_file(str(file), b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == ["made.csv"]


@as_root
def test_the_owner_of_an_old_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "made.csv"
    file.touch()
    os.chown(file, STRANGER, ANOTHER)
    writing.write_file(str(file), b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (STRANGER, ANOTHER)


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "made.csv").write_bytes(b"old")
    (tmp_path / "inner" / "second").symlink_to("../inner/made.csv")
    (tmp_path / "folder").symlink_to("inner")
    (tmp_path / "first").symlink_to(tmp_path / "folder" / "second")
    writing.write_file(str(tmp_path / "first"), b"new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "inner" / "second").is_symlink()
    assert (tmp_path / "inner" / "made.csv").read_bytes() == b"new"


def test_a_link_to_nothing_makes_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("made.csv")
    writing.write_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "made.csv").read_bytes() == b"new"


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OutputError, match="Too many levels"):
        writing.write_file(str(tmp_path / "one"), b"new")


@as_root
@pytest.mark.parametrize("write", [lambda path: writing.write_file(path, b"new"), writing.check_file])
@pytest.mark.parametrize("asked", ["link", "folder/made.csv"])
def test_a_stranger_s_link_where_everybody_writes_is_not_followed(asked: str, write: Callable[[str], None], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (tmp_path / "made.csv").write_bytes(b"old")
    for name, target in {"link": "../made.csv", "folder": ".."}.items():
        (shared / name).symlink_to(target)
        os.chown(shared / name, STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(OutputError, match="somebody else laid"):
        write(str(shared / asked))
    assert (tmp_path / "made.csv").read_bytes() == b"old"
    shared.chmod(0o755)
    write(str(shared / asked))


@pytest.mark.parametrize(
    ("mode", "link", "folder", "foreign"),
    [(0o1777, 2, 1, True), (0o777, 2, 1, True), (0o755, 2, 1, False), (0o1777, 1, 1, False), (0o1777, 3, 1, False), (0o775, 2, 1, False)],
)
def test_whose_links_are_foreign(mode: int, link: int, folder: int, *, foreign: bool) -> None:
    """The user is 3, and the rule that of Linux's `protected_symlinks`."""
    made: list[Any] = [SimpleNamespace(st_uid=link), SimpleNamespace(st_uid=folder, st_mode=stat.S_IFDIR | mode)]
    assert writing.is_foreign(*made, 3) == foreign


PLACES = {
    "missing/made.csv": "No such file or directory; make the directory first",
    "file/made.csv": "Not a directory; name a file in a directory that is there",
    "folder": "Is a directory; name a file in it",
    "x" * 300: "File name too long; name a shorter one",
}


@pytest.mark.parametrize("write", [lambda path: writing.write_file(path, b"new"), writing.check_file])
@pytest.mark.parametrize(("place", "words"), PLACES.items(), ids=[text[:10] for text in PLACES])
def test_what_cannot_be_written_is_said_with_the_fix(place: str, words: str, write: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError) as told:
        write(str(tmp_path / place))
    assert str(told.value).startswith(f"{tmp_path / place} cannot be written: {words}")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_name_cannot_pretend_to_be_a_line() -> None:
    with pytest.raises(OutputError) as told:
        writing.write_file("missing\nconvkit: all is well\x1b/made.csv", b"new")
    assert str(told.value).startswith("missing␊convkit: all is well␛/made.csv cannot be written: ")


def test_a_folder_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        writing.make_folder(f"{tmp_path}/file/made/")


@pytest.mark.parametrize("write", [lambda path: writing.write_file(path, b"new"), writing.check_file])
def test_what_may_not_be_written_is_left_alone(write: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made.csv").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="Permission denied; name another place with -o"):
        write(str(tmp_path / "made.csv"))
    assert (tmp_path / "made.csv").read_bytes() == b"old"


@not_as_root
def test_a_directory_that_is_closed_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        writing.write_file(str(tmp_path / "made.csv"), b"new")


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_whatever_fails_the_old_file_is_untouched(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made.csv").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((temporary, "keep_as") if step == "replace" else (os, step)), full)
    with pytest.raises(OutputError, match=r"made\.csv cannot be written: No space left on device; free some space"):
        writing.write_file(str(tmp_path / "made.csv"), b"new")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"made.csv": b"old"}


def test_all_of_a_long_text_is_written_though_a_write_takes_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, rest: whole(descriptor, rest[:7]))
    writing.write_file(str(tmp_path / "made"), bytes(range(200)))
    assert (tmp_path / "made").read_bytes() == bytes(range(200))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_errors_of_polars_are_told_by_their_text() -> None:
    """Their number is missing."""
    with pytest.raises(OSError, match="os error 28") as found:
        pl.DataFrame({"a": range(1_000_000)}).write_csv("/dev/full")
    assert found.value.errno is None
    assert writing.number_of(found.value) == errno.ENOSPC
    told = writing.no_room(found.value)
    assert told is not None
    assert "No space left on device; free some space, or set TMPDIR" in str(told)


def test_other_errors_are_no_full_disks() -> None:
    assert writing.no_room(OSError("something else")) is None
    assert writing.no_room(FileNotFoundError(errno.ENOENT, "No such file", "name")) is None
    assert str(writing.no_room(OSError(errno.EDQUOT, "quota", "/there/file"))).startswith("/there/file cannot be written: ")
