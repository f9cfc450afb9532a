"""Points: the moments at which a session or a visitor stands somewhere on the way to a goal, with everything reached so far.

What has been reached is kept in masks, which have a bit per goal, in the order of the goals file, and are divided into columns of WORD bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import formatting, windows
from convkit.core.collect import materialize
from convkit.core.conditions import any_of
from convkit.core.document import Note
from convkit.core.durations import parse_duration
from convkit.core.schema import is_interaction, is_kind
from convkit.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from convkit.analysis.analysis import Analysis
    from convkit.core.model import Goal, Goals

WORD = 31
"""The number of goals in a column of a mask: Int32 columns are keys of tallies, and their highest bit is the sign."""
NO_AIM = Note("no-goal", "No macro goal is known; name a goal with --to.")
"""The note of a report that has nothing to aim at."""
_LAST_VISIT = 3
_COLUMNS = ("row", "session", "unit", "time", "begun", "begins", "converts", "ends_there", "y")


@dataclass(frozen=True)
class Aim:
    """The goal `to` which the way leads (None if there is no macro goal), in one session, or in a visitor's sessions within a window."""

    to: Goal | None
    window: timedelta | None = None
    is_default: bool = False
    """Whether `to` is the first macro goal since none was named."""

    @property
    def unit(self) -> str:
        """Return what moves along the way: `session` or `visitor`."""
        return "session" if self.window is None else "visitor"

    @property
    def name(self) -> str:
        """Return the name of the goal."""
        return self.to.name if self.to else ""

    @property
    def within(self) -> str:
        """Return the window in words, or an empty string."""
        return f" within {formatting.duration_in_words(self.window)}" if self.window else ""


def parse_aim(options: Mapping[str, str], goals: Goals) -> Aim:
    """Return what the options `to` and `window` mean. Raises UsageError if they are invalid."""
    to, window = options.get("to"), options.get("window")
    goals_by_name = {goal.name: goal for goal in goals.goals}
    if to is not None and to not in goals_by_name:
        raise UsageError(f"--to {to}: unknown goal {to!r}{suggestion(to, goals_by_name, 'Goals')}")
    try:
        length = None if window is None else parse_duration(window)
    except ValueError as error:
        raise UsageError(f"--window: {error}") from error
    return Aim(goals_by_name[to] if to is not None else next(iter(goals.macros), None), length, is_default=to is None)


class Masks:
    """The bits of goals, and the names of the columns that hold a mask."""

    def __init__(self, goals: Iterable[Goal]) -> None:
        """Give each goal a bit, in order."""
        self.places = {goal.name: divmod(number, WORD) for number, goal in enumerate(goals)}
        self._words = range(max((word for word, _ in self.places.values()), default=0) + 1)

    def columns(self, mask: str) -> list[str]:
        """Return the columns of a mask."""
        return [f"{mask}{word}" for word in self._words]

    def of(self, conditions: Mapping[str, pl.Expr], mask: str) -> dict[str, pl.Expr]:
        """Return the columns of a mask with the bits of the goals, by name, whose conditions are true."""
        terms: dict[int, list[pl.Expr]] = {word: [pl.lit(0, dtype=pl.Int64)] for word in self._words}
        for name, condition in conditions.items():
            word, bit = self.places[name]
            terms[word].append(condition.cast(pl.Int64) * (1 << bit))
        return {f"{mask}{word}": pl.sum_horizontal(of_word) for word, of_word in terms.items()}

    def has(self, mask: str, name: str) -> pl.Expr:
        """Return whether a mask has the bit of a goal."""
        word, bit = self.places[name]
        return pl.col(f"{mask}{word}") & (1 << bit) != 0

    def has_any(self, of: Iterable[str], names: Iterable[str]) -> pl.Expr:
        """Return whether one of these masks has the bit of any of these goals."""
        bits = self.bits(names)
        return any_of(pl.col(f"{mask}{word}") & bits[word] != 0 for mask in of for word in self._words if bits[word])

    def bits(self, names: Iterable[str]) -> list[int]:
        """Return the bits of these goals, one number per column."""
        numbers = [0 for _ in self._words]
        for name in names:
            word, bit = self.places[name]
            numbers[word] |= 1 << bit
        return numbers


