"""What got in the way: points traced by hand, figures equal to those of a plain model, and few false alarms in worlds whose truth is known."""

from __future__ import annotations

import os
from collections import Counter
from math import exp, sqrt
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs
from model.friction import figures, points_of, strata_of
from places import ROOT
from small_logs import line, written

from convkit.core.schema import OBSTACLES_FIELD
from convkit.funnels.friction import KEYS, add_bounds, judge_friction
from convkit.funnels.points import ANY_PATH

if TYPE_CHECKING:
    from convkit.analysis.analysis import Analysis

GOALS = "macro: {bought: /thanks}\nmicro: {cart: /cart, checkout: /checkout}\nfunnels: {shop: [cart, checkout]}\n"
SHOP = [["/cart", "/a 404", "/checkout"], ["/cart", "/checkout"], ["/cart", "/help", "/x 404"], ["/cart"]]
"""Sessions; only who meets the error on the help page has nobody beside them."""


def analyzed(folder: Path, sessions: list[list[str]], goals: str = GOALS) -> Analysis:
    lines = []
    for number, requests in enumerate(sessions):
        for place, text in enumerate(requests):
            path, _, status = text.partition(" ")
            lines.append(line(f"GET {path}", number * 100 + place, int(status or 200), who=f"198.51.100.{number} - -"))
    log, file = written(folder / "access.log", lines), written(folder / "goals.yaml", [goals])
    return runs.analysis([log], file, fields=(OBSTACLES_FIELD,)).analysis


def test_points_behind_a_step_are_traced_by_hand(tmp_path: Path) -> None:
    """Point 0 is the cart, with the error of the first session; point 1 is the help page, with that of the third."""
    tally = {name: frame.collect() for name, frame in analyzed(tmp_path, SHOP).points.items()}
    keys = ["index", "page"]
    points = tally["points"].filter(funnel="shop", acts=False).select(pl.col("index"), pl.col("page").cast(pl.String), "n", "n_went_on").sort(keys)
    assert points.rows() == [(1, "/cart", 4, 2), (2, "/help", 1, 0)]
    met = tally["met"].filter(funnel="shop").select(pl.col("index"), pl.col("page").cast(pl.String), "met", "met_went_on", "had").sort(keys)
    assert met.rows() == [(1, "/cart", 1, 1, 0), (2, "/help", 1, 0, 0)]
    (row,) = judge_friction(tally).filter(funnel="shop").rows(named=True)
    assert {name: row[name] for name in (*KEYS, "met", "went_on", "compared", "went_on_rate", "is_judged", "loses")} == {
        **dict(zip(KEYS, ("shop", 1, "error", ANY_PATH), strict=True)),
        "met": 2,
        "went_on": 1,
        "compared": 1,
        "went_on_rate": 1.0,
        "is_judged": False,
        "loses": False,
    }
    assert row["others_rate"] == pytest.approx(1 / 3)


def test_what_had_been_met_before_is_neither_met_again_nor_beside_others(tmp_path: Path) -> None:
    sessions = [["/cart", "/a 404", "/help", "/b 404", "/checkout"], ["/cart", "/help"]]
    tally = {name: frame.collect() for name, frame in analyzed(tmp_path, sessions).points.items()}
    met = tally["met"].filter(funnel="shop").select("index", "met", "had", "had_went_on").sort("index")
    assert met.rows() == [(1, 1, 0, 0), (2, 0, 1, 1)]


def test_points_end_before_the_next_step(tmp_path: Path) -> None:
    tally = {name: frame.collect() for name, frame in analyzed(tmp_path, [["/cart", "/checkout", "/x 404", "/help"]]).points.items()}
    assert tally["met"].filter(funnel="shop").is_empty()
    assert tally["points"].filter(funnel="shop", acts=False)["n"].to_list() == [1]


