"""The memory budget of a run, and a guess, before anything is read, of how much logs need if they are analyzed in one piece."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from convkit.core.collect import collect_frame
from convkit.errors import UsageError
from convkit.files.lines import BZIP2, GZIP, PARQUET, ZIP, ZSTD
from convkit.files.sampling import sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.files.lines import Source

    Number = TypeVar("Number", int, pl.Expr)

_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([KMGT])(i?)B?", re.IGNORECASE)
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
_LEAST = 768 << 20
USUAL = 3 << 30
"""Bytes that a run takes at most where nobody says how many: more does not make it faster."""
BASE = 640 << 20
"""What the program, the reading of a log and the tallies take, however long it is."""
_RECORD, _OTHER = 270, 46
"""Bytes a record takes at the height of an analysis, and a line of which only the sender is looked at; rows of exports are all records.

Measured on 50 million lines, in 4, 12 and 15 parts: 2.25, 1.15 and 1.13 GB, of which 0.6 to 0.67 GB are no part's.
"""
_UNPACKED = {GZIP: 15, ZSTD: 20, BZIP2: 20, ZIP: 15}
"""How many times its size a packed log has at most, as a rule."""
_SHORTEST = 40
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def parse(text: str) -> int:
    """Return how many bytes a text like `1GiB` or `800MB` says. Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--memory: {text!r} is no size; write it like 1GiB or 800MB")
    size = int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].upper()])
    if size < _LEAST:
        raise UsageError(f"--memory: {text} is too little; a run takes at least {_LEAST >> 20}MiB")
    return size


@dataclass(frozen=True)
class MemoryBudget:
    """Bytes that a run may take."""

    size: int

    @classmethod
    def of(cls, memory: str | None) -> MemoryBudget:
        """Return what was asked for, else what is usual, or half of the memory where that is less. Raises UsageError."""
        return cls(min(USUAL, max(_memory() // 2, _LEAST)) if memory is None else parse(memory))

    def holds(self, sources: Iterable[Source]) -> bool:
        """Tell whether logs can be analyzed in one piece, as far as their sizes say; in doubt not."""
        return BASE + sum(_RECORD * self._rows(source) for source in sources) <= self.size

    def _rows(self, source: Source) -> int:
        """Return about how many rows a log has, at least; where even the shortest lines would fit, nobody looks."""
        if source.packing == PARQUET:
            return int(collect_frame(pl.scan_parquet(source.path).select(pl.len()), 0).item())
        size = source.size * _UNPACKED.get(source.packing, 1)
        if _RECORD * size // _SHORTEST <= self.size // 4:
            return size // _SHORTEST
        lines = sample(source)
        mean = lines.str.len_bytes().mean()
        return size // (int(mean if isinstance(mean, float) else 0) + 1)

    def parts(self, weight: int) -> int:
        """Return in how many parts fits what takes so many bytes, at least one."""
        return max(-(-weight // (self.size - BASE)), 1)

    @staticmethod
    def weight(records: Number, others: Number) -> Number:
        """Return the bytes that so many records and other lines take."""
        return records * _RECORD + others * _OTHER


def _memory() -> int:
    """Return the bytes of memory that this process may have."""
    of_machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else USUAL
    return min([of_machine, *(int(text) for file in map(Path, _CGROUPS) if file.is_file() and (text := file.read_text().strip()).isdigit())])


UNLIMITED = MemoryBudget(1 << 62)
"""For runs whose result is in memory anyway."""
