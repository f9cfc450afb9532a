"""One log -> the cells of its lines in memory: the fast way, and where that fails tolerantly.

It stands alone because only here a reading may fail and be tried in another way.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.progress import UNWATCHED
from convkit.errors import InputError
from convkit.files import tolerant
from convkit.files.lines import GZIP, PARQUET, PLAIN, ZSTD, cannot_be_read, scan
from convkit.files.panics import told_as_damage
from convkit.formats.parsers.assets import ALL_READ
from convkit.formats.parsers.separated import OPEN_QUOTE
from convkit.ingest import reading
from convkit.ingest.keeping import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from convkit.core.progress import Progress
    from convkit.formats.parsers.assets import Assets
    from convkit.ingest.keeping import Keeper, Text
    from convkit.ingest.reading import Log

    Narrow = Callable[[pl.LazyFrame, Sequence[str], Sequence[str], Text], pl.LazyFrame]
    """Keeps of CELLS what a run needs: given texts, the rules that tell visitors, and the type of texts."""

_FAULTS = (pl.exceptions.ComputeError, pl.exceptions.SchemaError, OSError)
_MANY = 2_000_000
"""Lines that are kept at once of a log that is read piece by piece."""
_AT_ONCE = 256 << 20
"""Bytes of a log that is read as a whole for whoever asks for its records."""
_SUSPICIOUS, _LARGE = 100, 64 << 20
"""A gzip file that says it holds so many times its size, and more than this, may be one line without an end."""


@dataclass(frozen=True)
class Loaded:
    """What a log says: CELLS as `traffic.narrow` leaves them, where they are kept, and sentences of what was lost."""

    cells: pl.LazyFrame
    losses: tuple[str, ...] = ()
    is_mended: bool = False
    """Whether the tolerant reader read it."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a log."""

    log: Log
    assets: Assets
    narrow: Narrow | None
    keeper: Keeper

    def of(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Return CELLS of LINES, as they are narrowed or whole."""
        cells: pl.LazyFrame = self.log.format.scan(lines, self.assets)
        return cells if self.narrow is None else self.narrow(cells, self.log.texts, self.log.visitor, self.keeper.text)

    def kept(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Return the same once it is read."""
        return self.keeper.keep(self.of(lines))


def load(log: Log, assets: Assets, progress: Progress, *, narrow: Narrow | None = None, keeper: Keeper = IN_MEMORY) -> Loaded:
    """Read a log; `assets` are those wanted, `narrow` keeps of CELLS what a run needs. Raises InputError where nothing of it can be kept."""
    is_parquet = log.source.packing == PARQUET
    wanted = Wanted(log, assets, narrow, keeper)
    found = Loaded(_of_parquet(wanted)) if is_parquet else _fast(wanted) or _tolerantly(wanted, progress)
    if not found.is_mended:
        progress.advance(log.source.size)
    return found


def cells(logs: Iterable[Log]) -> pl.LazyFrame:
    """Return CELLS of all lines, assets too: read at once by the readers that nothing stops, but for logs that are too large for that.

    Those are read later, by the fast reader alone, and their files must still be there then.
    """
    parts = []
    for log in logs:
        wanted = Wanted(log, ALL_READ, None, IN_MEMORY)
        waits = log.source.size > _AT_ONCE and _is_easy(log) and not hasattr(log.format, "mend")
        read = reading.peeled(scan(log.source, log.number), log) if waits else None
        parts.append(load(log, ALL_READ, UNWATCHED).cells if read is None else wanted.of(read))
    return pl.concat(parts, how="diagonal")


def _fast(wanted: Wanted) -> Loaded | None:
    """Read a log the fast way, and once more as a whole where records go on over several lines; None where that fails."""
    log = wanted.log
    with suppress(*_FAULTS):
        if not _is_easy(log):
            return None
        cells = wanted.kept(reading.peeled(scan(log.source, log.number), log))
        if hasattr(log.format, "mend") and cells.select((pl.col("problem") == OPEN_QUOTE).any()).collect(engine="streaming").item():
            cells = _mended([scan(log.source, log.number).collect()], wanted)
        return Loaded(cells)
    return None


def _of_parquet(wanted: Wanted) -> pl.LazyFrame:
    """Read a Parquet file."""
    source = wanted.log.source
    with told_as_damage(source.name):
        return wanted.kept(scan(source, wanted.log.number))


def _is_easy(log: Log) -> bool:
    """Tell logs that the fast reader may be given."""
    source = log.source
    return source.packing in {PLAIN, ZSTD} or (source.packing == GZIP and not _may_burst(source.path))


def _may_burst(path: Path) -> bool:
    """Tell a gzip file whose trailer says that it holds a great many times its size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(-min(size, 4), 2)
        unpacked = int.from_bytes(file.read(4), "little")
    return unpacked > _LARGE and unpacked > size * _SUSPICIOUS


def _tolerantly(wanted: Wanted, progress: Progress) -> Loaded:
    """Read a log by the reader for damage; of zstd, which that does not know, the lines are read at once and mended."""
    source, number, losses = wanted.log.source, wanted.log.number, list[str]()
    try:
        if source.packing != ZSTD:
            return Loaded(_mended(tolerant.frames(source, number, losses, progress.advance), wanted), tuple(losses), is_mended=True)
        return Loaded(_mended([scan(source, number).collect()], wanted))
    except pl.exceptions.ComputeError:
        raise InputError(f"{source.name} is damaged; copy it again, or unpack what can be unpacked with zstd -dc") from None
    except OSError as error:
        raise cannot_be_read(source.name, error) from None


def _mended(frames: Iterable[pl.DataFrame], wanted: Wanted) -> pl.LazyFrame:
    """Return what is wanted of the lines of a log, mended where its format can do that, a few million of them at a time."""
    bare = (reading.peeled(frame, wanted.log) for frame in frames)
    lines = wanted.log.format.mend(bare) if hasattr(wanted.log.format, "mend") else bare
    kept, waiting = list[pl.LazyFrame](), list[pl.DataFrame]()
    for frame in lines:
        waiting.append(wanted.of(frame.lazy()).collect())
        if sum(part.height for part in waiting) >= _MANY:
            kept.append(wanted.keeper.keep(pl.concat(waiting).lazy()))
            waiting.clear()
    return pl.concat([*kept, *([wanted.keeper.keep(pl.concat(waiting).lazy())] if waiting else [])])
