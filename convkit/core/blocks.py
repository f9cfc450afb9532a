"""What a report looks like on a screen: blocks of lines, paragraphs and grids, without a terminal or its control characters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
