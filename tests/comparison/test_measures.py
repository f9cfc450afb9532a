"""The median time, the pages and the value of orders on both sides: their bounds, the verdicts, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from math import exp, sqrt
from random import Random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from compared_sites import BEFORE, NOW, side

from convkit.comparison.rows import measured_cells
from convkit.core import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.comparison.rows import SideFigures

PLAIN = "macro: {purchase: {page: /thanks, value: query.total}}\nmicro: {cart: /cart}\n"


def seconds(values: Sequence[int]) -> pl.DataFrame:
    """Return a tally of lengths of sessions."""
    return pl.DataFrame({"seconds": list(values)}, schema={"seconds": pl.Int32}).group_by("seconds").agg(n=pl.len().cast(pl.Int64))


def figures(values: Sequence[int], *, now: bool, amounts: Sequence[int] = ()) -> SideFigures:
    """Return a side whose sessions have these lengths in seconds and as many pages, with orders of these amounts."""
    tallied = seconds(values)
    orders = pl.DataFrame({"amount": [str(amount * 1_000_000) for amount in amounts], "n": [1] * len(amounts)}, {"amount": pl.String, "n": pl.Int64})
    sessions = side(PLAIN, NOW if now else BEFORE, len(values), {})
    return replace(sessions, seconds=tallied, pages=tallied.rename({"seconds": "pages"}), orders=orders)


def test_the_bounds_of_a_median_are_values_in_the_middle() -> None:
    """Of 49 values, they are the 17th and the 33rd; of few, the smallest and the largest."""
    assert stats.middle(seconds(range(1, 50)), "seconds", "n") == (49, 25, 17, 33)
    assert stats.middle(seconds([5, 9, 9, 1]), "seconds", "n") == (4, 7, 1, 9)
    assert stats.middle(seconds([]), "seconds", "n") is None


def test_bounds_of_medians_are_joined_like_those_of_rates() -> None:
    one, other = stats.Middle(49, 250, 170, 330), stats.Middle(49, 200, 190, 230)
    assert stats.median_difference(one, other) == (50 - sqrt(80**2 + 30**2), 50 + sqrt(80**2 + 10**2))


def test_a_verdict_on_times_needs_thirty_sessions_a_side() -> None:
    before = figures(range(100, 160), now=False)
    longer = measured_cells(before, figures(range(200, 230), now=True), 0.1)["time"]
    assert (longer["before"], longer["now"], longer["before_rate"], longer["now_rate"]) == (60, 30, 129.5, 214.5)
    assert longer["verdict"] == "rose"
    few = measured_cells(before, figures(range(200, 229), now=True), 0.1)["time"]
    assert (few["now_rate"], few["verdict"]) == (214, "cannot tell")
    assert "difference" not in few
    assert measured_cells(before, figures([], now=True), 0.1)["time"] == {}


def test_a_verdict_on_means_needs_a_hundred_a_side() -> None:
    values, amounts = [1, 2, 3, 4] * 25, [10, 20] * 50
    before = figures(values, now=False, amounts=amounts)
    cells = measured_cells(before, figures([value * 2 for value in values], now=True, amounts=[one + 9 for one in amounts]), 0.1)
    assert [cells["pages"][name] for name in ("before", "now", "before_rate", "now_rate", "verdict")] == [250, 500, 2.5, 5, "rose"]
    assert [cells["order"][name] for name in ("before", "now", "before_rate", "now_rate", "verdict")] == [100, 100, 15, 24, "rose"]
    few = measured_cells(before, figures([value * 2 for value in values[1:]], now=True, amounts=amounts[1:]), 0.1)
    assert [few[name]["verdict"] for name in ("pages", "order")] == ["cannot tell"] * 2


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "scale"), [((30, 30), 1.0), ((30, 2_000), 1.4), ((75, 1_300), 1.4), ((300, 300), 1.0), ((300, 5_000), 1.4)])
def test_ranges_hold_what_is_true(sizes: tuple[int, int], scale: float) -> None:
    """Visitors have a pace of their own; the range of medians holds the true difference in at least 94% of the draws, up to two standard errors."""
    chance, draws, middle_of_log, spread = Random(9), 400, 175, 1.3

    def drawn(number: int, times: float) -> stats.Middle:
        values = list[int]()
        while len(values) < number:
            pace = chance.gauss(0, 0.8)
            own = 1 + (chance.random() < 0.4)
            values += [int(middle_of_log * times * exp(pace + chance.gauss(0, sqrt(spread**2 - 0.64)))) for _ in range(own)]
        found = stats.middle(seconds(values[:number]), "seconds", "n")
        assert found
        return found

    true, held = middle_of_log * (scale - 1), 0
    for _ in range(draws):
        low, high = stats.median_difference(drawn(sizes[0], scale), drawn(sizes[1], 1.0))
        held += low <= true <= high
    assert 0.94 - 2 * sqrt(0.06 * 0.94 / draws) <= held / draws < 1
