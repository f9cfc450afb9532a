"""How often the verdicts of `compare` are right: `pytest -m slow -s tests/test_verdicts_slow.py` prints the figures of the README.

Of rates every pair of counts is looked at, with how often it comes about; days and amounts are drawn, from one seed. Each run gives the same figures.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate, product
from math import exp, lgamma, log, sqrt
from typing import TYPE_CHECKING

import polars as pl
import pytest

from convkit import compare_rows, stats, verdicts
from convkit.compare_rows import Figures
from convkit.gaps import Coverage
from convkit.sides import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = pytest.mark.slow

PAIRS, DRAWS = 4_000, 2_000
NOISE = 1.0
"""By which a figure of 5 % that is drawn 2,000 times may differ from what is true: twice its error."""
SIDE = Side("now", datetime(2026, 9, 7, tzinfo=UTC), datetime(2026, 9, 14, tzinfo=UTC))
NOTHING = pl.DataFrame()
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
SESSIONS = (200, 1_000, 5_000, 20_000, 50_000)
GRID = tuple(product(RATES, SESSIONS))
ENOUGH = 10
"""Conversions expected on each side, from which on an interval is held to its level from above, too: with fewer it covers oftener."""


def drawn(chance: random.Random, trials: int, rate: float, size: int) -> pl.Series:
    """Return binomial counts: of uniform numbers, where they stand in the distribution's sums."""
    sums = pl.Series(list(accumulate(exp(value) for value in logs(trials, rate, range(trials + 1)))))
    uniform = pl.Series([chance.random() for _ in range(size)])
    return sums.search_sorted(uniform).cast(pl.Int64).clip(upper_bound=trials)


def logs(trials: int, rate: float, counts: Iterable[int]) -> Iterable[float]:
    """Yield the logarithms of a binomial distribution."""
    whole = lgamma(trials + 1)
    return (whole - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(rate) + (trials - k) * log(1 - rate) for k in counts)


def likely(trials: int, rate: float) -> pl.DataFrame:
    """Return `count, weight`: all counts that come about, but for one time in a million."""
    width = 5.5 * sqrt(trials * rate * (1 - rate)) + 10
    counts = range(max(int(trials * rate - width), 0), min(int(trials * rate + width), trials) + 1)
    return pl.DataFrame({"count": list(counts), "weight": [exp(value) for value in logs(trials, rate, counts)]})


