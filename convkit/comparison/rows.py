"""The rows of `compare`: the figures of both sides, their difference with its likely range, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from convkit.analysis import exposure, marks
from convkit.core import stats, verdicts
from convkit.core.document import Column
from convkit.core.schema import VARIANT_PREFIX
from convkit.goals import matching, money

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from convkit.analysis.analysis import Analysis
    from convkit.comparison.sides import Side, Sides
    from convkit.core.document import Note
    from convkit.core.model import Goals, Metric
    from convkit.core.verdicts import Words
    from convkit.traffic.coverage import Coverage

COLUMNS = (
    Column("what", "text"),
    Column("item", "text"),
    Column("before", "number"),
    Column("before_rate", "ratio"),
    Column("now", "number"),
    Column("now_rate", "ratio"),
    Column("difference", "ratio"),
    Column("difference_low", "ratio"),
    Column("difference_high", "ratio"),
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
    "is_given": pl.Boolean,
}
_FIGURES = [column.name for column in COLUMNS if column.unit != "text"]
_FEWEST_DAYS = 7
_FEWEST_AMOUNTS = 100
"""The number of converted sessions needed on each side for a verdict on the value per session."""
_FEWEST_TIMED, _FEWEST_MEASURED = 30, 100
"""The numbers needed on each side for a verdict: of sessions on their median time, of sessions on their pages, and of orders on their value."""
MEASURES = TIME, PAGES, ORDER = "time", "pages", "order"
"""The rows of the overview with a median or a mean: of the length of sessions with several interactions, of page views, and of values."""
_METRIC = "metric"
_MILLION = 1_000_000
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SideFigures:
    """The figures of one side: its reports, and the tallies that only a comparison needs."""

    side: Side
    overview: pl.DataFrame
    goals: pl.DataFrame
    funnel: pl.DataFrame
    """The `funnel` report, including the columns that only its screen needs."""
    days: pl.DataFrame
    """`day, sessions`: the number of sessions that began on each day, without days that have none."""
    amounts: pl.DataFrame
    """`amount, sessions`: how many sessions have each value other than 0, in millionths (as text, because columns of integers are summed)."""
    bot_lines: tuple[int, int]
    """Lines from bots, and all lines."""
    seconds: pl.DataFrame
    """`seconds, n`: how many sessions with several interactions have each length."""
    pages: pl.DataFrame
    """`pages, n`: how many sessions have each number of page views."""
    orders: pl.DataFrame
    """`amount, n`: how many counted hits of macro goals have each value, in millionths (as text, like `amounts`)."""
    unit: str = "session"
    """The unit in which goals are counted: `session` or `visitor`."""

    @property
    def base(self) -> int:
        """Return the number of sessions or visitors, the base of the rates."""
        return int(self.overview[f"{self.unit}s"][0])

    def in_visitors(self) -> SideFigures:
        """Return the figures with goals counted in visitors, and only the funnels that count visitors."""
        funnel = self.funnel if self.funnel.is_empty() else self.funnel.filter(pl.col("unit") == "visitors")
        return replace(self, unit="visitor", goals=self.goals.with_columns(reached="reached_visitors"), funnel=funnel)

    @property
    def sessions(self) -> int:
        """Return the number of sessions."""
        return int(self.overview["sessions"][0])


@dataclass(frozen=True)
class Pair:
    """Both sides with their figures."""

    sides: Sides
    before: SideFigures
    now: SideFigures
    goals: Goals
    coverage: Coverage
    knows_macro: bool
    in_both: int
    """Sessions that are on both sides."""
    variant_notes: tuple[Note, ...] = ()
    """Notes on visitors who saw several variants."""


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `days`, `amounts`, `pages` and `orders` of SideFigures, as tallies that can be added up."""
    day = pl.col("started").dt.convert_time_zone(analysis.goals.site.timezone).dt.date()
    amounts = matching.macro_amounts(analysis.hits, analysis.goals)
    session_values = amounts.group_by("session").agg(amount=money.total()).filter(pl.col("amount") != 0)
    return {
        "days": analysis.sessions.group_by(day=day).agg(sessions=pl.len().cast(pl.Int64)),
        "amounts": session_values.group_by(pl.col("amount").cast(pl.String)).agg(sessions=pl.len().cast(pl.Int64)),
        "pages": analysis.sessions.group_by(pages=exposure.counted_pages(analysis.sessions).cast(pl.Int32)).agg(n=pl.len().cast(pl.Int64)),
        "orders": amounts.drop_nulls("amount").group_by(pl.col("amount").cast(pl.String)).agg(n=pl.len().cast(pl.Int64)),
    }


