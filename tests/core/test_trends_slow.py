"""How often verdicts on trends are wrong, measured by simulating thousands of series with different rates, lengths and numbers of sessions."""

from __future__ import annotations

import random
import sys
from math import floor, log
from statistics import NormalDist

import polars as pl
import pytest

from convkit.core.verdicts import MIN_REACHED, PROGRESSING, REGRESSING, STAGNATING, TREND_VERDICTS, fit_trends, trend_sessions_needed, trend_verdict

pytestmark = pytest.mark.slow

SERIES = 4_000
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
PERIODS = (3, 4, 6, 8, 12, 20, 30)
SESSIONS, MANY = (30, 100, 300, 1_000, 5_000), (1_000, 5_000, 30_000)
MARGIN, CHANGE = 0.1, 0.3
WRONG = PROGRESSING, REGRESSING


def print_figures(*words: str) -> None:
    """Print figures, for `pytest -s`."""
    sys.stdout.write(f"{' '.join(words)}\n")


def reached(draw: random.Random, sessions: int, rate: float) -> int:
    """Draw a number of conversions, from the gaps between them or, if there are many, from a normal distribution."""
    spread = (sessions * rate * (1 - rate)) ** 0.5
    if spread > 7:
        return min(max(round(NormalDist(sessions * rate, spread).inv_cdf(draw.random())), 0), sessions)
    conversions, position = 0, floor(log(1 - draw.random()) / log(1 - rate))
    while position < sessions:
        conversions += 1
        position += 1 + floor(log(1 - draw.random()) / log(1 - rate))
    return conversions


def series(draw: random.Random, rate: float, size: tuple[int, float], *, change: float = 0.0, scatter: float = 0.0) -> list[tuple[int, int, int]]:
    """Draw periods of different sizes whose rates scatter around a line; each has a number, conversions and sessions."""
    periods, sessions = size
    rows = []
    for number in range(periods):
        whole = max(round(sessions * draw.uniform(0.6, 1.4)), 1)
        at = rate * (1 + change * (number / (periods - 1) - 0.5)) * draw.uniform(1 - scatter, 1 + scatter)
        rows.append((number, reached(draw, whole, min(at, 1)), whole))
    return rows


def verdicts(drawn: list[list[tuple[int, int, int]]]) -> pl.DataFrame:
    """Return a verdict for each series."""
    rows = [(item, *row) for item, rows in enumerate(drawn) for row in rows]
    counts = pl.DataFrame(rows, schema=["item", "number", "part", "whole"], orient="row")
    return fit_trends(counts).with_columns(verdict=trend_verdict(MARGIN))


def share(series: pl.DataFrame, *words: str) -> float:
    """Return the share of series with one of these verdicts."""
    return float(series["verdict"].is_in(list(words)).mean() or 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("scatter", [0.0, 0.3])
def test_series_without_a_trend_rarely_show_one(scatter: float) -> None:
    """At most 5.5% of constant series get a verdict of change; 9% if their rates scatter, which three periods cannot show."""
    draw = random.Random(1)
    drawn = [series(draw, draw.choice(RATES), (draw.choice(PERIODS), draw.choice(SESSIONS)), scatter=scatter) for _ in range(SERIES)]
    judged = verdicts(drawn)
    enough = judged.filter(pl.col("reached") >= MIN_REACHED)
    shares = {periods: share(enough.filter(periods=periods), *WRONG) for periods in PERIODS}
    print_figures(f"rates scatter by {scatter:.0%}: {share(judged, *WRONG):.2%} of {SERIES}; with 10 or more {share(enough, *WRONG):.2%},")
    print_figures("by periods", *(f"{periods}: {wrong:.1%}" for periods, wrong in shares.items()))
    assert share(enough, *WRONG) <= (0.09 if scatter else 0.055)
    assert {periods for periods, wrong in shares.items() if wrong > (0.14 if scatter else 0.075)} == set()


@pytest.mark.parametrize("change", [CHANGE, -CHANGE])
def test_a_trend_is_found_at_the_planned_size(change: float) -> None:
    draw, right, wrong = random.Random(2), *(WRONG if change > 0 else WRONG[::-1])
    for rate in RATES:
        for periods in (4, 8, 30):
            sessions = trend_sessions_needed(rate, CHANGE) / periods
            judged = verdicts([series(draw, rate, (periods, sessions), change=change) for _ in range(300)])
            print_figures(f"{change:+.0%} from {rate:.1%}, {periods} periods of {sessions:,.0f} sessions: found in {share(judged, right):.1%}")
            assert share(judged, right) >= 0.74
            assert share(judged, wrong, STAGNATING) == 0


@pytest.mark.parametrize("change", [MARGIN, -MARGIN])
def test_a_rate_that_moves_by_the_margin_is_not_called_stagnating(change: float) -> None:
    draw = random.Random(3)
    drawn = [series(draw, draw.choice(RATES[2:]), (draw.choice(PERIODS), draw.choice(MANY)), change=change) for _ in range(SERIES)]
    judged = verdicts(drawn)
    print_figures(f"{change:+.0%}:", *(f"{name} {share(judged, name):.2%}" for name in TREND_VERDICTS))
    assert share(judged, STAGNATING) <= 0.055
