"""How far they got, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import split_tables
from convkit.core import stats
from convkit.core.durations import microseconds
from convkit.core.tables import Column, Report, empty
from convkit.funnels.departures import judge
from convkit.reports import _funnel_screen, _funnel_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.split_screen import Split
    from convkit.core.definitions import Funnel
    from convkit.core.tables import Block, Note, Room

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
    """Return `base` (who may enter), `steps`, `matched` (hits), `seconds` (to the next step), `went` (where they went), `ways` (other ones).

    Where it is split, without what only the picture and the notes of the whole tell.
    """
    parts: dict[str, list[pl.LazyFrame]] = {}
    for funnel in analysis.goals.funnels:
        name, found = pl.lit(funnel.name).alias("funnel"), analysis.chains[funnel.name]
        of_funnel = {"base": _base(analysis, funnel), "steps": _steps(found, funnel, analysis), "seconds": _seconds(found, funnel, analysis)}
        if not analysis.by:
            ways = analysis.ways[funnel.name].group_by("way", pl.col("step").cast(pl.Int32)).agg(n=_count(pl.len()))
            of_funnel |= {"matched": _matched(analysis, funnel), "went": analysis.departures[funnel.name], "ways": ways}
        for part, frame in of_funnel.items():
            parts.setdefault(part, []).append(frame.select(*analysis.by, name, pl.exclude(analysis.by)))
    return {key: pl.concat(frames) for key, frames in parts.items()}


def _base(analysis: Analysis, funnel: Funnel) -> pl.LazyFrame:
    """Count the sessions and visitors that may enter."""
    return analysis.summed(analysis.split(analysis.entering[funnel.name]), sessions=_count(pl.len()), visitors=_count(pl.col("visitor").n_unique()))


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
        summed = analysis.summed(chains, **{name: _count(fits.sum()) for name, fits in counts.items()})
        rows.append(summed.select(*analysis.by, pl.lit(number, dtype=pl.Int32).alias("step"), *counts))
    return pl.concat(rows)


def _matched(analysis: Analysis, funnel: Funnel) -> pl.LazyFrame:
    """Return a row a step: how many hits of the period fit it, whatever the order."""
    inside = analysis.hits.filter("inside")
    counts = [
        inside.select(pl.lit(number, dtype=pl.Int32).alias("step"), matched=_count(pl.any_horizontal(step.columns).sum()))
        for number, step in zip(funnel.numbers, funnel.steps, strict=True)
    ]
    return pl.concat(counts)


def _seconds(chains: pl.LazyFrame, funnel: Funnel, analysis: Analysis) -> pl.LazyFrame:
    """Return how many took how many whole seconds from each step to the next."""
    rows = []
    for number in funnel.numbers[:-1]:
        took = stats.whole_seconds((pl.col(f"at{funnel.next_step(number)}") - pl.col(f"at{number}")) // 1_000_000)
        went_on = chains.select(*analysis.by, seconds=took).drop_nulls().group_by(*analysis.by, "seconds").agg(n=_count(pl.len()))
        rows.append(went_on.select(*analysis.by, pl.lit(number, dtype=pl.Int32).alias("step"), "seconds", "n"))
    return pl.concat(rows)


def present(tally: Mapping[str, pl.DataFrame], view: View) -> Report:
    """Return the report, funnels and steps in the order of the file."""
    columns = (*view.keys, *COLUMNS)
    if not view.goals.funnels:
        return Report("funnel", columns, empty(columns), lambda *_: [])
    frame = _rates(tally, view)
    shown = frame.select(column.name for column in columns)
    if view.by:
        return Report("funnel", columns, shown, lambda *_: [], details=frame)
    steps = frame.filter(pl.col("next_step").is_not_null()).select("funnel", "step", stopped="drop_offs", continued="went_on")
    went = judge(tally["went"], steps)
    # A chain that is complete and not shown began outside: before the period, or in a session that was not asked for.
    ways = tally["ways"].with_columns(pl.col("way").replace("before", "outside")) if view.is_narrowed else tally["ways"]
    said, looked_at = {}, "" if view.goals.file is None else "these sessions" if view.is_narrowed else "the log"
    notes: list[Note] = []
    for funnel in view.goals.funnels:
        mine = pl.col("funnel") == funnel.name
        said[funnel.name] = _funnel_words.say(funnel, went.filter(mine), steps.filter(mine), ways.filter(mine))
        notes += _funnel_words.notes(funnel, frame.filter(mine), said[funnel.name], looked_at)
    # A funnel out of its order is none: on a screen it keeps its steps as they are.
    return Report("funnel", columns, shown, lambda _, room: _funnel_screen.draw(frame, went, said, view, room), tuple(notes), details=frame)


def draw_split(whole: Report, split: Callable[[int | None], Split], view: View, room: Room) -> list[Block]:
    """Return a row a step: how many reached it, of those who entered, by value or over the periods."""
    return _funnel_screen.draw_split(whole, split, view, room)


def _rates(tally: Mapping[str, pl.DataFrame], view: View) -> pl.DataFrame:
    """Return the columns of the report, and what its picture needs beside them."""
    at, text = [*view.by, "funnel", "step"], pl.col(view.by).cast(pl.String)
    seconds, n = pl.col("seconds").cast(pl.Float64), pl.col("n")
    quartiles = {name: stats.weighted_quantile(seconds, n, quantile) for name, quantile in _QUARTILES.items()}
    times = tally["seconds"].sort("seconds").with_columns(text).group_by(at).agg(**quartiles)
    reached, on, has_next = pl.col("reached"), pl.col("went_on"), pl.col("next_step").is_not_null()
    low, high = stats.wilson(pl.col("drop_offs"), reached)
    counts = ["reached", "went_on", "entries", "incomplete", "sessions", "visitors"]
    found = (
        split_tables.spread(view.steps, tally, view)
        .join(tally["steps"].with_columns(text), on=at, how="left")
        .join(tally["base"].with_columns(text), on=[*view.by, "funnel"], how="left")
        .with_columns(pl.col(counts).fill_null(0))
        .join(times, on=at, how="left")
        .sort("place", "step")
        # Every chain began at one step: in an open funnel at any, in others at the first.
        .with_columns(went_on=pl.when(has_next).then(on), entered=pl.col("entries").sum().over("place", *view.by))
        .with_columns(drop_offs=reached - on, went_on_rate=stats.ratio(on, reached), of_first=stats.ratio(reached, pl.col("entered")))
        .with_columns(drop_off_rate=stats.ratio(pl.col("drop_offs"), reached), drop_off_low=low, drop_off_high=high)
        .with_columns(everybody=pl.when(pl.col("unit") == "visitors").then("visitors").otherwise("sessions"))
        .with_columns(entries=pl.when("is_open").then("entries"), incomplete=pl.when(pl.col("has_window") & has_next).then("incomplete"))
    )
    return split_tables.ordered(found, tally, view) if view.by else found.join(tally["matched"], on=at, how="left", maintain_order="left")
