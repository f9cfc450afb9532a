"""What `compare` looks like on a screen: what must be known first, a row a figure with its verdict, and the sentences under it.

It stands alone because a picture is not a computation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis.split_screen import shortened
from convkit.core import figures, verdicts
from convkit.core.tables import Cell, Gap, Grid, Heading, Paragraph, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.comparison.compare_rows import Pair
    from convkit.comparison.sides import Sides
    from convkit.core.definitions import Goals
    from convkit.core.tables import Block, Room

_ROWS, _FUNNELS = 20, 2
_RATE, _WIDEST = 6, 18
"""Characters of a rate beside its count, and of a group's name at most."""
_CHANGE, _LIKELY = 3, 4
"""Columns that are left out first."""


def draw(rows: pl.DataFrame, pair: Pair, room: Room) -> list[Block]:
    """Return the table: the overview, the goals that were reached, and the steps of funnels."""
    parts, sides = _parts(rows, pair.goals, room), pair.sides
    texts = [[_texts(row, pair.goals.site.currency) for row in part] for _, part in parts]
    headings = ["", *_names(sides), "change", "likely change", "verdict"]
    # Each part is a grid of its own: padded to the widest, their columns stand below each other.
    widths = [max(map(len, column)) for column in zip(headings, *(row for part in texts for row in part), strict=True)]
    hidden = () if room.wide else (_LIKELY,)
    blocks: list[Block] = []
    for (title, part), cells in zip(parts, texts, strict=True):
        above = [] if blocks else [Cell(text, "dim", left=True) for text in _padded(headings, widths)]
        blocks += [Gap()] if blocks else []
        blocks += [Heading(f"FUNNEL {title}", "of those who began")] if title else []
        lines = [Row(_cells(row, text, widths)) for row, text in zip(part, cells, strict=True)]
        blocks.append(Grid(lines, above, hidden=hidden, drops=(_LIKELY, _CHANGE), least=widths[0]))
    more = rows.filter(what="funnel")["group"].n_unique() - sum(bool(title) for title, _ in parts)
    if more:
        blocks += [Gap(), Paragraph(f"{figures.plural(more, 'more funnel')}: --limit 0.", style="dim")]
    return blocks


def _names(sides: Sides) -> list[str]:
    """Return what the columns of the sides are called: groups by what they do not have in common."""
    names = [sides.before.name, sides.now.name]
    fields = {name.partition("=")[0] for name in names}
    return [shortened(name.partition("=")[2] if sides.are_groups and len(fields) == 1 else name, _WIDEST) for name in names]


def _parts(rows: pl.DataFrame, goals: Goals, room: Room) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the rows that are shown, under each other, of a funnel with its name."""
    is_reached = (pl.col("before") + pl.col("now") > 0) | ((pl.col("group") == "macro") & (goals.file is not None))
    overview = rows.filter(pl.col("what") == "overview", pl.col("before").is_not_null())
    reached = rows.filter((pl.col("what") == "goal") & is_reached).head(room.rows(_ROWS) or rows.height)
    found = rows.filter(pl.col("what") == "funnel")
    funnels = [funnel.name for funnel in goals.funnels if funnel.name in found["group"]][: room.rows(_FUNNELS) if room.limit == 0 else _FUNNELS]
    parts = [("", overview), ("", reached), *((name, found.filter(group=name)) for name in funnels)]
    return [(title, part.rows(named=True)) for title, part in parts if part.height]


def _texts(row: Mapping[str, Any], currency: str) -> list[str]:
    """Return the cells of a row."""
    if row["item"] == "value" and row["what"] == "overview":
        counts = ["–" if row[rate] is None else figures.money(row[rate] * 1_000_000, currency) for rate in ("before_rate", "now_rate")]
        counts, label = [f"{count}{'':{_RATE}}" for count in counts], "value each"
    elif row["before_of"] is None:
        counts, label = [f"{figures.count(int(row[side]))}{'':{_RATE}}" for side in ("before", "now")], row["label"]
    else:
        counts, label = [figures.pair(int(row[side]), row[f"{side}_of"], _RATE) for side in ("before", "now")], row["label"]
    likely = [row[bound] for bound in ("difference_low", "difference_high")]
    change = _change(row)
    has_range = change not in {figures.TOO_FEW, figures.UNKNOWN} and None not in likely and row["before_rate"]
    words = " to ".join(figures.change(max(bound / row["before_rate"], -1)) for bound in likely) if has_range else ""
    return [label, *counts, change, words, row["verdict"] or ""]


def _change(row: Mapping[str, Any]) -> str:
    """Return the movement relative to the side before; a dot where there are too few to tell one."""
    before, now = row["before_rate"], row["now_rate"]
    if row["item"] == "sessions" and row["what"] == "overview":
        before, now = (row["before"], row["now"]) if row["verdict"] else (None, None)
    elif row["before_of"] is not None and not verdicts.is_enough(row):
        return figures.TOO_FEW
    if before is None or now is None:
        return figures.TOO_FEW
    return figures.change(now / before - 1) if before > 0 else figures.UNKNOWN


def _cells(row: Mapping[str, Any], texts: Sequence[str], widths: Sequence[int]) -> list[Cell]:
    """Return the cells as they are drawn: only the verdict has a colour, and only where it is good or bad news."""
    label, before, now, change, likely, verdict = _padded(texts, widths)
    style = "" if row["what"] == "overview" else "good" if verdicts.rose(row["verdict"]) else "bad" if verdicts.fell(row["verdict"]) else ""
    return [Cell(label), Cell(before), Cell(now, "bold"), Cell(change), Cell(likely), Cell(verdict, style, left=True)]


def _padded(texts: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return texts as wide as their columns; the first gives way where the screen is narrow, and the last begins at the left."""
    middle = [text.rjust(width) for text, width in zip(texts[1:-1], widths[1:-1], strict=True)]
    return [texts[0], *middle, texts[-1].ljust(widths[-1])]
