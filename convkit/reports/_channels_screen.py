"""What channels look like: a row each, its sessions, and how many of them bounced, converted and reached the steps that lead there.

It stands alone because which goals stand in the columns, and which cells are marked, is only known when all channels are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import likeness
from convkit.core import figures
from convkit.core.tables import Cell, Grid, Heading, Paragraph, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convkit.analysis.analysis import View
    from convkit.core.tables import Block, Room

_ROWS, _MICROS = 20, 2
_ALL, _BOUNCED = "all", "bounced"
_NAME, _GOAL, _RATE = 26, 14, 6
"""Characters of a channel and of a goal's name at most, and of a rate behind its count."""
_BEHIND_MACRO = 4
_OF_TOUCH = {"first": "first_touch", "last": "last_touch"}
_TOUCHES = "first, last: visitors who converted, by the channel of their first session and of the one in which they first did."


@dataclass(frozen=True)
class _Column:
    """A column of the picture, the text of all channels in front; where not all fit, those with the lowest `rank` are left out first."""

    title: str
    texts: Sequence[str]
    rank: int


@dataclass(frozen=True)
class _Count:
    """How many sessions of which channel did something."""

    title: str
    by_channel: Mapping[str, int]
    rank: int
    is_rate: bool = False
    """Whether only its rate is shown."""

    @property
    def total(self) -> int:
        """How many sessions of all channels."""
        return sum(self.by_channel.values())


def rows(room: Room) -> int | None:
    """Return how many channels are shown, None for all."""
    return room.rows(_ROWS)


def draw(frame: pl.DataFrame, micros: pl.DataFrame, view: View, order: str, room: Room) -> list[Block]:
    """Return a row a channel of the report's `frame`, which has its counts; `micros` are `channel, goal, reached, then_converted`."""
    if frame.is_empty():
        return []
    shown, total = frame.head(rows(room) or frame.height), int(frame["sessions"].sum())
    counts, sessions = _counts(frame, micros, view), dict(shown.select("channel", "sessions").rows())
    shares = [(count.by_channel[channel], of, count.total, total) for count in counts for channel, of in sessions.items()]
    alike = likeness.alike(shares)
    columns = [
        _Column("sessions", [figures.count(number) for number in (total, *sessions.values())], 9),
        _Column("share", [figures.share(number, total) for number in (total, *sessions.values())], 3),
    ]
    for place, count in enumerate(counts):
        mine = slice(place * len(sessions), (place + 1) * len(sessions))
        columns.append(_column(count, [(count.total, total, count.total, total), *shares[mine]], [False, *alike[mine]]))
    if view.knows_macro and room.wide:
        columns[_BEHIND_MACRO:_BEHIND_MACRO] = [_range(shown)]
        columns += _touches(frame, shown)
    some = f"; {shown.height} of {figures.plural(frame.height, 'channel')}" if shown.height < frame.height else ""
    heading = Heading("CHANNELS", f"where sessions came from, of {figures.count(total)}{order and ', ' + order}{some}")
    legend = [likeness.LEGEND] if any(alike) else []
    legend += [Paragraph(_TOUCHES, style="dim")] if view.knows_macro and room.wide else []
    return [heading, _grid([_ALL, *sessions], columns), *legend]


def _counts(frame: pl.DataFrame, micros: pl.DataFrame, view: View) -> list[_Count]:
    """Return what is counted: bounces, conversions, and the micro goals that most converters passed."""
    bounces, converted = (dict(frame.select("channel", name).rows()) for name in ("bounces", "converted_sessions"))
    counts = [_Count(_BOUNCED, bounces, 6, is_rate=True), *([_Count(view.macro_name, converted, 8)] if view.knows_macro else [])]
    sums = micros.group_by("goal").agg(pl.col("then_converted", "reached").sum()).filter(pl.col("reached") > 0)
    goals = sums.sort("then_converted", "reached", "goal", descending=[True, True, False])["goal"].head(_MICROS)
    none = dict.fromkeys(frame["channel"].to_list(), 0)
    of_goals = [none | dict(micros.filter(pl.col("goal") == goal).select("channel", "reached").rows()) for goal in goals]
    return [*counts, *(_Count(goal, reached, 5 - place) for place, (goal, reached) in enumerate(zip(goals, of_goals, strict=True)))]


def _column(count: _Count, shares: Sequence[likeness.Shares], alike: Sequence[bool]) -> _Column:
    """Return a column of counts with their rates, those marked that are like the rest."""
    texts = [figures.share(part, of) if count.is_rate else figures.pair(part, of, _RATE) for part, of, _, _ in shares]
    return _Column(count.title, [likeness.marked(text, is_alike) for text, is_alike in zip(texts, alike, strict=True)], count.rank)


def _range(shown: pl.DataFrame) -> _Column:
    """Return how large rates of conversion may be."""
    ranges = [figures.likely(low, high, of) for low, high, of in shown.select("conversion_rate_low", "conversion_rate_high", "sessions").rows()]
    return _Column("likely range", ["", *ranges], 1)


def _touches(frame: pl.DataFrame, shown: pl.DataFrame) -> list[_Column]:
    """Return by which channels those who converted came."""
    return [_Column(title, [figures.count(int(frame[name].sum())), *map(figures.count, shown[name])], 2) for title, name in _OF_TOUCH.items()]


def _grid(names: Sequence[str], columns: Sequence[_Column]) -> Grid:
    """Return the columns as rows."""
    lines = [
        Row([Cell(text, "dim" if name == _ALL and not place else "") for text in (name, *(column.texts[place] for column in columns))])
        for place, name in enumerate(names)
    ]
    places = sorted(range(len(columns)), key=lambda place: columns[place].rank)
    titles = [Cell(), *(Cell(column.title, "dim") for column in columns)]
    most = {0: _NAME} | {place: _GOAL for place, column in enumerate(columns, 1) if len(column.title) > _GOAL}
    return Grid(lines, titles, drops=tuple(place + 1 for place in places[:-1]), most=most)
