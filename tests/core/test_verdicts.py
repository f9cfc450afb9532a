"""Verdicts on trends: the line and its interval, checked by hand and in plain Python, and how much data a verdict needs."""

from __future__ import annotations

from math import isclose, sqrt
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples

from convkit.core import verdicts
from convkit.core.verdicts import PROGRESSING, REGRESSING, STAGNATING, TOO_LITTLE

if TYPE_CHECKING:
    from collections.abc import Sequence

Z = 1.959963984540054
Series = list[tuple[int, int, int]]
"""The number, the conversions and the sessions of each period."""


def counts(*series: Sequence[tuple[int, int, int]]) -> pl.DataFrame:
    """Return counts for `fit_trends`; the first series is named a."""
    rows = [(chr(ord("a") + place), *row) for place, rows in enumerate(series) for row in rows]
    return pl.DataFrame(rows, schema={"item": pl.String, "number": pl.Int64, "part": pl.Int64, "whole": pl.Int64}, orient="row")


def verdict(series: Series, margin: float = 0.1) -> str:
    """Return the verdict on one series."""
    return str(verdicts.fit_trends(counts(series)).select(verdicts.trend_verdict(margin)).item())


def by_hand(series: Series) -> tuple[float, float, float] | None:
    """Return the change and its interval by the formulas in Armitage's paper, or None if no line can be fitted."""
    seen = [row for row in series if row[2]]
    sessions, reached = sum(row[2] for row in seen), sum(row[1] for row in seen)
    if len(seen) < 2 or not reached:
        return None
    rate, middle = reached / sessions, sum(at * of for at, _, of in seen) / sessions
    weight = sum(of * (at - middle) ** 2 for at, _, of in seen)
    slope = sum(of * (at - middle) * (part / of - rate) for at, part, of in seen) / weight
    residual = sum(of * (part / of - rate - slope * (at - middle)) ** 2 for at, part, of in seen)
    spread = rate * (1 - rate)
    scatter = max(residual / spread / (len(seen) - 2), 1) if len(seen) > 2 and spread else 1
    half_width, relative = Z * sqrt(scatter * spread / weight), (seen[-1][0] - seen[0][0]) / rate
    return slope * relative, (slope - half_width) * relative, (slope + half_width) * relative


def test_a_line_worked_out_by_hand() -> None:
    """Rates of 1, 2 and 3%, each from 1,000 sessions, form a line, and the change from 1% to 3% is as large as their mean, 2%.

    The slope is 0.01 per period; its variance is 0.02 * 0.98 / 2,000, so the range is 0.01 ± 1.96 * 0.0031305, times 2 / 0.02.
    """
    row = verdicts.fit_trends(counts([(0, 10, 1000), (1, 20, 1000), (2, 30, 1000)])).row(0, named=True)
    assert (row["periods"], row["reached"], row["sessions"], row["scatter"]) == (3, 60, 3000, 1)
    assert [round(row[name], 6) for name in ("rate", "first_rate", "last_rate", "change")] == [0.02, 0.01, 0.03, 1.0]
    assert [round(row[name], 4) for name in ("change_low", "change_high")] == [0.3864, 1.6136]


@share_of_examples(0.4)
@given(st.lists(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 400)), min_size=1, max_size=12), min_size=1, max_size=3))
def test_lines_equal_the_formulas_in_plain_python(drawn: list[list[tuple[int, int]]]) -> None:
    series = [[(at, min(part, whole), whole) for at, (part, whole) in enumerate(rows)] for rows in drawn]
    lines = {row["item"]: row for row in verdicts.fit_trends(counts(*series)).rows(named=True)}
    for place, rows in enumerate(series):
        row, expected = lines.get(chr(ord("a") + place)), by_hand(rows)
        if row is None:
            assert not any(whole for _, _, whole in rows)
        elif expected is None:
            assert row["change"] is None or not row["reached"]
        else:
            figures = [row[name] for name in ("change", "change_low", "change_high")]
            assert all(isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) for one, other in zip(figures, expected, strict=True)), (
                rows,
                figures,
                expected,
            )


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([(0, 10, 1000), (1, 20, 1000), (2, 30, 1000)], PROGRESSING),
        ([(0, 30, 1000), (1, 20, 1000), (2, 10, 1000)], REGRESSING),
        ([(0, 20, 1000), (1, 20, 1000), (2, 20, 1000)], TOO_LITTLE),  # The range is far wider than 10 %.
        ([(0, 5000, 10_000), (1, 5010, 10_000), (2, 4995, 10_000)], STAGNATING),
        ([(0, 10, 1000), (2, 30, 1000)], TOO_LITTLE),  # Two periods make a comparison, not a trend.
        ([(0, 0, 1000), (1, 2, 1000), (2, 7, 1000)], TOO_LITTLE),  # Fewer than ten conversions.
        ([(0, 0, 1000), (1, 3, 1000), (2, 7, 1000)], PROGRESSING),
        ([(0, 0, 10), (1, 0, 10), (2, 0, 10)], TOO_LITTLE),
        ([(0, 10, 10), (1, 10, 10), (2, 10, 10)], STAGNATING),  # Every session, in every period.
        ([(0, 20, 1000), (1, 20, 1000), (2, 20, 1000), (3, 0, 0)], TOO_LITTLE),
    ],
)
def test_verdicts(series: Series, expected: str) -> None:
    assert verdict(series) == expected


def test_all_periods_decide_not_only_the_last_two() -> None:
    """A rise in the last period is outweighed by the fall in the ten periods before it."""
    fall = [(at, 200 - 10 * at, 2000) for at in range(10)]
    assert verdict([*fall, (10, 130, 2000)]) == verdict(fall) == REGRESSING


def test_rates_that_scatter_are_less_certain() -> None:
    """Both series have the same line, but one scatters widely around it: days that vary anyway do not make a trend."""
    smooth = [(at, 90 + 4 * at, 1000) for at in range(10)]
    rough = [(at, part + (70 if at % 2 else -70), whole) for at, part, whole in smooth]
    lines = verdicts.fit_trends(counts(smooth, rough))
    assert lines["scatter"][0] == 1
    assert lines["scatter"][1] > 20
    assert [verdict(smooth), verdict(rough)] == [PROGRESSING, TOO_LITTLE]


def test_the_margin_of_the_site_applies() -> None:
    series = [(at, 500, 5000) for at in range(10)]
    assert [verdict(series, margin) for margin in (0.05, 0.1, 0.2)] == [TOO_LITTLE, STAGNATING, STAGNATING]


def test_a_period_is_weighted_by_its_sessions() -> None:
    """The first period of a log is often incomplete; its few sessions do not change the verdict."""
    rising = [(at, 100 + 10 * at, 1000) for at in range(1, 9)]
    assert verdict([(0, 2, 4), *rising]) == verdict(rising) == PROGRESSING
