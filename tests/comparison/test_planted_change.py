"""A change that the simulator plants is found at the right step, and nothing is claimed that the numbers do not support."""

from __future__ import annotations

from typing import TYPE_CHECKING

import runs
from bench.make_sample import CHANGED, SAMPLE
from bench.simulator import Span, simulate
from places import EXAMPLE_GOALS

if TYPE_CHECKING:
    from pathlib import Path

GOALS = EXAMPLE_GOALS


def _verdicts_and_steps(log: Path) -> tuple[dict[str, str], list[str]]:
    """Return the verdicts by goal, and the sentences on steps."""
    document = runs.comparison([log], GOALS, at=CHANGED)
    rows = document.reports["compare"].frame.filter(what="goal")
    return dict(rows.select("item", "verdict").rows()), [note.text for note in document.notes if note.code == "step"]


def test_the_changed_step_is_named_and_the_macro_goal_is_undecided() -> None:
    """From that day on, fewer sessions add to the cart; 24 and 17 purchases are too few to show it."""
    verdicts, steps = _verdicts_and_steps(SAMPLE)
    assert verdicts["cart"] == "fell"
    assert verdicts["purchase"] == "cannot tell"
    assert {goal for goal, verdict in verdicts.items() if verdict in {"rose", "fell"}} == {"cart"}
    checkout_steps = [text for text in steps if text.startswith("checkout: ")]
    assert len(checkout_steps) == 1
    assert "a smaller share continued from saw_product to cart" in checkout_steps[0]
    assert "Look at what changed before cart, not at checkout or later." in checkout_steps[0]


def test_without_a_change_no_step_is_named(tmp_path: Path) -> None:
    """The 16 goals share an error rate of 5%."""
    log = tmp_path / "access.log"
    log.write_text(simulate(2027, 900, Span("2026-10-01", 31), odd=0.0, edges=0).text, encoding="utf-8")
    verdicts, steps = _verdicts_and_steps(log)
    assert len([goal for goal, verdict in verdicts.items() if verdict in {"rose", "fell"}]) == 0
    assert steps == ["At no funnel step did the share that continued change by more than chance would explain."]
