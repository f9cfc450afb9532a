"""Finding logs that are copies of other logs, by content, regardless of name and compression.

A log is a copy if another log begins with its entire content. `ingest.repeats` compares the lines of logs that only overlap.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from convkit.files import unpacking

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
    """Yield the bytes of a log in non-empty chunks."""
    return filter(None, unpacking.unpacked_bytes(source, []))
