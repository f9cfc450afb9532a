"""How often the verdicts of `compare` are right: `pytest -m slow -s tests/core/test_verdicts_slow.py` prints the figures in docs/compare.md.

For rates, every pair of counts is examined and weighted by its probability; days and amounts are drawn from a fixed seed. Figures never vary.
"""

from __future__ import annotations

import random
from itertools import accumulate, product
from math import exp, lgamma, log, sqrt
from statistics import mean, variance
from typing import TYPE_CHECKING

import polars as pl
import pytest

from convkit.core import stats, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = pytest.mark.slow

PAIRS = 4_000
NOISE = 0.7
"""How far a figure of 5% from 4,000 draws may differ from the true one: twice its standard error."""
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
SESSIONS = (200, 1_000, 5_000, 20_000, 50_000)
GRID = tuple(product(RATES, SESSIONS))
ENOUGH = 10
"""With at least this many expected conversions per side, an interval must not cover the true value more often than its level; with fewer, it does."""


def drawn(chance: random.Random, trials: int, rate: float, size: int) -> pl.Series:
    """Return binomial counts from uniform numbers, by the distribution's cumulative sums."""
    sums = pl.Series(list(accumulate(exp(value) for value in logs(trials, rate, range(trials + 1)))))
    uniform = pl.Series([chance.random() for _ in range(size)])
    return sums.search_sorted(uniform).cast(pl.Int64).clip(upper_bound=trials)


def logs(trials: int, rate: float, counts: Iterable[int]) -> Iterable[float]:
    """Yield the log-probabilities of a binomial distribution."""
    whole = lgamma(trials + 1)
    return (whole - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(rate) + (trials - k) * log(1 - rate) for k in counts)


def likely(trials: int, rate: float) -> pl.DataFrame:
    """Return `count, weight` for all counts except those that occur less than once in a million draws."""
    width = 5.5 * sqrt(trials * rate * (1 - rate)) + 10
    counts = range(max(int(trials * rate - width), 0), min(int(trials * rate + width), trials) + 1)
    return pl.DataFrame({"count": list(counts), "weight": [exp(value) for value in logs(trials, rate, counts)]})


def every_pair(sessions: int, before: float, now: float) -> pl.DataFrame:
    """Return every likely pair of counts with its weight, for figures without sampling noise."""
    sides = [likely(sessions, rate).rename({"count": name, "weight": f"of_{name}"}) for name, rate in (("now", now), ("before", before))]
    frame = sides[0].join(sides[1], how="cross").with_columns(now_of=pl.lit(sessions), before_of=pl.lit(sessions))
    return verdicts.add_verdicts(frame.with_columns(weight=pl.col("of_now") * pl.col("of_before")).filter(pl.col("weight") > 1e-12).rechunk())


def share(frame: pl.DataFrame, condition: pl.Expr) -> float:
    """Return the percentage of pairs for which a condition is true, by weight."""
    matching, total = frame.select(pl.col("weight").filter(condition).sum(), of=pl.col("weight").sum()).row(0)
    return float(matching / total) * 100


def says(*words: str) -> pl.Expr:
    """Return an expression for whether a verdict begins with one of these words."""
    return pl.any_horizontal(pl.col("verdict").str.starts_with(word) for word in words)


def table(title: str, figures: dict[tuple[float, int], float]) -> None:
    """Print one row per rate and one column per number of sessions."""
    print(f"\n{title}\n  rate " + "".join(f"{sessions:>9,}" for sessions in SESSIONS))  # noqa: T201 (printing these figures is the purpose of the test)
    for rate in RATES:
        print(f"{rate:6.1%} " + "".join(f"{figures[rate, sessions]:9.2f}" for sessions in SESSIONS))  # noqa: T201 (as above)


def of_grid(change: float, measure: Callable[[pl.DataFrame, float], float]) -> dict[tuple[float, int], float]:
    """Measure each cell of the grid, with the rate of the side `now` changed by this share."""
    return {(rate, sessions): measure(every_pair(sessions, rate, rate * (1 + change)), rate) for rate, sessions in GRID}


def test_unchanged_rates_are_rarely_called_risen_or_fallen() -> None:
    percentages = of_grid(0, lambda frame, _: share(frame, says("rose", "fell")))
    table("said to have moved, nothing changed (%)", percentages)
    assert max(percentages.values()) <= 5.5


