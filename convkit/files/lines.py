"""The files that logs are read from: their compression, detected from their first bytes, and temporary copies of those that can be read only once.

For damaged Parquet files, Polars panics and writes to standard error before the panic can be caught.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import filesystem
from convkit.core.permissions import reading_fix
from convkit.errors import InputError, OtherFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

PLAIN, GZIP, ZSTD, BZIP2, PARQUET, ZIP, UTF_16 = "plain", "gzip", "zstd", "bzip2", "parquet", "zip", "UTF-16"
_MAGIC = {
    b"\x1f\x8b": GZIP,
    b"\x28\xb5\x2f\xfd": ZSTD,
    b"BZh": BZIP2,
    b"PAR1": PARQUET,
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,  # An archive without files.
    b"\xff\xfe": UTF_16,
    b"\xfe\xff": UTF_16,
}
_SKIPPABLE, _SKIPPABLE_REST = tuple(bytes([number]) for number in range(0x50, 0x60)), b"\x2a\x4d\x18"
"""The first bytes of a Zstandard frame without content; pzstd begins files with one."""
TEXT_LOG = "choose a log that is text"
"""What to do about a file that holds no log in any form."""
_AS_CSV = "export it as CSV"
_UNSUPPORTED = {
    b"\xfd7zXZ\x00": ("compressed with xz", "unpack it first with xz -d"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it first with 7z x"),
    b"\x1f\x9d": ("compressed with compress", "unpack it first with gzip -d"),
    b"\x04\x22\x4d\x18": ("compressed with lz4", "unpack it first with lz4 -d"),
    b"\x02\x21\x4c\x18": ("compressed with lz4", "unpack it first with lz4 -d"),
    b"LZIP\x01": ("compressed with lzip", "unpack it first with lzip -d"),
    b"\x89LZO\x00": ("compressed with lzop", "unpack it first with lzop -d"),
    b"\x5d\x00\x00": ("compressed with lzma", "unpack it first with xz -d"),
    b"\xff\x06\x00\x00sNaPpY": ("compressed with snappy", "unpack it first with snzip -d"),
    b"Rar!\x1a\x07": ("a RAR archive", "extract it first with unrar x"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an Excel workbook or another document of Microsoft Office", _AS_CSV),
    b"SQLite format 3\x00": ("a SQLite database", "export its table with sqlite3 -header -csv"),
    b"LPKSHHRH": ("a journal of systemd", "export it with journalctl -o cat --file"),
    b"ElfFile\x00": ("an event log of Windows", _AS_CSV),
    b"%PDF-": ("a PDF document", TEXT_LOG),
    b"\x89PNG\r\n\x1a\n": ("an image", TEXT_LOG),
    b"\xff\xd8\xff": ("an image", TEXT_LOG),
    b"GIF8": ("an image", TEXT_LOG),
    b"\x7fELF": ("a program", TEXT_LOG),
    b"Obj\x01": ("an Avro file", _AS_CSV),
    b"ARROW1\x00": ("an Arrow file", "export it as Parquet or CSV"),
    b"\xd4\xc3\xb2\xa1": ("a capture of packets", TEXT_LOG),
    b"\x0a\x0d\x0d\x0a": ("a capture of packets", TEXT_LOG),
}
"""For the first bytes of a file that is not supported, what it is and what to do."""
_TAR, _TAR_OFFSET = b"ustar", 257
_TAR_ARCHIVE = ("a tar archive", "extract it first with tar -xf")
_SHORTEST, _COMPARED = 32, 512
MAX_LINE_BYTES = 1 << 20
"""The maximum number of bytes in a line."""
COLUMN_PREFIX = "column:"
"""The prefix of columns that come from a Parquet file."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK = 1 << 20
CSV_AS_LINES: dict[str, Any] = {
    "separator": "\n",
    "has_header": False,
    "schema": {"line": pl.String},
    "quote_char": None,
    "encoding": "utf8-lossy",
    "raise_if_empty": False,
}
"""The options with which Polars' CSV reader reads lines. They have no further fields, as lines end where fields would."""


@dataclass(frozen=True)
class Source:
    """A log: its path, its name in reports, its compression, and its size in bytes when it was opened."""

    path: Path
    name: str
    packing: str = PLAIN
    size: int = sys.maxsize
    members: tuple[int, ...] = ()
    """The places, in the directory of an archive, of the members that make up this log."""
    in_blocks: bool = False
    """Whether it is read in blocks even if Polars' reader could read it."""
    max_unpacked: int | None = None
    """The largest number of bytes that it may be decompressed to; None for what logs usually have."""
    is_replaced: bool = False
    """Whether bytes that were not UTF-8 have been replaced."""
    file: filesystem.Identity | None = None
    """The file that the user named, if it is a regular file: `path` may be that of a copy."""
    losses: tuple[str, ...] = ()
    """A sentence about each loss on the way here, as when a download breaks off."""
    is_listed: bool = False
    """Whether the user did not name it, but a directory or a pattern."""
    refusal: OtherFileError | None = None
    """The reason why it is no log, if it is listed."""


