"""The memory budget of a run, and an estimate, before anything is read, of the memory needed to analyze logs in one part."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.sizes import LEAST_ADDRESSES, LITTLE_MEMORY, address_limit, parse_size
from convkit.errors import UsageError
from convkit.files.lines import BZIP2, GZIP, PARQUET, ZIP, ZSTD
from convkit.files.sampling import sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.files.lines import Source

    Number = TypeVar("Number", int, pl.Expr)

_LEAST = 256 << 20
USUAL = 3 << 30
"""The maximum number of bytes that a run uses by default; more would not make it faster."""
BASE = 200 << 20
"""The bytes needed for the program, for reading a log and for the tallies, whatever the log's size."""
_RECORD, _OTHER = 270, 46
"""The bytes needed per record at the peak of an analysis, and per line of which only the sender is used; all rows of exports are records.

Measured with 50 million lines in 4, 12 and 15 parts: 2.25, 1.15 and 1.13 GB, of which 0.6 to 0.67 GB is needed however many parts there are.
"""
_UNPACKED = {GZIP: 15, ZSTD: 20, BZIP2: 20, ZIP: 15}
"""The highest usual ratio of a log's size to its compressed size."""
_SHORTEST = 40
"""The number of bytes in a short line."""
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def parse(text: str) -> int:
    """Return the number of bytes in a size like `1GiB` or `800MB`. Raises UsageError if it is invalid or too small."""
    size = parse_size(text)
    if size is None:
        raise UsageError(f"--memory: {text!r} is not a size; write it like 1GiB or 800MB")
    if size < _LEAST:
        raise UsageError(f"--memory: {text} is too little; a run needs at least {_LEAST >> 20}MiB")
    return size


@dataclass(frozen=True)
class MemoryBudget:
    """The number of bytes that a run may use."""

    size: int

    @classmethod
    def of(cls, memory: str | None) -> MemoryBudget:
        """Return the budget given by `--memory`, by default the usual one or, if that is less, half of the available memory. Raises UsageError.

        Under a limit on addresses, it is half of those that Polars does not reserve.
        """
        available = min(_memory(), address_limit() - LEAST_ADDRESSES)
        return cls(min(USUAL, max(available // 2, _LEAST)) if memory is None else parse(memory))

    @property
    def is_small(self) -> bool:
        """Whether logs must be read in blocks, as Polars' reader takes more memory."""
        return self.size < LITTLE_MEMORY

    def holds(self, sources: Iterable[Source]) -> bool:
        """Return whether logs can be analyzed in one part, judging by their sizes; if in doubt, return False."""
        return BASE + sum(_RECORD * self._rows(source) for source in sources) <= self.size

    def _rows(self, source: Source) -> int:
        """Estimate how many rows a log has; the log is not opened if it would fit even with very short lines."""
        if source.packing == PARQUET:
            return int(collect_frame(pl.scan_parquet(source.path).select(pl.len()), 0).item())
        size = source.size * _UNPACKED.get(source.packing, 1)
        if _RECORD * size // _SHORTEST <= self.size // 4:
            return size // _SHORTEST
        lines = sample(source)
        mean = lines.str.len_bytes().mean()
        return size // (int(mean if isinstance(mean, float) else 0) + 1)

    def fits(self, records: int, others: int) -> bool:
        """Return whether this many records and other lines can be analyzed in one part; while they are read, other lines take twice as much."""
        return self.weight(records, 2 * others) <= self.size - BASE

    def parts(self, weight: int) -> int:
        """Return the number of parts needed for this many bytes of data, at least one."""
        return max(-(-weight // (self.size - BASE)), 1)

    @staticmethod
    def weight(records: Number, others: Number) -> Number:
        """Return the bytes needed for this many records and other lines."""
        return records * _RECORD + others * _OTHER


def _memory() -> int:
    """Return how many bytes of memory this process may use."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else USUAL
    return min([machine, *(int(text) for file in map(Path, _CGROUPS) if file.is_file() and (text := file.read_text().strip()).isdigit())])


UNLIMITED = MemoryBudget(1 << 62)
"""The budget for runs whose result is in memory anyway."""