def walk(analysis: Analysis, aim: Aim, to: Goal, *, with_place: bool = False) -> pl.LazyFrame:
    """Return the points up to the first hit of `to`: interactions and hits that reach a goal, one row each.

    Columns: `row`, `session`, `unit`, `time`; the masks `had` (reached before, in the session or, with a window, in all lines read) and `new` (first
    reached here), Int64; `begun`, the time at which the unit began, and `begins`, whether it does here; `converts`, whether this is the first hit of
    `to`, `ends_there`, whether the unit ever reaches it, and `y`, whether it does so later, in the window if there is one.

    `with_place` adds where the unit stands: the masks `on` (true on the last page so far; until there is one, on the last interaction) and `landed`
    (true on the session's first interaction); `page`, the number of interactions so far in the session, and `places`, that of pages; the session's
    `channel`, and its `visit`: 1, 2, or 3 for all later ones.

    Only points in the period are returned; with a window, all others also lie at least that long before the log's end, so that all had as much time.
    """
    goals, masks = analysis.goals.goals, Masks(analysis.goals.goals)
    reached = {goal.name: pl.col(goal.column) for goal in goals}
    unit, interacts, is_page = pl.col(aim.unit), is_interaction(), is_kind("page")
    is_point = pl.col("session").is_not_null() & (interacts | any_of(reached.values()))
    points = analysis.hits.filter(is_point if aim.window else is_point & pl.col("inside"))
    marked = points.select(
        *("row", "session", "time", "inside"),
        unit=unit,
        page=windows.running_count(interacts, "session"),
        places=windows.running_count(is_page, "session"),
        interacts=interacts,
        is_page=is_page,
        reaches=windows.running_count(reached[to.name], aim.unit),
        converts=windows.is_nth(reached[to.name], 1, aim.unit),
        begins=unit.ne_missing(unit.shift(1)).fill_null(value=True),
        **masks.of(reached, "here"),
        **masks.of({name: windows.is_nth(is_true, 1, aim.unit) for name, is_true in reached.items()}, "new"),
    )
    # Until a session has a page, its interactions stand for pages: exports may have events only.
    is_place = pl.col("is_page") | (pl.col("interacts") & (pl.col("places") == 0))
    is_landing = pl.col("interacts") & (pl.col("page") == 1)

    def landed(column: str) -> pl.Expr:
        return pl.when(pl.col("page") > 0).then(pl.when(is_landing).then(column).forward_fill()).otherwise(0)

    end, end_unit = (pl.when("converts").then(name).backward_fill() for name in ("time", "unit"))
    comes_later = (end_unit == pl.col("unit")).fill_null(value=False) & ~pl.col("converts")
    in_time = pl.lit(value=True) if aim.window is None else (end - pl.col("time") <= aim.window).fill_null(value=False)
    standing = marked.with_columns(
        **{f"had{column[3:]}": windows.running_sum(pl.col(column), "unit") - pl.col(column) for column in masks.columns("new")},
        **{f"on{column[4:]}": _last(pl.col(column), is_place) for column in masks.columns("here")},
        **{f"landed{column[4:]}": landed(column) for column in masks.columns("here")},
        places=pl.when(pl.col("places") > 0).then("places").otherwise("page").cast(pl.Int32),
        page=pl.max_horizontal("page", 1).cast(pl.Int32),
        begun=pl.when("begins").then("time").forward_fill(),
        y=comes_later & in_time,
        ends_there=(end_unit == pl.col("unit")).fill_null(value=False),
    )
    places = ["page", "places", *masks.columns("on"), *masks.columns("landed")] if with_place else []
    is_before = (pl.col("reaches") == 0) | pl.col("converts")
    has_time = (
        pl.lit(value=True) if aim.window is None or analysis.ends is None else pl.col("converts") | (pl.col("time") <= analysis.ends - aim.window)
    )
    kept = standing.filter(pl.col("inside") & is_before & has_time).select(*_COLUMNS, *masks.columns("had"), *masks.columns("new"), *places)
    if with_place:
        origin = analysis.sessions.select("session", "channel", visit=pl.min_horizontal("number", _LAST_VISIT).cast(pl.Int32))
        kept = kept.join(origin, on="session", how="left", maintain_order="left")
    return materialize([kept])[0]


def _last(value: pl.Expr, matches: pl.Expr) -> pl.Expr:
    """Return the value in the session's last matching row up to this one, or 0 if there is none."""
    is_of_session = pl.when(matches).then("session").forward_fill() == pl.col("session")
    return pl.when(is_of_session).then(pl.when(matches).then(value).forward_fill()).otherwise(0)


def keys_of(masks: Masks, *names: str) -> list[pl.Expr]:
    """Return the columns of these masks as keys of a tally."""
    return [pl.col(column).cast(pl.Int32) for name in names for column in masks.columns(name)]
