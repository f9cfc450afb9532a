"""The data of a run's logs: parsed lines in memory or on disk, facts about them, and the parts into which they are divided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convkit.ingest.repeats import NO_DUPLICATES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import polars as pl

    from convkit.core.crowd import Crowd
    from convkit.core.filesystem import Identity
    from convkit.core.model import Money
    from convkit.ingest.logs import Log
    from convkit.ingest.repeats import Duplicates
    from convkit.ingest.stray import Stray


@dataclass(frozen=True)
class GlobalFacts:
    """Facts that depend on all lines; they are None if a part has all lines, because they can then be computed from it."""

    span: tuple[datetime | None, datetime | None] | None = None
    """The times of the first and the last record, known if they differ from those of a part with all lines."""
    stray: Stray | None = None
    """The few lines far from all others, if any; always known. `span` then leaves them out."""
    has_assets: bool | None = None
    """Whether the logs contain requests for assets."""
    event_pages: str | None = None
    """Which events of exports are pages (`events.facts_of_events`)."""
    hash_routes: bool | None = None
    """Whether the path of a page stands behind `#/` in its URL."""
    newest_first: tuple[int, ...] = ()
    """The numbers of the logs that are written newest first: their lines of the same time are in reverse order."""
    money: Mapping[str, Money] = field(default_factory=dict)
    """For each value that goals read as an amount, how it is written; always known."""
    own_hosts: tuple[str, ...] | None = None
    """The hosts assumed to be the site's own, if `site.hosts` does not name them."""
    crowd: Crowd | None = None
    """The visitors who cannot be told apart by their addresses, if any."""


NO_GLOBAL_FACTS = GlobalFacts()


@dataclass(frozen=True)
class Part:
    """The lines of some or all visitors, in memory, which can be analyzed independently of the others."""

    lines: pl.DataFrame
    """The lines, with the columns NARROWED."""
    facts: GlobalFacts = NO_GLOBAL_FACTS
    omitted: Mapping[int, int] = field(default_factory=dict)
    """The number of lines per log that were dropped because they add no information (further assets requested by a client)."""
    blank: int = 0
    """The number of blank lines of all logs that are not in `lines`; only one part has them."""


@dataclass(frozen=True)
class LogData:
    """Everything that was read from the logs."""

    lines: pl.LazyFrame
    """All lines (NARROWED), in memory, or on disk with BUCKET_KEY."""
    size: int
    """The number of rows in `lines`."""
    names: tuple[str, ...]
    """The logs' names in the order of the command line."""
    logs: tuple[Log, ...]
    """The logs in the order of `source`."""
    copies: tuple[str, ...] = ()
    """A sentence for each log that was skipped as a copy."""
    left_out: tuple[str, ...] = ()
    """A sentence that names the files that are not logs of requests, if there are any."""
    losses: tuple[str, ...] = ()
    """A sentence for each loss of data."""
    duplicates: Duplicates = NO_DUPLICATES
    rejects: pl.DataFrame | None = None
    """`file, line, reason, text` of rejected lines, if requested."""
    facts: GlobalFacts = NO_GLOBAL_FACTS
    omitted: Mapping[int, int] = field(default_factory=dict)
    """The number of lines per log that are not in `lines`."""
    identity_notes: tuple[tuple[str, str], ...] = ()
    """The codes and texts of notes on what the lines lack to identify visitors."""
    files: frozenset[Identity] = frozenset()
    """The files that were opened."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how logs were read where that is not what their form suggests."""
        return tuple(remark for log in self.logs for remark in log.remarks)

    @property
    def sources(self) -> tuple[str, ...]:
        """The logs' names in the order of `source`."""
        return tuple(log.source.name for log in self.logs)

    @property
    def blank_lines(self) -> int:
        """The number of blank lines that are not in `lines`."""
        return sum(log.blank_lines for log in self.logs)

    @property
    def has_local_times(self) -> bool:
        """Whether a log has times without a time zone."""
        return any(log.has_local_times for log in self.logs)

    @property
    def logs_with_only_days(self) -> tuple[str, ...]:
        """The names of the logs whose times are days without a time of day."""
        return tuple(log.source.name for log in self.logs if log.has_only_days)

    @property
    def newest_first(self) -> tuple[str, ...]:
        """The names of the logs that are written newest first."""
        return tuple(self.sources[number] for number in self.facts.newest_first)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the input."""
        return (*self.left_out, *self.copies, *self.remarks, *self.duplicates.sentences(self.sources), *self.losses)