def compared_rows(pair: Pair) -> pl.DataFrame:
    """Return COLUMNS, and what the screen and the sentences need in addition.

    These are `group` (overview, macro, micro or the name of a funnel), `label`, the bases of the rates (`before_of, now_of`), `tests` (the number of
    figures that share an error rate with the row: all goals, or all steps of funnels), and `change_low, change_high`, the likely range of the
    relative change in the number of sessions, which has no rate.
    """
    before, now, margin = pair.before, pair.now, pair.goals.site.margin
    counted, words = _counted(pair), verdicts.GROUP_WORDS if pair.sides.are_groups else verdicts.PERIOD_WORDS
    rate, rate_now = stats.ratio(pl.col("before"), pl.col("before_of")), stats.ratio(pl.col("now"), pl.col("now_of"))
    rates = verdicts.add_verdicts(counted, margin, "what", words).with_columns(before_rate=rate, now_rate=rate_now, difference=rate_now - rate)
    differences = {name: pl.when(~pl.col("is_given")).then(name) for name in ("difference", "difference_low", "difference_high")}
    rates = rates.with_columns(**differences)
    columns = [*(column.name for column in COLUMNS), "group", "label", "before_of", "now_of", "tests"]
    typed = rates.select(columns).cast(dict.fromkeys(_FIGURES, pl.Float64))
    typed = _scaled(typed, pair.goals.metrics).with_columns(change_low=pl.lit(None, dtype=pl.Float64), change_high=pl.lit(None, dtype=pl.Float64))
    change = None if pair.sides.are_groups else sessions_change(before, now, pair.coverage, margin)
    sessions = _row(typed, item="sessions", before=before.sessions, now=now.sessions, **(change._asdict() if change else {}))
    value = _row(typed, item="value", **value_cells(before, now, margin, words))
    measures = [_row(typed, item=item, **cells) for item, cells in measured_cells(before, now, margin, words).items()]
    quotients = [_row(typed, **cells) for cells in _quotients(pair)]
    rows = pl.concat([sessions, typed.head(1), value, *measures, typed.tail(-1), *quotients])
    # A visitor's sessions resemble each other: if visitors were randomised, tests on their sessions would exaggerate differences.
    return rows if now.unit == "session" else rows.with_columns(verdict=pl.when(~pl.col("what").is_in(["overview", _METRIC])).then("verdict"))


def _row(like: pl.DataFrame, **cells: float | str | None) -> pl.DataFrame:
    """Return one row with these cells, of the overview by default; all others are null."""
    return pl.DataFrame([{"what": "overview", "group": "overview", "label": cells["item"], **cells}], schema=like.schema)


def _scaled(rows: pl.DataFrame, metrics: Sequence[Metric]) -> pl.DataFrame:
    """Return the rows with the rates of metrics multiplied by their factors."""
    factors = {metric.name: metric.factor for metric in metrics}
    factor = pl.when(what=_METRIC).then(pl.col("item").replace_strict(factors, default=1.0, return_dtype=pl.Float64)).otherwise(1.0)
    return rows.with_columns(pl.col("before_rate", "now_rate", "difference", "difference_low", "difference_high") * factor) if metrics else rows


def _is_share(metric: Metric, pair: Pair) -> bool:
    """Return whether a metric is a share of sessions on both sides."""
    return all(bool(figures.overview[metric.is_share][0]) for figures in (pair.before, pair.now))


def _shares(pair: Pair, given: Collection[str]) -> pl.DataFrame:
    """Return the rows of the metrics that are shares of sessions."""
    rows = []
    for metric in pair.goals.metrics:
        if _is_share(metric, pair):
            (before, before_of), (now, now_of) = ([figures.overview[name][0] for name in metric.counts[:2]] for figures in (pair.before, pair.now))
            names = {
                "what": _METRIC,
                "item": metric.name,
                "group": _METRIC,
                "label": metric.name,
                "is_given": not {metric.above, metric.below}.isdisjoint(given),
            }
            rows.append({**names, "before": before, "before_of": before_of, "now": now, "now_of": now_of})
    return pl.DataFrame(rows, schema=_COUNTED)


def _quotients(pair: Pair) -> list[dict[str, Any]]:
    """Return the cells of the metrics that are no shares; they have no verdict."""
    cells = []
    for metric in pair.goals.metrics:
        if not _is_share(metric, pair):
            (before, before_of, before_rate), (now, now_of, now_rate) = (
                [figures.overview[name][0] for name in (*metric.counts[:2], metric.column)] for figures in (pair.before, pair.now)
            )
            figures = {"before": before, "before_of": before_of, "before_rate": before_rate, "now": now, "now_of": now_of, "now_rate": now_rate}
            difference = None if None in {before_rate, now_rate} else now_rate - before_rate
            cells.append({"what": _METRIC, "group": _METRIC, "item": metric.name, **figures, "difference": difference})
    return cells