def test_few_of_four_thousand_simulated_pairs_are_called_moved() -> None:
    """The same by simulation: 4,000 pairs with rates from 0.5 to 40% and 200 to 50,000 sessions."""
    chance = random.Random(1)
    cells = [(exp(chance.uniform(log(0.005), log(0.4))), int(exp(chance.uniform(log(200), log(50_000))))) for _ in range(PAIRS // 40)]
    sides = [{name: drawn(chance, sessions, rate, 40) for name in ("now", "before")} for rate, sessions in cells]
    frames = [pl.DataFrame(side).with_columns(now_of=pl.lit(n), before_of=pl.lit(n)) for side, (_, n) in zip(sides, cells, strict=True)]
    frame = verdicts.add_verdicts(pl.concat(frames)).with_columns(weight=pl.lit(1.0))
    percentage = share(frame, says("rose", "fell"))
    print(f"\nsaid to have moved, of {frame.height:,} pairs drawn: {percentage:.2f} %")  # noqa: T201 (printing these figures is the purpose of the test)
    assert frame.height == PAIRS
    assert percentage <= 5.5


def test_a_change_of_the_planned_size_is_detected() -> None:
    percentages = {}
    for rate in RATES:
        sessions = stats.sessions_needed(rate, 0.3)
        percentages[rate] = sessions, share(every_pair(sessions, rate, rate * 1.3), says("rose"))
    print("\nsaid to have risen, by 30 % at the planned size (%)")  # noqa: T201 (as above)
    for rate, (sessions, percentage) in percentages.items():
        print(f"{rate:6.1%} {sessions:>9,} {percentage:9.2f}")  # noqa: T201 (as above)
    assert min(percentage for _, percentage in percentages.values()) >= 78


def test_intervals_cover_the_true_change() -> None:
    """With fewer than ten conversions on each side, they cover it more often than their level, never less often."""
    covered: dict[float, dict[tuple[float, int], float]] = {}
    for change in (0, 0.1, 0.3):
        covered[change] = of_grid(change, _covers(change))
        table(f"intervals that cover a change of {change:.0%} (%)", covered[change])
    every = [(rate * sessions, value) for percentages in covered.values() for (rate, sessions), value in percentages.items()]
    assert 93 <= sum(value for _, value in every) / len(every) <= 97.5
    assert min(value for _, value in every) >= 93
    assert max(value for expected, value in every if expected >= ENOUGH) <= 97.5


def _covers(change: float) -> Callable[[pl.DataFrame, float], float]:
    def measure(frame: pl.DataFrame, rate: float) -> float:
        true = rate * change
        return share(frame, (pl.col("difference_low") <= true) & (true <= pl.col("difference_high")))

    return measure


def test_did_not_move_is_rare_for_rates_that_moved_by_the_margin() -> None:
    percentages = {}
    for change in (verdicts.MARGIN, -verdicts.MARGIN):
        for cell, percentage in of_grid(change, lambda frame, _: share(frame, says("did not move"))).items():
            percentages[cell] = max(percentages.get(cell, 0), percentage)
    table("said not to have moved, changed by the margin (%)", percentages)
    assert max(percentages.values()) <= 5.5


def test_figures_that_share_an_error_rate_are_rarely_called_moved() -> None:
    """Of 4,000 simulated tables of 3, 10 or 30 figures of which none changed, few say that any did."""
    chance = random.Random(2)
    for number in (3, 10, 30):
        rates = [exp(chance.uniform(log(0.005), log(0.4))) for _ in range(number)]
        percentages = []
        for sessions in (1_000, 20_000):
            sides = {name: [drawn(chance, sessions, rate, PAIRS) for rate in rates] for name in ("now", "before")}
            columns = {name: pl.concat(counts) for name, counts in sides.items()}
            frame = pl.DataFrame(columns).with_columns(
                now_of=pl.lit(sessions),
                before_of=pl.lit(sessions),
                table=pl.Series([str(table) for _ in rates for table in range(PAIRS)]),
                item=pl.Series([str(item) for item in range(number) for _ in range(PAIRS)]),
            )
            judged = verdicts.add_verdicts(frame, family="table").group_by("table").agg(says("rose", "fell").any().alias("any"))
            percentages.append(float(judged["any"].mean() or 0) * 100)
        print(f"\ntables of {number} figures, any said to have moved, 1,000 and 20,000 sessions (%): {percentages}")  # noqa: T201 (as above)
        assert max(percentages) <= 5.5 + NOISE


def test_stated_ranges_rarely_miss_a_change() -> None:
    """`+30% (+5 to +60)` beside `rose` claims that the true change is in the range."""
    percentages: dict[tuple[float, int], float] = {}
    for change, word in ((0.3, "rose"), (-0.3, "fell")):
        for cell in GRID:
            frame = every_pair(cell[1], cell[0], cell[0] * (1 + change))
            true = cell[0] * change
            missed = says(word) & ((pl.col("difference_low") > true) | (pl.col("difference_high") < true))
            percentages[cell] = max(percentages.get(cell, 0), share(frame, missed))
    table("said to have moved with a range that misses the change of 30 % (%)", percentages)
    assert max(percentages.values()) <= 5.5


def test_the_value_per_session_is_covered_and_rarely_called_moved() -> None:
    """Few sessions have an amount, and amounts are lognormal. Each side has 100 conversions, the minimum for a verdict, or 400."""
    print("\nvalue per session, lognormal amounts: conversions, spread of logs, covered (%), said to have moved (%)")  # noqa: T201 (as above)
    for conversions, spread in product((100, 400), (0.5, 1.0)):
        chance = random.Random(conversions)
        sessions = conversions * 40
        converted = drawn(chance, sessions, 1 / 40, 2 * PAIRS).to_list()
        samples = [_worth([chance.lognormvariate(3, spread) for _ in range(number)], sessions) for number in converted]
        bounds = [stats.welch(now, before) or (0, 0) for now, before in zip(samples[:PAIRS], samples[PAIRS:], strict=True)]
        covered = sum(low <= 0 <= high for low, high in bounds) / PAIRS * 100
        print(f"{conversions:6} {spread:6} {covered:9.2f} {100 - covered:9.2f}")  # noqa: T201 (as above)
        assert 93 <= covered <= 97.5
        assert 100 - covered <= 5.5 + NOISE


def _worth(amounts: list[float], sessions: int) -> stats.Sample:
    """Return the values of sessions, of which the first have these amounts and the others 0."""
    total = sum(amounts)
    return stats.Sample(sessions, total / sessions, (sum(amount**2 for amount in amounts) - total**2 / sessions) / (sessions - 1))


def test_sessions_that_vary_from_day_to_day_are_rarely_called_moved() -> None:
    """Days vary more than by chance alone (gamma), and Sundays have half as many sessions; each weekday is compared with the same weekday."""
    print("\nsessions by day: days, scatter, said to have moved (%), said of 30 % fewer (%)")  # noqa: T201 (as above)
    for weeks, scatter in product((1, 2, 4), (0.05, 0.2)):
        chance = random.Random(weeks)
        usual = [50 if number % 7 == 6 else 100 for number in range(7 * weeks)]
        differences = [
            [
                [after - before for before, after in zip(_days(chance, usual, scatter), _days(chance, usual, scatter, change), strict=True)]
                for _ in range(PAIRS)
            ]
            for change in (1.0, 0.7)
        ]
        bounds = [[stats.mean_interval(stats.Sample(len(usual), mean(days), variance(days))) for days in one] for one in differences]
        moved, fell = sum(not low <= 0 <= high for low, high in bounds[0]) / PAIRS * 100, sum(high < 0 for _, high in bounds[1]) / PAIRS * 100
        print(f"{7 * weeks:6} {scatter:6} {moved:9.2f} {fell:9.2f}")  # noqa: T201 (as above)
        assert moved <= 5.5 + NOISE


def _days(chance: random.Random, usual: list[int], scatter: float, change: float = 1) -> list[float]:
    """Return the number of sessions on each day; `scatter` is how far a day's mean varies around the mean of its weekday, relative to that mean."""
    means = (number * change * chance.gammavariate(scatter**-2, scatter**2) for number in usual)
    return [max(round(chance.gauss(rate, sqrt(rate))), 0) for rate in means]
