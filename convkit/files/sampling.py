"""Sample lines of a log, from which its format is detected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import InputError
from convkit.files import damaged
from convkit.files.lines import CSV_AS_LINES, MAX_LINE_BYTES, PARQUET, PLAIN, ZSTD, scan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from convkit.files.lines import Source

_LINES = 20_000
_PLACES, _BYTES = 16, 1 << 18
_MAX_BYTES = 32 << 20
"""Bytes that are unpacked at most, where lines have no end."""


def sample(source: Source) -> pl.Series:
    """Return lines to tell the format by: spread over a plain file, the first 20,000 of a packed one; Parquet has none."""
    if source.packing == ZSTD:
        return _head_of_zstd(source)
    if source.packing == PLAIN:
        with source.path.open("rb") as file:
            lines = _spread(file, source.size)
    else:
        lines = [] if source.packing == PARQUET else _first(damaged.unpacked_bytes(source, []))
    return pl.Series("line", [line[:MAX_LINE_BYTES].decode("utf-8-sig", "replace").strip("\r\n\0") for line in lines], dtype=pl.String)


def _head_of_zstd(source: Source) -> pl.Series:
    """Return the first lines by way of Polars, for what Python cannot open."""
    try:
        return pl.read_csv(source.path, n_rows=_LINES, **CSV_AS_LINES)["line"].fill_null("")
    except (pl.exceptions.PolarsError, OSError):
        raise InputError(f"{source.name} is damaged; copy it again, or unpack it with zstd -d") from None


def _first(pieces: Iterable[bytes]) -> list[bytes]:
    """Return the first lines of what is unpacked piece by piece, and unpack no more than they take."""
    start, ends = bytearray(), 0
    for piece in pieces:
        start += piece
        ends += piece.count(b"\n")
        if ends >= _LINES or len(start) >= _MAX_BYTES:
            break
    return bytes(start).removesuffix(b"\n").split(b"\n")[:_LINES]


def _spread(file: BinaryIO, size: int) -> list[bytes]:
    """Return whole lines from places spread evenly over a plain file, each line once."""
    if size <= _PLACES * _BYTES:
        return file.read().removesuffix(b"\n").split(b"\n")[:_LINES]
    lines: list[bytes] = []
    for place in range(_PLACES):
        file.seek((size - _BYTES) * place // (_PLACES - 1))
        found = file.read(_BYTES).split(b"\n")
        # A first line of that length is no line of a log, but it may be a whole export.
        lines += found[1 if place else 0 : -1][: _LINES // _PLACES] or ([] if place else found)
    return lines


def lines_starting_with(source: Source, sign: str) -> list[tuple[int, str]]:
    """Return all lines of a log that begin with a sign, with their numbers: headers may stand anywhere."""
    wanted = pl.col("line").str.starts_with(sign)
    try:
        rows = scan(source, 0).filter(wanted).select("line_no", "line").collect(engine="streaming").rows()
    except (pl.exceptions.PolarsError, OSError):
        if source.packing == ZSTD:
            return []
        rows = [row for frame in damaged.frames(source, 0, []) for row in frame.filter(wanted).select("line_no", "line").rows()]
    return [(number, line) for number, line in rows]
