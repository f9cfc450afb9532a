"""Reading logs: each line with its source and its number.

Polars' CSV reader reads plain files. Without a quote character and with a single text column, it handles CR LF and byte order marks, and keeps blank
lines as null rows, so that every line is counted. It holds several lines in memory at once, however long they are, so it is given only files with
usual lines. Everything else is decompressed here and handed to Polars in blocks of a limited size.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import PROBLEM, TOO_LONG, ZERO_BYTES, first_problem
from convkit.files import unpacking
from convkit.files.lines import BYTE_ORDER_MARK, COLUMN_PREFIX, CSV_AS_LINES, MAX_LINE_BYTES, PARQUET, PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import TypeVar

    from convkit.files.lines import Source

    Frame = TypeVar("Frame", pl.LazyFrame, pl.DataFrame)

_LINES = {"line_no": pl.UInt32(), "line": pl.String()}
_OF_FILE = {"separator": "\0", "glob": False}
"""The options with which files are read: a zero byte is an error, as it separates two fields."""
PARSE_ERRORS = (pl.exceptions.ComputeError, pl.exceptions.SchemaError)
READ_ERRORS = (*PARSE_ERRORS, OSError)
"""What Polars raises for text that it cannot parse, and for a file that it cannot read."""
_PROBED_EVERY, _PROBE = 8 << 20, 1 << 16
_EMPTY_LINES = b"\n" * 1_000
"""So many empty lines in a row may be followed by millions, each of which would be kept as a row."""
_BLOCK, _SMALL_BLOCK, _MAX_LINES = 4 << 20, 2 << 20, 100_000
"""The size of a block in bytes, and the number of its lines that are parsed at once: parsed, short lines take many times the memory of their text."""
_BYTES_KEPT = MAX_LINE_BYTES + 2
"""The number of bytes kept of a long line: enough to show that it is too long, even after a final carriage return has been removed."""


def scan(source: Source, number: int) -> pl.LazyFrame:
    """Return `source, line_no, line, fault` of a plain or Parquet file that Polars reads.

    `line_no` starts at 1, `line` is null if blank, and `fault` marks lines that cannot be parsed.
    """
    if source.packing == PARQUET:
        return _scan_parquet(source.path, number)
    lines = pl.scan_csv(source.path, row_index_name="line_no", row_index_offset=1, **{**CSV_AS_LINES, **_OF_FILE})
    return _with_source_and_fault(lines, number, {TOO_LONG: _is_too_long()})


def collect(source: Source, query: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
    """Return the result of a query that looks at each line on its own, on a log that is not Parquet."""
    if is_read_by_polars(source):
        with suppress(*READ_ERRORS):
            return query(scan(source, 0)).collect(engine="streaming")
    nothing = _with_source_and_fault(pl.DataFrame(schema=_LINES), 0, {})
    return pl.concat([query(frame.lazy()).collect() for frame in chain([nothing], frames(source, 0, []))])


def is_read_by_polars(source: Source) -> bool:
    """Return whether Polars' reader is tried on a log: on a plain file without a line of many megabytes, and with a usual first line.

    Polars takes each zero byte in the first line for a column. Elsewhere, it fails at the first one.
    """
    return source.packing == PLAIN and not source.in_blocks and _has_usual_lines(source.path, source.size)


def _has_usual_lines(path: Path, size: int) -> bool:
    """Return whether the first line of a file has no zero byte, no line is longer than twice the distance between probes, and few are empty."""
    with path.open("rb", buffering=0) as file:
        end = min(size, os.fstat(file.fileno()).st_size) - _PROBED_EVERY
        first, rest = _line_at(file.fileno(), 0), range(_PROBED_EVERY, end, _PROBED_EVERY)
        return first is not None and b"\0" not in first and all(_line_at(file.fileno(), start) is not None for start in rest)


def _line_at(descriptor: int, start: int) -> bytes | None:
    """Return the bytes from a position up to the end of the line or of the file.

    Return None if the line does not end before the next probe, or if many empty lines follow.
    """
    pieces = []
    for place in range(start, start + _PROBED_EVERY, _PROBE):
        piece = os.pread(descriptor, _PROBE, place)
        if _EMPTY_LINES in piece:
            return None
        pieces.append(piece.partition(b"\n")[0])
        if len(piece) < _PROBE or len(pieces[-1]) < len(piece):
            return b"".join(pieces)
        if not start and b"\0" in piece:
            return None
    return None


def _scan_parquet(path: Path, number: int) -> pl.LazyFrame:
    """Return the rows of a Parquet file as lines without text, with COLUMN_PREFIX added to the names of its columns."""
    rows = pl.scan_parquet(path, glob=False).select(pl.all().name.prefix(COLUMN_PREFIX)).with_row_index("line_no", offset=1)
    text, fault = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=PROBLEM)
    return rows.select(pl.lit(number, dtype=pl.UInt32).alias("source"), "line_no", pl.exclude("line_no"), line=text, fault=fault)


def frames(
    source: Source, number: int, losses: list[str], advance: Callable[[int], None] | None = None, empty: list[int] | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the lines of any log as `scan` returns them, block by block.

    A sentence is added to `losses` for each loss, and `advance` is called with the number of bytes read from the file. If `empty` is given, empty
    lines are left out, and their number in each block is added to it.
    """
    first, faults = 1, {TOO_LONG: _is_too_long(), ZERO_BYTES: pl.col("line").str.contains("\0", literal=True)}
    for block in blocks(unpacking.unpacked_bytes(source, losses, advance), _SMALL_BLOCK if source.in_blocks else _BLOCK):
        if empty is not None and not block.strip(b"\r\n"):
            empty.append(block.count(b"\n") + (not block.endswith(b"\n")))
            first += empty[-1]
            continue
        lines = _lines_of(block, first)
        first += lines.height
        if empty is not None and (number_empty := lines["line"].null_count()):
            empty.append(number_empty)
            lines = lines.filter(pl.col("line").is_not_null())
        for start in range(0, lines.height, _MAX_LINES):
            yield _with_source_and_fault(lines.slice(start, _MAX_LINES), number, faults)


