"""Equal points: the figures of strata, against values worked out by hand and what must hold for any strata."""

from __future__ import annotations

from math import isclose, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples

from convkit.core import equal_points, stats

if TYPE_CHECKING:
    import random

Stratum = tuple[int, int, int, int]


def frame(*strata: Stratum) -> pl.DataFrame:
    """Return strata of one key."""
    return pl.DataFrame(
        [("x", *stratum) for stratum in strata], schema={"key": pl.String, **dict.fromkeys(equal_points.SIDES, pl.Int64)}, orient="row"
    )


def figures_of(*strata: Stratum, z: float = stats.Z_95) -> dict[str, float | None]:
    """Return the figures and the bounds of strata."""
    given_strata = frame(*strata)
    figures = equal_points.compare(given_strata, ["key"])
    row: dict[str, float | None] = equal_points.add_bounds(given_strata, figures, ["key"], z, ("low", "high")).row(0, named=True)
    return row


@pytest.mark.parametrize(
    ("strata", "expected"),
    [
        ([(10, 4, 40, 8), (20, 2, 60, 3)], (0.2043, 0.1022, 2.0000, 0.8201, 4.5906, 1.5236)),
        ([(50, 10, 280, 25), (20, 2, 60, 3)], (0.1739, 0.0790, 2.2003, 1.1698, 4.0369, 2.4545)),
        ([(30, 0, 300, 30)], (0, 0.1, 0, 0, 1.1534, -1.8138)),
        ([(5, 5, 5, 0)], (1, 0, None, 2.0850, None, 3.0)),
    ],
)
def test_figures_worked_out_elsewhere(strata: list[Stratum], expected: tuple[float | None, ...]) -> None:
    row = figures_of(*strata, (7, 3, 0, 0), (0, 0, 9, 1))
    names = ("then_rate", "others_rate", "times", "low", "high", "score")
    assert tuple(None if row[name] is None else round(row[name] or 0, 4) for name in names) == expected


def test_strata_without_both_sides_are_left_out() -> None:
    row = figures_of((50, 10, 280, 25), (20, 2, 60, 3), (9, 9, 0, 0), (0, 0, 7, 7))
    assert (row["compared"], row["then_converted"], row["others"]) == (70, 12, 340)
    assert isclose(row["expected"] or 0, 50 * 25 / 280 + 20 * 3 / 60)
    assert equal_points.compare(frame((9, 9, 0, 0), (0, 0, 7, 7)), ["key"]).is_empty()


def side() -> st.SearchStrategy[tuple[int, int]]:
    """Draw how many stand on a side, and how many of them go on."""
    return st.integers(1, 300).flatmap(lambda number: st.tuples(st.just(number), st.integers(0, number)))


STRATA = st.lists(st.tuples(side(), side()).map(lambda sides: (*sides[0], *sides[1])), min_size=1, max_size=6)


@share_of_examples(0.1)
@given(STRATA)
def test_swapping_the_sides_inverts_the_ratio(strata: list[Stratum]) -> None:
    row, swapped = figures_of(*strata), figures_of(*((n0, y0, n1, y1) for n1, y1, n0, y0 in strata))
    for name, other in (("times", "times"), ("low", "high"), ("high", "low")):
        value, inverse = row[name], swapped[other]
        if value and inverse and 1e-3 < value < 1e3:
            assert isclose(value * inverse, 1, rel_tol=1e-9)


@share_of_examples(0.1)
@given(STRATA)
def test_the_score_at_the_ratio_is_zero_and_falls(strata: list[Stratum]) -> None:
    row, distinct = figures_of(*strata), frame(*strata).with_columns(number=pl.lit(1))
    if row["times"] and 1e-3 < row["times"] < 1e3:
        at = [equal_points._scores(distinct, ["key"], pl.lit(row["times"] * factor))["score"][0] for factor in (0.9, 1, 1.1)]  # noqa: SLF001
        assert abs(at[1]) < 1e-6
        assert at[0] >= at[1] >= at[2]
        assert (row["low"] or 0) <= row["times"] <= (row["high"] or float("inf"))


@share_of_examples(0.1)
@given(STRATA, st.sampled_from((0.5, 1.0, 1.5)))
def test_a_score_says_on_which_side_of_a_bound_a_ratio_lies(strata: list[Stratum], ratio: float) -> None:
    row, given_strata = figures_of(*strata), frame(*strata)
    figures = equal_points.compare(given_strata, ["key"])
    score = equal_points.add_score(given_strata, figures, ["key"], ratio, "at")["at"][0]
    assert (score > stats.Z_95, score < -stats.Z_95) == ((row["low"] or 0) > ratio, row["high"] is not None and row["high"] < ratio)


@share_of_examples(0.1)
@given(STRATA, st.randoms(use_true_random=False))
def test_the_order_of_strata_does_not_matter(strata: list[Stratum], chance: random.Random) -> None:
    shuffled = chance.sample(strata, len(strata))
    assert figures_of(*strata) == figures_of(*shuffled)


def test_four_times_the_data_halves_the_range() -> None:
    strata: list[Stratum] = [(50, 10, 280, 25), (20, 2, 60, 3), (90, 30, 100, 21)]
    widths = []
    for factor in (1, 4, 16):
        row = figures_of(*((n1 * factor, y1 * factor, n0 * factor, y0 * factor) for n1, y1, n0, y0 in strata))
        widths.append(log((row["high"] or 0) / (row["low"] or 1)))
    assert isclose(widths[0], 2 * widths[1], rel_tol=0.02)
    assert isclose(widths[1], 2 * widths[2], rel_tol=0.02)


def test_keys_are_compared_on_their_own() -> None:
    both = pl.concat([frame((50, 10, 280, 25), (20, 2, 60, 3)), frame((30, 0, 300, 30)).with_columns(key=pl.lit("a"))])
    figures = equal_points.add_bounds(both, equal_points.compare(both, ["key"]), ["key"], stats.Z_95, ("low", "high"))
    assert figures["key"].to_list() == ["a", "x"]
    assert figures.drop("key").row(1) == tuple(value for name, value in figures_of((50, 10, 280, 25), (20, 2, 60, 3)).items() if name != "key")


def test_the_strength_of_what_the_log_does_not_show() -> None:
    bounds = pl.DataFrame({"low": [1.1698, 0.5, 0.14], "high": [4.0369, 2.0, 0.74]})
    values = bounds.select(unseen=equal_points.unseen(pl.col("low"), pl.col("high")))["unseen"].to_list()
    assert [value and round(value, 2) for value in values] == [1.62, None, round(1 / 0.74 + sqrt(1 / 0.74 * (1 / 0.74 - 1)), 2)]


def test_more_data_that_is_needed() -> None:
    """With as many conversions as the planner asks for, the log is as long as needed."""
    z = stats.bonferroni_z(7)
    conversions = ((z + NormalDist().inv_cdf(0.8)) / log(1.5)) ** 2
    needed = pl.DataFrame({"converted": [conversions, conversions / 3]}).select(equal_points.needed(pl.col("converted"), z, 1.5)).to_series()
    assert [round(value, 9) for value in needed] == [1, 3]
