"""The document that outputs render: reports with columns of known units, their notes, and how the input was classified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core.collect import collect_frame, collect_groups
from convkit.core.long_rows import MANY_ROWS, in_memory, on_disk
from convkit.core.quality import UNKNOWN_QUALITY, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from convkit.core.blocks import Block, Screen
    from convkit.core.filesystem import Identity
    from convkit.core.long_rows import Rows


UNITS = ("text", "count", "step", "rate", "ratio", "change", "seconds", "money", "number", "time", "flag")


Tallies = dict[str, dict[str, pl.DataFrame]]
"""By report and name, the tallies that `sum_tallies` adds up and `present` turns into a report."""


@dataclass(frozen=True)
class Column:
    """A column of a report: its exact name in files, and its unit.

    A `rate` ranges from 0 to 1, a `change` of 0.5 means +50%, a `number` is a count or a ratio, `money` is an integer in millionths, a `time` is a
    Datetime, and a `step` is the name of a row.
    """

    name: str
    unit: str


DATA, FUNNELS, DEFINITIONS = NOTE_GROUPS = ("data", "funnels", "definitions")
"""The groups of notes, in the order in which a screen shows them; definitions are shown there only on request."""


@dataclass(frozen=True)
class Note:
    """A note that qualifies the numbers; it belongs to a report and appears in the last lines of a table, and as `notes` in JSON."""

    code: str
    text: str
    is_drawn: bool = False
    """Whether the report's own screen already includes it."""
    group: str = DATA


@dataclass(frozen=True)
class Finding:
    """A sentence about something worth looking at, and the command that shows more."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class Report:
    """One finished report: `rows` has the `columns`, and is sorted; `draw` returns the blocks for these rows.

    `metrics` marks a report with one row (or one per value of a key), which files show as `metric,value`; `beside` names the reports that an aside
    belongs to.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Rows
    draw: Callable[[Any, Screen], list[Block]]
    notes: tuple[Note, ...] = ()
    metrics: bool = False
    details: pl.DataFrame | None = None
    """The additional columns that findings and screens need."""
    beside: tuple[str, ...] = ()
    is_private: bool = False
    """Whether its rows are people, so that only the owner of a file with them may read it."""

    @property
    def frame(self) -> pl.DataFrame:
        """The rows in memory; those of a long report are read from disk."""
        return in_memory(self.rows)

    @property
    def naming(self) -> list[Column]:
        """The columns that identify a row; all others are figures."""
        return [column for column in self.columns if column.unit in {"text", "step"}]


@dataclass(frozen=True)
class Period:
    """The period that the figures cover, including both ends, which are None if nothing was read."""

    begin: datetime | None
    end: datetime | None
    timezone: str

    @property
    def days(self) -> float:
        """Return the length in days, but at least one."""
        if self.begin is None or self.end is None:
            return 1.0
        return max((self.end - self.begin).total_seconds() / 86_400, 1.0)


@dataclass(frozen=True)
class Unsaved:
    """Goals of a run without a goals file."""

    names: tuple[str, ...]
    """The names of the goals, macro goals first."""
    command: str
    """The command that writes a goals file for the same logs."""
    are_suggested: bool
    """Whether the logs suggested them; otherwise, they are the built-in ones."""


@dataclass(frozen=True)
class Outcome:
    """Whether a threshold was missed, and the figure that decided it."""

    expr: str
    """The threshold as it was written."""
    missed: bool | None
    """None where there is too little data to say."""
    text: str
    """The figure in words."""
    value: float | None = None
    """The figure: a rate, a count, an amount, or seconds."""
    low: float | None = None
    high: float | None = None
    """The likely range (95%) of a rate."""
    bound: float | None = None
    """The number that the figure is compared with."""


