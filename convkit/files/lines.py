"""The fast reader of text: a log -> lines with their source and number, and how a log is packed.

It stands alone because every format of lines begins here. Polars' CSV reader serves as the reader of lines: without a quote character and with
one text column it takes gz, zst, CR LF and a byte order mark as they come, and keeps blank lines as null rows, so that every line is counted. It
stops at zero bytes and at damage: then `tolerant` reads the same log.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import temporary
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
_REFUSED = {b"\xfd7zXZ\x00": ("xz", "xz -d"), b"7z\xbc\xaf": ("a 7z archive", "7z x")}
_TAR, _TAR_PLACE = b"ustar", 257
LONGEST = 1 << 20
"""Bytes of a line; a longer one is no line of a log."""
OF_FILE = "column:"
"""Before the name of a column that a file brings with it."""
_NEVER_IN_A_LINE = "\x00"
AS_LINES: dict[str, Any] = {
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
            start, size = file.read(_TAR_PLACE + len(_TAR)), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise cannot_be_read(called, error) from None
    for magic, (what, command) in _REFUSED.items():
        if start.startswith(magic):
            raise InputError(f"{called} is {what}, which is not read here; unpack it first with {command}")
    if start[_TAR_PLACE:] == _TAR:
        raise InputError(f"{called} is a tar archive, which is not read here; unpack it first with tar -x")
    return Source(path, name, packing_of(start), size)


def packing_of(start: bytes) -> str:
    """Return how a log is packed that begins so."""
    return next((packing for magic, packing in _MAGIC.items() if start.startswith(magic)), PLAIN)


def cannot_be_read(called: str | Path, error: OSError) -> InputError:
    """Return what to say of a log that the system does not open."""
    return InputError(f"{called} cannot be read: {error.strerror}")


def scan(source: Source, number: int) -> pl.LazyFrame:
    """Return `source, line_no, line, fault` of one log, numbered from 1; blank lines have a null `line`, lines that are too long a `fault`."""
    if source.packing == PARQUET:
        return _rows(source.path, number)
    read = pl.scan_csv(source.path, row_index_name="line_no", row_index_offset=1, **AS_LINES)
    return told(read, number, {TOO_LONG: pl.col("line").str.len_bytes() > LONGEST})


def _rows(path: Path, number: int) -> pl.LazyFrame:
    """Return the rows of a Parquet file as lines without text, its columns beside them, each behind OF_FILE."""
    read = pl.scan_parquet(path, glob=False).select(pl.all().name.prefix(OF_FILE)).with_row_index("line_no", offset=1)
    text, fault = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=PROBLEM)
    return read.select(pl.lit(number, dtype=pl.UInt32).alias("source"), "line_no", pl.exclude("line_no"), line=text, fault=fault)


def told(read: Frame, number: int, faults: dict[str, pl.Expr]) -> Frame:
    """Complete `line_no, line` by the log's number and by what is wrong with a line before anybody takes it apart."""
    return read.select(pl.lit(number, dtype=pl.UInt32).alias("source"), pl.col("line_no").cast(pl.UInt32), "line", fault=first_problem(faults))


def is_regular(path: Path) -> bool:
    """Tell files that can be read twice from pipes and devices, which cannot."""
    return stat.S_ISREG(path.stat().st_mode)


@contextmanager
def spooled_text(lines: Iterable[str], name: str) -> Iterator[Source]:
    """Give lines as a log in a temporary file."""
    with temporary.file(tempfile.gettempdir()) as spool:
        spool.writelines(f"{line}\n".encode() for line in lines)
        spool.flush()
        yield open_source(Path(spool.name), name)


@contextmanager
def spooled(stream: BinaryIO, name: str) -> Iterator[Source]:
    """Give what can be read once as a log: its bytes go into a temporary file, so that they need no memory."""
    with temporary.file(tempfile.gettempdir()) as spool:
        shutil.copyfileobj(stream, spool, 1 << 20)
        spool.flush()
        yield open_source(Path(spool.name), name)
