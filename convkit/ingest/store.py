"""Where parsed lines are kept: in memory, or on disk in buckets of visitors.

All lines of a visitor are in one bucket. The bucket is decided while lines are read, before visitors are identified, and costs next to nothing.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import polars as pl

from convkit.core import filesystem
from convkit.core.schema import TEXT
from convkit.formats.parsers import addresses, requests

if TYPE_CHECKING:
    from contextlib import ExitStack

    Text = pl.Categorical | pl.String


class Store(Protocol):
    """Keeps rows."""

    @property
    def text(self) -> Text:
        """As what texts are kept."""

    def keep(self, cells: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, and return what gives its rows again. Raises OutputError, PolarsError, OSError."""


class MemoryStore:
    """Texts are dictionary codes."""

    text: Text = TEXT

    def keep(self, cells: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, and return its rows."""
        return cells.collect(engine="streaming").lazy()


@dataclass(frozen=True)
class DiskStore:
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
        path = self.stack.enter_context(filesystem.temporary_path(tempfile.gettempdir()))
        try:
            # LZ4 costs nothing beside reading the log; Zstandard makes a third less of it, for a fifth more time.
            add_bucket_key(cells).sink_parquet(path, compression="lz4", row_group_size=_ROWS)
        except (OSError, pl.exceptions.ComputeError) as error:
            raise filesystem.disk_full_error(error) or error from None
        return pl.scan_parquet(path)


_ROWS = 250_000
MEMORY_STORE = MemoryStore()


BUCKETS = 256
"""Buckets: a part of the visitors are those of as many of them as fit into memory."""
BUCKET_KEY = "key"
"""The column of a number (UInt32) that all lines of a visitor share, and other visitors may have too."""
_FOUR = r"^([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+) - "
_SIX = r"^([1-9a-f][0-9a-f]{0,3}:[1-9a-f][0-9a-f]{0,3}):[0-9a-f:]* - "
_NETWORK, _FIRST_TWO = r"^0*([0-9a-f]*):0*([0-9a-f]*):[0-9a-f:]*$", "${1}:${2}"
_SEED = 5


def bucket_of(key: pl.Expr) -> pl.Expr:
    """Return the bucket of a key."""
    return key % BUCKETS


def add_bucket_key(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Add `key` to PARSED, text.

    It is told by what of an address stays a visitor's, of IPv6 by its first two groups, and by the user where there is no address.
    """
    sender = pl.col("sender")
    # Nearly all senders are one of the two, and it takes seven times as long to take them apart as people's notations need it: the rest is null.
    easy = pl.coalesce(sender.str.extract(_FOUR), sender.str.extract(_SIX))
    known = cells.with_columns(whole=sender, easy=easy).with_columns(sender=pl.when(pl.col("easy").is_null()).then("sender"))
    told = addresses.add_address_parts(requests.split_senders(known))
    text = pl.coalesce("easy", pl.col("part").str.replace(_NETWORK, _FIRST_TWO), "user", pl.lit(""))
    key = (text.hash(_SEED) % (1 << 32)).cast(pl.UInt32)
    return told.with_columns(sender="whole", key=key).drop("whole", "easy", "address", "user", "part", "sorted")
