"""The one reader of text: files, plain or compressed, and standard input -> lines with their source and number.

It stands alone because every format of lines begins here. Polars' CSV reader serves as the reader of lines: without a quote character and with
one text column it takes gz, zst, CR LF and a byte order mark as they come, and keeps blank lines as null rows, so that every line is counted.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_NEVER_IN_A_LINE = "\x00"
_AS_LINES: dict[str, Any] = {
    "separator": _NEVER_IN_A_LINE,
    "has_header": False,
    "schema": {"line": pl.String},
    "quote_char": None,
    "encoding": "utf8-lossy",
    "glob": False,
    "raise_if_empty": False,
}
"""How a reader of CSV becomes a reader of lines."""
_HEAD_LINES = 20_000
_SPREAD_PLACES, _SPREAD_BYTES = 16, 1 << 18


@dataclass(frozen=True)
class Source:
    """One log: where its bytes are, and the name it goes by in reports."""

    path: Path
    name: str


def scan(source: Source, number: int) -> pl.LazyFrame:
    """Return `source, line_no, line` of one log, numbered from 1; blank lines have a null `line`."""
    read = pl.scan_csv(source.path, row_index_name="line_no", row_index_offset=1, **_AS_LINES)
    return read.select(pl.lit(number, dtype=pl.UInt32).alias("source"), pl.col("line_no").cast(pl.UInt32), "line")


def sample(source: Source) -> pl.Series:
    """Return lines to tell the format by: spread over a plain file, the first 20,000 of any other."""
    with source.path.open("rb") as file:
        start = file.read(4)
    if start.startswith(_GZIP):
        lines = _unzipped(source)
    elif start.startswith(_ZSTD):
        return _head(source)
    else:
        with source.path.open("rb") as file:
            lines = _spread(file, source.path.stat().st_size)
    return pl.Series("line", [line.decode("utf-8-sig", "replace").rstrip("\r\n") for line in lines], dtype=pl.String)


def _unzipped(source: Source) -> list[bytes]:
    """Return the first lines of a gzip file."""
    try:
        with gzip.open(source.path, "rb") as file:
            return [line for line, _ in zip(file, range(_HEAD_LINES), strict=False)]
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{source.name} is damaged ({error}); leave it out, or copy it again") from None


def _head(source: Source) -> pl.Series:
    """Return the first lines by way of Polars, for what Python cannot open."""
    return pl.read_csv(source.path, n_rows=_HEAD_LINES, **_AS_LINES)["line"].fill_null("")


def _spread(file: BinaryIO, size: int) -> list[bytes]:
    """Return whole lines from places spread evenly over a plain file, each line once."""
    if size <= _SPREAD_PLACES * _SPREAD_BYTES:
        return file.read().splitlines()[:_HEAD_LINES]
    lines: list[bytes] = []
    for place in range(_SPREAD_PLACES):
        file.seek((size - _SPREAD_BYTES) * place // (_SPREAD_PLACES - 1))
        found = file.read(_SPREAD_BYTES).splitlines()
        lines += found[1 if place else 0 : -1][: _HEAD_LINES // _SPREAD_PLACES]
    return lines


@contextmanager
def standard_input() -> Iterator[Source]:
    """Give standard input as a log: its bytes go into a temporary file, so that they can be read twice and need no memory."""
    with tempfile.NamedTemporaryFile(prefix="convkit-") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool, 1 << 20)
        spool.flush()
        yield Source(Path(spool.name), "standard input")


def open_or_explain(path: Path) -> None:
    """Raise InputError with the reason where a log cannot be opened."""
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
