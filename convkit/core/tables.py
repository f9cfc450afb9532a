"""What outputs see: a document of reports, each a frame with columns whose units are known, and what it looks like on a screen.

It stands alone because an output must not know a report, nor a report an output.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.quality import NOTHING_KNOWN, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

UNITS = ("text", "count", "step", "rate", "ratio", "change", "seconds", "money", "number", "time", "flag")


@dataclass(frozen=True)
class Column:
    """A column of a report: its exact name in files, and its unit.

    `rate` is from 0 to 1, `change` relative to one, `number` of mixed kind; `money` an Int64 of millionths, `time` a Datetime, `step` names a row.
    """

    name: str
    unit: str


@dataclass(frozen=True)
class Note:
    """What qualifies the numbers: part of the report, last lines of the table, `notes` in JSON."""

    code: str
    text: str
    is_drawn: bool = False
    """Whether the report's picture says it already."""


@dataclass(frozen=True)
class Finding:
    """A sentence of what is worth a look, and the command that shows more."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class Cell:
    """A piece of text on a screen. `style` is bold, dim, bar, good or bad; text from a log is made harmless by the output."""

    text: str = ""
    style: str = ""
    left: bool = False


@dataclass(frozen=True)
class Line:
    """A line of cells that follow each other, indented."""

    cells: tuple[Cell, ...]
    indent: int = 2

    @classmethod
    def of(cls, text: str, style: str = "", indent: int = 2) -> Line:
        """Return a line of one piece."""
        return cls((Cell(text, style),), indent)


@dataclass(frozen=True)
class Heading:
    """The title of a report in bold, and what its figures are of; broken where the screen ends."""

    title: str
    rest: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A text that is broken where the screen ends; `first` stands before its first line and indents the others."""

    text: str
    indent: int = 2
    first: str = ""
    style: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a grid, and the lines that belong under it."""

    cells: Sequence[Cell]
    details: Sequence[Paragraph] = ()


@dataclass(frozen=True)
class Grid:
    """Rows in columns: the first column is text and gives way when the screen is narrow, the others are left out but never squeezed."""

    rows: Sequence[Row]
    headings: Sequence[Cell] = ()
    indent: int = 2
    gap: int = 2
    hidden: tuple[int, ...] = ()
    """Columns that say nothing here."""
    drops: tuple[int, ...] = ()
    """Columns that are left out where not all fit, the least important first."""
    least: int = 0
    """Characters that the first column has at least, so that grids below each other align."""
    most: Mapping[int, int] = field(default_factory=dict)
    """Characters that columns have at most: their texts are cut where they are longer."""


@dataclass(frozen=True)
class Beside:
    """Two columns of blocks, each on half of the screen."""

    left: Sequence[Block]
    right: Sequence[Block]


@dataclass(frozen=True)
class Gap:
    """An empty line."""


Block = Heading | Line | Paragraph | Grid | Gap | Beside


@dataclass(frozen=True)
class Room:
    """What a report may use of a screen."""

    width: int
    limit: int | None = None
    """Rows a report shows: None for the usual number, 0 for all."""
    colour: bool = False
    part: bool = False
    """Whether it stands among others in `report`."""

    @property
    def wide(self) -> bool:
        """Whether the wide form fits."""
        return self.width >= 120  # noqa: PLR2004 (the width at which the wide form is drawn)

    def rows(self, usual: int) -> int | None:
        """Return how many rows to show, None for all."""
        return (usual if self.limit is None else self.limit) or None


@dataclass(frozen=True)
class Report:
    """One report, finished: `frame` has the `columns`, sorted; `draw` says what these rows look like.

    `metrics` marks a report of one row, or one row a value, that files show as `metric,value`; an aside stands `beside` the reports named.
    """

    name: str
    columns: tuple[Column, ...]
    frame: pl.DataFrame
    draw: Callable[[pl.DataFrame, Room], list[Block]]
    notes: tuple[Note, ...] = ()
    metrics: bool = False
    details: pl.DataFrame | None = None
    """What findings and pictures need beyond the columns."""
    beside: tuple[str, ...] = ()

    @property
    def naming(self) -> list[Column]:
        """The columns that name a row; all others are figures."""
        return [column for column in self.columns if column.unit in {"text", "step"}]


@dataclass(frozen=True)
class Period:
    """The time that the figures are of, both ends inside; None where nothing was read."""

    begin: datetime | None
    end: datetime | None
    timezone: str

    @property
    def days(self) -> float:
        """Return the length in days, at least one."""
        if self.begin is None or self.end is None:
            return 1.0
        return max((self.end - self.begin).total_seconds() / 86_400, 1.0)


@dataclass(frozen=True)
class Document:
    """A run's whole outcome, as outputs take it."""

    version: str
    logs: tuple[str, ...]
    goals_file: str | None
    """None for the built-in goals."""
    goals_summary: str
    input: Mapping[str, int]
    """`lines`, and how many of them met which fate: they add up."""
    reasons: Mapping[str, Mapping[str, int]]
    """Of fates that have reasons."""
    period: Period
    reports: Mapping[str, Report]
    asides: Mapping[str, Report] = field(default_factory=dict)
    """Reports that only outputs for reading and JSON show: they belong to another report."""
    findings: tuple[Finding, ...] = ()
    is_whole: bool = False
    """Whether this is `report`, all of it on one screen."""
    copies: tuple[str, ...] = ()
    """Sentences of logs that were left out because others hold all of them."""
    losses: tuple[str, ...] = ()
    """Sentences of what of the input was lost."""
    rejects: pl.DataFrame | None = None
    """`file, line, reason, text` of the lines that were not read, where they are wanted."""
    quality: Quality = NOTHING_KNOWN

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people must know of the input, whatever the report says."""
        return (*self.copies, *self.losses)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes of all reports, each once."""
        return tuple(dict.fromkeys(note for report in (*self.reports.values(), *self.asides.values()) for note in report.notes))


def add(tallies: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add the tallies of parts of the visitors: Int64 columns are summed (`last_...` by max, `first_...` by min), all others are keys."""
    whole = pl.concat(tallies)
    sums = [name for name, dtype in whole.schema.items() if dtype == pl.Int64]
    keys = [name for name in whole.columns if name not in sums]
    merged = [_merge(name) for name in sums]
    return whole.group_by(keys, maintain_order=True).agg(merged) if keys else whole.select(merged)


def _merge(name: str) -> pl.Expr:
    """Return how a column of a tally is merged."""
    column = pl.col(name)
    return column.max() if name.startswith("last_") else column.min() if name.startswith("first_") else column.sum()


def empty(columns: Sequence[Column]) -> pl.DataFrame:
    """Return a frame of these columns without rows."""
    types = dict.fromkeys(("rate", "ratio", "change", "seconds", "number"), pl.Float64) | {"text": pl.String, "flag": pl.Boolean}
    return pl.DataFrame(schema={column.name: types.get(column.unit, pl.Int64) for column in columns})