@pytest.mark.parametrize(
    ("log", "goals"),
    [
        ("sample_logs/access.log.gz", "goals.example.yaml"),
        pytest.param("sample_logs/events.csv.gz", "goals.example.yaml", marks=pytest.mark.slow),
    ],
)
def test_figures_equal_those_of_the_model(log: str, goals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert_equal_to_the_model(log, goals)


EXPORT = """
macro: {purchase: {event: purchase}}
micro:
  product: {event: product_view}
  add: {event: add_to_cart}
  payment: {event: payment_details}
  pay_error: {event: payment_error}
  search: {event: search}
funnels: {shop: [product, add, payment, purchase]}
"""


@pytest.mark.slow
@pytest.mark.skipif("CONVKIT_TEST_DATA" not in os.environ, reason="CONVKIT_TEST_DATA names no folder")
def test_figures_of_an_export_equal_those_of_the_model(tmp_path: Path) -> None:
    assert_equal_to_the_model(str(Path(os.environ["CONVKIT_TEST_DATA"], "real", "ecom_v5.csv.gz")), str(written(tmp_path / "goals.yaml", [EXPORT])))


def assert_equal_to_the_model(log: str, goals: str) -> None:
    analysis = runs.analysis([log], goals, fields=(OBSTACLES_FIELD,)).analysis
    tally = {name: frame.collect() for name, frame in analysis.points.items()}
    judged = add_bounds(judge_friction(tally), tally)
    hits = analysis.hits.filter(pl.col("session").is_not_null()).with_columns(pl.col("page", "event", "kind").cast(pl.String)).collect()
    chains = {name: chain.collect().rows(named=True) for name, chain in analysis.chains.items()}
    names, macros = [goal.name for goal in analysis.goals.goals], {goal.column for goal in analysis.goals.macros}
    strata = strata_of(points_of(hits.rows(named=True), chains, analysis.goals.funnels, names, macros))
    assert {tuple(row[name] for name in KEYS) for row in judged.rows(named=True)} == {*strata}
    for row in judged.rows(named=True):
        expected = figures(strata[row["funnel"], row["step"], row["what"], row["item"]])
        for name, value in expected.items():
            assert row[name] == (None if value is None else pytest.approx(value, rel=1e-6, abs=1e-9)), (row, name)


World = tuple[float, float, float, bool]
WORLDS: dict[str, tuple[World, float]] = {
    "errors that nobody sees": ((0.05, 0, 0, False), 0.025),
    "the same, and who drops off looks around longer": ((0.05, 0, 0, True), 0.025),
    "clicks that fail, tried again at once": ((0, 0.06, 0, False), 0),
    "a quarter of those who meet it leave": ((0, 0.06, 0.25, False), 0.42),
    "half of those who meet it leave": ((0, 0.06, 0.5, False), 0.98),
}
"""How often a page has an error that nobody sees, how often a click fails, how many of those leave, and whether half only look around.

And how often `loses` is right or wrong to say so; if nothing is wrong, one side of 5%.
"""
_UNITS, _LOGS, _STEPS, _LAST_BAND = 1_000, 200, 30, 10


def behind_the_step(chance: Random, world: World) -> dict[str, pl.DataFrame]:
    """Draw what units do behind a step, on the form or elsewhere, and return the tallies of their points."""
    noise, fails, harm, some_look = world
    points, met = Counter[tuple[int, str, bool]](), Counter[tuple[int, str, bool, bool]]()
    for _ in range(_UNITS):
        leave, keen = 1 / (1 + exp(1.2 + chance.gauss(0, 1))), min(0.35 * exp(chance.gauss(0, 0.4)), 0.9)
        if some_look:
            keen, leave = (0.8, 0.1) if chance.random() < 0.5 else (0.03, 0.12)
        at, had, went_on, stood = "form" if chance.random() < 0.7 else "other", False, False, []
        for step in range(_STEPS):
            stays = chance.random() >= leave
            failed = stays and chance.random() < fails
            new = (chance.random() < noise) or failed
            stood.append((min(step, _LAST_BAND), at, had, new and not had))
            had |= new
            if failed:
                stays = chance.random() >= harm and chance.random() >= leave
            if stays and at == "form" and chance.random() < keen:
                went_on = True
            if went_on or not stays:
                break
            at = "form" if chance.random() < 0.5 else "other"
        for index, page, before, now in stood:
            points[index, page, went_on] += 1
            if before or now:
                met[index, page, now, went_on] += 1
    keys = {"funnel": pl.lit("shop"), "step": pl.lit(1, dtype=pl.Int32), "acts": pl.lit(value=False)}
    counted = [(index, page, now, on, number) for (index, page, now, on), number in met.items()]
    stood_there = [(index, page, on, number) for (index, page, on), number in points.items()]
    n, now, on = pl.col("number"), pl.col("now"), pl.col("on")
    of_met = {"met": n.filter(now), "met_went_on": n.filter(now & on), "had": n.filter(~now), "had_went_on": n.filter(~now & on)}
    return {
        "points": pl.DataFrame(stood_there, schema=["index", "page", "on", "number"], orient="row")
        .group_by("index", "page", **keys)
        .agg(n=n.sum(), n_went_on=n.filter(on).sum()),
        "met": pl.DataFrame(counted, schema=["index", "page", "now", "on", "number"], orient="row")
        .group_by("index", "page", **keys, what=pl.lit("error"), item=pl.lit(ANY_PATH))
        .agg(**{name: counts.sum() for name, counts in of_met.items()}),
    }


@pytest.mark.slow
@pytest.mark.parametrize(("world", "rate"), WORLDS.values(), ids=WORLDS)
def test_what_harms_nobody_is_rarely_said_to_lose_and_what_does_is_found(world: World, rate: float) -> None:
    said = sum(bool(judge_friction(behind_the_step(Random(seed), world))["loses"].any()) for seed in range(_LOGS)) / _LOGS
    assert abs(said - rate) <= 2 * sqrt(2 * max(rate, 0.005) * (1 - rate) / _LOGS), said
