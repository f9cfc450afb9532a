"""The sensitivity of a funnel: the rate shown for another setting equals that of a run with this setting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import runs
from places import SAMPLE
from small_logs import line, written

from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

GOALS = """
site: {{session_timeout: {timeout}}}
macro: {{purchase: /checkout/thank-you}}
micro: {{saw: /product/*, cart: [POST /cart/add, GET /cart/add/*]}}
funnels:
  shop: {{steps: [saw, cart, purchase], order: {order}, per: {per}}}
"""
CHOSEN = {"timeout": "30m", "order": "ordered", "per": "session"}
LENGTHS = {"15 min": "15m", "30 min": "30m", "1 hour": "60m"}


def document(goals: Path, text: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 (the options of a run)
    """Return the funnel report on the sample log, parsed from its JSON."""
    goals.write_text(text, encoding="utf-8")
    return json.loads(runs.render(runs.document([SAMPLE], ["funnel"], goals, **options), "json"))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return the sensitivity of a funnel, as a verbose report includes it."""
    goals = tmp_path_factory.mktemp("choices") / "goals.yaml"
    sensitivity: list[dict[str, Any]] = document(goals, GOALS.format(**CHOSEN), verbose=True)["reports"]["sensitivity"]
    return sensitivity


def test_every_setting_is_listed_once_and_one_of_each_choice_is_chosen(rows: list[dict[str, Any]]) -> None:
    assert [(row["choice"], row["setting"]) for row in rows] == [
        *(("order", "ordered"), ("order", "strict"), ("per", "session"), ("per", "visitor"), ("bots", "drop"), ("bots", "keep")),
        *(("timeout", setting) for setting in LENGTHS),
    ]
    assert [row["setting"] for row in rows if row["chosen"]] == ["ordered", "session", "drop", "30 min"]


def test_every_figure_equals_that_of_a_run_with_the_setting(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    for row in rows:
        chosen = CHOSEN | ({row["choice"]: LENGTHS.get(row["setting"], row["setting"])} if row["choice"] != "bots" else {})
        bots = row["setting"] if row["choice"] == "bots" else "drop"
        first, *_, last = document(tmp_path / "goals.yaml", GOALS.format(**chosen), bots=bots)["reports"]["funnel"]
        assert (row["entered"], row["reached"], row["rate"]) == (first["reached"], last["reached"], last["of_first"]), row


def test_a_setting_differs_if_its_rate_is_outside_the_likely_range(rows: list[dict[str, Any]]) -> None:
    chosen = rows[0]
    assert chosen["chosen"]
    for row in rows:
        assert row["differs"] == (not chosen["rate_low"] <= row["rate"] <= chosen["rate_high"])
    assert any(row["differs"] for row in rows)


def test_a_funnel_that_cannot_be_strict_is_not_tried_as_strict(tmp_path: Path) -> None:
    text = GOALS.format(**CHOSEN).replace("order: ordered", "open: true")
    sensitivity = document(tmp_path / "goals.yaml", text, verbose=True)["reports"]["sensitivity"]
    assert ("order", "strict") not in {(row["choice"], row["setting"]) for row in sensitivity}


@pytest.mark.parametrize(
    ("sessions", "sentence"),
    [
        (29, "Too few sessions or visitors entered to tell whether these settings change the rate of the last step."),
        (30, "The rate of the last step depends on these settings: with order strict, it falls outside the likely range, 89 – 100%."),
    ],
)
def test_one_sentence_says_whether_it_depends(sessions: int, sentence: str, tmp_path: Path) -> None:
    visits = ((f"198.51.100.{number} - -", second, path) for number in range(sessions) for second, path in enumerate(("/a", "/x", "/b")))
    log = written(tmp_path / "access.log", (line(f"GET {path}", second, who=who) for who, second, path in visits))
    goals = parse_goals("macro: {b: /b}\nfunnels: {ab: [/a, b]}", "goals.yaml")
    assert sentence in str(runs.render(runs.document([log], ["funnel"], goals, verbose=True)))
