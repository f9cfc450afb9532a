"""Test the model on traces small enough to be counted by hand: it must be correct before anything is compared with it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from profiles import share_of_examples

from model.brute_force import Period, figures_of
from model.chains import Fill, Rules, best_chain
from model.comparing import first_difference
from model.goals import Funnel, Goal, GoalsFile, Step
from model.hits import Hit, Site, can_match_listed_path, matches
from model.streams import Example, examples, simple, to_yaml

TRACES = [
    ("A B C", "A B C", None, 3),
    ("A x B C", "A B C", None, 3),
    ("A A B B C C", "A B C", None, 3),
    ("A B x C", "A B C", None, 3),
    ("B A C", "A B C", None, 1),
    ("C B A", "A B C", None, 1),
    ("A:0 B:10 A:100 B:105 C:109", "A B C", 10, 3),
    ("A:0 B:10 C:20", "A B C", 20, 3),
    ("A:0 B:10 C:21", "A B C", 20, 2),
    ("A B A C", "A B C", None, 3),
    ("A", "A A", None, 1),
    ("A A", "A A", None, 2),
]


def hits_of(trace: str, visitor: str = "somebody", start: int = 0) -> list[Hit]:
    """Return the page views of a trace like `A:0 B:10`; without times, there is one hit per second."""
    hits = []
    for number, word in enumerate(trace.split()):
        name, _, seconds = word.partition(":")
        hits.append(Hit(start + number, start + int(seconds or number), visitor, "GET", f"/{name}"))
    return hits


def goals_file(steps: str = "", *, window: int | None = None, **macro: Goal) -> GoalsFile:
    """Return a goals file with one funnel over pages, and macro goals."""
    named = tuple(Step((simple(f"/{step}"),), f"/{step}") for step in steps.split())
    return GoalsFile(macro or {"bought": simple("/C")}, funnels={"f": Funnel(named, [], window=window)} if steps else {})


@pytest.mark.parametrize(("trace", "steps", "window", "depth"), TRACES)
def test_depths_of_funnels_counted_by_hand(trace: str, steps: str, window: int | None, depth: int) -> None:
    figures = figures_of(hits_of(trace), goals_file(steps, window=window))
    reached = [figures["funnel", "f", str(number + 1), "reached"] for number in range(len(steps.split()))]
    assert reached == [1] * depth + [0] * (len(reached) - depth)


def test_the_chain_that_counts_is_deepest_then_earliest_at_each_step() -> None:
    first, second, third = (Fill(frozenset(hits)) for hits in ((0, 2), (1, 3), (4,)))
    times = [0, 10, 100, 105, 109]
    assert best_chain([first, second, third], times, Rules(window=10)) == ((0, 2), (1, 3), (2, 4))
    assert best_chain([first, second, third], times) == ((0, 0), (1, 1), (2, 4))
    assert best_chain([first, second, third], times, Rules(window=5)) == ((0, 2), (1, 3))


def test_a_condition_shares_its_hit_with_the_next_step() -> None:
    condition, act = Fill(frozenset({0}), is_condition=True), Fill(frozenset({0}))
    assert best_chain([condition, act], [0]) == ((0, 0), (1, 0))
    assert best_chain([act, condition], [0]) == ((0, 0),)
    assert best_chain([condition, condition, act, act], [0]) == ((0, 0), (1, 0), (2, 0))


def test_exit_rate_divides_by_pageviews() -> None:
    """The sessions `A B A`, `A`, `B A`, `B` and `B` have three exits on page A and four views of it."""
    traces = ["A B A", "A", "B A", "B", "B"]
    hits = [hit for number, trace in enumerate(traces) for hit in hits_of(trace, f"visitor {number}", number * 10)]
    figures = figures_of(hits, goals_file())
    assert figures["pages", "/A", "exits"] == 3
    assert figures["pages", "/A", "exit_rate"] == pytest.approx(3 / 4)
    assert figures["pages", "/A", "sessions"] == 3
    assert figures["overview", "sessions"] == 5
    assert figures["overview", "bounces"] == 3


@pytest.mark.parametrize(("gap", "sessions"), [(1799, 1), (1800, 2), (1801, 2)])
def test_a_gap_of_exactly_the_timeout_starts_a_session(gap: int, sessions: int) -> None:
    assert figures_of(hits_of(f"A:0 B:{gap}"), goals_file())["overview", "sessions"] == sessions


def test_other_hits_belong_to_the_previous_session_or_else_to_the_next_one() -> None:
    lost = Goal({}, what="page", pattern="/gone", status=("404",))
    gone = Hit(9, 1000, "somebody", "GET", "/gone", status=404)
    for pages, reached in (("A:0 B:2000", 1), ("B:2000", 1), ("A:0", 1), ("A:2800", 0)):
        figures = figures_of([*hits_of(pages), gone], goals_file(lost=lost))
        assert figures["goals", "lost", "reached"] == reached
    figures = figures_of([*hits_of("A:0 B:2000"), gone], goals_file("gone B", lost=lost))
    assert figures["overview", "sessions"] == 2
    assert figures["goals", "lost", "median_seconds"] == 1000


def test_a_session_without_a_page_is_set_aside() -> None:
    sent = simple("POST /api/order")
    order = Hit(0, 0, "an app", "POST", "/api/order")
    figures = figures_of([order, *hits_of("A", "somebody", 5)], goals_file(sent=sent))
    assert figures["overview", "sessions"] == 1
    assert figures["goals", "sent", "reached"] == 0
    assert figures["input", "kept"] == 2


def test_a_value_counts_once_at_all_or_once_per_visitor() -> None:
    query = (("order", "7"), ("total", "9.99"))
    hits = [Hit(number, number, who, "GET", "/C", query) for number, who in enumerate(("one", "two", "one"))]
    for once_per, number in (("query.order", 1), (("visitor", "query.order"), 2), ("query.other", 2), ("path", 1)):
        paid = Goal({}, what="page", pattern="/C", once_per=once_per, value="query.total")
        figures = figures_of(hits, goals_file(paid=paid))
        assert (figures["goals", "paid", "conversions"], figures["goals", "paid", "reached"]) == (number, number)


def test_a_value_counts_once_for_a_visitor() -> None:
    paid = Goal({}, what="page", pattern="/C", once_per="query.order", value="query.total")
    query = (("order", "7"), ("total", "9.99"))
    hits = [Hit(number, time, "somebody", "GET", "/C", query) for number, time in enumerate((0, 10, 4000))]
    figures = figures_of(hits, goals_file(paid=paid))
    assert figures["goals", "paid", "conversions"] == 1
    assert figures["goals", "paid", "reached"] == 1
    assert figures["overview", "value"] == Decimal("9.99")
    assert figures["goals", "paid", "last_reached"] == 0


def test_at_least_counts_different_pages() -> None:
    deep = Goal({}, what="page", pattern="/*", at_least=2)
    posted = Goal({}, what="request", method="POST", pattern="/C", at_least=2)
    posts = [Hit(20 + number, 20 + number, "somebody", "POST", "/C") for number in range(3)]
    figures = figures_of([*hits_of("A:0 A:3 B:7 C:8"), *posts], goals_file(deep=deep, posted=posted))
    assert figures["goals", "deep", "median_seconds"] == 7
    assert figures["goals", "deep", "conversions"] == 1
    assert figures["goals", "posted", "median_seconds"] == 21


def test_repeats_and_ranges_of_a_download_are_one_event() -> None:
    took = Goal({}, what="download", pattern="/*.pdf")
    times = (1, 2, 1801, 3601, 3602)
    ranges = [Hit(number, time, "somebody", "GET", "/f.pdf", status=206) for number, time in enumerate(times, start=1)]
    figures = figures_of([*hits_of("A:0"), *ranges, *hits_of("B:3602", start=9)], goals_file(took=took))
    assert figures["goals", "took", "reached"] == 2


def test_a_returned_form_is_not_an_error() -> None:
    posts = [Hit(5, 1, "somebody", "POST", "/A", status=422), Hit(6, 2, "somebody", "POST", "/B", status=422)]
    figures = figures_of([*hits_of("A:0 x:3"), *posts], goals_file("A B"))
    assert figures["drop-off", "f", "1", "form_again", "/A", "dropped"] == 1
    assert figures["drop-off", "f", "1", "error", "/B", "dropped"] == 1
    assert ("drop-off", "f", "1", "error", "/A", "dropped") not in figures
    assert figures["drop-off", "f", "1", "next", "/x", "dropped"] == 1


def test_earlier_hits_of_a_session_belong_to_the_user_who_signs_in() -> None:
    before, login, after = hits_of("A B C")
    hits = [before, Hit(1, 1, login.browser, "GET", "/B", user="ann"), after]
    assert figures_of(hits, goals_file())["overview", "visitors"] == 2
    assert figures_of(hits, goals_file())["overview", "pageviews"] == 3


def test_a_single_star_does_not_match_slashes() -> None:
    assert matches("/p/*", "/p/1")
    assert not matches("/p/*", "/p/1/2")
    assert matches("/p/**", "/p/1/2")
    assert not matches("/p", "/p/1")
    assert all(can_match_listed_path(pattern) for pattern in ("/feed.xml", "/*.json", "/api/x"))
    assert not any(can_match_listed_path(pattern) for pattern in ("/**", "/api/*", "/presentations/**"))


@share_of_examples(0.5)
@given(examples())
def test_parts_of_a_day_add_up_to_the_whole(example: Example) -> None:
    """Every session belongs entirely to one period, wherever the day is divided."""
    hits = list(example.stream.hits)
    whole = figures_of(hits, example.goals)
    middle = sorted(hit.time for hit in hits)[len(hits) // 2]
    parts = [figures_of(hits, example.goals, period) for period in (Period(end=middle), Period(start=middle))]
    for key in (("overview", "sessions"), ("overview", "value"), *((*("goals", name), "conversions") for name in example.goals.goals)):
        assert sum(Decimal(str(part[key])) for part in parts) == Decimal(str(whole[key]))


def test_the_comparison_detects_one_wrong_figure() -> None:
    right = figures_of(hits_of("A B C"), goals_file("A B C"))
    assert first_difference(right, dict(right)) is None
    for key, wrong in ((("overview", "bounces"), 1), (("pages", "/A", "exit_rate"), None), (("funnel", "f", "1", "drop_off_high"), 0.5)):
        assert " / ".join(key) in (first_difference(right, right | {key: wrong}) or "")
    assert first_difference(right, right | {("pages", "/invented", "exits"): 1})


def test_site_and_goals_are_written_as_yaml() -> None:
    goals = GoalsFile({"bought": simple("/C")}, site=Site(groups=("/p/*",)))
    assert to_yaml(goals) == "site:\n  timezone: UTC\n  session_timeout: 30m\n  group: [/p/*]\nmacro: {bought: /C}\n"
