"""Archives, damaged ones included, and files that are no logs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sqlite3
import tarfile
import zipfile
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import line

from convkit import api
from convkit.errors import InputError
from convkit.files import archives, kinds, lines, unpacking

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ROWS = {
    "F15": "test_a_zip_with_any_byte_of_its_directory_changed_is_read_or_refused",
    "F18": "test_packed_tar_archives_are_refused",
    "F27": "test_a_log_of_which_nothing_can_be_read_is_told",
    "F32": "test_an_empty_zip_is_an_archive_without_files",
    "F37": "test_binary_files_are_named",
    "A20": "test_utf_16_without_a_mark_is_read",
    "A24": "tests/files/test_unpacking.py",
    "A25": "test_packed_tar_archives_are_refused",
}

LINES = [line(f"GET /p/{n}", n * 9, who=f"198.51.100.{n % 50} - -") for n in range(300)]
TEXT = "".join(f"{text}\n" for text in LINES).encode()
GOALS = "micro: {a: /p/1}"


def zipped(members: list[tuple[str, bytes]]) -> bytes:
    """Return a zip archive; members may have equal names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            # The module warns if two names are equal.
            archive.NameToInfo.clear()
            archive.writestr(zipfile.ZipInfo(name, (2026, 10, 10, 12, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tarred(*names: str) -> bytes:
    """Return a tar archive with the log under each name."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            archive.addfile(info, io.BytesIO(TEXT))
    return file.getvalue()


def zstd(folder: Path, content: bytes) -> bytes:
    """Return bytes packed with zstd; lines of the content are separated by newlines."""
    path = folder / "packed.zst"
    frame = pl.DataFrame({"line": content.decode("latin-1").removesuffix("\n").split("\n")})
    frame.write_csv(path, include_header=False, quote_style="never", compression="zstd", check_extension=False)
    return path.read_bytes()


def parquet() -> bytes:
    """Return an export as Parquet."""
    file = io.BytesIO()
    pl.DataFrame({"time": ["2026-10-10T12:00:00Z"] * 9, "event": ["buy"] * 9, "user_id": [f"u{n}" for n in range(9)]}).write_parquet(file)
    return file.getvalue()


def counted(path: Path) -> int:
    """Return how many lines of a log were kept."""
    return api.report([path], ["overview"]).input["kept"]


def refused(convkit_command: Run, path: Path, content: bytes) -> str:
    """Write a file and return the error with which it is refused."""
    path.write_bytes(content)
    code, out, err = convkit_command("overview", str(path))
    assert (code, out) == (3, ""), err
    assert err.count("\n") == 1, err
    return err.removeprefix("convkit: error: ").strip()


def check(folder: Path, content: bytes, name: str = "a.log") -> None:
    """Check that a file is read, with fates that add up, or refused as input."""
    path = folder / name
    path.write_bytes(content)
    try:
        fates = dict(api.report([path], ["overview"]).input)
    except InputError:
        return
    assert fates.pop("lines") == sum(fates.values())


def test_a_zip_with_any_byte_of_its_directory_changed_is_read_or_refused(tmp_path: Path) -> None:
    whole = zipped([("a.log", TEXT[:2000]), ("b.log", TEXT[2000:4000])])
    end, directory = whole.rindex(b"PK\5\6"), whole.index(b"PK\1\2")
    for place in range(directory, len(whole)):
        for value in (0xFF, 0x01):
            read_or_refused(tmp_path, whole[:place] + bytes([whole[place] ^ value]) + whole[place + 1 :])
    for place in range(end + 16, end + 20):
        check(tmp_path, whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])


def read_or_refused(folder: Path, content: bytes) -> None:
    """Check that the logs in an archive can be opened and read up to any damage, or are refused."""
    path = folder / "a.zip"
    path.write_bytes(content)
    with suppress(InputError):
        for log in archives.logs_in(lines.open_source(path, "a.zip")):
            assert sum(map(len, unpacking.unpacked_bytes(log, []))) <= len(TEXT)


def test_members_of_one_name_are_logs_of_their_own(tmp_path: Path) -> None:
    half = TEXT.index(LINES[150].encode())
    path = tmp_path / "logs.zip"
    path.write_bytes(zipped([("access.log", TEXT[:half]), ("access.log", TEXT[half:])]))
    assert counted(path) == len(LINES)
    path.write_bytes(zipped([("access.log", TEXT), ("access.log", TEXT)]))
    result = api.report([path], ["overview"])
    assert result.input["kept"] == len(LINES)
    assert [text for text in result.warnings if "already contains all of its lines" in text]


def test_a_member_without_a_name_is_damage(convkit_command: Run, tmp_path: Path) -> None:
    archive = bytearray(zipped([("a", TEXT)]))
    directory = archive.index(b"PK\1\2")
    archive[directory + 28 : directory + 32] = b"\0\0\1\0"
    error = refused(convkit_command, tmp_path / "a.zip", bytes(archive))
    assert error == "a.zip is a damaged zip archive; copy it again, or extract what you can with unzip"


TARS = {"gz": gzip.compress, "bz2": bz2.compress, "log": gzip.compress}


@pytest.mark.parametrize("ending", TARS)
def test_packed_tar_archives_are_refused(convkit_command: Run, tmp_path: Path, ending: str) -> None:
    name = f"logs.tar.{ending}"
    error = refused(convkit_command, tmp_path / name, TARS[ending](tarred("access.log", "access.log.1")))
    assert error == f"{name}, once unpacked, is a tar archive, which is not supported; extract it first with tar -xf"


def test_tar_archives_in_other_archives_are_refused(convkit_command: Run, tmp_path: Path) -> None:
    tar = tarred("access.log")
    for name, content in {
        "a.tar.zst": zstd(tmp_path, tar),
        "a.zip": zipped([("logs", tar)]),
        "b.zip": zipped([("logs.tgz", gzip.compress(tar))]),
        "c.zip": zipped([("access.log", TEXT), ("old", tar)]),
    }.items():
        assert "once unpacked, is a tar archive" in refused(convkit_command, tmp_path / name, content), name
    assert "is a tar archive, which is not supported; extract it first with tar -xf" in refused(convkit_command, tmp_path / "a.tar", tar)


def test_packed_files_in_packed_files_are_refused(convkit_command: Run, tmp_path: Path) -> None:
    for name, content, inside in (
        ("a.zip.gz", gzip.compress(zipped([("a.log", TEXT)])), "zip"),
        ("a.gz.gz", gzip.compress(gzip.compress(TEXT)), "gzip"),
        ("a.zip", zipped([("b", zipped([("a.log", TEXT)]))]), "zip"),
        ("a.parquet.gz", gzip.compress(parquet()), "parquet"),
        ("b.zip", zipped([("events", parquet())]), "parquet"),
    ):
        assert f"contains a file of type {inside}, which cannot be read in there" in refused(convkit_command, tmp_path / name, content), name
    error = refused(convkit_command, tmp_path / "a.xz.gz", gzip.compress(lzma.compress(TEXT)))
    assert error == "a.xz.gz, once unpacked, is compressed with xz, which is not supported; unpack it first with xz -d"


def test_gzip_within_zip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    path.write_bytes(zipped([("a.log.gz", gzip.compress(TEXT)), ("b.log.bz2", bz2.compress(TEXT.replace(b"198.51.100.", b"203.0.113.")))]))
    assert counted(path) == 2 * len(LINES)


def test_a_log_about_tar_archives_is_read(tmp_path: Path) -> None:
    padded = line("GET /" + "u" * 120 + "/ustar").encode()
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(padded + b"\n" + TEXT))
    assert counted(path) == len(LINES) + 1


DAMAGED = {
    "a.zip": zipped([("a.log", TEXT)]).replace(zipped([("a.log", TEXT)])[35:200], bytes(165)),
    "a.gz": gzip.compress(TEXT)[:10] + bytes(range(256)),
    "a.bz2": bz2.compress(TEXT)[:14] + bytes(200),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_log_of_which_nothing_can_be_read_is_told(convkit_command: Run, tmp_path: Path, name: str) -> None:
    error = refused(convkit_command, tmp_path / name, DAMAGED[name])
    assert error == f"{name} is damaged, and nothing in it could be read; copy it again"


def test_a_member_of_which_nothing_can_be_read_is_told(convkit_command: Run, tmp_path: Path) -> None:
    archive = bytearray(zipped([("a.log", TEXT), ("b.log", TEXT.replace(b"/p/", b"/q/"))]))
    archive[35:300] = bytes(265)
    path = tmp_path / "logs.zip"
    path.write_bytes(archive)
    code, _, err = convkit_command("overview", str(path), "-g", str(goals_file(tmp_path)))
    assert (code, err) == (0, "convkit: warning: logs.zip/a.log is damaged, and nothing in it could be read; copy it again\n")


def test_what_comes_before_the_damage_is_read(convkit_command: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT)[:-600])
    code, _, err = convkit_command("overview", str(path), "-g", str(goals_file(tmp_path)))
    assert (code, "is cut off in the middle of its compressed data" in err) == (0, True)


def goals_file(folder: Path) -> Path:
    """Write a goals file and return its path."""
    path = folder / "goals.yaml"
    path.write_text(GOALS, encoding="utf-8")
    return path


def test_an_empty_zip_is_an_archive_without_files(convkit_command: Run, tmp_path: Path) -> None:
    for content in (zipped([]), zipped([("folder/", b"")]), zipped([("__MACOSX/._a", b"x")])):
        error = refused(convkit_command, tmp_path / "a.zip", content)
        assert error == "a.zip is a zip archive that contains no files; choose one that contains logs"


def sqlite(folder: Path) -> bytes:
    """Return a database."""
    path = folder / "a.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table hits (path text)")
        database.commit()
    return path.read_bytes()


BINARY = bytes(range(256)) * 40
NAMED = {
    "a.log.Z": (b"\x1f\x9d\x90" + BINARY, "is compressed with compress, which is not supported; unpack it first with gzip -d"),
    "a.log.lz4": (b"\x04\x22\x4d\x18" + BINARY, "is compressed with lz4, which is not supported; unpack it first with lz4 -d"),
    "a.log.lz": (b"LZIP\x01" + BINARY, "is compressed with lzip, which is not supported; unpack it first with lzip -d"),
    "a.log.lzma": (lzma.compress(TEXT, format=lzma.FORMAT_ALONE), "is compressed with lzma, which is not supported; unpack it first with xz -d"),
    "a.log.xz": (lzma.compress(TEXT), "is compressed with xz, which is not supported; unpack it first with xz -d"),
    "a.rar": (b"Rar!\x1a\x07\x01\x00" + BINARY, "is a RAR archive, which is not supported; extract it first with unrar x"),
    "a.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + BINARY, "is an Excel workbook or another document of Microsoft Office, which is not"),
    "a.xlsx": (zipped([("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")]), "is an Excel workbook or another document"),
    "a.pdf": (b"%PDF-1.7\n%" + BINARY, "is a PDF document, which is not supported; choose a log that is text"),
    "a.png": (b"\x89PNG\r\n\x1a\n" + BINARY, "is an image, which is not supported"),
    "convkit": (b"\x7fELF\x02\x01\x01" + BINARY, "is a program, which is not supported"),
    "system.journal": (b"LPKSHHRH" + BINARY, "is a journal of systemd, which is not supported; export it with journalctl"),
    "random": (BINARY[100:], "is a binary file, not text; if it is compressed, unpack it first"),
    "returns": (bytes(range(14)) * 900, "is a binary file, not text"),
    "a.br": (bytes(7 * n * n % 251 for n in range(9000)), "is a binary file, not text"),
    "unknown.gz": (gzip.compress(BINARY[100:]), "is a binary file, not text"),
}


@pytest.mark.parametrize("name", NAMED)
def test_binary_files_are_named(convkit_command: Run, tmp_path: Path, name: str) -> None:
    content, what = NAMED[name]
    assert what in refused(convkit_command, tmp_path / name, content)


def test_databases_are_named(convkit_command: Run, tmp_path: Path) -> None:
    assert "is a SQLite database, which is not supported; export its table" in refused(convkit_command, tmp_path / "hits", sqlite(tmp_path))


def test_text_with_bare_returns_is_no_binary_file(convkit_command: Run, tmp_path: Path) -> None:
    error = refused(convkit_command, tmp_path / "mac.log", TEXT.replace(b"\n", b"\r"))
    assert error == "the lines of mac.log end with a bare CR; convert them first with tr '\\r' '\\n'"


def test_text_of_no_format_is_no_binary_file(convkit_command: Run, tmp_path: Path) -> None:
    for content in (
        "Привет, мир\n".encode("cp1251") * 90,
        "Liebe Gäste\n".encode("latin-1") * 90,
        b"\x1b[32mINFO\x1b[0m started\n" * 90,
        b"a\tb\n" * 90,
        "ж ю я\n".encode() * 50,
    ):
        assert "binary" not in refused_with_samples(convkit_command, tmp_path, content)


def refused_with_samples(convkit_command: Run, folder: Path, content: bytes) -> str:
    """Return the error for text of no format, which shows some of its lines."""
    path = folder / "a.txt"
    path.write_bytes(content)
    code, _, err = convkit_command("overview", str(path))
    assert code == 3
    return err


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress, lambda content: zipped([("a.log", content)])], ids=["plain", "gzip", "zip"])
def test_utf_16_without_a_mark_is_read(tmp_path: Path, encoding: str, packed: type[bytes]) -> None:
    text = TEXT.decode().replace("/p/7 ", "/p/ж ")
    path = tmp_path / "a.log"
    path.write_bytes(packed(text.encode(encoding)))
    assert counted(path) == len(LINES)


def test_zero_bytes_before_a_line_are_no_utf_16() -> None:
    for start in (bytes(300), bytes(100) + TEXT, b"a\0b", b"\0" + TEXT, TEXT[:40] + bytes(80), "ж\0".encode() * 90):
        assert lines.packing_of(start) == lines.PLAIN
        assert lines.utf_16_codec(start) == "utf-16"


def test_a_hole_of_zero_bytes_is_no_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(bytes(5000) + TEXT)
    assert counted(path) == len(LINES)
    assert not kinds.is_binary(LINES)


def packed_kinds() -> dict[str, bytes]:
    """Return a small log in each packing."""
    text = TEXT[:3000]
    return {
        "zip": zipped([("a.log", text), ("b.json", b'{"time":"2026-10-10T12:00:00Z","event":"a","user_id":"u"}\n' * 9)]),
        "gz": gzip.compress(text),
        "bz2": bz2.compress(text),
        "members.gz": gzip.compress(text) + gzip.compress(text),
        "parquet": parquet(),
    }


PACKED = packed_kinds()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a packed log with bytes flipped, cut, repeated or overwritten."""
    content = bytearray(PACKED[draw(st.sampled_from(sorted(PACKED)))])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        kind = draw(st.sampled_from(["flip", "cut", "drop", "zero", "repeat"]))
        length = draw(st.integers(1, 40))
        if kind == "flip" and content:
            content[place] ^= draw(st.integers(1, 255))
        elif kind == "cut":
            del content[place:]
        elif kind == "drop":
            del content[place : place + length]
        elif kind == "zero":
            content[place : place + length] = bytes(min(length, len(content) - place))
        else:
            content[place:place] = content[place : place + length]
    return bytes(content)


@share_of_examples(0.2)
@given(content=mutated())
def test_mutated_archives_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    check(tmp_path_factory.getbasetemp(), content, f"{os.getpid()}.log")


@pytest.mark.fuzz
@settings(max_examples=2000, deadline=None)
@given(content=mutated())
def test_many_mutated_archives_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    check(tmp_path_factory.getbasetemp(), content, f"{os.getpid()}.log")


OTHER_FILES = {
    "old.tar": tarred("access.log"),
    "old.tar.gz": gzip.compress(tarred("access.log")),
    "logo.png": b"\x89PNG\r\n\x1a\n...",
    "memory": bytes(range(256)) * 20,
    "more.zip": zipped([("more.log", TEXT[: len(TEXT) // 2].replace(b"/p/", b"/q/")), ("more.gif", b"GIF89a")]),
}


def test_files_in_a_directory_that_are_certainly_no_logs_are_left_out(tmp_path: Path, convkit_command: Run) -> None:
    for name, content in {**OTHER_FILES, "access.log": TEXT}.items():
        (tmp_path / name).write_bytes(content)
    code, out, err = convkit_command("overview", str(tmp_path), "-f", "csv")
    assert (code, "sessions,50" in out) == (0, True)
    assert err.splitlines(keepends=True)[0] == (
        "convkit: warning: these files were left out: logo.png is an image; memory is a binary file; more.zip/more.gif is an image; "
        "old.tar is a tar archive (extract it first with tar -xf); old.tar.gz is a tar archive (extract it first with tar -xf)\n"
    )
    assert convkit_command("overview", str(tmp_path / "*[oy]*"), "-f", "csv")[0] == 0


@pytest.mark.parametrize("name", ["old.tar", "old.tar.gz", "logo.png", "memory"])
def test_such_a_file_is_refused_if_it_is_named_or_if_there_is_no_log(name: str, tmp_path: Path, convkit_command: Run) -> None:
    """Whoever names a file wants to have it read, so nothing of it may be missing."""
    (tmp_path / "access.log").write_bytes(TEXT)
    other = tmp_path / "others" / name
    other.parent.mkdir()
    other.write_bytes(OTHER_FILES[name])
    for logs in ([str(tmp_path / "access.log"), str(other)], [str(other.parent)]):
        code, out, err = convkit_command("overview", *logs)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert name in err


def test_a_log_of_odd_bytes_in_a_directory_is_read(tmp_path: Path, convkit_command: Run) -> None:
    """Text in any encoding, and lines that scanners sent, are no binary file."""
    odd = line("GET /caf\xe9?q=\x1b[0m\x16\x03\x01", 1, who="198.51.100.7 - -").encode("latin-1")
    (tmp_path / "odd.log").write_bytes(b"".join([*TEXT.splitlines(keepends=True)[:30], odd, b"\nGr\xfc\xdfe\n"]))
    (tmp_path / "empty.log").write_bytes(b"")
    code, _, err = convkit_command("overview", str(tmp_path), "-f", "csv")
    assert (code, "left out" in err) == (0, False)
