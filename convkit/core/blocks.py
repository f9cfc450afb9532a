"""What a report looks like on a screen: blocks of lines, paragraphs and grids, without a terminal or its control characters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convkit.core import formatting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Record = Mapping[str, Any]


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
    drops: tuple[int, ...] = ()
    """Columns that are left out where not all fit, the least important first."""
    least: int = 0
    """Characters that the first column has at least, so that grids below each other align."""
    most: Mapping[int, int] = field(default_factory=dict)
    """Characters that columns have at most: their texts are cut where they are longer."""


@dataclass(frozen=True)
class Shown:
    """A column of a table: its title, and how the value of a row becomes text."""

    title: str = ""
    text: str | Callable[[Record], str] = "text"
    """The unit of the value that the row has by the column's name (one of `document.UNITS`), or a function of the whole row."""
    rank: int | None = None
    """Where not all columns fit, the one with the lowest rank is left out first; one without a rank stays."""
    style: str | Callable[[Record], str] = ""
    left: bool = False
    most: int | None = None
    """Characters of a text at most: longer ones are cut."""
    title_style: str = "dim"

    def cell(self, name: str, record: Record) -> Cell:
        """Return the cell of a row in the column `name`."""
        text = formatting.in_unit(record[name], self.text) if isinstance(self.text, str) else self.text(record)
        return Cell(text, self.style if isinstance(self.style, str) else self.style(record), self.left)


def table(
    records: Iterable[Record | Row],
    columns: Mapping[str, Shown],
    keep: str | None = None,
    details: Callable[[Record], Sequence[Paragraph]] = lambda _: (),
) -> Grid:
    """Return a grid of records with these columns, by name; the first is text, and one that is not to be shown is not among them.

    The column `keep`, by which the records are sorted, is never left out; `details` are the lines under a record. A Row stays as it is.
    """
    ranks = sorted((column.rank, place) for place, (name, column) in enumerate(columns.items()) if column.rank is not None and name != keep)
    titles = [Cell(column.title, column.title_style, column.left) for column in columns.values()]

    def row(record: Record) -> Row:
        return Row([column.cell(name, record) for name, column in columns.items()], details(record))

    return Grid(
        [record if isinstance(record, Row) else row(record) for record in records],
        titles if any(column.title for column in columns.values()) else (),
        drops=tuple(place for _, place in ranks),
        most={place: column.most for place, column in enumerate(columns.values()) if column.most is not None},
    )


@dataclass(frozen=True)
class SideBySide:
    """Two columns of blocks, each on half of the screen."""

    left: Sequence[Block]
    right: Sequence[Block]


@dataclass(frozen=True)
class BlankLine:
    """An empty line."""


Block = Heading | Line | Paragraph | Grid | BlankLine | SideBySide


@dataclass(frozen=True)
class Screen:
    """What a report may use of a screen."""

    width: int = 120
    limit: int | None = None
    """Rows a report shows: None for the usual number, 0 for all."""
    colour: bool = False
    part: bool = False
    """Whether the report is one of several, in `convkit report`."""
    verbose: bool = False
    """Whether definitions are shown."""

    @property
    def wide(self) -> bool:
        """Whether the wide form fits."""
        return self.width >= 120  # noqa: PLR2004 (the width at which the wide form is drawn)

    def rows(self, usual: int) -> int | None:
        """Return how many rows to show, None for all."""
        return (usual if self.limit is None else self.limit) or None
