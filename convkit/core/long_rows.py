"""Rows on disk, for a report or a tally that may be too long for memory; they have those methods of a frame that reports and outputs need.

A report written for a frame can thus be given either.
"""

from __future__ import annotations

import copy
import io
import tempfile
import weakref
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import filesystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Place = tuple[int, int]
    Change = Callable[[pl.DataFrame], pl.DataFrame]

MANY_ROWS = 100_000
"""The number of rows from which a tally is not put together in memory."""
_AT_ONCE = 50_000
"""The number of rows that are sorted or joined at once."""
_IN_PIECE = 20_000
"""The maximum number of rows in a piece: an output makes Python objects of them, which take ten times the memory."""
_SAMPLED = 100
"""The number of rows that are sampled for each range, so that ranges have about the same length."""
_SEED, _ROW, _PLACE = 7, "number of the row or its group", "place"


def _unchanged(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


class _File:
    """A file of frames, which is deleted as soon as nothing refers to it."""

    def __init__(self) -> None:
        """Create the file. Raises OutputError."""
        try:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
        except OSError as error:
            raise filesystem.disk_full_error(error) or error from None
        weakref.finalize(self, self._file.close)

    def write(self, rows: pl.DataFrame) -> Place:
        """Write rows and return where they are. Raises OutputError."""
        content = io.BytesIO()
        rows.write_ipc(content, compression="lz4")
        try:
            start = self._file.seek(0, io.SEEK_END)
            self._file.write(content.getbuffer())
            self._file.flush()
        except OSError as error:
            raise filesystem.disk_full_error(error, tempfile.gettempdir()) or error from None
        return start, content.tell()

    def read(self, place: Place) -> pl.DataFrame:
        """Return the rows at a place."""
        start, length = place
        self._file.seek(start)
        return pl.read_ipc(io.BytesIO(self._file.read(length)))


class LongRows:
    """Rows on disk, in pieces; `pipe` changes them as they are read."""

    def __init__(self, schema: pl.Schema, file: _File | None = None) -> None:
        """Create an object without rows, in a new file that is deleted with the last object that reads it. Raises OutputError."""
        self._file, self._schema, self.height = file or _File(), schema, 0
        self._places: list[Place] = []
        self._change: Change = _unchanged

    def append(self, rows: pl.DataFrame) -> None:
        """Write rows after those that are there. Raises OutputError."""
        for start in range(0, rows.height, _IN_PIECE):
            self._places.append(self._file.write(rows.slice(start, _IN_PIECE)))
        self.height += rows.height

    def is_empty(self) -> bool:
        """Return whether there are no rows."""
        return not self.height

    def pieces(self) -> Iterator[pl.DataFrame]:
        """Return the rows, some at a time."""
        return (self._change(self._file.read(place)) for place in self._places)

    def frame(self) -> pl.DataFrame:
        """Return all rows, in memory."""
        return pl.concat([self._empty, *self.pieces()], rechunk=True)

    def head(self, number: int) -> pl.DataFrame:
        """Return the first rows."""
        return next(_batches(self.pieces(), number), self._empty).head(number)

    def filter(self, *conditions: pl.Expr) -> pl.DataFrame:
        """Return the rows that fit, in memory."""
        return pl.concat([self._empty, *(piece.filter(*conditions) for piece in self.pieces())])

    def __getitem__(self, name: str) -> pl.Series:
        """Return a column, in memory."""
        return pl.concat([self._empty[name], *(piece[name] for piece in self.pieces())])

    def pipe(self, change: Change) -> LongRows:
        """Return the rows as a function changes them, which gets some at a time and returns as many."""
        before, changed = self._change, copy.copy(self)
        changed._change = lambda rows: change(before(rows))  # noqa: SLF001 (an object of this class)
        return changed

    def sort(self, *by: str | pl.Expr, descending: bool | Sequence[bool] = False, nulls_last: bool = False, **_: bool) -> LongRows:
        """Return the rows sorted; those with equal keys keep their order. They are divided into ranges, each of which is sorted in memory."""
        falling = [descending] * len(by) if isinstance(descending, bool) else [*descending]
        keys = [(pl.col(key) if isinstance(key, str) else key).alias(f"{place}") for place, key in enumerate(by)]
        # Many rows may have equal keys: their places divide them.
        names, orders = [*(key.meta.output_name() for key in keys), _PLACE], [*falling, False]

        def keys_of(rows: pl.DataFrame, first: int) -> pl.DataFrame:
            return rows.select(keys).with_columns(pl.int_range(first, first + rows.height).alias(_PLACE))

        number = self.height // _AT_ONCE + 1
        step = max(self.height // (number * _SAMPLED), 1)
        sample = pl.concat([keys_of(rows, first).gather_every(step) for rows, first in _with_places(chain([self._empty], self.pieces()))])
        bounds = sample.sort(names, descending=orders, nulls_last=nulls_last).gather_every(_SAMPLED, _SAMPLED)

        def ranges(rows: pl.DataFrame, first: int) -> list[pl.DataFrame]:
            """Return the rows of each range; a bound comes before the rows that are equal to it."""
            both = pl.concat(
                [bounds.with_columns(pl.lit(None, dtype=pl.UInt32).alias(_ROW)), keys_of(rows, first).with_row_index(_ROW).select(*names, _ROW)]
            )
            order = both.sort(*names, pl.col(_ROW).is_not_null(), descending=[*orders, False], nulls_last=nulls_last, maintain_order=True)[_ROW]
            ends = [-1, *order.is_null().arg_true(), len(order)]
            return [rows[order.slice(start + 1, end - start - 1)] for start, end in pairwise(ends)]

        result = LongRows(self._empty.schema)
        for of_range in self._divided(ranges, bounds.height + 1):
            result.append(of_range.frame().sort(*by, descending=falling, nulls_last=nulls_last, maintain_order=True))
        return result

    def groups(self, keys: Sequence[str], number: int) -> list[LongRows]:
        """Return the rows in a number of groups; all rows with the same keys, whatever they belong to, are in the group with the same place."""
        group = (pl.struct(keys).hash(_SEED) % number).alias(_ROW)

        def divide(rows: pl.DataFrame, _: int) -> list[pl.DataFrame]:
            of_group = rows.with_columns(group).partition_by(_ROW, as_dict=True, include_key=False)
            return [of_group.get((place,), rows.clear()) for place in range(number)]

        return self._divided(divide, number)

    def _divided(self, divide: Callable[[pl.DataFrame, int], list[pl.DataFrame]], number: int) -> list[LongRows]:
        """Return the rows in the groups into which a function divides some of them at a time."""
        schema, file = self._empty.schema, _File()
        groups = [LongRows(schema, file) for _ in range(number)]
        for rows, first in _with_places(_batches(self.pieces(), _AT_ONCE)):
            for group, some in zip(groups, divide(rows, first), strict=True):
                group.append(some)
        return groups

    @property
    def _empty(self) -> pl.DataFrame:
        """The columns."""
        return self._change(pl.DataFrame(schema=self._schema))


Rows = pl.DataFrame | LongRows


def in_memory(rows: Rows) -> pl.DataFrame:
    """Return all rows, in memory."""
    return rows.frame() if isinstance(rows, LongRows) else rows


def pieces(rows: Rows) -> Iterator[pl.DataFrame]:
    """Yield rows, some at a time."""
    if isinstance(rows, LongRows):
        yield from rows.pieces()
    else:
        yield from (rows.slice(start, _IN_PIECE) for start in range(0, rows.height, _IN_PIECE))


def join(tables: Mapping[str, Rows], keys: Sequence[str], function: Callable[[dict[str, pl.DataFrame]], pl.DataFrame]) -> Rows:
    """Return what a function makes of tables; if one is on disk, it gets some of their rows at a time, but all with the same keys at once."""
    if not any(isinstance(table, LongRows) for table in tables.values()):
        return function({name: table for name, table in tables.items() if isinstance(table, pl.DataFrame)})
    number = sum(table.height for table in tables.values()) // _AT_ONCE + 1
    divided = {name: (table if isinstance(table, LongRows) else on_disk([table])).groups(keys, number) for name, table in tables.items()}
    return on_disk(function({name: groups[place].frame() for name, groups in divided.items()}) for place in range(number))


def on_disk(frames: Iterable[pl.DataFrame]) -> LongRows:
    """Write frames with the same columns, at least one, as one. Raises OutputError."""
    remaining = iter(frames)
    first = next(remaining)
    rows = LongRows(first.schema)
    for frame in chain([first], remaining):
        rows.append(frame)
    return rows


def _with_places(pieces: Iterable[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, int]]:
    """Yield pieces with the place of their first row."""
    first = 0
    for piece in pieces:
        yield piece, first
        first += piece.height


def _batches(pieces: Iterable[pl.DataFrame], least: int) -> Iterator[pl.DataFrame]:
    """Yield pieces together, so that all but the last have at least so many rows."""
    some: list[pl.DataFrame] = []
    for piece in pieces:
        some.append(piece)
        if sum(one.height for one in some) >= least:
            yield pl.concat(some)
            some = []
    if some:
        yield pl.concat(some)
