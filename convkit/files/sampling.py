"""Sample lines of a log, from which its format is detected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.files import reader, unpacking
from convkit.files.lines import MAX_LINE_BYTES, PARQUET, PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from convkit.files.lines import Source

_LINES = 20_000
_HEAD, _STEP, _FEW = 100, 20, 3
_POSITIONS, _BYTES = 16, 1 << 18
_MAX_BYTES = 32 << 20
"""The maximum number of bytes of lines that are sampled."""


def sample(source: Source) -> pl.Series:
    """Return lines from which to detect the format: from all over a plain file, the first 20,000 of a compressed one, or none for Parquet."""
    lines: list[bytes] = []
    if source.packing == PLAIN:
        with source.path.open("rb") as file:
            lines = _spread(file, source.size)
    if source.packing != PARQUET and len(lines) < _FEW:
        lines = _first(reader.blocks(unpacking.unpacked_bytes(source, [])))
    return pl.Series("line", [line[:MAX_LINE_BYTES].decode("utf-8-sig", "replace").strip("\r\n\0") for line in lines], dtype=pl.String)


def sample_throughout(source: Source, head: pl.Series, late_names: str) -> pl.Series:
    """Return `head`, the first lines of a log, with later ones: some from all over a compressed log, and one for each set of names that match.

    This reads the whole log, so it is only worthwhile where fields are found by their names.
    """
    is_packed, line = source.packing != PLAIN, pl.col("line")
    if source.packing == PARQUET or (len(head) < _LINES if is_packed else not late_names):
        return head
    place = pl.when((pl.col("line_no") % _STEP == 0) & (pl.col("line_no") > len(head)) & is_packed).then("line_no")
    names = pl.when(line.str.contains(late_names)).then(line).str.extract_all(late_names).list.join("") if late_names else pl.lit(None, pl.String)

    def kinds(lines: pl.LazyFrame) -> pl.LazyFrame:
        """Return the lines from all over the log, and the number of the first line of each set of names."""
        rows = lines.with_columns(place=place).with_columns(names=pl.when(pl.col("place").is_null()).then(names))
        kept = rows.filter(pl.col("place").is_not_null() | pl.col("names").is_not_null())
        return kept.group_by("place", "names").agg(pl.col("line_no").min(), pl.when(pl.col("place").is_not_null()).then("line").first())

    rows = reader.collect(source, kinds).sort("line_no")
    spread = rows.filter(pl.col("place").is_not_null())["line"].drop_nulls()
    late = rows.filter(pl.col("place").is_null()).unique("names", keep="first", maintain_order=True)
    numbers = late["line_no"].head(_LINES)
    is_late = pl.col("line_no").is_in(numbers.implode())
    lines = reader.collect(source, lambda lines: lines.filter(is_late).select("line"))["line"] if len(numbers) else numbers.clear().cast(pl.String)
    return pl.concat([head, spread.gather_every(len(spread) // _LINES + 1), lines.drop_nulls()])


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
    return reader.collect(source, lambda lines: lines.filter(has_sign).select("line_no", "line")).rows()
