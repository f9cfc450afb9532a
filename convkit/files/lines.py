"""The fast reader: from a log to lines with their source and number; how a log is packed.

Polars' CSV reader serves as the reader of lines: without a quote character and with one text column it takes gz, zst, CR LF and a byte order mark as
they come, and keeps blank lines as null rows, so that every line is counted. It stops at zero bytes and at damage: then `files.damaged` reads the
same log. Over damaged Parquet its reader panics, and writes on standard error before anybody can catch that.
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
_UNSUPPORTED = {b"\xfd7zXZ\x00": ("xz", "xz -d"), b"7z\xbc\xaf": ("a 7z archive", "7z x")}
_TAR, _TAR_OFFSET = b"ustar", 257
MAX_LINE_BYTES = 1 << 20
"""Bytes of a line; a longer one is no line of a log."""
COLUMN_PREFIX = "column:"
"""Before the name of a column that a file brings with it."""
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
"""How a reader of CSV becomes a reader of lines."""


@dataclass(frozen=True)
class Source:
    """One log: where its bytes are, the name it goes by in reports, how it is packed, and how many bytes there were when it was opened."""

    path: Path
    name: str
    packing: str = PLAIN
    size: int = sys.maxsize
    members: tuple[str, ...] = ()
    """Of an archive, the files in it that are this log."""


def open_source(path: Path, name: str, called: str | None = None) -> Source:
    """Return a regular file as a log; its first bytes say how it is packed, whatever its name says.

    `called` is what people called it. Raises InputError where it cannot be opened, or is packed or written in a way that is not read here.
    """
    called = called or name
    try:
        with path.open("rb") as file:
            start, size = file.read(_TAR_OFFSET + len(_TAR)), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise read_error(called, error) from None
    for magic, (what, command) in _UNSUPPORTED.items():
        if start.startswith(magic):
            raise InputError(f"{called} is {what}, which is not read here; unpack it first with {command}")
    if start[_TAR_OFFSET:] == _TAR:
        raise InputError(f"{called} is a tar archive, which is not read here; unpack it first with tar -x")
    return Source(path, name, packing_of(start), size)


def packing_of(start: bytes) -> str:
    """Return how a log is packed that begins so."""
    return next((packing for magic, packing in _MAGIC.items() if start.startswith(magic)), PLAIN)


def read_error(called: str | Path, error: OSError) -> InputError:
    """Return what to say of a log that the system does not open."""
    return InputError(f"{called} cannot be read: {error.strerror}")


def scan(source: Source, number: int) -> pl.LazyFrame:
    """Return `source, line_no, line, fault` of one log, numbered from 1; blank lines have a null `line`, lines that are too long a `fault`."""
    if source.packing == PARQUET:
        return _scan_parquet(source.path, number)
    read = pl.scan_csv(source.path, row_index_name="line_no", row_index_offset=1, **CSV_AS_LINES)
    return add_source_and_fault(read, number, {TOO_LONG: pl.col("line").str.len_bytes() > MAX_LINE_BYTES})


def _scan_parquet(path: Path, number: int) -> pl.LazyFrame:
    """Return the rows of a Parquet file as lines without text, its columns beside them, each behind COLUMN_PREFIX."""
    read = pl.scan_parquet(path, glob=False).select(pl.all().name.prefix(COLUMN_PREFIX)).with_row_index("line_no", offset=1)
    text, fault = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=PROBLEM)
    return read.select(pl.lit(number, dtype=pl.UInt32).alias("source"), "line_no", pl.exclude("line_no"), line=text, fault=fault)


def add_source_and_fault(read: Frame, number: int, faults: dict[str, pl.Expr]) -> Frame:
    """Complete `line_no, line` by the log's number and by what is wrong with a line before anybody takes it apart."""
    return read.select(pl.lit(number, dtype=pl.UInt32).alias("source"), pl.col("line_no").cast(pl.UInt32), "line", fault=first_problem(faults))


def is_regular_file(path: Path) -> bool:
    """Tell files that can be read twice from pipes and devices, which cannot."""
    return stat.S_ISREG(path.stat().st_mode)


@contextmanager
def spool_text(lines: Iterable[str], name: str) -> Iterator[Source]:
    """Give lines as a log in a temporary file."""
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        spool.writelines(f"{line}\n".encode() for line in lines)
        spool.flush()
        yield open_source(Path(spool.name), name)


@contextmanager
def spool(stream: BinaryIO, name: str) -> Iterator[Source]:
    """Give what can be read once as a log: its bytes go into a temporary file, so that they need no memory."""
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        shutil.copyfileobj(stream, spool, 1 << 20)
        spool.flush()
        yield open_source(Path(spool.name), name)


_STANDARD_ERROR = 2
_STDERR_LOCK = threading.Lock()
"""Standard error is one, whoever reads."""


@contextmanager
def parquet_damage_as_error(called: str) -> Iterator[None]:
    """Read Parquet in here: whatever its reader stumbles over is raised as InputError, and nothing of it is written on standard error."""
    try:
        with _STDERR_LOCK, _silent_stderr():
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise InputError(f"{called} is a Parquet file that is damaged; export it again") from None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Lead standard error to nowhere; where it is closed, nothing is written on it anyway."""
    try:
        kept = os.dup(_STANDARD_ERROR)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)
