"""The screen: bold headings, right-aligned numbers, bars in one colour; in a pipe, the wide form without colour."""

from __future__ import annotations

import io
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from convkit.core import formatting
from convkit.core.blocks import BlankLine, Grid, Heading, Line, Paragraph, SideBySide
from convkit.core.document import DEFINITIONS, NOTE_GROUPS
from convkit.core.text import safe
from convkit.outputs._masthead import masthead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from convkit.core.blocks import Block, Cell, Screen
    from convkit.core.document import Document

ENDINGS = ("txt",)
_STYLES = {"bold": "bold", "dim": "dim", "bar": "cyan", "good": "green", "bad": "red", "": ""}
_NARROWEST_NAME = 8
_BETWEEN = 2
_WIDTH_WITH_TITLES = 60
"""The minimum screen width at which the titles of notes get a column of their own."""
_DOT = f"too few to show; a rate needs at least {formatting.MIN_BASE}"
_OTHER_REPORTS = "bridges, friction, readiness, audiences: convkit help insight"


def render(document: Document, screen: Screen) -> Iterable[str]:
    """Return the document as one piece of text, with escape sequences only if the screen has colour."""
    return [_printed(list(_document(document, screen)), screen)]


def render_blocks(blocks: Sequence[Block], screen: Screen) -> str:
    """Return blocks that do not belong to a document as text."""
    return _printed(list(_blocks(blocks, screen.width)), screen)


