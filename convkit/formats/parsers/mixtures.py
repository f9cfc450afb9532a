"""A log that goes on in another format, as where a server's was changed -> CELLS of all of its lines.

It stands alone because a format knows nothing of others: each is given the lines that it claims, the first also what nobody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from convkit.formats.parsers.assets import Assets


@dataclass(frozen=True)
class Mixture:
    """Several formats, the one that reads most first, and which lines are whose."""

    layouts: tuple[Any, ...]
    claims: tuple[pl.Expr, ...]
    """Of each format but the first."""

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone."""
        return any(getattr(layout, "has_local_times", False) for layout in self.layouts)

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES."""
        parts: list[pl.LazyFrame] = [layout.scan(part, assets) for layout, part in zip(self.layouts, self._parts(lines), strict=True)]
        return pl.concat(parts, how="diagonal").sort("line_no")

    def _parts(self, lines: pl.LazyFrame) -> list[pl.LazyFrame]:
        """Return the lines of each format."""
        numbers = [pl.lit(number, dtype=pl.UInt8) for number in range(len(self.layouts))]
        claimed = [pl.when(claim).then(number) for claim, number in zip(self.claims, numbers[1:], strict=True)]
        sorted_out = lines.with_columns(whose=pl.coalesce(*claimed, numbers[0]))
        return [sorted_out.filter(whose=number).drop("whose") for number in range(len(numbers))]


def share(lines: pl.Series, claimed: pl.Expr) -> float:
    """Return which share of some lines a format claims."""
    return int(lines.to_frame("line").select(claimed.sum()).item()) / max(len(lines), 1)
