"""A log that goes on in another format, as where a server's was changed -> CELLS of all of its lines.

It stands alone because a format knows nothing of others: each is given the lines that it claims, the first also what nobody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeVar

    from convkit.assets import Assets

    Frame = TypeVar("Frame", pl.LazyFrame, pl.DataFrame)


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

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES that none of the formats fails of."""
        for frame in frames:
            parts = zip(self.layouts, self._parts(frame), strict=True)
            mended = [layout.mend([part]) if hasattr(layout, "mend") else [part] for layout, part in parts]
            yield pl.concat(chain.from_iterable(mended)).sort("line_no")

    def _parts(self, lines: Frame) -> list[Frame]:
        """Return the lines of each format."""
        numbers = [pl.lit(number, dtype=pl.UInt8) for number in range(len(self.layouts))]
        claimed = [pl.when(claim).then(number) for claim, number in zip(self.claims, numbers[1:], strict=True)]
        sorted_out = lines.with_columns(whose=pl.coalesce(*claimed, numbers[0]))
        return [sorted_out.filter(whose=number).drop("whose") for number in range(len(numbers))]
