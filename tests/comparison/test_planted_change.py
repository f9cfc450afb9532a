"""A change that the simulator plants is found at the step where it was made, and nothing is said that the numbers do not bear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import runs
from bench.make_sample import CHANGED, SAMPLE
from bench.simulator import Span, simulate
from places import EXAMPLE_GOALS

if TYPE_CHECKING:
    from pathlib import Path

GOALS = EXAMPLE_GOALS


def _said(log: Path) -> tuple[dict[str, str], list[str]]:
    """Return the verdicts by goal, and what is said of steps."""
    document = runs.comparison([log], GOALS, at=CHANGED)
    rows = document.reports["compare"].frame.filter(what="goal")
    return dict(rows.select("item", "verdict").rows()), [note.text for note in document.notes if note.code == "step"]


def test_the_step_that_changed_is_named_and_of_the_macro_goal_nothing_is_told() -> None:
    """From that day on fewer put something into the cart: 24 purchases against 17 cannot show it."""
    verdicts, steps = _said(SAMPLE)
    assert verdicts["cart"].startswith("fell, by at least ")
    assert verdicts["purchase"] == "cannot tell"
    assert {goal for goal, verdict in verdicts.items() if verdict.startswith(("rose", "fell"))} == {"cart"}
    of_checkout = [text for text in steps if text.startswith("checkout: ")]
    assert len(of_checkout) == 1
    assert "a smaller share continued from saw_product to cart" in of_checkout[0]
    assert "Look at what changed before cart, not at checkout or later." in of_checkout[0]


def test_where_nothing_changed_no_step_is_named(tmp_path: Path) -> None:
    """Of 16 goals one may move by chance alone; it is said that chance does so."""
    log = tmp_path / "access.log"
    log.write_text(simulate(2027, 900, Span("2026-10-01", 31), odd=0.0, edges=0).text, encoding="utf-8")
    verdicts, steps = _said(log)
    assert len([goal for goal, verdict in verdicts.items() if verdict.startswith(("rose", "fell"))]) <= 1
    assert steps == ["At no funnel step did the share that continued change by more than chance would explain."]
