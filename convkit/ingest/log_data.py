"""Facts that depend on all lines of the logs: with them the lines of some visitors are analyzed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from convkit.ingest.load import LogData
    from convkit.ingest.logs import Log


@dataclass(frozen=True)
class GlobalFacts:
    """What is told of a fact by all lines; None where the lines at hand are all, and tell it themselves."""

    span: tuple[datetime | None, datetime | None] | None = None
    """The times of the first and the last record."""
    has_assets: bool | None = None
    """Whether anybody asked for assets."""
    names_pages: bool | None = None
    """Whether an event is named as a page's views are."""
    own_hosts: tuple[str, ...] | None = None
    """Hosts that are taken for the site's own because nobody named them."""


NO_GLOBAL_FACTS = GlobalFacts()


@dataclass(frozen=True)
class Taken:
    """What logs hold, and what is known of them."""

    intake: LogData
    cells: pl.LazyFrame
    """The cells of all lines, in memory or on disk."""
    size: int
    """How many lines there are."""
    names: tuple[str, ...]
    """The logs' names in the order of the command line."""
    logs: tuple[Log, ...]
    """The logs by the number in `source` of their lines."""
    copies: tuple[str, ...]
    """Sentences of logs that were left out because others hold all of them."""
    has_local_times: bool

    @property
    def sources(self) -> tuple[str, ...]:
        """The logs' names by their number."""
        return tuple(log.source.name for log in self.logs)
