"""The statistics agree with the textbook formulas, rewritten here in plain Python."""

from __future__ import annotations

from math import isclose, sqrt
from statistics import NormalDist, quantiles

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convkit.core import stats

Z = 1.959963984540054
COUNTS = st.integers(0, 5_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


def evaluate(*expressions: pl.Expr, **values: int) -> tuple[float | None, ...]:
    """Evaluate expressions on one row of Int64 columns."""
    return pl.DataFrame(values, schema=dict.fromkeys(values, pl.Int64)).select(*(e.alias(str(n)) for n, e in enumerate(expressions))).row(0)


def wilson(part: int, whole: int, z: float = Z) -> tuple[float, float]:
    """Return Wilson's interval (1927) as the roots of (p - x)^2 = z^2 x (1 - x) / n."""
    rate, share = part / whole, z * z / whole
    root = sqrt(share * (share + 4 * rate * (1 - rate)))
    return (2 * rate + share - root) / (2 * (1 + share)), (2 * rate + share + root) / (2 * (1 + share))


@given(COUNTS)
def test_wilsons_interval_equals_the_textbook_formula(counts: tuple[int, int]) -> None:
    part, whole = counts
    interval = evaluate(*stats.wilson(pl.col("part"), pl.col("whole")), part=part, whole=whole)
    if not whole:
        assert interval == (None, None)
        return
    assert all(isclose(one or 0, other, abs_tol=1e-9) for one, other in zip(interval, wilson(part, whole), strict=True))
    low, high = (value for value in interval if value is not None)
    assert 0 <= low <= part / whole <= high <= 1


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (20, 20, 0.8389, 1.0)],
)
def test_wilsons_interval_equals_newcombes_tables(part: int, whole: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17, 857-872, method 3; the last is the mirror image of 0 of 20."""
    interval = evaluate(*stats.wilson(pl.col("part"), pl.col("whole")), part=part, whole=whole)
    assert [round(value or 0, 4) for value in interval] == [low, high]


def test_the_bounds_of_none_and_all_are_exact() -> None:
    assert evaluate(*stats.wilson(pl.col("part"), pl.col("whole")), part=0, whole=7)[0] == 0
    assert evaluate(*stats.wilson(pl.col("part"), pl.col("whole")), part=7, whole=7)[1] == 1


@given(COUNTS, COUNTS, st.sampled_from([Z, 2.5758293035489004, 3.5]))
def test_newcombes_lower_bound_equals_the_textbook_formula(one: tuple[int, int], other: tuple[int, int], z: float) -> None:
    columns = [pl.col(name) for name in ("a", "m", "b", "n")]
    bound = evaluate(stats.newcombe_low(*columns, z=z), a=one[0], m=one[1], b=other[0], n=other[1])[0]
    if not (one[1] and other[1]):
        assert bound is None
        return
    first, second = one[0] / one[1], other[0] / other[1]
    expected = first - second - sqrt((first - wilson(*one, z)[0]) ** 2 + (wilson(*other, z)[1] - second) ** 2)
    assert bound is not None
    assert isclose(bound, expected, abs_tol=1e-9)


def test_newcombes_lower_bound_equals_the_published_example() -> None:
    """56/70 - 48/80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    columns = (pl.col("a"), pl.col("m"), pl.col("b"), pl.col("n"))
    bound = evaluate(stats.newcombe_low(*columns), a=56, m=70, b=48, n=80)
    assert round(bound[0] or 0, 4) == 0.0524


def test_more_tests_need_a_wider_interval() -> None:
    assert stats.bonferroni_z(0) == stats.bonferroni_z(1) == pytest.approx(Z)
    assert [round(stats.bonferroni_z(tests), 3) for tests in (2, 5, 10)] == [2.241, 2.576, 2.807]


@given(st.lists(st.integers(0, 50), max_size=30), st.sampled_from([0.25, 0.5, 0.75]))
def test_weighted_quantiles_equal_those_of_type_7(values: list[int], quantile: float) -> None:
    """They equal the results of `statistics.quantiles` with the method "inclusive", if each value is repeated as many times as its weight."""
    counts = sorted((value, values.count(value)) for value in set(values))
    frame = pl.DataFrame(counts, schema={"value": pl.Int64, "n": pl.Int64}, orient="row")
    weighted = frame.select(stats.weighted_quantile(pl.col("value"), pl.col("n"), quantile)).item()
    if not values:
        assert weighted is None
        return
    doubled = values if len(values) > 1 else values * 2
    assert isclose(weighted, quantiles(doubled, n=4, method="inclusive")[int(quantile * 4) - 1], abs_tol=1e-9)


def test_weighted_quantiles_are_taken_within_groups() -> None:
    frame = pl.DataFrame({"page": ["a", "a", "b"], "seconds": [1, 4, 9], "n": [1, 1, 5]}, schema_overrides={"n": pl.Int64})
    medians = frame.group_by("page").agg(median=stats.weighted_quantile(pl.col("seconds"), pl.col("n"), 0.5)).sort("page")
    assert medians["median"].to_list() == [2.5, 9]


@pytest.mark.parametrize(("part", "whole", "expected"), [(40, 3412, 36347), (196, 3412, 7039)])
def test_sessions_needed_to_detect_a_change(part: int, whole: int, expected: int) -> None:
    assert stats.sessions_needed(part / whole) == expected


@given(st.floats(0.001, 0.7), st.floats(0.1, 0.4))
def test_the_sessions_needed_give_the_promised_power(rate: float, change: float) -> None:
    """That many sessions per side detect the difference with 80% power; 2% fewer do not."""
    other = rate * (1 + change)
    needed = stats.sessions_needed(rate, change)

    def power(sessions: float) -> float:
        mean = (rate + other) / 2
        null, real = sqrt(2 * mean * (1 - mean) / sessions), sqrt((rate * (1 - rate) + other * (1 - other)) / sessions)
        return NormalDist().cdf((other - rate - Z * null) / real)

    assert power(needed) >= 0.8 - 1e-9
    assert power(needed - 1) < 0.8 + 1e-9


def test_zero_of_zero_has_no_rate() -> None:
    assert evaluate(stats.ratio(pl.col("a"), pl.col("b")), a=0, b=0) == (None,)
    assert evaluate(stats.ratio(pl.col("a"), pl.col("b")), a=1, b=4) == (0.25,)