@dataclass(frozen=True)
class Document:
    """Everything that a run found, ready for an output."""

    version: str
    logs: tuple[str, ...]
    goals_file: str | None
    """The name of the goals file, if there is one."""
    goals_summary: str
    input: Mapping[str, int]
    """The number of `lines`, and how many were kept, excluded and so on; these add up to `lines`."""
    reasons: Mapping[str, Mapping[str, int]]
    """The number of lines per reason, for each fate that has reasons."""
    period: Period
    reports: Mapping[str, Report]
    asides: Mapping[str, Report] = field(default_factory=dict)
    """Reports that belong to another report; only JSON and the human-readable outputs include them."""
    findings: tuple[Finding, ...] = ()
    is_whole: bool = False
    """Whether this is `convkit report`, everything on one screen."""
    copies: tuple[str, ...] = ()
    """Sentences about logs that were skipped because other logs contain all of their lines."""
    left_out: tuple[str, ...] = ()
    """A sentence that names the files that are not logs of requests, if there are any."""
    remarks: tuple[str, ...] = ()
    """Sentences on how logs were read where that is not what their form suggests."""
    lost: tuple[str, ...] = ()
    """Sentences about lines that could count and are in no figure: duplicate, unread, or in sessions without a page."""
    empty: str = ""
    """What the logs hold, if no session is in the period."""
    unsaved: Unsaved | None = None
    """The goals, if there is no goals file."""
    losses: tuple[str, ...] = ()
    """Sentences about input that was lost."""
    thresholds: tuple[Outcome, ...] = ()
    rejects: pl.DataFrame | None = None
    """`file, line, reason, text` of the rejected lines, if they were requested."""
    quality: Quality = UNKNOWN_QUALITY
    files: frozenset[Identity] = frozenset()
    """The files that were read, over which nothing may be written."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the input that apply to all reports."""
        return (*self.left_out, *self.copies, *self.remarks, *self.lost, *self.losses)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes of all reports, without duplicates."""
        return tuple(dict.fromkeys(note for report in (*self.reports.values(), *self.asides.values()) for note in report.notes))


def sum_tallies(tallies: Sequence[pl.DataFrame], stored: Sequence[pl.LazyFrame] = ()) -> pl.DataFrame:
    """Add up tallies for different visitors: columns of Int64 and Int128 are summed (`last_...`: the maximum, `first_...`: the minimum).

    The rest are keys. `stored` are further tallies, which are on disk.
    """
    return pl.concat(list(_sums(tallies, stored)))


def sum_long_tallies(tallies: Sequence[pl.DataFrame], stored: Sequence[pl.LazyFrame]) -> Rows:
    """Return the same as `sum_tallies`, on disk if there are many rows. Raises OutputError."""
    many = sum(collect_frame(rows.select(pl.len()), 0).item() for rows in stored) >= MANY_ROWS
    return on_disk(_sums(tallies, stored)) if many else sum_tallies(tallies, stored)


def _sums(tallies: Sequence[pl.DataFrame], stored: Sequence[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    """Yield the sums of tallies, some at a time."""
    texts = [name for name, dtype in tallies[0].schema.items() if dtype == pl.String]
    return map(_sum_rows, collect_groups(pl.concat([*(tally.lazy() for tally in tallies), *stored]), texts))


def map_groups(rows: pl.LazyFrame, keys: Sequence[str], function: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Return what a function makes of rows, of which it gets some at a time, but all with the same keys at once."""
    return pl.concat([function(group) for group in collect_groups(rows, keys)])


def _sum_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the same keys added up."""
    sums = [name for name, dtype in rows.schema.items() if dtype in (pl.Int64, pl.Int128)]
    keys = [name for name in rows.columns if name not in sums]
    merged = [_sum_column(name) for name in sums]
    return rows.group_by(keys, maintain_order=True).agg(merged) if keys else rows.select(merged)


def _sum_column(name: str) -> pl.Expr:
    """Return how a column of a tally is merged."""
    column = pl.col(name)
    return column.max() if name.startswith("last_") else column.min() if name.startswith("first_") else column.sum()


def empty_frame(columns: Sequence[Column]) -> pl.DataFrame:
    """Return a frame with these columns and no rows."""
    types = dict.fromkeys(("rate", "ratio", "change", "seconds", "number"), pl.Float64) | {"text": pl.String, "flag": pl.Boolean}
    return pl.DataFrame(schema={column.name: types.get(column.unit, pl.Int64) for column in columns})
