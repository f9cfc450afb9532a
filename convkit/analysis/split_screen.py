"""What a report that is split by a key looks like: a column a value, or a small line over the periods.

It stands alone because all reports but the headline share the two pictures: rows of their own, each a part of a whole.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import likeness
from convkit.analysis.period_marks import NO_MARKS, Marks
from convkit.analysis.split_tables import OTHER
from convkit.analysis.splits import BY, PERIODS
from convkit.core import figures
from convkit.core.tables import Cell, Gap, Grid, Heading, Paragraph, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from convkit.core.tables import Block, Report, Room

VALUES = 5
"""How many values a screen shows as columns, the others as one."""
_MOST_PERIODS = 60
_NAME, _NARROW_NAME, _PAIR, _RATE, _WIDEST, _GAP, _INDENT = 27, 22, 11, 6, 18, 2, 2
"""Characters of a name at most, of a figure with its rate, of the rate, and of a value at most."""
_ALL, _SESSIONS = "all", "sessions"


@dataclass(frozen=True)
class Split:
    """A report split by a key, and the values in order: `by, sessions`. On a screen the last value may be all others."""

    values: pl.DataFrame
    report: Report
    marks: Marks = NO_MARKS
    """What is marked on the values, where they are periods."""


@dataclass(frozen=True)
class Lines:
    """Rows of one picture: `label`, `part`, `whole`, of a split report with `by` in front."""

    heading: Heading
    of_all: pl.DataFrame
    of_values: Callable[[Split], pl.DataFrame]
    with_sessions: bool = True
    """Whether the sessions of every value stand above."""
    widest: int = 0
    """Characters that a label takes at most, where they are not the usual number."""
    short: Callable[[str], str] = str
    """Makes a label shorter that would take more."""
    with_notes: bool = True
    """Whether what happened in the periods is told below."""
    of_sessions: bool = False
    """Whether parts and wholes are sessions: then what cannot be told from the other sessions is marked, where every session has one value."""

    def has_marks(self, key: str) -> bool:
        """Tell whether values of a key are held against each other: periods are judged by their trend, and a session may have several goals."""
        return self.of_sessions and key not in PERIODS and key != "goal"


def draw(lines: Lines, split: Callable[[int | None], Split], key: str, room: Room) -> list[Block]:
    """Return the lines with a column a value, or with a small line over the periods; `split` folds all values but so many into one."""
    every = split(None)
    if lines.of_all.is_empty() or every.values.is_empty():
        return []
    heading = Heading(lines.heading.title, f"by {key}; {lines.heading.rest}")
    widest = lines.widest or (_NAME if room.wide else _NARROW_NAME)
    name = min(max(len(label) for label in (_SESSIONS, *lines.of_all["label"])), widest)
    space, widths = room.width - _INDENT - name - _of_all(lines, every) - _GAP, [*_widths(lines, every, key).values()]
    if key in PERIODS:
        if _fitting(widths, space) < len(widths):
            return [heading, *_trend(lines, every, key, name, room)]
        return [heading, *_matrix(lines, every, key, name, space), *_told(lines, every, every.values[BY].to_list(), room)]
    shown = split(_shown(widths, key, room, space, _of_all(lines, every) + len(likeness.SIGN)))
    hidden = every.values.height - shown.values.filter(pl.col(BY) != OTHER).height if key == "goal" else 0
    more = [Paragraph(f"{figures.plural(hidden, 'more goal')}: --limit 0.", style="dim")] if hidden else []
    return [heading, *_matrix(lines, shown, key, name, space), *more]


def _shown(widths: Sequence[int], key: str, room: Room, space: int, other: int) -> int | None:
    """Return how many values stand for themselves: those that fit beside their sum, or as many as were asked for; None for all."""
    if room.limit is not None:
        return room.limit or None
    fits = _fitting(widths[:VALUES], space)
    # Sessions that reached several goals cannot be added up: there are no others.
    if key == "goal" or fits == len(widths):
        return fits
    return max(_fitting(widths[:fits], space - other - _GAP), 1)


def _fitting(widths: Sequence[int], space: int) -> int:
    """Return how many columns of these widths fit, at least one."""
    ends = accumulate(width + _GAP for width in widths)
    return max(sum(end <= space for end in ends), 1)


def _of_all(lines: Lines, split: Split) -> int:
    """Return how wide the column of all values is."""
    return _wide_enough([*lines.of_all["part"], int(split.values["sessions"].sum())])


def _widths(lines: Lines, split: Split, key: str) -> dict[str, int]:
    """Return how wide the column of each value is, in order: its figures have a mark behind them where there may be one."""
    parts = defaultdict(list, lines.of_values(split).group_by(BY).agg("part").rows())
    mark = len(likeness.SIGN) if lines.has_marks(key) else 0
    return {
        value: min(max(len(split.marks.title(value)), _wide_enough([*parts[value], sessions], mark)), _WIDEST)
        for value, sessions in split.values.select(BY, "sessions").rows()
    }


def _wide_enough(counts: Sequence[int], mark: int = 0) -> int:
    """Return how many characters counts take with their rates, and with a mark."""
    return max(_PAIR, max(len(figures.count(count)) for count in counts) + _RATE + mark)


def _matrix(lines: Lines, split: Split, key: str, name: int, space: int) -> list[Block]:
    """Return a column a value, in as many grids as they need."""
    pairs, values = _by_label(lines, split), split.values.rows()
    values = [value for value in values if key != "goal" or value[0] != OTHER]
    total = "" if key == "goal" else figures.count(int(split.values["sessions"].sum()))
    blocks: list[Block] = []
    alike, mark = (_alike(lines, pairs), len(likeness.SIGN)) if lines.has_marks(key) else (set(), 0)
    widths = _widths(lines, split, key)
    while values:
        shown, values = _cut(values, _fitting([widths[value] for value, _ in values], space))
        titles = [Cell(), Cell(_ALL, "dim"), *(Cell(shortened(split.marks.title(value), _WIDEST), "dim") for value, _ in shown)]
        counts = [f"{total}{'':{_RATE}}", *(f"{figures.count(sessions)}{'':{_RATE + mark}}" for _, sessions in shown)]
        rows = [Row([Cell(text, "dim") for text in (_SESSIONS, *counts)])] if lines.with_sessions else []
        for label, part, whole in lines.of_all.select("label", "part", "whole").rows():
            signs = [likeness.SIGN if (label, value) in alike else " " * mark for value, _ in shown]
            found = [figures.pair(*pairs.get((label, value), (0, 0)), _RATE) + sign for (value, _), sign in zip(shown, signs, strict=True)]
            rows.append(Row([Cell(lines.short(label)), Cell(figures.pair(part, whole, _RATE), "bold"), *map(Cell, found)]))
        most = {0: name, 1: _of_all(lines, split)} | {column: widths[value] for column, (value, _) in enumerate(shown, 2)}
        blocks += [*([Gap()] if blocks else []), Grid(rows, titles, most=most, least=name)]
    return [*blocks, *([likeness.LEGEND] if alike else [])]


def _alike(lines: Lines, pairs: Mapping[tuple[str, str], tuple[int, int]]) -> set[tuple[str, str]]:
    """Return label and value of the cells that cannot be told from the other sessions."""
    of_all = {label: (part, whole) for label, part, whole in lines.of_all.select("label", "part", "whole").rows()}
    found = likeness.alike((*pair, *of_all[label]) for (label, _), pair in pairs.items())
    return {place for place, is_alike in zip(pairs, found, strict=True) if is_alike}


def _cut(values: list[tuple[str, int]], place: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    return values[:place], values[place:]


def shortened(text: str, most: int) -> str:
    """Return both ends of a text that has too many characters: many paths begin alike."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - 1 - most // 2) :]}"


