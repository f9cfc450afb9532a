"""What all parsers of logs share: what a run needs of a log, what it reads of assets, and logs written in several formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.datafiles import words
from convkit.formats import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Assets:
    """What a run wants of assets."""

    kept: tuple[str, ...] | None = ()
    """Extensions that a goal may name; None where all assets are read like any other request."""

    def marks(self, is_of: Callable[[str], pl.Expr]) -> dict[str, pl.Expr]:
        """Return `asset`, the assets that a goal may name, and `plain`, all others; `is_of` tells requests of one of the extensions `a|b|c`."""
        every = "|".join(words("assets"))
        none = pl.lit(value=False)
        asset = none if self.kept == () else is_of(every if self.kept is None else "|".join(self.kept)).fill_null(value=False)
        plain = none if self.kept is None else is_of(every).fill_null(value=False) & ~asset
        return {"asset": asset, "plain": plain}


ALL_ASSETS = Assets(None)
"""As whoever wants every line as a record reads."""


@dataclass(frozen=True)
class MixedFormat(Layout):
    """Several formats, the one that reads most first, and which lines are whose."""

    layouts: tuple[Layout, ...]
    claims: tuple[pl.Expr, ...]
    """Of each format but the first."""

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone."""
        return any(layout.has_local_times for layout in self.layouts)

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return PARSED of LINES."""
        parts = [layout.scan(part, assets) for layout, part in zip(self.layouts, self._parts(lines), strict=True)]
        return pl.concat(parts, how="diagonal").sort("line_no")

    def _parts(self, lines: pl.LazyFrame) -> list[pl.LazyFrame]:
        """Return the lines of each format."""
        numbers = [pl.lit(number, dtype=pl.UInt8) for number in range(len(self.layouts))]
        claimed = [pl.when(claim).then(number) for claim, number in zip(self.claims, numbers[1:], strict=True)]
        sorted_out = lines.with_columns(whose=pl.coalesce(*claimed, numbers[0]))
        return [sorted_out.filter(whose=number).drop("whose") for number in range(len(numbers))]


def claimed_share(lines: pl.Series, claimed: pl.Expr) -> float:
    """Return which share of some lines a format claims."""
    return int(lines.to_frame("line").select(claimed.sum()).item()) / max(len(lines), 1)


@dataclass(frozen=True)
class Needs:
    """What a run asks of logs; of exports, columns named by their owner, properties that goals test, and the zone of times that have none."""

    told: Mapping[str, str | int] = field(default_factory=dict)
    """By role: a column's name, or its position from 1, which says that there is no header."""
    properties: tuple[str, ...] = ()
    timezone: str = "UTC"
    texts: tuple[str, ...] = ()
    """Of PARSED, texts that not every run needs: `referrer`, `cookies`, `forwarded`, `session_key`."""
    visitor: tuple[str, ...] = ()
    """The rules that tell visitors, `site.visitor`."""

    @property
    def has_header(self) -> bool:
        """Whether the columns have names."""
        return not any(isinstance(place, int) for place in self.told.values())


NO_NEEDS = Needs()
