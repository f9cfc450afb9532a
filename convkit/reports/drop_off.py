"""What those did who went no further."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import stats
from convkit.departures import ANY, TESTED, WHATS
from convkit.tables import Column, Report, empty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis import Analysis, View
    from convkit.tables import Block, Room

IN_REPORT = 4
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
FEWEST = 30
"""On both sides of a step, for a test."""


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `went` (who met what) and `steps` (how many stopped at a step or went on)."""
    went, steps = [], []
    for funnel in analysis.goals.funnels:
        name = pl.lit(funnel.name).alias("funnel")
        found = analysis.chains[funnel.name]
        went.append(analysis.departures[funnel.name].select(name, pl.all()))
        for number in range(1, len(funnel.steps)):
            sides = {"stopped": pl.col("depth") == number, "continued": pl.col("depth") > number}
            counts = {side: fits.sum().cast(pl.Int64) for side, fits in sides.items()}
            steps.append(found.select(name, pl.lit(number, dtype=pl.Int32).alias("step"), **counts))
    return {"went": pl.concat(went), "steps": pl.concat(steps)} if went else {}


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report by funnel, step, what, dropped; `more` marks what chance would not do."""
    if not tally:
        return Report("drop-off", COLUMNS, empty(COLUMNS), lambda _: [])
    order = pl.DataFrame(
        [(place, funnel.name, number, step.name) for place, funnel in enumerate(view.goals.funnels) for number, step in enumerate(funnel.steps, 1)],
        schema={"place": pl.Int32, "funnel": pl.String, "step": pl.Int32, "name": pl.String},
        orient="row",
    )
    steps = tally["steps"].join(order, on=["funnel", "step"])
    enough = steps.filter(pl.col("stopped") >= FEWEST, pl.col("continued") >= FEWEST).height
    z = stats.shared_z(enough * len(TESTED))
    sides = (pl.col("dropped"), pl.col("stopped"), pl.col("went_on"), pl.col("continued"))
    is_tested = pl.col("what").is_in(TESTED) & (pl.col("item") == ANY) & (pl.col("stopped") >= FEWEST) & (pl.col("continued") >= FEWEST)
    frame = (
        tally["went"]
        .join(steps, on=["funnel", "step"])
        .with_columns(
            dropped_share=stats.ratio(pl.col("dropped"), pl.col("stopped")),
            went_on_share=stats.ratio(pl.col("went_on"), pl.col("continued")),
            more=is_tested & (stats.newcombe_low(*sides, z) > 0),
            rank=pl.col("what").replace_strict(WHATS, list(range(len(WHATS))), return_dtype=pl.Int32),
        )
        .sort("place", "step", "rank", "dropped", "went_on", "item", descending=[False, False, False, True, True, False])
    )
    return Report("drop-off", COLUMNS, frame.select(column.name for column in COLUMNS), lambda room: _draw(frame, steps, view, room))


def _draw(frame: pl.DataFrame, steps: pl.DataFrame, view: View, room: Room) -> list[Block]:
    return []
