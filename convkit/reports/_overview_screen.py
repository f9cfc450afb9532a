"""The headline split by a key: a row a value, or a row a period.

It stands alone because the headline of all is sentences, and this is a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convkit.analysis.split_tables import OTHER
from convkit.analysis.splits import BY, PERIODS
from convkit.core import figures
from convkit.core.tables import Cell, Grid, Line, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.analysis.analysis import View
    from convkit.analysis.split_screen import Split
    from convkit.core.tables import Block, Room

_VALUES, _PERIODS = 10, 31
_BAR = 20
_DROPS = (8, 4, 3, 7, 2)
"""Columns that are left out where not all fit, the least important first."""


def table(split: Callable[[int | None], Split], view: View, room: Room) -> list[Block]:
    """Return a row a value, those with few sessions as one; of periods the last ones."""
    key = view.key
    found = split(None if key in PERIODS else room.rows(_VALUES))
    rows = found.report.frame.rows(named=True)
    if not rows:
        return []
    # Sessions that reached several goals cannot be added up: there are no others.
    shown = rows[-(room.rows(_PERIODS) or 0) :] if key in PERIODS else [row for row in rows if key != "goal" or row[BY] != OTHER]
    some = f"The last {len(shown)} of {len(rows)} {key}s." if key in PERIODS and len(shown) < len(rows) else ""
    most = max(row["sessions"] for row in shown)
    titles = ["", "sessions", "visitors", "views", "time", "bounced", view.macro_name, "value", ""]
    hidden = [7] if all(row["value"] is None for row in shown) else []
    hidden += [] if view.knows_macro else [6]
    grid = Grid(
        [Row(_cells(row, found.marks.title(row[BY]), most, view)) for row in shown],
        [Cell(f"by {key}", "bold"), *(Cell(title, "dim") for title in titles[1:])],
        hidden=tuple(hidden),
        drops=(*hidden, *_DROPS),
    )
    return [grid, *([Line.of(some, "dim")] if some else []), *found.marks.legend([row[BY] for row in shown])]


def _cells(row: dict[str, Any], title: str, most: int, view: View) -> list[Cell]:
    """Return the cells of a value; who is a visitor of two values cannot be added up."""
    sessions = row["sessions"]
    value = figures.UNKNOWN if row["value"] is None else figures.money(row["value"], view.goals.site.currency)
    return [
        Cell(title),
        Cell(figures.count(sessions), "bold"),
        Cell(figures.count(None if row[BY] == OTHER else row["visitors"])),
        Cell(figures.count(row["pageviews"])),
        Cell(figures.duration(row["median_session_seconds"])),
        Cell(figures.share(row["bounces"], sessions)),
        Cell(figures.pair(row["converted_sessions"], sessions)),
        Cell(value),
        Cell(f"  {figures.bar(sessions, most, _BAR):{_BAR}}", "bar", left=True),
    ]
