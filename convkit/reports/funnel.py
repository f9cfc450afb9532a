"""How far they got, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import funnel_screen, funnel_words, stats
from convkit.departures import judge
from convkit.durations import microseconds
from convkit.tables import Column, Report, empty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis import Analysis, View
    from convkit.definitions import Funnel
    from convkit.tables import Note

IN_REPORT = 3
COLUMNS = (
    Column("funnel", "text"),
    Column("step", "step"),
    Column("name", "text"),
    Column("reached", "count"),
    Column("of_first", "rate"),
    Column("went_on", "count"),
    Column("went_on_rate", "rate"),
    Column("drop_offs", "count"),
    Column("drop_off_rate", "rate"),
    Column("drop_off_low", "rate"),
    Column("drop_off_high", "rate"),
    Column("q1_seconds_to_next", "seconds"),
    Column("median_seconds_to_next", "seconds"),
    Column("q3_seconds_to_next", "seconds"),
    Column("entries", "count"),
    Column("incomplete", "count"),
)
_QUARTILES = {"q1_seconds_to_next": 0.25, "median_seconds_to_next": 0.5, "q3_seconds_to_next": 0.75}


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `base` (who may enter), `steps`, `matched` (hits), `seconds` (to the next step), `went` (where they went), `ways` (other ones)."""
    parts: dict[str, list[pl.LazyFrame]] = {name: [] for name in ("base", "steps", "matched", "seconds", "went", "ways")}
    for funnel in analysis.goals.funnels:
        name, found = pl.lit(funnel.name).alias("funnel"), analysis.chains[funnel.name]
        of_funnel = {
            "base": analysis.entering[funnel.name].select(_count(pl.len()).alias("sessions"), visitors=_count(pl.col("visitor").n_unique())),
            "steps": _steps(found, funnel, analysis),
            "matched": _matched(analysis, funnel),
            "seconds": _seconds(found, funnel),
            "went": analysis.departures[funnel.name],
            "ways": analysis.ways[funnel.name].group_by("way", pl.col("step").cast(pl.Int32)).agg(n=_count(pl.len())),
        }
        for part, frame in of_funnel.items():
            parts[part].append(frame.select(name, pl.all()))
    return {key: pl.concat(frames) for key, frames in parts.items() if frames}


def _count(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.Int64)


def _steps(chains: pl.LazyFrame, funnel: Funnel, analysis: Analysis) -> pl.LazyFrame:
    """Return a row a step: how many reached it, began there, and of those that stopped there have time left."""
    ends = int(analysis.ends.timestamp() * 1_000_000) if analysis.ends else 0
    begins = pl.min_horizontal(f"at{number}" for number in funnel.numbers)
    has_time = pl.lit(value=False) if funnel.window is None else begins + microseconds(funnel.window) > ends
    entered = pl.coalesce(*(pl.when(pl.col(f"row{number}").is_not_null()).then(number) for number in funnel.numbers))
    rows = []
    for number in funnel.numbers:
        is_here, following = pl.col(f"row{number}").is_not_null(), funnel.next_step(number)
        goes_on = pl.col(f"row{following}").is_not_null() if following else pl.lit(value=True)
        counts = {
            "reached": is_here,
            "went_on": is_here & goes_on,
            "entries": entered == number,
            "incomplete": is_here & ~goes_on & has_time,
        }
        rows.append(chains.select(pl.lit(number, dtype=pl.Int32).alias("step"), **{name: _count(fits.sum()) for name, fits in counts.items()}))
    return pl.concat(rows)


def _matched(analysis: Analysis, funnel: Funnel) -> pl.LazyFrame:
    """Return a row a step: how many hits of the period fit it, whatever the order."""
    inside = analysis.hits.filter("inside")
    counts = [
        inside.select(pl.lit(number, dtype=pl.Int32).alias("step"), matched=_count(pl.any_horizontal(step.columns).sum()))
        for number, step in zip(funnel.numbers, funnel.steps, strict=True)
    ]
    return pl.concat(counts)


def _seconds(chains: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return how many took how many whole seconds from each step to the next."""
    rows = []
    for number in funnel.numbers[:-1]:
        took = ((pl.col(f"at{funnel.next_step(number)}") - pl.col(f"at{number}")) // 1_000_000).cast(pl.Int32)
        went_on = chains.select(seconds=took).drop_nulls().group_by("seconds").agg(n=_count(pl.len()))
        rows.append(went_on.select(pl.lit(number, dtype=pl.Int32).alias("step"), "seconds", "n"))
    return pl.concat(rows)


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report, funnels and steps in the order of the file."""
    if not view.goals.funnels:
        return Report("funnel", COLUMNS, empty(COLUMNS), lambda *_: [])
    frame = _rates(tally, view.steps)
    steps = frame.filter(pl.col("next_step").is_not_null()).select("funnel", "step", stopped="drop_offs", continued="went_on")
    went = judge(tally["went"], steps)
    # A chain that is complete and not shown began outside: before the period, or in a session that was not asked for.
    ways = tally["ways"].with_columns(pl.col("way").replace("before", "outside")) if view.is_narrowed else tally["ways"]
    said, looked_at = {}, "" if view.goals.file is None else "these sessions" if view.is_narrowed else "the log"
    notes: list[Note] = []
    for funnel in view.goals.funnels:
        mine = pl.col("funnel") == funnel.name
        said[funnel.name] = funnel_words.say(funnel, went.filter(mine), steps.filter(mine), ways.filter(mine))
        notes += funnel_words.notes(funnel, frame.filter(mine), said[funnel.name], looked_at)
    columns = frame.select(column.name for column in COLUMNS)
    # A funnel out of its order is none: on a screen it keeps its steps as they are.
    return Report("funnel", COLUMNS, columns, lambda _, room: funnel_screen.draw(frame, went, said, view, room), tuple(notes))


def _rates(tally: Mapping[str, pl.DataFrame], steps: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of the report, and what its picture needs beside them."""
    seconds, n = pl.col("seconds").cast(pl.Float64), pl.col("n")
    quartiles = {name: stats.weighted_quantile(seconds, n, quantile) for name, quantile in _QUARTILES.items()}
    times = tally["seconds"].sort("funnel", "step", "seconds").group_by("funnel", "step").agg(**quartiles)
    reached, on, has_next = pl.col("reached"), pl.col("went_on"), pl.col("next_step").is_not_null()
    low, high = stats.wilson(pl.col("drop_offs"), reached)
    return (
        steps.join(tally["steps"], on=["funnel", "step"], how="left")
        .join(tally["matched"], on=["funnel", "step"], how="left")
        .join(tally["base"], on="funnel", how="left")
        .join(times, on=["funnel", "step"], how="left")
        .sort("place", "step")
        # Every chain began at one step: in an open funnel at any, in others at the first.
        .with_columns(went_on=pl.when(has_next).then(on), entered=pl.col("entries").sum().over("place"))
        .with_columns(drop_offs=reached - on, went_on_rate=stats.ratio(on, reached), of_first=stats.ratio(reached, pl.col("entered")))
        .with_columns(drop_off_rate=stats.ratio(pl.col("drop_offs"), reached), drop_off_low=low, drop_off_high=high)
        .with_columns(everybody=pl.when(pl.col("unit") == "visitors").then("visitors").otherwise("sessions"))
        .with_columns(entries=pl.when("is_open").then("entries"), incomplete=pl.when(pl.col("has_window") & has_next).then("incomplete"))
    )
