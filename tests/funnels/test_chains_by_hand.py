"""The chain that counts, traced by hand: what each option of a funnel means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from traces import chain_of, funnel_of, model_of, trace_of

from convkit.core.model import ORDERS, Funnel

if TYPE_CHECKING:
    from model.chains import Chain

TRACES: tuple[tuple[str, str, dict[str, Any], int, int | None, int | None], ...] = (
    ("A B C", "A B C", {}, 3, 3, 3),
    ("A x B C", "A B C", {}, 3, 1, 3),
    ("A A B B C C", "A B C", {}, 3, 3, 3),
    ("A B x C", "A B C", {}, 3, 2, 3),
    ("B A C", "A B C", {}, 1, 1, 3),
    ("C B A", "A B C", {}, 1, 1, 3),
    ("A:0 B:10 A:100 B:105 C:109", "A B C", {"window": 10}, 3, 3, 3),
    ("A:0 B:10 C:20", "A B C", {"window": 20}, 3, 3, 3),
    ("A:0 B:10 C:21", "A B C", {"window": 20}, 2, 2, 2),
    ("A B A C", "A B C", {}, 3, 2, 3),
    ("A:0 B:10 B:50 C:100", "A B C", {"within": 60}, 3, 2, None),
    ("A B X C", "A B C", {"without": (2, 3)}, 2, None, None),
    ("A B X B C", "A B C", {"without": (2, 3)}, 3, None, None),
    ("A", "A A", {}, 1, 1, 1),
    ("A A", "A A", {}, 2, 2, 2),
)
"""Trace, steps, options, and the steps reached in order, strictly, and in any order; None if the options cannot be combined."""


@pytest.mark.parametrize(("text", "names", "options", "depths"), [(*traced[:3], traced[3:]) for traced in TRACES])
def test_hand_traces(text: str, names: str, options: dict[str, Any], depths: tuple[int | None, ...]) -> None:
    funnel, trace = funnel_of(names, **options), trace_of(text)
    for order, reached in zip(ORDERS, depths, strict=True):
        if reached is not None:
            best = chain_of(trace, replace(funnel, order=order))
            assert [len(chain) for chain in best.values()] == [reached]
            assert best == model_of(trace, replace(funnel, order=order))


def test_a_repeat_does_not_move_a_step_s_time_in_strict_order() -> None:
    """With `ordered`, step 2 is the later B, which is close enough to C; with `strict`, it is the first B after A."""
    funnel, trace = funnel_of("A B C", within=60), trace_of("A:0 B:10 B:50 C:100")
    assert chain_of(trace, funnel) == {1: ((0, 0), (1, 2), (2, 3))}
    assert chain_of(trace, replace(funnel, order="strict")) == {1: ((0, 0), (1, 1))}


def test_a_later_start_may_be_within_the_window() -> None:
    assert chain_of(trace_of("A:0 B:10 A:100 B:105 C:109"), funnel_of("A B C", window=10)) == {1: ((0, 2), (1, 3), (2, 4))}


def optional(names: str, number: int) -> Funnel:
    """Return a funnel with one optional step; steps are counted from 1."""
    funnel = funnel_of(names)
    jumped = tuple(replace(step, is_optional=True) if place == number else step for place, step in enumerate(funnel.steps, 1))
    return replace(funnel, steps=jumped)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("A B C", ((0, 0), (1, 1), (2, 2))),
        ("A C", ((0, 0), (2, 1))),
        ("A C B C", ((0, 0), (1, 2), (2, 3))),
        ("A B", ((0, 0), (1, 1))),
        ("B C", ()),
    ],
)
def test_a_chain_may_skip_an_optional_step_but_prefers_to_fill_it(text: str, chain: Chain) -> None:
    assert chain_of(trace_of(text), optional("A B C", 2)) == ({1: chain} if chain else {})


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("A B C", ((0, 0), (1, 1), (2, 2))),
        ("B C", ((1, 0), (2, 1))),
        ("C", ((2, 0),)),
        ("A C", ((2, 1),)),
        ("C B A", ((2, 0),)),
        ("A B", ((0, 0), (1, 1))),
    ],
)
def test_an_open_funnel_begins_at_any_step_and_the_furthest_counts(text: str, chain: Chain) -> None:
    assert chain_of(trace_of(text), replace(funnel_of("A B C"), is_open=True)) == {1: chain}


def test_a_chain_has_one_value() -> None:
    """Only the value `u` has all steps in order; a hit without a value does not match any step."""
    trace = [(0, "A", "u", 1), (1, "A", "v", 1), (2, "B", "v", 1), (3, "B", "", 1), (4, "B", "u", 1), (5, "C", "u", 1), (6, "C", "", 1)]
    assert chain_of(trace, replace(funnel_of("A B C"), same="path")) == {1: ((0, 0), (1, 4), (2, 5))}


@pytest.mark.parametrize(
    ("text", "after", "before", "reached"),
    [
        ("A X B C", 1, 2, 1),
        ("A X B C", 2, 3, 3),
        ("A BX C", 1, 3, 1),
        ("A BX C", 1, 2, 3),
        ("A BX C", 2, 3, 3),
        ("A B X C", 1, 3, 2),
        ("AX B CX", 1, 3, 3),
    ],
)
def test_goals_that_must_not_come_between_two_steps(text: str, after: int, before: int, reached: int) -> None:
    """A hit that fills a step between the two steps counts as coming between them; a hit that fills one of the two does not."""
    assert [len(chain) for chain in chain_of(trace_of(text), funnel_of("A B C", without=(after, before))).values()] == [reached]


def test_in_any_order_a_hit_that_matches_several_steps_counts_for_the_first_missing_one() -> None:
    funnel = replace(funnel_of("A B"), order="any")
    for text, reached in (("AB", 1), ("AB A", 1), ("AB B", 2), ("AB AB", 2), ("A AB", 2)):
        assert [len(chain) for chain in chain_of(trace_of(text), funnel).values()] == [reached], text


def test_a_step_may_come_too_long_after_the_previous_one() -> None:
    """The limit itself is allowed, and a later hit of the previous step may be close enough."""
    funnel = funnel_of("A B", within=10)
    for text, reached in (("A:0 B:10", 2), ("A:0 B:11", 1), ("A:0 A:5 B:11", 2)):
        assert [len(chain) for chain in chain_of(trace_of(text), funnel).values()] == [reached], text


def test_a_chain_begins_only_where_the_funnel_may_be_entered() -> None:
    funnel = replace(funnel_of("A B"), where=("landing=/",))
    assert chain_of(trace_of("A< A B"), funnel) == {1: ((0, 1), (1, 2))}
    assert chain_of(trace_of("A< B"), funnel) == {}
