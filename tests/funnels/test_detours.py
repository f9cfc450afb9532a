"""Detours: sessions or visitors that reached the last step outside the funnel are counted once, under the first detour that applies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from traces import Trace, funnel_of, hits_of, trace_of

from convkit.funnels import chains, detours

if TYPE_CHECKING:
    from convkit.core.model import Funnel


def detours_of(trace: Trace, funnel: Funnel) -> list[tuple[int, str, int]]:
    """Return the unit, detour and step of each session or visitor that reached the last step outside the funnel."""
    hits = hits_of(trace)
    best = chains.best_chains(chains.fitting_hits(hits, funnel).collect().lazy(), funnel).filter("inside").collect().lazy()
    ended = detours.finisher_hits(hits, funnel).collect().lazy()
    return detours.find_detours(ended, best, funnel).sort("unit").collect().rows()


PLAIN = funnel_of("A B C")
CASES = {
    "A B C": (PLAIN, []),
    "A B": (PLAIN, []),
    "C B A": (PLAIN, [(1, "order", 0)]),
    "B C": (PLAIN, [(1, "without", 1)]),
    "A C": (PLAIN, [(1, "without", 2)]),
    "A:0 B:10 C:21": (funnel_of("A B C", window=20), [(1, "window", 0)]),
    "A:0 B:10 C:20": (funnel_of("A B C", window=20), []),
    "A:0 B:1 C:62": (funnel_of("A B C", within=60), [(1, "window", 0)]),
    "C:0 A:1 B:99": (funnel_of("A B C", window=20), [(1, "order", 0)]),
    "A B X C": (funnel_of("A B C", without=(2, 3)), [(1, "between", 0)]),
    "A x B C": (replace(PLAIN, order="strict"), [(1, "between", 0)]),
    "A x C B": (replace(PLAIN, order="strict"), [(1, "order", 0)]),
    "A B x": (replace(PLAIN, order="strict"), []),
    "B A": (replace(funnel_of("A B"), order="any"), []),
    "C": (replace(PLAIN, is_open=True), []),
    "A": (funnel_of("A A"), [(1, "without", 2)]),
    "C< A<": (replace(PLAIN, where=("landing=/",)), []),
}


@pytest.mark.parametrize("text", CASES)
def test_the_first_detour_that_applies_counts(text: str) -> None:
    funnel, expected = CASES[text]
    assert detours_of(trace_of(text), funnel) == expected


def test_a_chain_that_is_too_late_and_interrupted_counts_as_interrupted() -> None:
    """The chain is complete only if both limits are ignored."""
    funnel = funnel_of("A B C", window=20, without=(2, 3))
    assert detours_of(trace_of("A:0 B:10 X:15 C:30"), funnel) == [(1, "between", 0)]


def test_different_values_are_a_separate_detour() -> None:
    trace = [(0, "A", "u", 1), (1, "B", "v", 1), (2, "C", "u", 1)]
    assert detours_of(trace, replace(PLAIN, same="path")) == [(1, "value", 0)]
    assert detours_of([(0, "A", "u", 1), (1, "C", "v", 1)], replace(PLAIN, same="path")) == [(1, "without", 2)]
    assert detours_of([(0, "A", "", 1), (1, "B", "", 1), (2, "C", "", 1)], replace(PLAIN, same="path")) == [(1, "value", 0)]


def test_the_missing_steps_may_be_in_earlier_sessions() -> None:
    trace = [(0, "A", "", 1), (1, "B", "", 1), (9000, "C", "", 2), (9001, "x", "", 2)]
    assert detours_of(trace, PLAIN) == [(2, "earlier", 0)]
    assert detours_of(trace, replace(PLAIN, per="visitor")) == []


def test_an_optional_step_is_never_missing() -> None:
    steps = (PLAIN.steps[0], replace(PLAIN.steps[1], is_optional=True), PLAIN.steps[2])
    assert detours_of(trace_of("C"), replace(PLAIN, steps=steps)) == [(1, "without", 1)]
    assert detours_of(trace_of("C A"), replace(PLAIN, steps=steps)) == [(1, "order", 0)]
