"""Finding logs that are copies of other logs, by content, regardless of name and compression.

A log is a copy if another log begins with its entire content. `ingest.repeats` compares the lines of logs that only overlap.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import filesystem
from convkit.files import damaged
from convkit.files.lines import CSV_AS_LINES, ZSTD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convkit.files.lines import Source

_CHUNK = 1 << 16


def without_copies(sources: Sequence[Source]) -> tuple[list[Source], list[str]]:
    """Return the logs without copies, keeping the longer of each pair, and a sentence about each excluded log."""
    kept: dict[bytes, list[Source]] = {}
    originals: dict[Source, Source] = {}
    for source in sources:
        same_start = kept.setdefault(_first_line(source), [])
        for position, other in enumerate(same_start):
            shorter = _shorter_if_copy(source, other)
            if shorter is not None:
                same_start[position] = other if shorter is source else source
                originals[shorter] = same_start[position]
                break
        else:
            same_start.append(source)
    sentences = [f"{copy.name} was skipped: {originals[copy].name} already contains all of its lines" for copy in sources if copy in originals]
    return [source for source in sources if source not in originals], sentences


def _first_line(source: Source) -> bytes:
    """Return the first line of a log, or its path if that line is empty or missing."""
    start = b""
    if source.packing == ZSTD:
        # Only Polars can decompress zstd, and only into lines.
        with suppress(pl.exceptions.PolarsError, OSError):
            start = "".join(pl.read_csv(source.path, n_rows=1, **CSV_AS_LINES)["line"].drop_nulls()).encode()
        return start[:_CHUNK] or os.fsencode(source.path)
    for chunk in _bytes(source):
        start += chunk
        if b"\n" in start or len(start) >= _CHUNK:
            break
    return start[:_CHUNK].partition(b"\n")[0] or os.fsencode(source.path)


def _shorter_if_copy(source: Source, other: Source) -> Source | None:
    """Return the log that the other one begins with: the first argument if they are equal, or None if neither begins with the other."""
    chunks, other_chunks = (_bytes(log) for log in (source, other))
    rest, other_rest = b"", b""
    while True:
        rest, other_rest = rest or next(chunks, b""), other_rest or next(other_chunks, b"")
        if not rest:
            return source
        if not other_rest:
            return other
        size = min(len(rest), len(other_rest))
        if rest[:size] != other_rest[:size]:
            return None
        rest, other_rest = rest[size:], other_rest[size:]


def _bytes(source: Source) -> Iterator[bytes]:
    """Yield the bytes of a log in non-empty chunks; zstd, which only Polars can decompress, goes through a temporary file."""
    if source.packing != ZSTD:
        yield from filter(None, damaged.unpacked_bytes(source, []))
        return
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        try:
            pl.scan_csv(source.path, **CSV_AS_LINES).sink_csv(Path(spool.name), include_header=False, quote_style="never")
        except (pl.exceptions.PolarsError, OSError):
            # The log is damaged, so it does not count as a copy.
            spool.write(source.path.read_bytes()[:_CHUNK])
            spool.flush()
        with Path(spool.name).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
