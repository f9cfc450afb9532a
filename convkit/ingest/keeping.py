"""Where the cells of lines are kept once they are read: in memory, or on disk where they would not fit.

It stands alone because readers hand over queries and get queries back: only here it is known what became of the rows in between.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import polars as pl

from convkit.core import temporary, writing
from convkit.core.schema import TEXT
from convkit.ingest import buckets

if TYPE_CHECKING:
    from contextlib import ExitStack

    Text = pl.Categorical | pl.String


class Keeper(Protocol):
    """Keeps rows."""

    @property
    def text(self) -> Text:
        """As what texts are kept."""

    def keep(self, cells: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, and return what gives its rows again. Raises OutputError, PolarsError, OSError."""


class InMemory:
    """Texts are dictionary codes."""

    text: Text = TEXT

    def keep(self, cells: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, and return its rows."""
        return cells.collect(engine="streaming").lazy()


@dataclass(frozen=True)
class OnDisk:
    """Rows wait in Parquet files that are gone with the `stack`; the dictionaries of Parquet make them a fifteenth of the log."""

    stack: ExitStack
    text: Text = pl.String()  # noqa: RUF009 (a type without a state)

    def __post_init__(self) -> None:
        """Allow as many open files as the system does: on disk, each log is one."""
        with suppress(ImportError, ValueError, OSError):
            import resource  # noqa: PLC0415 (only Unix has it)

            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def keep(self, cells: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, write its rows with their `key`, and return what reads them again."""
        path = self.stack.enter_context(temporary.place(tempfile.gettempdir()))
        try:
            # LZ4 costs nothing beside reading the log; Zstandard makes a third less of it, for a fifth more time.
            buckets.add_key(cells).sink_parquet(path, compression="lz4", row_group_size=_ROWS)
        except (OSError, pl.exceptions.ComputeError) as error:
            raise writing.no_room(error) or error from None
        return pl.scan_parquet(path)


_ROWS = 250_000
IN_MEMORY = InMemory()