def open_source(path: Path, name: str, label: str | None = None) -> Source:
    """Return a regular file as a log; its compression is detected from its first bytes, regardless of its name.

    `label` is the path as the user gave it, for use in messages. Raises InputError if the file cannot be opened or its compression is not supported.
    """
    label = label or name
    try:
        with path.open("rb") as file:
            start, size = file.read(_TAR_OFFSET + len(_TAR)), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise read_error(label, error, path) from None
    refuse_kind(label, start)
    return Source(path, name, packing_of(start), size, file=filesystem.identity(path))


def unsupported_kind(start: bytes) -> tuple[str, str] | None:
    """Return what a file that is not supported is, given its first bytes, and what to do; None if they are not those of such a file."""
    tar_archive = _TAR_ARCHIVE if start[_TAR_OFFSET:].startswith(_TAR) else None
    return next((kind for magic, kind in _UNSUPPORTED.items() if start.startswith(magic)), tar_archive)


def refuse_kind(label: str, start: bytes) -> None:
    """Raise OtherFileError if the first bytes are those of a file that is not supported."""
    if kind := unsupported_kind(start):
        raise OtherFileError(label, *kind)


def packing_of(start: bytes) -> str:
    """Return the compression of a log, given its first bytes."""
    is_skippable = start[:1] in _SKIPPABLE and start[1:4] == _SKIPPABLE_REST
    packing = ZSTD if is_skippable else next((packing for magic, packing in _MAGIC.items() if start.startswith(magic)), PLAIN)
    return UTF_16 if packing == PLAIN and utf_16_codec(start) != "utf-16" else packing


def utf_16_codec(start: bytes) -> str:
    """Return the codec of UTF-16 text, given its first bytes: without a byte order mark, every second byte of ASCII text is zero."""
    sample = start[:_COMPARED]
    if len(sample) >= _SHORTEST:
        even, odd = sample[::2], sample[1::2]
        if not odd.strip(b"\0") and b"\0" not in even:
            return "utf-16-le"
        if not even.strip(b"\0") and b"\0" not in odd:
            return "utf-16-be"
    return "utf-16"


def read_error(name: str | Path, error: OSError, path: str | Path | None = None) -> InputError:
    """Return the InputError for a log that cannot be opened; `path` is needed if it differs from the name."""
    return InputError(f"{name} cannot be read: {error.strerror}; {reading_fix(error, str(path or name))}")


def is_regular_file(path: Path) -> bool:
    """Return whether a path is a regular file, which can be read twice, unlike pipes and devices."""
    return stat.S_ISREG(path.stat().st_mode)


@contextmanager
def spool(chunks: Iterable[bytes], name: str, label: str | None = None) -> Iterator[Source]:
    """Yield bytes as a log, in a temporary file so that they do not take up memory. Raises InputError, OutputError if there is no space."""
    folder = tempfile.gettempdir()
    with filesystem.temporary_path(folder) as path:
        try:
            with open(path, "wb") as file:  # noqa: PTH123 (the path may be that of a descriptor)
                file.writelines(chunks)
        except OSError as error:
            raise filesystem.disk_full_error(error, folder) or read_error(label or name, error) from None
        yield open_source(Path(path), name, label)


@contextmanager
def respool(source: Source, chunks: Iterable[bytes]) -> Iterator[Source]:
    """Yield other bytes in place of a log's own, in a temporary file."""
    with spool(chunks, source.name) as new:
        yield replace(new, losses=source.losses, file=source.file)


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Return the content of a stream, in chunks."""
    return iter(partial(stream.read, _CHUNK), b"")


_STANDARD_ERROR = 2
_STDERR_LOCK = threading.Lock()
"""Held while standard error, which all threads share, is redirected."""


@contextmanager
def parquet_damage_as_error(name: str) -> Iterator[None]:
    """Turn any failure of the Parquet reader in this context into an InputError, with nothing written to standard error."""
    try:
        with _STDERR_LOCK, _silent_stderr():
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise InputError(f"{name} is a damaged Parquet file; export it again") from None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Redirect standard error to the null device, unless it is already closed."""
    try:
        original = os.dup(_STANDARD_ERROR)
    except OSError:
        yield
        return
    null_device = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null_device, _STANDARD_ERROR)
        yield
    finally:
        os.dup2(original, _STANDARD_ERROR)
        os.close(original)
        os.close(null_device)
