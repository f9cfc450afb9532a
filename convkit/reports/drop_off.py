"""What those did who went no further."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import split_tables
from convkit.core.tables import Column, Report, empty
from convkit.funnels.departures import WHATS, judge
from convkit.reports import _drop_off_screen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.split_screen import Split
    from convkit.core.tables import Block, Room

IN_REPORT = 4
_KEYS = ("funnel", "step", "what", "item")
COLUMNS = (
    Column("funnel", "text"),
    Column("step", "step"),
    Column("name", "text"),
    Column("what", "text"),
    Column("item", "text"),
    Column("dropped", "count"),
    Column("dropped_share", "rate"),
    Column("went_on", "count"),
    Column("went_on_share", "rate"),
    Column("more", "flag"),
)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `went` (who met what) and `steps` (how many stopped at a step or went on)."""
    went, steps = [], []
    for funnel in analysis.goals.funnels:
        name = pl.lit(funnel.name).alias("funnel")
        found = analysis.chains[funnel.name]
        went.append(analysis.departures[funnel.name].select(*analysis.by, name, pl.exclude(analysis.by)))
        for number in funnel.numbers[:-1]:
            is_here, goes_on = (pl.col(f"row{step}").is_not_null() for step in (number, funnel.next_step(number)))
            sides = {"stopped": is_here & ~goes_on, "continued": is_here & goes_on}
            counts = {side: fits.sum().cast(pl.Int64) for side, fits in sides.items()}
            summed = analysis.summed(found, **counts)
            steps.append(summed.select(*analysis.by, name, pl.lit(number, dtype=pl.Int32).alias("step"), *sides))
    return {"went": pl.concat(went), "steps": pl.concat(steps)} if went else {}


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report by funnel, step, what, dropped; `more` marks what chance would not do."""
    shown = (*view.keys, *COLUMNS)
    if not view.goals.funnels:
        return Report("drop-off", shown, empty(shown), lambda *_: [])
    frame = (
        judge(tally["went"], tally["steps"], view.by)
        .join(view.steps.select("place", "funnel", "step", "name"), on=["funnel", "step"])
        .with_columns(rank=pl.col("what").replace_strict(WHATS, list(range(len(WHATS))), return_dtype=pl.Int32))
        .sort("place", "step", "rank", "dropped", "went_on", "item", descending=[False, False, False, True, True, False])
    )
    frame = split_tables.ordered(frame, tally, view)
    columns = frame.select(column.name for column in shown)

    def draw(rows: pl.DataFrame, room: Room) -> list[Block]:
        drawn = rows.join(frame.select(*_KEYS, "stopped", "continued"), on=_KEYS, maintain_order="left")
        return [] if room.part else _drop_off_screen.draw(drawn, view, room)

    return Report("drop-off", shown, columns, draw, details=frame)


def draw_split(whole: Report, split: Callable[[int | None], Split], view: View, room: Room) -> list[Block]:
    """Return a row a place they went to, step by step: how many of those who dropped off, by value or over the periods."""
    return [] if room.part else _drop_off_screen.draw_split(pl.DataFrame(whole.details), split, view, room)
