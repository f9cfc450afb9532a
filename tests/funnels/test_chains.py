"""The chain that counts, with all combinations of options, compared with a model that lists every possible chain."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from traces import Trace, chain_of, model_of

from convkit.core.model import Exclusion, Funnel, Step

GAPS = st.sampled_from((0, 0, 1, 5, 10, 10, 11, 20))
FITS = st.sampled_from(("", "A", "B", "C", "A", "B", "C", "AB", "BC", "AC", "ABC", "X", "AX", "BX", "CX", "A!", "B!", "X!", "A<", "AB<"))


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Draw up to eleven hits in one or two sessions, with ties."""
    time, session, hits = 0, 1, []
    for gap, letters, value, is_cut in draw(st.lists(st.tuples(GAPS, FITS, st.sampled_from(("", "u", "u", "v")), st.integers(0, 8)), max_size=11)):
        time, session = time + gap, session + (is_cut == 0)
        hits.append((time, letters, value, session))
    return hits


def lengths(*seconds: int | None) -> st.SearchStrategy[timedelta | None]:
    """Draw one of these durations."""
    return st.sampled_from([None if second is None else timedelta(seconds=second) for second in seconds])


@st.composite
def steps(draw: st.DrawFn, *, order: str, number: int, count: int) -> Step:
    """Draw a step with its options."""
    columns = draw(st.sampled_from((("A",), ("B",), ("C",), ("A", "B"))))
    return Step(
        " or ".join(columns),
        tuple(f"goal:{column}" for column in columns),
        is_condition=draw(st.integers(0, 4)) == 0,
        within=draw(lengths(None, None, 5, 10)) if order != "any" and number else None,
        is_optional=order == "ordered" and 0 < number < count - 1 and draw(st.integers(0, 2)) == 0,
    )


@st.composite
def drawn(draw: st.DrawFn) -> Funnel:
    """Draw a funnel of two to five steps."""
    order, count = draw(st.sampled_from(("ordered", "ordered", "ordered", "strict", "any"))), draw(st.integers(2, 5))
    chosen = tuple(draw(steps(order=order, number=number, count=count)) for number in range(count))
    required = [number for number, step in enumerate(chosen, 1) if not step.is_optional]
    places = st.tuples(st.sampled_from(required[:-1]), st.sampled_from(required[1:])).filter(lambda pair: pair[0] < pair[1])
    bans = draw(st.lists(places, max_size=2)) if order == "ordered" else []
    return Funnel(
        "drawn",
        chosen,
        draw(st.sampled_from(("session", "visitor"))),
        draw(lengths(None, None, 10, 20, 21)),
        order,
        tuple(Exclusion("X", (draw(st.sampled_from(("goal:X", "goal:X", "goal:B"))),), after, before) for after, before in bans),
        draw(st.sampled_from((None, None, "path"))),
        is_open=order == "ordered" and draw(st.integers(0, 2)) == 0,
        where=draw(st.sampled_from(((), (), ("landing=/",)))),
    )


@given(trace=traces(), funnel=drawn())
def test_the_chain_equals_the_model_s_with_all_options(trace: Trace, funnel: Funnel) -> None:
    assert chain_of(trace, funnel) == model_of(trace, funnel)
