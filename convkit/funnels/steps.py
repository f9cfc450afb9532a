"""The steps of funnels at which people drop off: their names as users write them, and who dropped off there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import UsageError, suggestion

if TYPE_CHECKING:
    from convkit.core.model import Funnel, Goals


def parse_step(text: str, goals: Goals) -> tuple[Funnel, int]:
    """Return the funnel and the number of a step given as STEP or FUNNEL.STEP; it must not be a funnel's last step. Raises UsageError."""
    places = goals.droppable_steps
    steps: dict[str, tuple[Funnel, int]] = {}
    for name, place in places.items():
        steps.setdefault(name.partition(".")[2], place)
    if text in steps or text in places:
        return steps[text] if text in steps else places[text]
    if not goals.funnels:
        raise UsageError(f"--dropped-at {text}: the goals file has no funnel; add one under `funnels`")
    last = [funnel.name for funnel in goals.funnels if text == funnel.names[-1]]
    if last:
        raise UsageError(f"--dropped-at {text}: nobody can drop off at the last step of {last[0]}. Steps: {', '.join(steps)}")
    raise UsageError(f"--dropped-at {text}: unknown step{suggestion(text, steps, 'Steps')}")


def is_dropped_at(funnel: Funnel, number: int) -> pl.Expr:
    """Return whether a chain reached a step of its funnel, but not the next one that is not optional."""
    return pl.col(f"row{number}").is_not_null() & pl.col(f"row{funnel.next_step(number)}").is_null()
