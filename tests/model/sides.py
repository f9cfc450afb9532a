"""The model's figures of single variants, as in breakdowns, and as the sides of a comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from model.brute_force import report_figures
from model.funnels import walks_of

if TYPE_CHECKING:
    from model.brute_force import Model
    from model.figures import Figures

EXTREME = 10.827566
"""What a chi-square with one degree of freedom exceeds less than once in 1,000 times."""


def with_value(model: Model, name: str, value: str, *, is_inverted: bool = False) -> Model:
    """Return a model of the sessions with this variant, or of those without it."""
    values = model.exposures[name].value_of
    return replace(model, where=lambda _, number: model.shows(number) and (values[number] == value) is not is_inverted)


def expected_notes(model: Model) -> dict[str, list[int]]:
    """Return the numbers in the notes about variants."""
    numbers: dict[str, list[int]] = {"several-variants": [], "before-variant": []}
    left_out = {visitor for exposure in model.exposures.values() for visitor in exposure.several}
    in_period = [session for session in model.sessions if model.period.holds(session.started)]
    counted = [session for session in in_period if session.visitor not in left_out]
    for name in sorted(model.exposures):
        several = model.exposures[name].several
        sessions = [session for session in in_period if session.visitor in several]
        if sessions:
            numbers["several-variants"] += [len({session.visitor for session in sessions}), len(sessions)]
        if early := model.reached_early[name] - left_out:
            numbers["before-variant"].append(len(early))
    for name in sorted(model.of_funnels):
        several = model.of_funnels[name].several
        sessions = [session for session in counted if session.visitor in several]
        if sessions:
            numbers["several-variants"] += [len({session.visitor for session in sessions}), len(sessions)]
        if early := {session.visitor for session in counted if session.visitor not in several} & model.reached_early[name]:
            numbers["before-variant"].append(len(early))
    return numbers


def compared_figures(model: Model) -> Figures:
    """Return the counts of one side of a comparison of variants, which are counted in visitors, and the bases of their rates."""
    figures = report_figures(model)
    visitors = figures["overview", "visitors"]
    rows: Figures = {("overview", name): figures["overview", name] for name in ("sessions", "bounces", "value")}
    for name in model.goals.goals:
        rows |= {("goal", name): figures["goals", name, "reached_visitors"], ("goal", name, "rate"): visitors}
    for name, funnel in model.goals.funnels.items():
        if funnel.per == "visitor":
            walks = walks_of(model, funnel)
            entered = len(walks) if funnel.is_open else sum(0 in walk.chain for walk in walks)
            for number in range(1, len(funnel.steps) + 1):
                rows |= {
                    ("funnel", name, str(number)): figures["funnel", name, str(number), "reached"],
                    ("funnel", name, str(number), "rate"): entered,
                }
    return rows


def is_uneven(model: Model, sizes: tuple[int, int], names: tuple[str, str]) -> bool:
    """Return whether a split would come out so uneven less than once in 1,000 times (chi-square, one degree of freedom)."""
    planned = model.goals.variants["test"].planned(*names)
    expected = [planned * sum(sizes), (1 - planned) * sum(sizes)]
    if 0 in expected:
        return any(size for size, of in zip(sizes, expected, strict=True) if not of)
    return sum((size - of) ** 2 / of for size, of in zip(sizes, expected, strict=True)) > EXTREME