def _trend(lines: Lines, split: Split, key: str, name: int, room: Room) -> list[Block]:
    """Return the sums, and beside them how they went over the periods that fit."""
    pairs, periods = _by_label(lines, split), split.values[BY].to_list()
    last = max((len(figures.count(part)) for part in lines.of_all["part"]), default=0)
    fits = min(_MOST_PERIODS, max(room.width - _INDENT - name - 3 * _GAP - _PAIR - max(last, 5), _PAIR))
    shown = periods[-fits:]
    titles = [Cell(), Cell(_ALL, "dim"), Cell(_span(shown), "dim", left=True), Cell(split.marks.last(periods[-1]), "dim")]
    rows = []
    for label, part, whole in lines.of_all.select("label", "part", "whole").rows():
        parts = [pairs.get((label, period), (0, 0))[0] for period in shown]
        cells = [Cell(figures.pair(part, whole, _RATE), "bold"), Cell(figures.sparkline(parts), "bar", left=True), Cell(figures.count(parts[-1]))]
        rows.append(Row([Cell(lines.short(label)), *cells]))
    rows += [Row([Cell(), Cell(), Cell(split.marks.line(shown), "dim", left=True)])] if split.marks.notes_of(shown) else []
    some = f"The last {len(shown)} of {len(periods)} {key}s." if len(shown) < len(periods) else ""
    grid = Grid(rows, titles, most={2: max(len(shown), len(_span(shown)))}, least=name)
    return [grid, *([Paragraph(some, style="dim")] if some else []), *_told(lines, split, shown, room)]


def _told(lines: Lines, split: Split, periods: Sequence[str], room: Room) -> list[Block]:
    """Return what happened in the periods that are shown; inside `report` the headline tells it."""
    return split.marks.legend(periods) if lines.with_notes and not room.part else []


def _span(periods: Sequence[str]) -> str:
    """Return the first and the last period, as far as there is room above the line of so many."""
    words = f"{periods[0]} … {periods[-1]}"
    return words if len(words) <= len(periods) else periods[-1] if len(periods) == 1 else f"… {periods[-1]}"


def _by_label(lines: Lines, split: Split) -> dict[tuple[str, str], tuple[int, int]]:
    """Return part and whole by label and value, of the labels that are shown."""
    shown = lines.of_values(split).join(lines.of_all.select("label"), on="label", how="semi")
    return {(label, value): (part, whole) for label, value, part, whole in shown.select("label", BY, "part", "whole").rows()}
