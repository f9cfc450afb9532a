"""What a funnel looks like on a screen: bars, and under each step where those went who did not go on.

It stands alone because a picture of this size would hide the report's few lines of arithmetic.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import split_screen
from convkit.analysis.split_screen import Lines
from convkit.core import figures
from convkit.core.tables import Cell, Gap, Grid, Heading, Paragraph, Row
from convkit.funnels.departures import ANY, LEFT
from convkit.reports import _funnel_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from convkit.analysis.analysis import View
    from convkit.analysis.split_screen import Split
    from convkit.core.definitions import Funnel
    from convkit.core.tables import Block, Report, Room
    from convkit.reports._funnel_words import Said

_BAR, _WIDE_BAR, _OPEN_BAR = 40, 18, 8
_FUNNELS_IN_REPORT = 2
_ITEMS, _WIDE_ITEMS = 3, 2


def draw(frame: pl.DataFrame, went: pl.DataFrame, said: Mapping[str, Said], view: View, room: Room) -> list[Block]:
    """Return the funnels, and what is said of each; inside `report` the first two, the others named."""
    shown, hidden = _shown(frame, view, room)
    blocks: list[Block] = []
    for funnel in shown:
        mine = pl.col("funnel") == funnel.name
        blocks += [Gap()] if blocks else []
        blocks += _funnel(funnel, frame.filter(mine).rows(named=True), went.filter(mine), said[funnel.name], room)
    return [*blocks, *hidden]


def _shown(frame: pl.DataFrame, view: View, room: Room) -> tuple[tuple[Funnel, ...], list[Block]]:
    """Return the funnels that are shown, and the line that names the others."""
    funnels = view.goals.funnels
    if view.goals.file is None:
        reached = frame.filter(pl.col("reached") > 0)["funnel"].to_list()
        funnels = tuple(funnel for funnel in funnels if funnel.name in reached)
    shown = funnels[:_FUNNELS_IN_REPORT] if room.part and room.limit is None else funnels
    if len(shown) == len(funnels):
        return shown, []
    names = ", ".join(funnel.name for funnel in funnels[len(shown) :])
    more = f"{figures.plural(len(funnels) - len(shown), 'more funnel')}: {names}. All: convkit funnel."
    return shown, [Gap(), Paragraph(more, style="dim")]


def draw_split(whole: Report, split: Callable[[int | None], Split], view: View, room: Room) -> list[Block]:
    """Return a row a step beside the values of a key, and below what the whole's picture would say."""
    frame = pl.DataFrame(whole.details)
    shown, hidden = _shown(frame, view, room)
    blocks: list[Block] = []
    for funnel in shown:
        mine = frame.filter(funnel=funnel.name)
        heading = Heading(f"FUNNEL {funnel.name}", _describe(funnel, mine.rows(named=True), room))
        of_values = partial(_of_values, funnel=funnel.name, by=view.by)
        is_first = not blocks
        blocks += [Gap()] if blocks else []
        blocks += split_screen.draw(Lines(heading, _lines(mine, ()), of_values, with_notes=is_first), split, view.key, room)
        said = [note for note in whole.notes if note.is_drawn and note.text.startswith((f"{funnel.name}: ", f"{funnel.name} at "))]
        sentences = [Paragraph(note.text) for note in said if note.code == "other-ways" or not room.part]
        blocks += [Gap(), *sentences] if sentences else []
    return [*blocks, *hidden]


def _of_values(split: Split, funnel: str, by: tuple[str, ...]) -> pl.DataFrame:
    return _lines(pl.DataFrame(split.report.details).filter(funnel=funnel), by)


