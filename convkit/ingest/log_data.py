"""What logs hold: their parsed lines, in memory or on disk, what is known about them, and the lines of some visitors as a part of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import polars as pl

    from convkit.ingest.logs import Log


@dataclass(frozen=True)
class GlobalFacts:
    """Facts that depend on all lines; None where the lines at hand are all of them and can be asked."""

    span: tuple[datetime | None, datetime | None] | None = None
    """The times of the first and the last record."""
    has_assets: bool | None = None
    """Whether anybody asked for assets."""
    names_pages: bool | None = None
    """Whether an event has the name of page views."""
    own_hosts: tuple[str, ...] | None = None
    """Hosts that are taken for the site's own because nobody named them."""


NO_GLOBAL_FACTS = GlobalFacts()


@dataclass(frozen=True)
class Part:
    """The lines of some visitors, or of all, in memory: they are analyzed without those of the others."""

    lines: pl.DataFrame
    """PARSED, as `hits.select_needed` leaves them."""
    facts: GlobalFacts = NO_GLOBAL_FACTS
    omitted: Mapping[int, int] = field(default_factory=dict)
    """Per log: how many lines were left out because they say nothing new (more assets of one client)."""


@dataclass(frozen=True)
class LogData:
    """All that was read from logs."""

    lines: pl.LazyFrame
    """PARSED of all lines, as `hits.select_needed` leaves them: in memory, or on disk with BUCKET_KEY."""
    size: int
    """How many rows `lines` has."""
    names: tuple[str, ...]
    """The logs' names in the order of the command line."""
    logs: tuple[Log, ...]
    """The logs by the number in `source` of their lines."""
    copies: tuple[str, ...] = ()
    """A sentence for each log that was left out because others hold all of it."""
    losses: tuple[str, ...] = ()
    """A sentence for each thing that was lost."""
    rejects: pl.DataFrame | None = None
    """`file, line, reason, text` of the lines that were not read, where they are wanted."""
    facts: GlobalFacts = NO_GLOBAL_FACTS
    omitted: Mapping[int, int] = field(default_factory=dict)
    """Per log: how many lines are not among `lines`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The logs' names by their number."""
        return tuple(log.source.name for log in self.logs)

    @property
    def has_local_times(self) -> bool:
        """Whether a log has times without a time zone."""
        return any(log.has_local_times for log in self.logs)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What users must know about the input."""
        return (*self.copies, *self.losses)
