"""Blocks that reports are drawn with: headings, lines, paragraphs and tables, independent of any terminal and its control characters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convkit.core import formatting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Record = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A piece of text on a screen. `style` is bold, dim, bar, good or bad; making text from a log safe is up to the output."""

    text: str = ""
    style: str = ""
    left: bool = False


@dataclass(frozen=True)
class Line:
    """An indented line of cells."""

    cells: tuple[Cell, ...]
    indent: int = 2

    @classmethod
    def of(cls, text: str, style: str = "", indent: int = 2) -> Line:
        """Return a line with one cell."""
        return cls((Cell(text, style),), indent)


@dataclass(frozen=True)
class Heading:
    """The title of a report in bold, followed by what its figures are about; it is wrapped at the width of the screen."""

    title: str
    rest: str = ""


@dataclass(frozen=True)
class Paragraph:
    """Text that is wrapped at the width of the screen; `first` precedes its first line, and the other lines are indented by the same width."""

    text: str
    indent: int = 2
    first: str = ""
    style: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a grid, with any lines that belong below it; without cells, it is only these lines."""

    cells: Sequence[Cell]
    details: Sequence[Paragraph] = ()


@dataclass(frozen=True)
class Grid:
    """Rows and columns. On a narrow screen, the first column, which is text, is cut short; the others are shown in full or left out."""

    rows: Sequence[Row]
    headings: Sequence[Cell] = ()
    indent: int = 2
    gap: int = 2
    drops: tuple[int, ...] = ()
    """The columns to leave out, in this order, if not all of them fit."""
    least: int = 0
    """The minimum width of the first column, so that grids shown below each other line up."""
    most: Mapping[int, int] = field(default_factory=dict)
    """The maximum widths of columns; longer text is cut."""


@dataclass(frozen=True)
class Shown:
    """A column of a table: its title, and how the value in a row is written."""

    title: str = ""
    text: str | Callable[[Record], str] = "text"
    """The unit of the value that the row has under the column's name (one of `document.UNITS`), or a function of the whole row."""
    rank: int | None = None
    """If not all columns fit, the one with the lowest rank is left out first; one without a rank is always shown."""
    style: str | Callable[[Record], str] = ""
    left: bool = False
    most: int | None = None
    """The maximum width; longer text is cut."""
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
    """Return a grid with one row per record and these columns, by name; the first one must be text.

    Columns that are not in the mapping are not shown. The column `keep`, by which the records are sorted, is never left out; `details` returns
    the lines below a record. A Row among the records is used unchanged.
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
    """The screen that reports are drawn for, and how much of them it shows."""

    width: int = 120
    limit: int | None = None
    """Rows per report: None for the usual number, 0 for all."""
    colour: bool = False
    part: bool = False
    """Whether the report is one of several, in `convkit report`."""
    verbose: bool = False
    """Whether definitions are shown."""

    @property
    def wide(self) -> bool:
        """Whether the screen has room for the wide form of reports."""
        return self.width >= 120  # noqa: PLR2004 (the width at which the wide form is drawn)

    def rows(self, default: int) -> int | None:
        """Return how many rows to show, or None for all."""
        return (default if self.limit is None else self.limit) or None