def _lines(rows: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
    """Return how many of those who entered reached a step."""
    return rows.select(*by, label=pl.format("{} {}", "step", "name"), part="reached", whole="entered")


def _funnel(funnel: Funnel, rows: list[dict[str, Any]], went: pl.DataFrame, said: Said, room: Room) -> list[Block]:
    """Return one funnel."""
    heading = Heading(f"FUNNEL {funnel.name}", _describe(funnel, rows, room))
    picture = _wide(rows, went) if room.wide else _narrow(rows, went, room)
    # What differs stands under its step where there is room for it; that nothing does is worth a line to who asks for the funnel.
    is_shown = room.wide if said.has_difference else not room.part
    sentences = [sentence for sentence in (said.other_ways, *(said.differences if is_shown else ())) if sentence]
    return [heading, *picture, *([Gap()] if sentences else []), *(Paragraph(sentence) for sentence in sentences)]


def _describe(funnel: Funnel, rows: list[dict[str, Any]], room: Room) -> str:
    """Return how the funnel is counted, and how many never entered."""
    unit = f"{funnel.per}s"
    scope = ("within one session" if room.wide else "in one session") if funnel.per == "session" else "across a visitor's sessions"
    everybody, entered = rows[0]["everybody"], rows[0]["entered"]
    never = f"{figures.count(everybody - entered)} of {figures.count(everybody)}"
    of = f" {unit}" if room.wide or funnel.per == "visitor" else ""
    share = f" ({figures.share(everybody - entered, everybody)})" if room.wide and everybody >= figures.FEWEST else ""
    return f"{_funnel_words.asked(funnel, scope)}; {never}{of} never entered{share}"


def _narrow(rows: list[dict[str, Any]], went: pl.DataFrame, room: Room) -> list[Block]:
    """Return a line a step with its bar, and under it where they went."""
    first = rows[0]["entered"]
    lines = [
        Row(
            [
                Cell(_label(row)),
                Cell(figures.count(row["reached"]), "bold"),
                Cell(f"{figures.bar(row['reached'], first, _BAR):{_BAR}}", "bar", left=True),
                Cell(figures.share(row["reached"], first)),
            ],
            _details(row, went.filter(step=row["step"]), room),
        )
        for row in rows
    ]
    return [Gap(), Grid(lines, drops=(2, 3))]


def _label(row: dict[str, Any]) -> str:
    return f"{row['step']} {row['name']}{' (optional)' if row['is_optional'] else ''}"


def _details(row: dict[str, Any], went: pl.DataFrame, room: Room) -> list[Paragraph]:
    """Return how many began at a step, where any step may be the first, and where those went who dropped off."""
    began = [Paragraph(f"{figures.count(row['entries'])} began here", indent=6, first="↳ ", style="dim")] if row["entries"] else []
    if not row["drop_offs"]:
        return began
    share = figures.share(row["drop_offs"], row["reached"])
    text = f"{figures.count(row['drop_offs'])} dropped off" + (f" ({share})" if share != figures.TOO_FEW else "")
    items = [f"{figures.count(number)} {_place(item)}" for item, number in _next(went).head(_ITEMS).rows()]
    while len(f"      ↳ {text}: {', '.join(items)}") > room.width and len(items) > 1:
        items.pop()
    lines = [*began, Paragraph(f"{text}: {', '.join(items)}", indent=6, first="↳ ", style="dim")]
    return lines + [Paragraph(sentence, indent=8, style="") for sentence in _short_differences(went)]


def _next(went: pl.DataFrame) -> pl.DataFrame:
    """Return where they went next, the most first."""
    found = went.filter((pl.col("what") == "next") & (pl.col("dropped") > 0))
    return found.sort("dropped", "item", descending=[True, False]).select("item", "dropped")


def _place(item: str) -> str:
    return "left" if item == LEFT else item


def _short_differences(went: pl.DataFrame) -> list[str]:
    """Say what was oftener among those who dropped off than chance would make it."""
    sentences = []
    for row in went.filter(pl.col("more") & (pl.col("item") == ANY)).sort("what").rows(named=True):
        met = {"form_again": "got the form back", "error": "met an error", "slow": "waited over 3 s"}[row["what"]]
        sentences.append(
            f"{figures.count(row['dropped'])} of the {figures.count(row['stopped'])} {met}; "
            f"of the {figures.count(row['continued'])} who went on, {figures.count(row['went_on'])}"
        )
    return sentences


def _wide(rows: list[dict[str, Any]], went: pl.DataFrame) -> list[Block]:
    """Return a table with a row a step."""
    first = rows[0]["entered"]
    is_open = rows[0]["is_open"]
    titles = (
        "",
        rows[0]["unit"],
        "began here",
        "of all" if is_open else "of step 1",
        "",
        "dropped",
        "share",
        "likely range",
        "to next",
        "mostly went",
    )
    headings = [Cell(title, "dim", left=title == "mostly went") for title in titles]
    lines = [Row(_wide_cells(row, first, went.filter(step=row["step"]))) for row in rows]
    return [Grid(lines, headings, hidden=() if is_open else (2,), drops=(4, 9, 8, 7))]


def _wide_cells(row: dict[str, Any], first: int, went: pl.DataFrame) -> list[Cell]:
    """Return the cells of one step."""
    width = _OPEN_BAR if row["is_open"] else _WIDE_BAR
    cells = [
        Cell(_label(row)),
        Cell(figures.count(row["reached"]), "bold"),
        Cell(figures.count(row["entries"])),
        Cell(figures.share(row["reached"], first)),
        Cell(f"{figures.bar(row['reached'], first, width):{width}}", "bar", left=True),
    ]
    if row["drop_offs"] is None:
        return cells
    likely = figures.likely(row["drop_off_low"], row["drop_off_high"], row["reached"])
    went_to = ", ".join(_place(item) for item, _ in _next(went).head(_WIDE_ITEMS).rows())
    return [
        *cells,
        Cell(figures.count(row["drop_offs"])),
        Cell(figures.share(row["drop_offs"], row["reached"])),
        Cell(likely),
        Cell(figures.duration(row["median_seconds_to_next"])),
        Cell(went_to, "dim", left=True),
    ]
