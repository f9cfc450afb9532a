"""Which requests of a log are of assets: of plain ones, which are most of a log, only who asked is of interest.

It stands alone because every format tells an asset where that is cheapest in it, and none knows what goals may name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.lists import words

if TYPE_CHECKING:
    from collections.abc import Callable


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


ALL_READ = Assets(None)
"""As whoever wants every line as a record reads."""