def judged(frame: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of counts with bounds and verdict."""
    counts = [pl.col(name) for name in ("now", "now_of", "before", "before_of")]
    low, high = stats.newcombe(counts[0], counts[1], counts[2], counts[3])
    return frame.with_columns(low=low, high=high, verdict=verdicts.of_rates(counts[0], counts[1], counts[2], counts[3]))


def every_pair(sessions: int, before: float, now: float) -> pl.DataFrame:
    """Return every pair of counts that comes about, with its weight: figures without the noise of a draw."""
    sides = [likely(sessions, rate).rename({"count": name, "weight": f"of_{name}"}) for name, rate in (("now", now), ("before", before))]
    frame = sides[0].join(sides[1], how="cross").with_columns(now_of=pl.lit(sessions), before_of=pl.lit(sessions))
    return judged(frame.with_columns(weight=pl.col("of_now") * pl.col("of_before")).filter(pl.col("weight") > 1e-12).rechunk())


def share(frame: pl.DataFrame, fits: pl.Expr) -> float:
    """Return in how many percent of the pairs something holds."""
    held, of = frame.select(pl.col("weight").filter(fits).sum(), of=pl.col("weight").sum()).row(0)
    return float(held / of) * 100


def says(*words: str) -> pl.Expr:
    """Tell verdicts that begin so."""
    return pl.any_horizontal(pl.col("verdict").str.starts_with(word) for word in words)


def table(title: str, found: dict[tuple[float, int], float]) -> None:
    """Print a row a rate, a column a number of sessions."""
    print(f"\n{title}\n  rate " + "".join(f"{sessions:>9,}" for sessions in SESSIONS))  # noqa: T201 (the figures are what the test is for)
    for rate in RATES:
        print(f"{rate:6.1%} " + "".join(f"{found[rate, sessions]:9.2f}" for sessions in SESSIONS))  # noqa: T201 (as above)


def of_grid(change: float, measure: Callable[[pl.DataFrame, float], float]) -> dict[tuple[float, int], float]:
    """Return a figure for each cell of the grid, the rate now changed by so much."""
    return {(rate, sessions): measure(every_pair(sessions, rate, rate * (1 + change)), rate) for rate, sessions in GRID}


def test_where_nothing_changed_rose_or_fell_is_seldom_said() -> None:
    found = of_grid(0, lambda frame, _: share(frame, says("rose", "fell")))
    table("said to have moved, nothing changed (%)", found)
    assert max(found.values()) <= 5.5


def test_of_four_thousand_pairs_that_are_drawn_few_are_said_to_have_moved() -> None:
    """The same by simulation: 4,000 pairs of rates from 0.5 to 40 % and of 200 to 50,000 sessions."""
    chance = random.Random(1)
    cells = [(exp(chance.uniform(log(0.005), log(0.4))), int(exp(chance.uniform(log(200), log(50_000))))) for _ in range(PAIRS // 40)]
    sides = [{name: drawn(chance, sessions, rate, 40) for name in ("now", "before")} for rate, sessions in cells]
    frames = [pl.DataFrame(side).with_columns(now_of=pl.lit(n), before_of=pl.lit(n)) for side, (_, n) in zip(sides, cells, strict=True)]
    frame = judged(pl.concat(frames)).with_columns(weight=pl.lit(1.0))
    said = share(frame, says("rose", "fell"))
    print(f"\nsaid to have moved, of {frame.height:,} pairs drawn: {said:.2f} %")  # noqa: T201 (the figures are what the test is for)
    assert frame.height == PAIRS
    assert said <= 5.5


def test_a_change_of_the_planned_size_is_said() -> None:
    found = {}
    for rate in RATES:
        sessions = stats.sessions_needed(rate, 0.3)
        found[rate] = sessions, share(every_pair(sessions, rate, rate * 1.3), says("rose"))
    print("\nsaid to have risen, by 30 % at the planned size (%)")  # noqa: T201 (as above)
    for rate, (sessions, said) in found.items():
        print(f"{rate:6.1%} {sessions:>9,} {said:9.2f}")  # noqa: T201 (as above)
    assert min(said for _, said in found.values()) >= 78


def test_intervals_cover_what_is_true() -> None:
    """With fewer conversions than ten on each side they cover oftener, never seldomer."""
    covered: dict[float, dict[tuple[float, int], float]] = {}
    for change in (0, 0.1, 0.3):
        covered[change] = of_grid(change, _covers(change))
        table(f"intervals that cover a change of {change:.0%} (%)", covered[change])
    every = [(rate * sessions, value) for found in covered.values() for (rate, sessions), value in found.items()]
    assert 93 <= sum(value for _, value in every) / len(every) <= 97.5
    assert min(value for _, value in every) >= 93
    assert max(value for expected, value in every if expected >= ENOUGH) <= 97.5


def _covers(change: float) -> Callable[[pl.DataFrame, float], float]:
    def measure(frame: pl.DataFrame, rate: float) -> float:
        true = rate * change
        return share(frame, (pl.col("low") <= true) & (true <= pl.col("high")))

    return measure


def test_did_not_move_is_seldom_said_of_what_moved_by_the_margin() -> None:
    found = {}
    for change in (verdicts.MARGIN, -verdicts.MARGIN):
        for cell, said in of_grid(change, lambda frame, _: share(frame, says("did not move"))).items():
            found[cell] = max(found.get(cell, 0), said)
    table("said not to have moved, changed by the margin (%)", found)
    assert max(found.values()) <= 5.5


def test_the_least_that_is_said_is_seldom_too_much() -> None:
    """`rose, by at least 5%` claims that the true movement is not smaller."""
    found: dict[tuple[float, int], float] = {}
    for change, word in ((0.3, "rose"), (-0.3, "fell")):
        least = pl.col("verdict").str.extract(r"at least ([\d.]+)%").cast(pl.Float64)
        too_much = says(word) & (least > abs(change) * 100)
        for cell, wrong in of_grid(change, lambda frame, _, too_much=too_much: share(frame, too_much)).items():
            found[cell] = max(found.get(cell, 0), wrong)
    table("said to have moved by more than 30 %, moved by 30 % (%)", found)
    assert max(found.values()) <= 5.5


def test_what_a_session_is_worth_is_covered_and_seldom_said_to_have_moved() -> None:
    """Amounts are lognormal, few sessions have one: at a hundred conversions on a side, the least for a verdict, and at four hundred."""
    print("\nvalue a session, lognormal amounts: conversions, spread of logs, covered (%), said to have moved (%)")  # noqa: T201 (as above)
    for conversions, spread in product((110, 400), (0.5, 1.0)):
        chance = random.Random(conversions)
        pairs = [[shop(chance, conversions, spread) for _ in range(2)] for _ in range(DRAWS)]
        cells = [compare_rows.worth(before, now, verdicts.MARGIN) for before, now in pairs]
        covered = sum(float(one["difference_low"] or 0) <= 0 <= float(one["difference_high"] or 0) for one in cells) / DRAWS * 100
        moved = sum(verdicts.moved(str(one["verdict"])) for one in cells) / DRAWS * 100
        print(f"{conversions:6} {spread:6} {covered:9.2f} {moved:9.2f}")  # noqa: T201 (as above)
        assert 93 <= covered <= 97.5
        assert moved <= 5.5 + NOISE


def shop(chance: random.Random, conversions: int, spread: float) -> Figures:
    """Return a side of which every fortieth session converts, each for a lognormal amount, in cents."""
    sessions = conversions * 40
    converted = drawn(chance, sessions, 1 / 40, 1).item()
    amounts = pl.Series("amount", [round(chance.lognormvariate(3, spread) * 100) * 10_000 for _ in range(converted)], dtype=pl.Int64)
    counts = amounts.value_counts().select("amount", sessions=pl.col("count").cast(pl.Int64))
    overview = pl.DataFrame({"sessions": [sessions], "converted_sessions": [max(converted, 100)], "value": [int(amounts.sum())]})
    return Figures(SIDE, overview, NOTHING, NOTHING, NOTHING, counts, (0, 0))


def test_sessions_that_scatter_from_day_to_day_are_seldom_said_to_have_moved() -> None:
    """Days scatter more than chance alone has it (gamma), Sundays have half the sessions, and so has each side."""
    print("\nsessions by day: days, scatter, said to have moved (%), of 30 % fewer (%)")  # noqa: T201 (as above)
    for weeks, scatter in product((1, 2, 4), (0.05, 0.2)):
        chance = random.Random(weeks)
        known, sides = calendar(weeks)
        told = [
            [
                compare_rows.daily(days(chance, sides[0], scatter), days(chance, sides[1], scatter, change), known, verdicts.MARGIN)
                for _ in range(DRAWS)
            ]
            for change in (1.0, 0.7)
        ]
        moved, fell = (sum(verdicts.moved(words) for words in said) / DRAWS * 100 for said in told)
        print(f"{7 * weeks:6} {scatter:6} {moved:9.2f} {fell:9.2f}")  # noqa: T201 (as above)
        assert moved <= 5.5 + NOISE


def calendar(weeks: int) -> tuple[Coverage, list[Side]]:
    """Return two sides of so many weeks, and a log that covers them."""
    begin, length = datetime(2026, 9, 7, tzinfo=UTC), timedelta(weeks=weeks)
    sides = [Side(name, begin + place * length, begin + (place + 1) * length) for place, name in enumerate(("before", "now"))]
    last = sides[1].end - timedelta(seconds=1)
    return Coverage(begin, last, begin.date(), last.date()), sides


def days(chance: random.Random, side: Side, scatter: float, change: float = 1) -> Figures:
    """Return a side with some hundred sessions a day; `scatter` is the share by which a day's mean leaves that of its weekday."""
    first = side.begin.date()
    every = [first + timedelta(days=number) for number in range((side.end.date() - first).days)]
    means = [(50 if day.weekday() == 6 else 100) * change * chance.gammavariate(scatter**-2, scatter**2) for day in every]
    counts = [max(round(chance.gauss(mean, sqrt(mean))), 0) for mean in means]
    return Figures(side, NOTHING, NOTHING, NOTHING, pl.DataFrame({"day": every, "sessions": counts}), NOTHING, (0, 0))
