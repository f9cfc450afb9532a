"""How many sessions reached each goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import figures, matching, stats
from convkit.tables import Cell, Column, Grid, Heading, Note, Report, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis import Analysis, View
    from convkit.definitions import Goal
    from convkit.tables import Block, Room

IN_REPORT = 2
_ROWS, _BAR = 20, 20
_SUMS = ("reached", "reached_visitors", "then_converted", "conversions", "value", "without_value", "last_reached")
_GOALS = {"goal": pl.String, **dict.fromkeys(_SUMS, pl.Int64)}
_SECONDS = {"goal": pl.String, "seconds": pl.Int32, "n": pl.Int64}
COLUMNS = (
    Column("goal", "text"),
    Column("type", "text"),
    Column("conversions", "count"),
    Column("reached", "count"),
    Column("reached_visitors", "count"),
    Column("rate", "rate"),
    Column("rate_low", "rate"),
    Column("rate_high", "rate"),
    Column("then_converted", "count"),
    Column("value", "money"),
    Column("median_seconds", "seconds"),
    Column("last_reached", "time"),
    Column("target", "rate"),
    Column("target_met", "flag"),
)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `goals` (a row a goal), `seconds` (how long it took, per whole second) and `base` (all sessions and visitors)."""
    goals, hits = analysis.goals.goals, analysis.hits
    macro = pl.any_horizontal(pl.lit(value=False), *(goal.column for goal in analysis.goals.macros))
    macros = hits.filter(pl.col("inside") & macro).group_by("session").agg(last_macro=pl.col("row").max())
    return {
        "goals": pl.concat([pl.LazyFrame(schema=_GOALS), *(_of_goal(hits, macros, goal) for goal in goals)]),
        "seconds": pl.concat([pl.LazyFrame(schema=_SECONDS), *(_seconds(hits, goal) for goal in goals)]),
        "base": analysis.sessions.select(sessions=pl.len().cast(pl.Int64), visitors=pl.col("visitor").n_unique().cast(pl.Int64)),
    }


def _firsts(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the first match of each session."""
    return matching.matched(hits, goal).unique("session", keep="first", maintain_order=True)


def _of_goal(hits: pl.LazyFrame, macros: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return one goal's row."""
    reached = (
        _firsts(hits, goal)
        .join(macros, on="session", how="left")
        .select(
            reached=pl.len().cast(pl.Int64),
            reached_visitors=pl.col("visitor").n_unique().cast(pl.Int64),
            then_converted=(pl.col("last_macro") > pl.col("row")).sum().cast(pl.Int64),
        )
    )
    counts = matching.counted(hits, goal).select(
        conversions=pl.len().cast(pl.Int64),
        value=pl.col("amount").sum(),
        without_value=pl.col("amount").is_null().sum().cast(pl.Int64),
        last_reached=pl.col("time").max().dt.epoch("us"),
    )
    return pl.concat([reached, counts], how="horizontal").select(pl.lit(goal.name).alias("goal"), pl.all())


def _seconds(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return how many sessions took how many whole seconds from their first interaction to the goal."""
    took = (pl.col("time") - pl.col("started")).dt.total_seconds().clip(0).cast(pl.Int32)
    return _firsts(hits, goal).group_by(seconds=took).agg(n=pl.len().cast(pl.Int64)).select(pl.lit(goal.name).alias("goal"), "seconds", "n")


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report: macro goals first, then by sessions reached."""
    order = pl.DataFrame(
        [(goal.name, "macro" if goal.macro else "micro", goal.target, goal.value is not None) for goal in view.goals.goals],
        schema={"goal": pl.String, "type": pl.String, "target": pl.Float64, "has_value": pl.Boolean},
        orient="row",
    )
    base = tally["base"].row(0, named=True)
    medians = (
        tally["seconds"]
        .sort("goal", "seconds")
        .group_by("goal")
        .agg(median_seconds=stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5))
    )
    reached, sessions = pl.col("reached"), pl.lit(base["sessions"])
    low, high = stats.wilson(reached, sessions)
    frame = (
        order.join(tally["goals"], on="goal", how="left")
        .join(medians, on="goal", how="left")
        .with_columns(rate=stats.ratio(reached, sessions), rate_low=low, rate_high=high)
        .with_columns(
            then_converted=pl.when((pl.col("type") == "micro") & view.knows_macro).then("then_converted"),
            value=pl.when("has_value").then("value"),
            last_reached=pl.from_epoch("last_reached", "us").dt.replace_time_zone("UTC").dt.convert_time_zone(view.period.timezone),
            target_met=pl.col("rate") >= pl.col("target"),
        )
        .sort("type", "reached", "goal", descending=[False, True, False])
    )
    columns = frame.select(column.name for column in COLUMNS)
    return Report("goals", COLUMNS, columns, lambda rows, room: _draw(rows.rows(named=True), base, view, room), _notes(frame.rows(named=True)))


def _draw(rows: list[dict[str, Any]], base: Mapping[str, int], view: View, room: Room) -> list[Block]:
    """Return a row a goal that was reached, a macro goal of a goals file even where it was not."""
    shown = [row for row in rows if row["reached"] or (row["type"] == "macro" and view.goals.file is not None)]
    shown = shown[: room.rows(_ROWS)]
    sessions = figures.count(base["sessions"])
    of = f"of {sessions} sessions and {figures.plural(base['visitors'], 'visitor')}" if room.wide else f"of {sessions}"
    if not shown:
        return []
    heading = Heading("GOALS", f"sessions that reached each one, {of}")
    most = max((row["reached"] for row in shown), default=0)
    headings = ["", "", "sessions", "rate", "likely range", *([""] if room.wide else []), f"then {view.macro_name}"]
    headings += ["visitors", "median time"] if room.wide else []
    hidden = () if view.knows_macro else (6 if room.wide else 5,)
    drops = (*hidden, 5, 8, 7, 4, 6, 1) if room.wide else (*hidden, 4, 1, 5)
    grid = Grid([Row(_cells(row, base, most, room)) for row in shown], [Cell(text, "dim") for text in headings], drops=drops, hidden=hidden)
    return [heading, grid]


def _cells(row: dict[str, Any], base: Mapping[str, int], most: int, room: Room) -> list[Cell]:
    """Return the cells of one goal."""
    sessions, reached = base["sessions"], row["reached"]
    likely = figures.likely(row["rate_low"], row["rate_high"], sessions)
    cells = [Cell(row["goal"]), Cell("macro" if row["type"] == "macro" else "", "dim", left=True), Cell(figures.count(reached), "bold")]
    cells += [Cell(figures.share(reached, sessions)), Cell(likely)]
    cells += [Cell(f"  {figures.bar(reached, most, _BAR):{_BAR}}", "bar", left=True)] if room.wide else []
    cells.append(Cell(figures.pair(row["then_converted"], reached)))
    cells += [Cell(figures.count(row["reached_visitors"])), Cell(figures.duration(row["median_seconds"]))] if room.wide else []
    return cells


def _notes(rows: list[dict[str, Any]]) -> tuple[Note, ...]:
    names = ", ".join(row["goal"] for row in rows if not row["reached"])
    return (Note("never-reached", f"Never reached: {names}."),) if names else ()
