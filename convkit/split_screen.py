"""What a report that is split by a key looks like: a column a value, or a small line over the periods.

It stands alone because all reports but the headline share the two pictures: rows of their own, each a part of a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import polars as pl

from convkit import figures, likeness
from convkit.period_marks import NO_MARKS, Marks
from convkit.split_tables import OTHER
from convkit.splits import BY, PERIODS
from convkit.tables import Cell, Gap, Grid, Heading, Paragraph, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from convkit.tables import Block, Report, Room

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

    def pair(self, key: str) -> int:
        """Return how many characters a figure takes with its rate, and with its mark where there may be one."""
        return _PAIR + (1 if self.has_marks(key) else 0)

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
    space = room.width - _INDENT - name - lines.pair(key) - _GAP
    if key in PERIODS:
        periods = every.values[BY].to_list()
        if _fitting(periods, space, _PAIR) < len(periods):
            return [heading, *_trend(lines, every, key, name, room)]
        return [heading, *_matrix(lines, every, key, name, space), *_told(lines, every, periods, room)]
    shown = split(_shown(every.values[BY].to_list(), key, room, space, lines.pair(key)))
    hidden = every.values.height - shown.values.filter(pl.col(BY) != OTHER).height if key == "goal" else 0
    more = [Paragraph(f"{figures.plural(hidden, 'more goal')}: --limit 0.", style="dim")] if hidden else []
    return [heading, *_matrix(lines, shown, key, name, space), *more]


def _shown(values: Sequence[str], key: str, room: Room, space: int, pair: int) -> int | None:
    """Return how many values stand for themselves: those that fit beside their sum, or as many as were asked for; None for all."""
    if room.limit is not None:
        return room.limit or None
    fits = _fitting(values[:VALUES], space, pair)
    # Sessions that reached several goals cannot be added up: there are no others.
    if key == "goal" or fits == len(values):
        return fits
    return max(_fitting(values[:fits], space - pair - _GAP, pair), 1)


def _fitting(values: Sequence[str], space: int, pair: int) -> int:
    """Return how many columns fit, at least one."""
    ends = accumulate(_width(value, pair) + _GAP for value in values)
    return max(sum(end <= space for end in ends), 1)


def _width(value: str, pair: int) -> int:
    """Return how wide the column of a value is."""
    return min(max(len(value), pair), _WIDEST)


def _matrix(lines: Lines, split: Split, key: str, name: int, space: int) -> list[Block]:
    """Return a column a value, in as many grids as they need."""
    pairs, values = _by_label(lines, split), split.values.rows()
    values = [value for value in values if key != "goal" or value[0] != OTHER]
    total = "" if key == "goal" else figures.count(int(split.values["sessions"].sum()))
    blocks: list[Block] = []
    alike, pair = _alike(lines, pairs) if lines.has_marks(key) else set(), lines.pair(key)
    while values:
        shown, values = _cut(values, _fitting([value for value, _ in values], space, pair))
        titles = [Cell(), Cell(_ALL, "dim"), *(Cell(shortened(split.marks.title(value), _WIDEST), "dim") for value, _ in shown)]
        counts = [total, *(figures.count(sessions) for _, sessions in shown)]
        rows = (
            [Row([Cell(_SESSIONS, "dim"), *(Cell(f"{count}{'':{_RATE + pair - _PAIR}}", "dim") for count in counts)])] if lines.with_sessions else []
        )
        for label, part, whole in lines.of_all.select("label", "part", "whole").rows():
            found = [(part, whole), *(pairs.get((label, value), (0, 0)) for value, _ in shown)]
            signs = ["", *(likeness.SIGN if (label, value) in alike else "" for value, _ in shown)]
            texts = [f"{figures.pair(*one, _RATE)}{sign:{pair - _PAIR}}" for one, sign in zip(found, signs, strict=True)]
            rows.append(Row([Cell(lines.short(label)), Cell(texts[0], "bold"), *map(Cell, texts[1:])]))
        most = {0: name, 1: pair} | {column: _width(split.marks.title(value), pair) for column, (value, _) in enumerate(shown, 2)}
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