def _printed(lines: list[Text], screen: Screen) -> str:
    """Return the lines as one string, styled if the screen has colour."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=10_000,
        force_terminal=screen.colour,
        color_system="standard" if screen.colour else None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
    return out.getvalue()


def _document(document: Document, screen: Screen) -> Iterator[Text]:
    """Yield every line of the screen."""
    yield from _header(document, screen)
    has_dots = False
    for report in (*document.reports.values(), *document.asides.values()):
        blocks = report.draw(report.rows, screen)
        has_dots |= _has_dots(blocks)
        yield from _blocks([BlankLine(), *blocks] if blocks else [], screen.width)
    if document.findings:
        yield Text()
        yield Text("WORTH A LOOK", _STYLES["bold"])
        for number, finding in enumerate(document.findings, 1):
            yield from _paragraph(Paragraph(finding.text, indent=2, first=f"{number} "), screen.width)
            if finding.command:
                yield from _command(finding.command, screen.width)
    notes = [*_notes(document, screen, has_dots=has_dots)]
    yield from _blocks([BlankLine(), *notes] if notes else [], screen.width)


def _has_dots(blocks: Sequence[Block]) -> bool:
    """Return whether any grid shows a dot instead of a figure whose base is too small."""
    grids = [
        grid for block in blocks for grid in ([*block.left, *block.right] if isinstance(block, SideBySide) else [block]) if isinstance(grid, Grid)
    ]
    return any(formatting.TOO_FEW in cell.text.split() for grid in grids for row in grid.rows for cell in row.cells[1:])


def _notes(document: Document, screen: Screen, *, has_dots: bool) -> Iterator[Paragraph]:
    """Yield the notes, one paragraph each, grouped under titles; unless definitions are requested, a hint shows where to find them."""
    texts = {title: [note.text for note in document.notes if note.group == title and not note.is_drawn] for title in NOTE_GROUPS}
    has_definitions = document.is_whole or bool(texts[DEFINITIONS])
    texts[DEFINITIONS] = [*texts[DEFINITIONS], "More: convkit help definitions."] if screen.verbose else ["-v, or convkit help definitions"]
    texts |= {} if has_definitions else {DEFINITIONS: []}
    texts = {formatting.TOO_FEW: [_DOT] if has_dots else []} | {title.capitalize(): sentences for title, sentences in texts.items()}
    texts |= {"All rows": ["--limit 0; files: -f csv, -f json"], "More": [_OTHER_REPORTS]} if document.is_whole else {}
    gap = max(map(len, texts)) + _BETWEEN
    for title, sentences in texts.items():
        for number, sentence in enumerate(sentences):
            before = "" if number else title
            yield Paragraph(
                sentence, first=f"{before:{gap}}" if screen.width >= _WIDTH_WITH_TITLES else f"{before}: " if before else "- ", style="dim"
            )


def _command(command: str, width: int) -> Iterator[Text]:
    """Yield a command, wrapped with backslashes so that a shell accepts it."""
    line = "      "
    for word in safe(command, None).split(" "):
        if line.strip() and cell_len(line) + len(word) + 3 > width:
            yield _cut(f"{line} \\", width, _STYLES["dim"])
            line = "       "
        line += f" {word}" if line.strip() else word
    yield _cut(line, width, _STYLES["dim"])


def _header(document: Document, screen: Screen) -> Iterator[Text]:
    """Yield the logs, the period and the goals."""
    yield from _paragraph(Paragraph(masthead(document, wide=screen.wide), indent=0, style="bold"), screen.width)


def _blocks(blocks: Sequence[Block], width: int) -> Iterator[Text]:
    """Yield the lines of blocks."""
    for block in blocks:
        if isinstance(block, BlankLine):
            yield Text()
        elif isinstance(block, Heading):
            yield from _heading(block, width)
        elif isinstance(block, Line):
            yield _line(block, width)
        elif isinstance(block, Paragraph):
            yield from _paragraph(block, width)
        elif isinstance(block, Grid):
            yield from _grid(block, width)
        else:
            yield from _beside(block, (width - _BETWEEN) // 2)


def _beside(block: SideBySide, half: int) -> Iterator[Text]:
    """Yield two columns of blocks."""
    for left, right in zip_longest(_blocks(block.left, half), _blocks(block.right, half), fillvalue=Text()):
        left.rstrip()
        line = left.copy()
        line.append(" " * (half + _BETWEEN - left.cell_len))
        yield line.append_text(right)


def _heading(heading: Heading, width: int) -> Iterator[Text]:
    """Yield the lines of a heading, with its title in bold."""
    start = len(safe(heading.title, None))
    words = Paragraph(f"{heading.title}  {heading.rest}".rstrip(), indent=0)
    for number, text in enumerate(_paragraph(words, width)):
        text.stylize(_STYLES["dim"], start if number == 0 else 0)
        text.stylize(_STYLES["bold"], 0, start if number == 0 else 0)
        yield text


def _line(line: Line, width: int) -> Text:
    """Return a line of cells, cut at the width of the screen."""
    text = Text(" " * line.indent)
    for cell in line.cells:
        text.append(safe(cell.text), _STYLES[cell.style])
    text.truncate(width, overflow="ellipsis")
    return text


def _cut(text: str, width: int, style: str) -> Text:
    cut = Text(safe(text, None), style)
    cut.truncate(width, overflow="ellipsis")
    return cut


def _paragraph(paragraph: Paragraph, width: int) -> Iterator[Text]:
    """Yield the lines of a paragraph, wrapped between words."""
    start = " " * paragraph.indent + paragraph.first
    indent = " " * cell_len(start)
    line, is_empty = start, True
    for word in safe(paragraph.text, None).split(" "):
        if not is_empty and cell_len(line) + 1 + cell_len(word) > width:
            yield _cut(line, width, _STYLES[paragraph.style])
            line, is_empty = indent, True
        line, is_empty = line + ("" if is_empty else " ") + word, False
    yield _cut(line, width, _STYLES[paragraph.style])


def _grid(grid: Grid, width: int) -> Iterator[Text]:
    """Yield rows in columns; on a narrow screen the first column is cut, and the others are shown in full or left out."""
    widths = _widths(grid, width)
    if grid.headings:
        yield _row(grid.headings, widths, grid, width)
    for row in grid.rows:
        if row.cells:
            yield _row(row.cells, widths, grid, width)
        yield from _blocks(row.details, width)


def _widths(grid: Grid, width: int) -> dict[int, int]:
    """Return the columns that fit, each with its width."""
    rows = [grid.headings, *(row.cells for row in grid.rows)]
    texts = [[safe(cell.text) for cell in row] for row in rows]
    columns = range(max((len(row) for row in rows), default=0))
    widths = {column: max((cell_len(row[column]) for row in texts if column < len(row)), default=0) for column in columns}
    widths |= {column: min(widths[column], most) for column, most in grid.most.items() if column in widths}
    if not widths:
        return widths
    needed = min(widths[0], _NARROWEST_NAME)
    for column in grid.drops:
        if needed + _others(widths, grid) > width:
            widths.pop(column, None)
    widths[0] = max(min(max(widths[0], grid.least), width - _others(widths, grid)), needed)
    return widths


def _others(widths: dict[int, int], grid: Grid) -> int:
    """Return the total width of all columns but the first, including the gaps."""
    return sum(width for column, width in widths.items() if column) + grid.gap * (len(widths) - 1) + grid.indent


def _row(cells: Sequence[Cell], widths: dict[int, int], grid: Grid, width: int) -> Text:
    """Return one row."""
    text = Text(" " * grid.indent)
    for column, space in widths.items():
        if column >= len(cells):
            break
        cell = cells[column]
        shown = _fit(safe(cell.text), space)
        padding = " " * (space - cell_len(shown))
        is_left = column == 0 or cell.left
        text.append((" " * grid.gap if column else "") + ("" if is_left else padding))
        text.append(shown, _STYLES[cell.style])
        text.append(padding if is_left else "")
    text.truncate(width, overflow="ellipsis")
    return text


def _fit(text: str, space: int) -> str:
    """Return a cell's text, cut with an ellipsis if it does not fit its space."""
    return text if cell_len(text) <= space else set_cell_size(text, space - 1).rstrip() + "…"