def _counted(pair: Pair) -> pl.DataFrame:
    """Return the rows that have a rate: bounces, goals and steps of funnels; `is_given` if what defines the groups determines the figure."""
    before, now = pair.before, pair.now
    bases = {"before_of": before.sessions, "now_of": now.sessions}
    counts = {name: figures.overview["bounces"][0] for name, figures in (("before", before), ("now", now))}
    bounces = {"what": "overview", "item": "bounces", "group": "overview", "label": "bounces", **counts, **bases, "is_given": False}
    goals = now.goals.select("goal", "type", now="reached").join(
        before.goals.select("goal", before="reached"), on="goal", how="left", maintain_order="left"
    )
    given = _given_goals(pair)
    goal_rows = goals.select(
        is_given=pl.col("goal").is_in(list(given)),
        what=pl.lit("goal"),
        item="goal",
        group="type",
        label="goal",
        before="before",
        now="now",
        before_of=pl.lit(before.base),
        now_of=pl.lit(now.base),
    )
    step_rows = [] if now.funnel.is_empty() else [_typed(_steps(pair, given))]
    return pl.concat([pl.DataFrame([bounces], schema=_COUNTED), _typed(goal_rows), *step_rows, _shares(pair, given)], rechunk=True)


def _given_goals(pair: Pair) -> set[str]:
    """Return the goals that what defines the groups determines by itself."""
    if not pair.sides.are_groups:
        return set()
    sides = ((pair.before, pair.sides.before), (pair.now, pair.sides.now))
    cells = [figures.goals.select(item="goal", part="reached", whole=pl.lit(figures.base)) for figures, _ in sides]
    differing = set(pair.sides.before.filters) ^ set(pair.sides.now.filters)
    fields = {f"{VARIANT_PREFIX}{pair.sides.variant}"} if pair.sides.variant else {one.field for one in differing}
    return {goal for field in fields for goal in marks.given_goals(pl.concat(cells), field, pair.goals)}


def _steps(pair: Pair, given: Collection[str]) -> pl.DataFrame:
    """Return the rows of the steps of funnels. Everyone who enters a funnel has reached its first step."""
    before, now = pair.before.funnel, pair.now.funnel
    keys = ["funnel", "step"]
    steps = now.select(*keys, "name", "is_open", now="reached", now_of="entered").join(
        before.select(*keys, before="reached", before_of="entered"), on=keys, how="left", maintain_order="left"
    )
    names = {"item": pl.format("{} / {} / {}", "funnel", "step", "name"), "group": pl.col("funnel"), "label": pl.format("{} {}", "step", "name")}
    is_given = ((pl.col("step") == 1) & ~pl.col("is_open")) | pl.col("name").is_in(list(given))
    return steps.select("before", "before_of", "now", "now_of", is_given=is_given, what=pl.lit("funnel"), **names)


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in _COUNTED.items())


def value_cells(before: SideFigures, now: SideFigures, margin: float, words: Words = verdicts.PERIOD_WORDS) -> dict[str, float | str | None]:
    """Return the value in total and per session, in the currency, with Welch's interval; empty if no macro goal has a value."""
    totals = [figures.overview["value"][0] for figures in (before, now)]
    if None in totals:
        return {}
    cells: dict[str, float | str | None] = {"before": totals[0] / _MILLION, "now": totals[1] / _MILLION}
    samples = [_sample(figures.amounts["amount"], figures.amounts["sessions"], _MILLION, figures.sessions) for figures in (before, now)]
    if not (before.sessions and now.sessions):
        return cells
    bounds = stats.welch(samples[1], samples[0])
    cells |= {"before_rate": samples[0].mean, "now_rate": samples[1].mean, "difference": samples[1].mean - samples[0].mean}
    if bounds:
        cells |= {"difference_low": bounds[0], "difference_high": bounds[1]}
    is_enough = all(figures.overview["converted_sessions"][0] >= _FEWEST_AMOUNTS for figures in (before, now))
    return cells | {"verdict": verdicts.difference_verdict(samples[0].mean, bounds if is_enough else None, margin, words)}


def measured_cells(
    before: SideFigures, now: SideFigures, margin: float, words: Words = verdicts.PERIOD_WORDS
) -> dict[str, dict[str, float | str | None]]:
    """Return the cells of each of MEASURES: how many sessions, page views or orders there are, their median or mean, and the difference.

    The time is in seconds, and the order in the currency. A measure without a figure on one side is empty.
    """
    sides = (before, now)
    pages = [_sample(figures.pages["pages"], figures.pages["n"]) for figures in sides]
    orders = [_sample(figures.orders["amount"], figures.orders["n"], _MILLION) for figures in sides]
    views = [round(sample.number * sample.mean) for sample in pages]
    return {
        TIME: _time_cells([stats.middle(figures.seconds, "seconds", "n") for figures in sides], margin, words),
        PAGES: _mean_cells(pages, views, margin, words),
        ORDER: _mean_cells(orders, [sample.number for sample in orders], margin, words),
    }


