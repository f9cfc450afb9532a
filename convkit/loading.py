"""One log -> the cells of its lines in memory: the fast way, and where that fails tolerantly.

It stands alone because only here a reading may fail and be tried in another way.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit import reading, tolerant, traffic
from convkit.assets import Assets
from convkit.delimited import OPEN_QUOTE
from convkit.errors import InputError
from convkit.lines import GZIP, PARQUET, PLAIN, ZSTD, cannot_be_read, scan
from convkit.panics import told_as_damage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from convkit.progress import Progress
    from convkit.reading import Log

_FAULTS = (pl.exceptions.ComputeError, pl.exceptions.SchemaError, OSError)
_SUSPICIOUS, _LARGE = 100, 64 << 20
"""A gzip file that says it holds so many times its size, and more than this, may be one line without an end."""


@dataclass(frozen=True)
class Loaded:
    """What a log says: CELLS as `traffic.narrow` leaves them, and sentences of what was lost."""

    cells: pl.DataFrame
    losses: tuple[str, ...] = ()
    is_mended: bool = False
    """Whether the tolerant reader read it."""


def load(log: Log, assets: Assets, progress: Progress) -> Loaded:
    """Read a log; `assets` are what is wanted of them. Raises InputError where nothing of it can be kept."""
    is_parquet = log.source.packing == PARQUET
    found = Loaded(_of_parquet(log)) if is_parquet else _fast(log, assets) or _tolerantly(log, assets, progress)
    if not found.is_mended:
        progress.advance(log.source.size)
    return found


def _fast(log: Log, assets: Assets) -> Loaded | None:
    """Read a log the fast way, and once more as a whole where records go on over several lines; None where that fails."""
    with suppress(*_FAULTS):
        if not _is_easy(log):
            return None
        cells = traffic.narrow(reading.cells_of(scan(log.source, log.number), log, assets), log.texts).collect(engine="streaming")
        if hasattr(log.format, "mend") and (cells["problem"] == OPEN_QUOTE).any():
            cells = _narrowed([scan(log.source, log.number).collect()], log, assets)
        return Loaded(cells)
    return None


def _of_parquet(log: Log) -> pl.DataFrame:
    """Read a Parquet file."""
    with told_as_damage(log.source.name):
        return traffic.narrow(reading.cells_of(scan(log.source, log.number), log, Assets()), log.texts).collect(engine="streaming")


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


def _tolerantly(log: Log, assets: Assets, progress: Progress) -> Loaded:
    """Read a log by the reader for damage; of zstd, which that does not know, the lines are read at once and mended."""
    source, losses = log.source, list[str]()
    try:
        if source.packing != ZSTD:
            return Loaded(_narrowed(tolerant.frames(source, log.number, losses, progress.advance), log, assets), tuple(losses), is_mended=True)
        return Loaded(_narrowed([scan(source, log.number).collect()], log, assets))
    except pl.exceptions.ComputeError:
        raise InputError(f"{source.name} is damaged; copy it again, or unpack what can be unpacked with zstd -dc") from None
    except OSError as error:
        raise cannot_be_read(source.name, error) from None


def _narrowed(frames: Iterable[pl.DataFrame], log: Log, assets: Assets) -> pl.DataFrame:
    """Return what is needed of the lines of a log, mended where its format can do that."""
    if not hasattr(log.format, "mend"):
        return pl.concat([traffic.narrow(reading.cells_of(frame.lazy(), log, assets), log.texts).collect() for frame in frames])
    bare = (reading.peeled(frame.lazy(), log).collect() for frame in frames)
    return pl.concat([traffic.narrow(log.format.scan(frame.lazy(), assets), log.texts).collect() for frame in log.format.mend(bare)])
