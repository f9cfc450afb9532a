"""Text that is not UTF-8: logs in Windows-1252 are read as if they had been written in UTF-8."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from convkit.errors import InputError
from convkit.files import unpacking, zstandard
from convkit.files.lines import PARQUET, UTF_16, respool

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from convkit.files.lines import Source

UTF_8, WINDOWS_1252 = "utf-8", "windows-1252"
ENCODINGS = (UTF_8, WINDOWS_1252)
"""The encodings that `site.encoding` may name."""
REMARK = "is not UTF-8, so its text was read as Windows-1252; if that is wrong, add --set encoding=utf-8"
_REPLACEMENT_CHARACTER = "\ufffd"
_LARGEST = 1 << 30
"""The largest log, in bytes, whose encoding is detected: all of it has to be read once more."""
_UNDEFINED = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))


def is_windows_1252(source: Source, head: pl.Series) -> bool:
    """Return whether the whole text of a log can be Windows-1252 and none of it is UTF-8; `head` are some of its lines, read as UTF-8.

    Only logs with invalid UTF-8 in these lines are read.
    """
    if (
        source.packing in {PARQUET, UTF_16}
        or source.is_replaced
        or source.size > _LARGEST
        or not head.str.contains(_REPLACEMENT_CHARACTER, literal=True).any()
    ):
        return False
    # Bytes outside ASCII are compared line by line, because nothing else can be valid in one encoding only.
    losses: list[str] = []
    return all(not _refutes(line) for line in _unusual_lines(source, losses)) and not losses


def _unusual_lines(source: Source, losses: list[str]) -> Iterator[bytes]:
    """Yield the lines of a log with bytes outside ASCII."""
    rest = b""
    for chunk in unpacking.unpacked_bytes(source, losses):
        *whole, rest = (rest + chunk).split(b"\n")
        if chunk.isascii() and all(map(bytes.isascii, whole[:1])):
            continue
        yield from (line for line in whole if not line.isascii())
    if not rest.isascii():
        yield rest


def _refutes(line: bytes) -> bool:
    """Return whether a line with bytes outside ASCII cannot be Windows-1252, or is UTF-8."""
    if any(byte in line for byte in _UNDEFINED):
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def can_be_recoded(source: Source) -> bool:
    """Return whether a log consists of bytes whose encoding nothing else shows."""
    return source.packing not in {PARQUET, UTF_16}


@contextmanager
def as_utf_8(source: Source) -> Iterator[Source]:
    """Open a log in Windows-1252 as one in UTF-8, in a temporary file; bytes without a meaning are replaced. Raises InputError if it is damaged."""
    losses: list[str] = []
    if source.is_replaced:
        raise InputError(f"{source.name} is compressed with zstd, which is read as UTF-8 only; {zstandard.ADVICE}")
    with respool(source, (chunk.decode("cp1252", "replace").encode() for chunk in unpacking.unpacked_bytes(source, losses))) as recoded:
        if losses:
            raise InputError(losses[0])
        yield recoded
