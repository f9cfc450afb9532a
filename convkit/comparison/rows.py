"""The rows of `compare`: the figures of both sides, their difference with its likely range, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import stats, verdicts
from convkit.core.document import Column
from convkit.goals import matching

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis
    from convkit.comparison.sides import Side, Sides
    from convkit.core.document import Note
    from convkit.core.model import Goals
    from convkit.traffic.coverage import Coverage

COLUMNS = (
    Column("what", "text"),
    Column("item", "text"),
    Column("before", "number"),
    Column("before_rate", "number"),
    Column("now", "number"),
    Column("now_rate", "number"),
    Column("difference", "number"),
    Column("difference_low", "number"),
    Column("difference_high", "number"),
    Column("verdict", "text"),
)
_COUNTED = {
    "what": pl.String,
    "item": pl.String,
    "group": pl.String,
    "label": pl.String,
    "before": pl.Int64,
    "before_of": pl.Int64,
    "now": pl.Int64,
    "now_of": pl.Int64,
    "is_all": pl.Boolean,
}
_FIGURES = [column.name for column in COLUMNS if column.unit == "number"]
_FEWEST_DAYS = 7
_FEWEST_AMOUNTS = 100
"""Sessions that converted, on each side, for a verdict on what a session is worth."""
_MILLION = 1_000_000
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SideFigures:
    """One side's: what its reports say, and the tallies that only a comparison asks for."""

    side: Side
    overview: pl.DataFrame
    goals: pl.DataFrame
    funnel: pl.DataFrame
    """With what the picture of the report needs beyond its columns."""
    days: pl.DataFrame
    """`day, sessions`: sessions by the day on which they began, days without any left out."""
    amounts: pl.DataFrame
    """`amount, sessions`: how many sessions were worth how many millionths (Int128, for a key is no Int64), those worth nothing left out."""

    bot_lines: tuple[int, int]
    """Lines that bots sent, and lines of all senders."""
    unit: str = "session"
    """What goals are counted in."""

    @property
    def base(self) -> int:
        """Return how many might have reached a goal."""
        return int(self.overview[f"{self.unit}s"][0])

    def in_visitors(self) -> SideFigures:
        """Return the figures with goals counted in visitors, and of funnels those that count them."""
        of_visitors = self.funnel if self.funnel.is_empty() else self.funnel.filter(pl.col("unit") == "visitors")
        return replace(self, unit="visitor", goals=self.goals.with_columns(reached="reached_visitors"), funnel=of_visitors)

    @property
    def sessions(self) -> int:
        """Return how many sessions it has."""
        return int(self.overview["sessions"][0])