def _time_cells(sides: list[stats.Middle | None], margin: float, words: Words) -> dict[str, float | str | None]:
    """Return the cells of the median time of sessions with several interactions."""
    before, now = sides
    if before is None or now is None:
        return {}
    bounds = stats.median_difference(now, before) if min(before.number, now.number) >= _FEWEST_TIMED else None
    return _measure(before.median, now.median, bounds, margin, words) | {"before": before.number, "now": now.number}


def _mean_cells(samples: list[stats.Sample], counts: Sequence[float], margin: float, words: Words) -> dict[str, float | str | None]:
    """Return the cells of a mean, with Welch's interval."""
    before, now = samples
    if not (before.number and now.number):
        return {}
    bounds = stats.welch(now, before) if min(before.number, now.number) >= _FEWEST_MEASURED else None
    return _measure(before.mean, now.mean, bounds, margin, words) | {"before": counts[0], "now": counts[1]}


def _measure(before: float, now: float, bounds: tuple[float, float] | None, margin: float, words: Words) -> dict[str, float | str | None]:
    """Return the cells of a measure; there is no difference without bounds."""
    cells: dict[str, float | str | None] = {"before_rate": before, "now_rate": now}
    if bounds:
        cells |= {"difference": now - before, "difference_low": bounds[0], "difference_high": bounds[1]}
    return cells | {"verdict": verdicts.difference_verdict(before, bounds, margin, words)}


def _sample(values: pl.Series, weights: pl.Series, unit: int = 1, of: int | None = None) -> stats.Sample:
    """Return the sample of integers that occur `weights` times each, divided by the unit; up to `of`, the others are 0.

    Integers are summed, so the order of the rows does not matter.
    """
    # The square of a large amount does not fit into Int128.
    counted = list(zip(map(int, values), weights, strict=True))
    number = int(weights.sum()) if of is None else of
    total, squares = sum(value * times for value, times in counted), sum(value * value * times for value, times in counted)
    variance = (squares - total * total / number) / (number - 1) if number > 1 else 0.0
    return stats.Sample(number, total / (number or 1) / unit, variance / unit**2)


class SessionsChange(NamedTuple):
    """The verdict on the number of sessions, and the likely range of the relative change; None if there were none before."""

    verdict: str
    change_low: float | None
    change_high: float | None


def sessions_change(before: SideFigures, now: SideFigures, coverage: Coverage, margin: float) -> SessionsChange | None:
    """Return the verdict on the number of sessions, or None if the sides differ in length or there are fewer than seven pairs of days.

    It applies Student's t to the differences between paired days. Days are paired by weekday, because Mondays and Sundays differ anyway.
    """
    if before.side.length != now.side.length:
        return None
    pairs = _whole_days(before, coverage).join(_whole_days(now, coverage), on=["weekday", "nth"], suffix="_now")
    if pairs.height < _FEWEST_DAYS:
        return None
    sums = pairs.select(pl.col("sessions").sum(), total=_DIFFERENCE.sum(), squares=(_DIFFERENCE**2).sum()).row(0, named=True)
    days, mean = pairs.height, sums["total"] / pairs.height
    spread = (sums["squares"] - sums["total"] * mean) / (days - 1)
    usual, bounds = sums["sessions"] / days, stats.mean_interval(stats.Sample(days, mean, spread))
    low, high = (bound / usual for bound in bounds) if usual else (None, None)
    return SessionsChange(verdicts.difference_verdict(usual, bounds, margin), low, high)


_DIFFERENCE = pl.col("sessions_now") - pl.col("sessions")


def _whole_days(figures: SideFigures, coverage: Coverage) -> pl.DataFrame:
    """Return `weekday, nth, sessions` for a side's complete days that have no gaps; `nth` numbers the Mondays, the Tuesdays and so on."""
    side = figures.side
    first = max(side.begin.date() + (_DAY if side.begin.time() != side.begin.min.time() else timedelta()), coverage.first)
    last = min(side.end.date() - _DAY, coverage.last)
    calendar = pl.DataFrame({"day": pl.date_range(first, last, _DAY, eager=True)}) if first <= last else pl.DataFrame(schema={"day": pl.Date})
    days = calendar.filter(~pl.col("day").is_in(coverage.silent_days(side.begin, side.end))).join(
        figures.days, on="day", how="left", maintain_order="left"
    )
    weekday = pl.col("day").dt.weekday()
    return days.select(pl.col("sessions").fill_null(0), weekday=weekday, nth=weekday.cum_count().over(weekday))
