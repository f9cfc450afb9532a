"""The documentation's table of damaged logs: each row is tried, and the result must be what the row says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pytest
import runs
from backports import zstd
from documentation import PAGES as DOCUMENTATION
from small_logs import figures, line, written

from convkit.errors import ExitCode, InputError
from convkit.files import unpacking
from convkit.files.lines import MAX_LINE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [line(f"GET /{number}", number).encode() for number in range(40)]
TEXT = b"".join(page + b"\n" for page in PAGES)
GZIP = gzip.compress(TEXT)
EVENTS = b"user,time,event\n" + b"".join(b"u,%d,a\n" % (1_791_640_000 + number) for number in range(40))
SMALL = 1 << 20
"""The size that stands for a gibibyte here."""
OBJECTS = b"".join(b'{"user": "u", "time": %d, "event": "a"}\n' % (1_791_640_000 + number) for number in range(40))


class Case(NamedTuple):
    """A log and the result of reading it: lines kept, lines not read, and part of the warning or of the error."""

    content: bytes
    kept: int = 40
    unread: int = 0
    warning: str = ""
    refusal: str = ""


def packed(pack: type[tarfile.TarFile | zipfile.ZipFile]) -> bytes:
    """Return an archive of the log."""
    file = io.BytesIO()
    if pack is zipfile.ZipFile:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("access.log", TEXT)
    else:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("access.log"), io.BytesIO())
    return file.getvalue()


def parquet() -> bytes:
    """Return an export as Parquet."""
    file = io.BytesIO()
    pl.read_csv(EVENTS).write_parquet(file)
    return file.getvalue()


EXPORT = "user_id;event;time\nu1;Übersicht;2026-10-10T13:55:36Z\nu2;Maß;2026-10-10T13:55:37Z\n".encode("cp1252")
LOST = "1 of 41 lines (2.4%) was not counted"
CASES: dict[str, list[Case]] = {
    "text in Windows-1252": [Case(EXPORT, kept=2, warning="is not UTF-8, so its text was read as Windows-1252")],
    "other bytes that are not UTF-8": [Case(TEXT.replace(b"/7 ", b"/\xff ", 1), warning="has invalid UTF-8 in 1 line")],
    "a byte order mark, CR LF": [Case(b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n"))],
    "zero bytes before a line, the hole that copytruncate leaves": [Case(b"\0" * 8_192 + TEXT)],
    "zero bytes inside a line, a line longer than 1 MiB, a line of another kind": [
        Case(TEXT + PAGES[0].replace(b"/0", b"/\0") + b"\n", unread=1, warning=LOST),
        Case(TEXT + PAGES[0].replace(b"/0", b"/" + b"x" * MAX_LINE_BYTES) + b"\n", unread=1, warning=LOST),
        Case(TEXT + b"hello\n", unread=1, warning=LOST),
    ],
    "a last line without a line break": [Case(TEXT[:-1]), Case(TEXT[:-130], kept=39, unread=1)],
    "a row with too few or too many fields, a quote that is never closed, a line that is not a JSON object": [
        Case(EVENTS + b"u,1791640000\n", unread=1, warning=LOST),
        Case(EVENTS + b"u,1791640000,a,b\n", unread=1, warning=LOST),
        Case(EVENTS + b'u,1791640000,"a\n', unread=1, warning=LOST),
        Case(OBJECTS + b'{"user": "u", \n', unread=1, warning=LOST),
    ],
    "a CSV record that spans several lines, a header in the middle of a file": [
        Case(EVENTS + b'u,1791640000,"a\nb"\n', kept=41),
        Case(EVENTS + EVENTS, kept=80),
    ],
    "requests in another format further on in a log": [
        Case(TEXT + b"".join(b"shop.example:443 " + text + b"\n" for text in PAGES), kept=80),
    ],
    "events in the middle of an access log": [
        Case(TEXT + b"\n".join(OBJECTS.splitlines()[:9]) + b"\n", unread=9, warning="9 of 49 lines (18%) were not counted"),
    ],
    "damaged gzip or zip": [Case(GZIP[:-8] + bytes(8), warning="may be false")],
    "gzip that is cut off or followed by garbage; damaged bzip2 or zstd": [
        Case(gzip.compress(TEXT, 0)[:-400], kept=37, unread=1, warning="is cut off in the middle of its compressed data"),
        Case(GZIP + b"rubbish", warning="has bytes after its compressed data"),
        Case(bz2.compress(TEXT) + bz2.compress(TEXT)[:-20], warning="is damaged"),
        Case(zstd.compress(TEXT) + zstd.compress(TEXT)[:9], warning="is damaged"),
    ],
    "gzip with several members, or padded with zeros; a file name with the wrong extension": [
        Case(gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:]) + bytes(512))
    ],
    "a zip archive; UTF-16, with or without a byte order mark": [
        Case(packed(zipfile.ZipFile)),
        Case(TEXT.decode().encode("utf-16")),
        Case(TEXT.decode().encode("utf-16-be")),
    ],
    "xz, lz4, 7z, RAR, tar (.tar.gz, too) and other packings; databases, Excel workbooks, images and other binary files": [
        Case(lzma.compress(TEXT), refusal="unpack it first with xz -d"),
        Case(b"7z\xbc\xaf\x27\x1c", refusal="unpack it first with 7z x"),
        Case(packed(tarfile.TarFile), refusal="extract it first with tar -x"),
        Case(gzip.compress(packed(tarfile.TarFile)), refusal="extract it first with tar -x"),
        Case(b"\xff\xd8\xff\xe0" + bytes(range(90)), refusal="is an image, which is not supported"),
    ],
    "a compressed log that decompresses to more than 1 GiB and to more than 200 times its size, as a bomb does": [
        Case(gzip.compress(bytes(SMALL)), refusal="allow more with --max-unpacked SIZE")
    ],
    "lines that end in CR alone": [Case(TEXT.replace(b"\n", b"\r"), refusal="convert them first with tr")],
    "a damaged Parquet file or JSON array": [
        Case(parquet()[:-30], refusal="is a damaged Parquet file"),
        Case(b'[{"user": "u", ', refusal="is a JSON array that is damaged"),
    ],
    "a log in which more than half of the lines have no known format": [
        Case(b"".join(PAGES[0] + b"\nhello\n" * 2 for _ in range(9)), refusal="unrecognised format")
    ],
    "nothing at all, or only blank lines and comments": [Case(b"", kept=0), Case(b"\n\n", kept=0), Case(b"# a comment\n", kept=0)],
}
"""The logs for each row of the table."""
ABOUT_NAMES = "a log named twice, through links or as a compressed copy"
ABOUT_TWO_LOGS = "two logs with the same requests, like those of a proxy and its server, or two downloads that overlap"
TABLE = DOCUMENTATION["damaged-logs"].table("in the log")


def test_every_row_of_the_table_is_tested() -> None:
    assert {*CASES, ABOUT_NAMES, ABOUT_TWO_LOGS} == set(TABLE)


@pytest.mark.parametrize(
    ("row", "case"), [(row, case) for row, cases in CASES.items() for case in cases], ids=lambda value: value[:40] if isinstance(value, str) else ""
)
def test_a_damaged_log_is_read_as_the_table_says(row: str, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_LARGE", SMALL - 1)
    log = tmp_path / "access.gz.txt"
    log.write_bytes(case.content)
    description = TABLE[row]
    if case.refusal:
        with pytest.raises(InputError) as raised:
            runs.document([log])
        assert case.refusal in str(raised.value)
        assert raised.value.exit_code == ExitCode.INPUT
        assert description.startswith("refused")
        assert "(code 3)" in description
        return
    document = runs.document([log], rejects=True)
    assert document.input["kept"] == case.kept
    assert document.input["unparsed"] == case.unread
    assert sum(number for fate, number in document.input.items() if fate != "lines") == document.input["lines"]
    assert ("warning" in description) == bool(document.warnings) == bool(case.warning)
    assert case.warning in " ".join(document.warnings)
    assert document.rejects is not None
    if "--rejects" in description:
        assert document.rejects.height == case.unread


def test_a_log_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """A copy causes a warning; a link counts as the log itself."""
    log, soft, hard, copy = (tmp_path / name for name in ("a.log", "soft.log", "hard.log", "copy.gz"))
    log.write_bytes(TEXT)
    soft.symlink_to(log)
    os.link(log, hard)
    copy.write_bytes(GZIP)
    assert runs.document([log, soft, hard, log]).input["kept"] == 40
    document = runs.document([log, copy])
    assert document.input["kept"] == 40
    assert len(document.warnings) == 1
    assert TABLE[ABOUT_NAMES] == "read once; a warning for a copy"


def test_requests_that_two_logs_share_count_once(tmp_path: Path) -> None:
    assert TABLE[ABOUT_TWO_LOGS].startswith("counted once")
    lines = [line("GET /", number * 60, who=f"203.0.113.{number} - -") for number in range(9)]
    document = figures(*(written(tmp_path / f"{place}.log", lines[place:]) for place in (0, 1)))
    assert (document["input"]["kept"], document["input"]["duplicate"]) == (9, 8)
