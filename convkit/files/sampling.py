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
_HEAD, _STEP = 100, 20
_POSITIONS, _BYTES = 16, 1 << 18
_MAX_BYTES = 32 << 20
"""The maximum number of bytes to decompress if there are no line ends."""


def sample(source: Source) -> pl.Series:
    """Return lines from which to detect the format: from all over a plain file, the first 20,000 of a compressed one, or none for Parquet."""
    if source.packing == ZSTD:
        return _head_of_zstd(source)
    if source.packing == PLAIN:
        with source.path.open("rb") as file:
            lines = _spread(file, source.size)
    else:
        lines = [] if source.packing == PARQUET else _first(damaged.unpacked_bytes(source, []))
    return pl.Series("line", [line[:MAX_LINE_BYTES].decode("utf-8-sig", "replace").strip("\r\n\0") for line in lines], dtype=pl.String)


def sample_throughout(source: Source, head: pl.Series) -> pl.Series:
    """Return `head`, the first lines of a log, with lines from all over the rest of it, if a compressed log is longer than its sample.

    This decompresses the whole log, so it is only worthwhile where fields are found by their names.
    """
    if source.packing in {PLAIN, PARQUET} or len(head) < _LINES:
        return head
    is_chosen = (pl.col("line_no") % _STEP == 0) & (pl.col("line_no") > len(head))
    try:
        rest = scan(source, 0).filter(is_chosen).collect(engine="streaming")["line"]
    except (pl.exceptions.PolarsError, OSError):
        if source.packing == ZSTD:
            return head
        rest = pl.concat([frame.filter(is_chosen)["line"] for frame in damaged.frames(source, 0, [])])
    return pl.concat([head, rest.drop_nulls().gather_every(len(rest) // _LINES + 1)])


def _head_of_zstd(source: Source) -> pl.Series:
    """Return the first lines of a zstd file, which only Polars can decompress."""
    try:
        return pl.read_csv(source.path, n_rows=_LINES, **CSV_AS_LINES)["line"].fill_null("")
    except (pl.exceptions.PolarsError, OSError):
        raise InputError(f"{source.name} is damaged; copy it again, or decompress it with zstd -d") from None


def _first(chunks: Iterable[bytes]) -> list[bytes]:
    """Return the first lines of a stream of chunks, without reading more chunks than needed."""
    start, ends = bytearray(), 0
    for chunk in chunks:
        start += chunk
        ends += chunk.count(b"\n")
        if ends >= _LINES or len(start) >= _MAX_BYTES:
            break
    return bytes(start).removesuffix(b"\n").split(b"\n")[:_LINES]


def _spread(file: BinaryIO, size: int) -> list[bytes]:
    """Return whole lines from positions spread evenly over a plain file, each line once."""
    if size <= _POSITIONS * _BYTES:
        lines = file.read().removesuffix(b"\n").split(b"\n")
        # Headers are in the first lines.
        return lines if len(lines) <= _LINES else [*lines[:_HEAD], *lines[_HEAD :: len(lines) // _LINES + 1]]
    lines = []
    for number in range(_POSITIONS):
        file.seek((size - _BYTES) * number // (_POSITIONS - 1))
        parts = file.read(_BYTES).split(b"\n")
        # A first line that long is not a log line, but it may be an entire export.
        lines += parts[1 if number else 0 : -1][: _LINES // _POSITIONS] or ([] if number else parts)
    return lines


def lines_starting_with(source: Source, sign: str) -> list[tuple[int, str]]:
    """Return the number and text of each line in a log that begins with `sign`, because headers may be anywhere."""
    has_sign = pl.col("line").str.starts_with(sign)
    try:
        rows = scan(source, 0).filter(has_sign).select("line_no", "line").collect(engine="streaming").rows()
    except (pl.exceptions.PolarsError, OSError):
        if source.packing == ZSTD:
            return []
        rows = [row for frame in damaged.frames(source, 0, []) for row in frame.filter(has_sign).select("line_no", "line").rows()]
    return [(number, line) for number, line in rows]
