"""Which cells of a screen cannot be told from the rest: those are marked, so that nobody reads chance as a difference.

It stands alone because every screen that shows values side by side marks its cells by the same test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import figures, stats
from convkit.core.tables import Paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGN = "≈"
LEGEND = Paragraph(f"{SIGN} cannot be told from the other sessions.", style="dim")
Shares = tuple[int, int, int, int]
"""Part and whole of a cell, and those of all sessions, the cell's among them."""


def alike(cells: Iterable[Shares]) -> list[bool]:
    """Tell cells whose difference from the rest may be none: Newcombe's interval holds 0, all that are shown being right together in 95 of 100 cases.

    A cell on a base without a rate is none of them, nor one that has no rest.
    """
    schema = dict.fromkeys(("part", "whole", "of_part", "of_whole"), pl.Int64)
    frame = pl.DataFrame(list(cells), schema=schema, orient="row")
    part, whole = pl.col("part"), pl.col("whole")
    rest = (pl.col("of_part") - part, pl.col("of_whole") - whole)
    is_tested = (whole >= figures.FEWEST) & (rest[1] > 0)
    z = stats.shared_z(int(frame.select(is_tested.sum()).item()))
    low, high = stats.newcombe(part, whole, *rest, z)
    return frame.select(alike=is_tested & (low <= 0) & (high >= 0)).to_series().fill_null(value=False).to_list()


def marked(text: str, is_alike: bool) -> str:  # noqa: FBT001 (it is all that is said of the text)
    """Return a text with the sign behind it, or as much room."""
    return f"{text}{SIGN if is_alike else ' '}"
