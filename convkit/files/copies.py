"""Logs that are copies of other logs, recognised by their content, whatever their names and compression.

A log is a copy where all of it is the beginning of another. Single lines are never compared: two equal lines of one log are two requests.
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
    """Return the logs that are no copies, the longer of two, and a sentence for each that is left out."""
    kept: dict[bytes, list[Source]] = {}
    left_out: dict[Source, Source] = {}
    for source in sources:
        alike = kept.setdefault(_first_line(source), [])
        for place, other in enumerate(alike):
            shorter = _shorter_if_copy(source, other)
            if shorter is not None:
                alike[place] = other if shorter is source else source
                left_out[shorter] = alike[place]
                break
        else:
            alike.append(source)
    said = [f"{copy.name} holds nothing that {left_out[copy].name} does not hold, and is left out" for copy in sources if copy in left_out]
    return [source for source in sources if source not in left_out], said


def _first_line(source: Source) -> bytes:
    """Return the first line of a log, and what tells it from others where it holds none."""
    start = b""
    if source.packing == ZSTD:
        # Polars alone unpacks it, and as lines.
        with suppress(pl.exceptions.PolarsError, OSError):
            start = "".join(pl.read_csv(source.path, n_rows=1, **CSV_AS_LINES)["line"].drop_nulls()).encode()
        return start[:_CHUNK] or os.fsencode(source.path)
    for piece in _bytes(source):
        start += piece
        if b"\n" in start or len(start) >= _CHUNK:
            break
    return start[:_CHUNK].partition(b"\n")[0] or os.fsencode(source.path)


def _shorter_if_copy(source: Source, other: Source) -> Source | None:
    """Return which of two logs is the beginning of the other, None where neither is; of equal ones the first argument."""
    mine, theirs = (_bytes(log) for log in (source, other))
    ahead, behind = b"", b""
    while True:
        ahead, behind = ahead or next(mine, b""), behind or next(theirs, b"")
        if not ahead:
            return source
        if not behind:
            return other
        both = min(len(ahead), len(behind))
        if ahead[:both] != behind[:both]:
            return None
        ahead, behind = ahead[both:], behind[both:]


def _bytes(source: Source) -> Iterator[bytes]:
    """Yield the bytes of a log, none of them empty; zstd, which only Polars unpacks, by way of a temporary file."""
    if source.packing != ZSTD:
        yield from filter(None, damaged.unpacked_bytes(source, []))
        return
    with filesystem.temporary_file(tempfile.gettempdir()) as spool:
        try:
            pl.scan_csv(source.path, **CSV_AS_LINES).sink_csv(Path(spool.name), include_header=False, quote_style="never")
        except (pl.exceptions.PolarsError, OSError):
            # It is damaged, and a copy of nothing.
            spool.write(source.path.read_bytes()[:_CHUNK])
            spool.flush()
        with Path(spool.name).open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece
