"""What holds of all lines together, for whoever looks at the lines of some visitors only.

It stands alone because these few facts are all that visitors have to do with each other: given them, any part of the visitors is analyzed alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from convkit.ingest import reading
    from convkit.ingest.intake import Intake


@dataclass(frozen=True)
class Whole:
    """What is told of a fact by all lines; None where the lines at hand are all, and tell it themselves."""

    span: tuple[datetime | None, datetime | None] | None = None
    """The times of the first and the last record."""
    has_assets: bool | None = None
    """Whether anybody asked for assets."""
    names_pages: bool | None = None
    """Whether an event is named as a page's views are."""
    own_hosts: tuple[str, ...] | None = None
    """Hosts that are taken for the site's own because nobody named them."""


ALL_AT_HAND = Whole()


@dataclass(frozen=True)
class Taken:
    """What logs hold, and what is known of them."""

    intake: Intake
    cells: pl.LazyFrame
    """The cells of all lines, in memory or on disk."""
    size: int
    """How many lines there are."""
    names: tuple[str, ...]
    """The logs' names in the order of the command line."""
    logs: tuple[reading.Log, ...]
    """The logs by the number in `source` of their lines."""
    copies: tuple[str, ...]
    """Sentences of logs that were left out because others hold all of them."""
    has_local_times: bool

    @property
    def sources(self) -> tuple[str, ...]:
        """The logs' names by their number."""
        return tuple(log.source.name for log in self.logs)
