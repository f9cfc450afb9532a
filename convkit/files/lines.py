"""The fast reader, which turns a log into lines with their source and number, and the detection of compression.

It reads lines with Polars' CSV reader. Without a quote character and with a single text column, this handles gzip, zstd, CR LF and byte order marks,
and keeps blank lines as null rows, so that every line is counted. It fails on zero bytes and damage; `files.damaged` then reads the log. For damaged
Parquet files, Polars panics and writes to standard error before the panic can be caught.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import filesystem
from convkit.core.schema import PROBLEM, TOO_LONG, first_problem
from convkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO, TypeVar

    Frame = TypeVar("Frame", pl.LazyFrame, pl.DataFrame)


PLAIN, GZIP, ZSTD, BZIP2, PARQUET, ZIP, UTF_16 = "plain", "gzip", "zstd", "bzip2", "parquet", "zip", "UTF-16"
_MAGIC = {
    b"\x1f\x8b": GZIP,
    b"\x28\xb5\x2f\xfd": ZSTD,
    b"BZh": BZIP2,
    b"PAR1": PARQUET,
    b"PK\x03\x04": ZIP,
    b"\xff\xfe": UTF_16,
    b"\xfe\xff": UTF_16,
}
_UNSUPPORTED = {b"\xfd7zXZ\x00": ("compressed with xz", "xz -d"), b"7z\xbc\xaf": ("a 7z archive", "7z x")}
_TAR, _TAR_OFFSET = b"ustar", 257
MAX_LINE_BYTES = 1 << 20
"""The maximum number of bytes in a line."""
COLUMN_PREFIX = "column:"
"""The prefix of columns that come from a Parquet file."""
_NEVER_IN_A_LINE = "\x00"
CSV_AS_LINES: dict[str, Any] = {
    "separator": _NEVER_IN_A_LINE,
    "has_header": False,
    "schema": {"line": pl.String},
    "quote_char": None,
    "encoding": "utf8-lossy",
    "glob": False,
    "raise_if_empty": False,
}
"""The options with which the CSV reader reads lines."""


@dataclass(frozen=True)
class Source:
    """A log: its path, its name in reports, its compression, and its size in bytes when it was opened."""

    path: Path
    name: str
    packing: str = PLAIN
    size: int = sys.maxsize
    members: tuple[str, ...] = ()
    """The members of an archive that make up this log."""


def open_source(path: Path, name: str, label: str | None = None) -> Source:
    """Return a regular file as a log; its compression is detected from its first bytes, regardless of its name.

    `label` is the path as the user gave it, for use in messages. Raises InputError if the file cannot be opened or its compression is not supported.
    """
    label = label or name
    try:
        with path.open("rb") as file:
            start, size = file.read(_TAR_OFFSET + len(_TAR)), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise read_error(label, error) from None
    for magic, (what, command) in _UNSUPPORTED.items():
        if start.startswith(magic):
            raise InputError(f"{label} is {what}, which is not supported; unpack it first with {command}")
    if start[_TAR_OFFSET:] == _TAR:
        raise InputError(f"{label} is a tar archive, which is not supported; extract it first with tar -x")
    return Source(path, name, packing_of(start), size)


def packing_of(start: bytes) -> str:
    """Return the compression of a log, given its first bytes."""
    return next((packing for magic, packing in _MAGIC.items() if start.startswith(magic)), PLAIN)


def read_error(name: str | Path, error: OSError) -> InputError:
    """Return the InputError for a log that cannot be opened."""
    return InputError(f"{name} cannot be read: {error.strerror}")


def scan(source: Source, number: int) -> pl.LazyFrame:
    """Return `source, line_no, line, fault` of a log; `line_no` starts at 1, `line` is null if blank, `fault` marks lines that are too long."""
    if source.packing == PARQUET:
        return _scan_parquet(source.path, number)
    lines = pl.scan_csv(source.path, row_index_name="line_no", row_index_offset=1, **CSV_AS_LINES)
    return add_source_and_fault(lines, number, {TOO_LONG: pl.col("line").str.len_bytes() > MAX_LINE_BYTES})


def _scan_parquet(path: Path, number: int) -> pl.LazyFrame:
    """Return the rows of a Parquet file as lines without text, with COLUMN_PREFIX added to the names of its columns."""
    rows = pl.scan_parquet(path, glob=False).select(pl.all().name.prefix(COLUMN_PREFIX)).with_row_index("line_no", offset=1)
    text, fault = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=PROBLEM)
    return rows.select(pl.lit(number, dtype=pl.UInt32).alias("source"), "line_no", pl.exclude("line_no"), line=text, fault=fault)


def add_source_and_fault(lines: Frame, number: int, faults: dict[str, pl.Expr]) -> Frame:
    """Add to `line_no, line` the log's number as `source`, and the `fault` that is found in a line before it is parsed."""
    return lines.select(pl.lit(number, dtype=pl.UInt32).alias("source"), pl.col("line_no").cast(pl.UInt32), "line", fault=first_problem(faults))


def is_regular_file(path: Path) -> bool:
    """Return whether a path is a regular file, which can be read twice, unlike pipes and devices."""
    return stat.S_ISREG(path.stat().st_mode)


@contextmanager
def spool_text(lines: Iterable[str], name: str) -> Iterator[Source]:
    """Yield a log with these lines, in a temporary file."""
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        spool.writelines(f"{line}\n".encode() for line in lines)
        spool.flush()
        yield open_source(Path(spool.name), name)


@contextmanager
def spool(stream: BinaryIO, name: str) -> Iterator[Source]:
    """Yield the content of a stream as a log, in a temporary file so that it does not take up memory."""
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        shutil.copyfileobj(stream, spool, 1 << 20)
        spool.flush()
        yield open_source(Path(spool.name), name)


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