@dataclass(frozen=True)
class Pair:
    """Both sides, and what is known of them."""

    sides: Sides
    before: SideFigures
    now: SideFigures
    goals: Goals
    known: Coverage
    knows_macro: bool
    in_both: int
    """Sessions that are on both sides."""
    of_variants: tuple[Note, ...] = ()
    """What is said of visitors who saw several variants."""


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `days` and `amounts` of Figures: additive rows, as those of the reports."""
    day = pl.col("started").dt.convert_time_zone(analysis.goals.site.timezone).dt.date()
    amounts = matching.macro_amounts(analysis.hits, analysis.goals)
    of_sessions = amounts.group_by("session").agg(pl.col("amount").sum()).filter(pl.col("amount") != 0)
    return {
        "days": analysis.sessions.group_by(day=day).agg(sessions=pl.len().cast(pl.Int64)),
        "amounts": of_sessions.group_by(pl.col("amount").cast(pl.Int128)).agg(sessions=pl.len().cast(pl.Int64)),
    }


def compared_rows(pair: Pair) -> pl.DataFrame:
    """Return COLUMNS, and beside them `group` (overview, macro, micro, a funnel's name), `label`, and what the rates are of: `before_of, now_of`."""
    before, now, margin = pair.before, pair.now, pair.goals.site.margin
    counted = _counted(before, now)
    rate, rate_now = stats.ratio(pl.col("before"), pl.col("before_of")), stats.ratio(pl.col("now"), pl.col("now_of"))
    rates = verdicts.add_verdicts(counted, margin).with_columns(before_rate=rate, now_rate=rate_now, difference=rate_now - rate)
    # All who begin a funnel are at its first step: there is nothing to tell.
    tells = {name: pl.when(~pl.col("is_all")).then(name) for name in ("difference", "difference_low", "difference_high", "verdict")}
    rates = rates.with_columns(**tells)
    columns = [*(column.name for column in COLUMNS), "group", "label", "before_of", "now_of"]
    typed = rates.select(columns).cast(dict.fromkeys(_FIGURES, pl.Float64))
    of_days = None if pair.sides.are_groups else sessions_verdict(before, now, pair.known, margin)
    sessions = _row(typed, item="sessions", before=before.sessions, now=now.sessions, verdict=of_days)
    of_money = _row(typed, item="value", **value_cells(before, now, margin))
    rows = pl.concat([sessions, typed.head(1), of_money, typed.tail(-1)])
    # Sessions of one visitor are alike: where visitors were dealt out, their sessions make too much of a difference.
    return rows if now.unit == "session" else rows.with_columns(verdict=pl.when(pl.col("what") != "overview").then("verdict"))


def _row(like: pl.DataFrame, **cells: float | str | None) -> pl.DataFrame:
    """Return one row of the overview, nulls where nothing is said."""
    return pl.DataFrame([{"what": "overview", "group": "overview", "label": cells["item"], **cells}], schema=like.schema)


def _counted(before: SideFigures, now: SideFigures) -> pl.DataFrame:
    """Return what is counted of something: bounces, goals, steps of funnels."""
    whole = {"before_of": before.sessions, "now_of": now.sessions}
    counts = {name: figures.overview["bounces"][0] for name, figures in (("before", before), ("now", now))}
    bounces = {"what": "overview", "item": "bounces", "group": "overview", "label": "bounces", **counts, **whole, "is_all": False}
    goals = now.goals.select("goal", "type", now="reached").join(
        before.goals.select("goal", before="reached"), on="goal", how="left", maintain_order="left"
    )
    of_goals = goals.select(
        is_all=pl.lit(value=False),
        what=pl.lit("goal"),
        item="goal",
        group="type",
        label="goal",
        before="before",
        now="now",
        before_of=pl.lit(before.base),
        now_of=pl.lit(now.base),
    )
    of_steps = [] if now.funnel.is_empty() else [_typed(_steps(before.funnel, now.funnel))]
    return pl.concat([pl.DataFrame([bounces], schema=_COUNTED), _typed(of_goals), *of_steps], rechunk=True)


def _steps(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return what is counted of the steps of funnels."""
    keys = ["funnel", "step"]
    steps = now.select(*keys, "name", "is_open", now="reached", now_of="entered").join(
        before.select(*keys, before="reached", before_of="entered"), on=keys, how="left", maintain_order="left"
    )
    names = {"item": pl.format("{} / {} / {}", "funnel", "step", "name"), "group": pl.col("funnel"), "label": pl.format("{} {}", "step", "name")}
    is_all = (pl.col("step") == 1) & ~pl.col("is_open")
    return steps.select("before", "before_of", "now", "now_of", is_all=is_all, what=pl.lit("funnel"), **names)


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in _COUNTED.items())


def value_cells(before: SideFigures, now: SideFigures, margin: float) -> dict[str, float | str | None]:
    """Return what sessions were worth, in all and each, in the currency; Welch's interval. Nothing where no macro goal has a value."""
    totals = [figures.overview["value"][0] for figures in (before, now)]
    if None in totals:
        return {}
    cells: dict[str, float | str | None] = {"before": totals[0] / _MILLION, "now": totals[1] / _MILLION}
    samples = [_sample(figures.amounts, figures.sessions) for figures in (before, now)]
    if not (before.sessions and now.sessions):
        return cells
    bounds = stats.welch(samples[1], samples[0])
    cells |= {"before_rate": samples[0].mean, "now_rate": samples[1].mean, "difference": samples[1].mean - samples[0].mean}
    if bounds:
        cells |= {"difference_low": bounds[0], "difference_high": bounds[1]}
    is_enough = all(figures.overview["converted_sessions"][0] >= _FEWEST_AMOUNTS for figures in (before, now))
    return cells | {"verdict": verdicts.difference_verdict(samples[0].mean, bounds if is_enough else None, margin)}


def _sample(amounts: pl.DataFrame, sessions: int) -> stats.Sample:
    """Return what a session is worth, in the currency; sums are of integers, so their order does not matter."""
    amount, number = pl.col("amount").cast(pl.Int128), pl.col("sessions")
    total, squares = amounts.select(total=(amount * number).sum(), squares=(amount * amount * number).sum()).row(0)
    variance = (squares - total * total / sessions) / (sessions - 1) if sessions > 1 else 0.0
    return stats.Sample(sessions, total / (sessions or 1) / _MILLION, variance / _MILLION**2)


def sessions_verdict(before: SideFigures, now: SideFigures, known: Coverage, margin: float) -> str | None:
    """Return the verdict on sessions: of the differences between days and their like, by Student's t; None where no seven days can be told.

    A weekday is compared with the same one: what differs between Monday and Sunday is no movement.
    """
    if before.side.length != now.side.length:
        return None
    pairs = _whole_days(before, known).join(_whole_days(now, known), on=["weekday", "nth"], suffix="_now")
    if pairs.height < _FEWEST_DAYS:
        return None
    sums = pairs.select(pl.col("sessions").sum(), total=_DIFFERENCE.sum(), squares=(_DIFFERENCE**2).sum()).row(0, named=True)
    days, mean = pairs.height, sums["total"] / pairs.height
    spread = (sums["squares"] - sums["total"] * mean) / (days - 1)
    return verdicts.difference_verdict(sums["sessions"] / days, stats.mean_interval(stats.Sample(days, mean, spread)), margin)


_DIFFERENCE = pl.col("sessions_now") - pl.col("sessions")


def _whole_days(figures: SideFigures, known: Coverage) -> pl.DataFrame:
    """Return `weekday, nth, sessions` of the days that the side and the log hold whole, without gaps; `nth` numbers the days of a weekday."""
    side = figures.side
    first = max(side.begin.date() + (_DAY if side.begin.time() != side.begin.min.time() else timedelta()), known.first)
    last = min(side.end.date() - _DAY, known.last)
    every = pl.DataFrame({"day": pl.date_range(first, last, _DAY, eager=True)}) if first <= last else pl.DataFrame(schema={"day": pl.Date})
    days = every.filter(~pl.col("day").is_in(known.silent_days(side.begin, side.end))).join(figures.days, on="day", how="left", maintain_order="left")
    weekday = pl.col("day").dt.weekday()
    return days.select(pl.col("sessions").fill_null(0), weekday=weekday, nth=weekday.cum_count().over(weekday))
