"""Storing parsed lines: in memory, or on disk in buckets of visitors.

All lines of a visitor are in the same bucket. The bucket is cheap to compute while lines are read, before visitors are identified.
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
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    Text = pl.Categorical | pl.String


class Store(Protocol):
    """Stores the rows of queries."""

    @property
    def text(self) -> Text:
        """The type in which strings are stored."""

    @property
    def is_on_disk(self) -> bool:
        """Whether rows are stored on disk, as they may not fit into memory."""

    def keep(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, store its rows and return a query for them. Raises OutputError, PolarsError, OSError."""


class MemoryFullError(Exception):
    """Raised when logs have more lines than their size suggested, so that they do not fit into memory."""


class MemoryStore:
    """Stores rows in memory, with strings as dictionary codes."""

    text: Text = TEXT
    is_on_disk = False

    def __init__(self, fits: Callable[[int, int], bool] = lambda _records, _others: True) -> None:
        """Set what fits into memory: so many records, and so many other lines."""
        self._fits, self._records, self._others = fits, 0, 0

    def keep(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query and return its rows. Raises MemoryFullError as soon as too many have been read."""
        counted = pl.map_batches(["line_no", "problem"], self._count, return_dtype=pl.UInt32, is_elementwise=True)
        return lines.with_columns(counted).collect(engine="streaming").lazy()

    def _count(self, columns: Sequence[pl.Series]) -> pl.Series:
        """Count the lines with these numbers and problems, and return the numbers; if all have the same problem, it is given once."""
        numbers, problems = columns
        records = problems.null_count() * len(numbers) // max(len(problems), 1)
        self._records += records
        self._others += len(numbers) - records
        if not self._fits(self._records, self._others):
            raise MemoryFullError
        return numbers


@dataclass(frozen=True)
class DiskStore:
    """Stores rows in Parquet files that are deleted with the `stack`; Parquet's dictionaries make them a fifteenth of the log's size."""

    stack: ExitStack
    text: Text = pl.String()  # noqa: RUF009 (a type without state)
    is_on_disk: bool = True

    def __post_init__(self) -> None:
        """Raise the limit on open files to the maximum that the system allows, because each log needs one."""
        with suppress(ImportError, ValueError, OSError):
            import resource  # noqa: PLC0415 (available only on Unix)

            maximum = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (maximum, maximum))

    def keep(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, write its rows with their `key`, and return a query that reads them."""
        return self.write(add_bucket_key(lines))

    def write(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Run a query, write its rows, and return a query that reads them."""
        path = self.stack.enter_context(filesystem.temporary_path(tempfile.gettempdir()))
        try:
            # LZ4 takes no noticeable time; Zstandard saves a third of the space for a fifth more time.
            rows.sink_parquet(path, compression="lz4", row_group_size=_ROWS)
        except (OSError, pl.exceptions.ComputeError) as error:
            raise filesystem.disk_full_error(error) or error from None
        return pl.scan_parquet(path)


_ROWS = 250_000
MEMORY_STORE = MemoryStore()


BUCKETS = 256
"""The number of buckets; a part consists of as many buckets as fit into memory."""
BUCKET_KEY = "key"
"""The name of a column with a number (UInt32) that is the same for all lines of a visitor; several visitors may have the same number."""
_FOUR = r"^([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+) - [^ ]+$"
_SIX = r"^([1-9a-f][0-9a-f]{0,3}:[1-9a-f][0-9a-f]{0,3}):[0-9a-f]*:[0-9a-f:]* - [^ ]+$"
_NETWORK, _FIRST_TWO = r"^0*([0-9a-f]*):0*([0-9a-f]*):[0-9a-f:]*$", "${1}:${2}"
_SEED = 5


def bucket_of(key: pl.Expr) -> pl.Expr:
    """Return the bucket of a key."""
    return key % BUCKETS


def add_bucket_key(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Add `key` to NARROWED lines whose text is stored as String.

    It is a hash of the part of the IP address that is stable for a visitor (for IPv6, its first two groups), or of the user if there is no address.
    """
    sender = pl.col("sender")
    # Nearly all senders match one of these two patterns; parsing every notation takes seven times as long, so only the others are parsed that way.
    easy = pl.coalesce(sender.str.extract(_FOUR), sender.str.extract(_SIX))
    others = pl.when(easy.is_null()).then(sender).map_batches(_stable_parts, return_dtype=pl.String(), is_elementwise=True)
    # Blank lines and others that belong to nobody are spread over all buckets, as a log may have millions of them.
    belongs_to_nobody = sender.is_null() & pl.col("problem").is_not_null()
    key = pl.when(belongs_to_nobody).then(pl.col("line_no").hash(_SEED)).otherwise(pl.coalesce(easy, others, pl.lit("")).hash(_SEED))
    return lines.with_columns(key=(key % (1 << 32)).cast(pl.UInt32))


def _stable_parts(senders: pl.Series) -> pl.Series:
    """Return the text to hash for senders of any notation; if all are null, this costs nothing."""
    if senders.null_count() == len(senders):
        return senders
    split = addresses.add_address_parts(requests.split_senders(senders.alias("sender").to_frame().lazy()))
    text = pl.coalesce(pl.col("part").str.replace(_NETWORK, _FIRST_TWO), "user")
    return split.select(text).collect().to_series().alias(senders.name)