def _with_source_and_fault(lines: Frame, number: int, faults: dict[str, pl.Expr]) -> Frame:
    """Add to `line_no, line` the log's number as `source`, and the `fault` that is found in a line before it is parsed."""
    fault = first_problem(faults) if faults else pl.lit(None, dtype=PROBLEM)
    return lines.select(pl.lit(number, dtype=pl.UInt32).alias("source"), pl.col("line_no").cast(pl.UInt32), "line", fault=fault)


def _is_too_long() -> pl.Expr:
    """Return whether a line is too long to be parsed."""
    return pl.col("line").str.len_bytes() > MAX_LINE_BYTES


def _lines_of(block: bytes, first: int) -> pl.DataFrame:
    """Return `line_no, line` of a block of whole lines; `first` is the number of its first line."""
    if b"\0" not in block and not block.startswith(BYTE_ORDER_MARK):
        return pl.read_csv(block, row_index_name="line_no", row_index_offset=first, **CSV_AS_LINES)
    lines = [_text(raw) for raw in block.removesuffix(b"\n").split(b"\n")]
    return pl.DataFrame({"line": lines}, schema={"line": pl.String}).with_row_index("line_no", offset=first)


def _text(raw: bytes) -> str | None:
    """Return a line as text; leading zero bytes are the gap left in a log that was truncated while being written."""
    return raw.lstrip(b"\0").removesuffix(b"\r").decode("utf-8", "replace") or None


def blocks(chunks: Iterable[bytes], least: int = _BLOCK) -> Iterator[bytes]:
    """Yield whole lines in blocks of at least so many bytes, but only the beginning of a line that is too long: enough to show that it is."""
    pieces, size, last_line, is_cut = list[bytes](), 0, 0, False
    for chunk in chunks:
        if is_cut:
            start = chunk.find(b"\n")
            chunk, is_cut = chunk[start:] if start >= 0 else b"", start < 0  # noqa: PLW2901 (the rest of the cut line is dropped)
        end = chunk.rfind(b"\n") + 1
        if end and size + end >= least:
            yield b"".join([*pieces, memoryview(chunk)[:end]])
            pieces, size, chunk, last_line = [], 0, chunk[end:], 0  # noqa: PLW2901 (the remaining bytes)
            end = 0
        pieces.append(chunk)
        size += len(chunk)
        last_line = len(chunk) - end + (0 if end else last_line)
        if last_line > _BYTES_KEPT:
            whole = b"".join(pieces)
            line = whole[size - last_line :].lstrip(b"\0")
            is_cut = len(line) > _BYTES_KEPT
            pieces = [whole[: size - last_line], line[:_BYTES_KEPT]]
            last_line = len(pieces[1])
            size = len(pieces[0]) + last_line
    if size:
        yield b"".join(pieces)
