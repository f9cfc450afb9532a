"""The reason why a session or visitor got no further in a funnel: the first rule that the next step would have broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from traces import Trace, funnel_of, hits_of, trace_of

from convkit.funnels import chains
from convkit.funnels import trace as funnels_trace

if TYPE_CHECKING:
    from convkit.core.model import Funnel

PLAIN = funnel_of("A B C")
STRICT, ANY, OPEN = replace(PLAIN, order="strict"), replace(PLAIN, order="any"), replace(PLAIN, is_open=True)
WINDOW, WITHIN, WITHOUT = funnel_of("A B C", window=1800), funnel_of("A B C", within=60), funnel_of("A B C", without=(2, 3))
OPTIONAL = replace(PLAIN, steps=(PLAIN.steps[0], replace(PLAIN.steps[1], is_optional=True), PLAIN.steps[2]))
ENTRY = replace(PLAIN, where=("landing=/blog/**",))

CASES = [
    (PLAIN, "A B C", "all 3 steps"),
    (PLAIN, "x", "0 of 3 steps; step 1, A, was never reached"),
    (PLAIN, "A B x", "2 of 3 steps; step 3, C, was never reached"),
    (PLAIN, "A C B", "2 of 3 steps; step 3, C, was reached only before step 2"),
    (PLAIN, "C A B", "2 of 3 steps; step 3, C, was reached only before step 2"),
    (funnel_of("A A"), "A", "1 of 2 steps; step 2, A, was reached only by the hit that filled step 1, and one hit cannot fill two steps"),
    (WINDOW, "A:0 B:60 C:1847", "2 of 3 steps; step 3, C, came 47s after the 30 min window ended"),
    (WINDOW, "A:0 B:60 C:1800", "all 3 steps"),
    (WITHIN, "A:0 B:10 C:100", "2 of 3 steps; step 3, C, came 30s too late: the limit is 1 min after step 2"),
    (WITHOUT, "A B X C", "2 of 3 steps; step 3, C, came after X, which must not come between steps 2 and 3"),
    (STRICT, "A x B", "1 of 3 steps; step 2, B, did not come next: / came in between"),
    (STRICT, "A B X C", "2 of 3 steps; step 3, C, did not come next: /X came in between"),
    (STRICT, "A B C!", "2 of 3 steps; step 3, C, was reached, but not by a page or an event"),
    (STRICT, "A! B", "0 of 3 steps; step 1, A, was reached, but not by a page or an event"),
    (ANY, "C A B", "all 3 steps"),
    (ANY, "C A", "2 of 3 steps; never reached: B"),
    (replace(ANY, window=timedelta(minutes=1)), "C:0 A:10 B:99", "2 of 3 steps within 1 min; outside that window: B"),
    (replace(funnel_of("A A"), order="any"), "A", "1 of 2 steps; one hit cannot fill two steps"),
    (OPEN, "C", "1 of 3 steps, including the last"),
    (OPEN, "B x", "1 of 3 steps; step 3, C, was never reached"),
    (OPTIONAL, "A C", "2 of 3 steps, including the last"),
    (OPTIONAL, "A x", "1 of 3 steps; step 3, C, was never reached"),
]


def described(trace: Trace, funnel: Funnel, *, may_enter: bool = True) -> str:
    """Return how far a trace gets in a funnel, and the reason why it got no further."""
    hits = hits_of(trace)
    chain = chains.best_chains(chains.fitting_hits(hits, funnel).collect().lazy(), funnel).collect().rows(named=True)
    filled = {number: row[f"row{number}"] for row in chain for number in funnel.numbers if row[f"row{number}"] is not None}
    return funnels_trace.describe_stop(
        funnel, funnels_trace.hits_of_unit(funnels_trace.traced_hits(hits, funnel).collect()), filled, may_enter=may_enter
    )


@pytest.mark.parametrize(("funnel", "text", "expected"), CASES)
def test_the_first_broken_rule_is_named(funnel: Funnel, text: str, expected: str) -> None:
    assert described(trace_of(text), funnel) == expected


def test_a_different_or_missing_value_is_named() -> None:
    funnel = replace(PLAIN, same="path")
    assert described([(0, "A", "u", 1), (1, "B", "v", 1)], funnel) == "1 of 3 steps; step 2, B, had path v, not u"
    assert described([(0, "A", "u", 1), (1, "B", "", 1)], funnel) == "1 of 3 steps; step 2, B, had no path, not u"
    assert described([(0, "A", "", 1)], funnel) == "0 of 3 steps; step 1, A, had no path"


def test_a_funnel_that_may_not_be_entered_names_its_condition() -> None:
    assert described(trace_of("A< B<"), ENTRY, may_enter=False) == "0 of 3 steps; it only starts where landing=/blog/**"


def test_a_condition_shares_its_hit() -> None:
    funnel = funnel_of("A B", window=10)
    shared = replace(funnel, steps=(replace(funnel.steps[0], is_condition=True), funnel.steps[1]))
    assert described(trace_of("AB"), shared) == "all 2 steps"
    reason = "step 2, B, was reached only by the hit that filled step 1, and one hit cannot fill two steps"
    assert described(trace_of("AB"), funnel) == f"1 of 2 steps; {reason}"
