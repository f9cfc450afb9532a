"""`bridges`: a small log worked out by hand, every figure compared with a plain walk through the hits, and what must hold for any log."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from math import isclose
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import Phase, given
from hypothesis import strategies as st
from model import points as model
from model.streams import Example, examples, to_yaml
from profiles import share_of_examples
from small_logs import line, written

import convkit
from convkit.analysis.points import WORD
from convkit.core import plugins
from convkit.core.schema import CHANNEL_FIELD
from convkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

GOALS = "macro: {lead: /thanks}\nmicro: {news: {request: POST /news, status: 3xx}}\n"
KINDS = {
    "A": (("GET /", "POST /news"), 50, 10),
    "B": (("GET /", "GET /about"), 200, 20),
    "C": (("GET /", "GET /about", "POST /news"), 20, 2),
    "D": (("GET /", "GET /about", "GET /team"), 60, 3),
}
"""Kinds of sessions: their requests, how many there are, and how many of them end on the page of the macro goal."""
SAMPLE = "sample_logs/access.log.gz", "goals.example.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose files each example overwrites."""
    return tmp_path_factory.mktemp("bridges")


def lines_of(kinds: dict[str, tuple[tuple[str, ...], int, int]], last: str = "GET /thanks") -> list[str]:
    """Return the lines of these sessions, one visitor each."""
    number, lines = count(), []
    for requests, sessions, converted in kinds.values():
        for place in range(sessions):
            who = next(number)
            walked = [*requests, *([last] if place < converted else [])]
            lines += visit(who, *walked, at=who)
    return lines


def visit(who: int, *requests: str, at: int = 0) -> list[str]:
    """Return the lines of a session, with requests 40 seconds apart; POSTs are answered with 302."""
    address = f"198.51.{who >> 8}.{who & 255} - -"
    return [line(request, at + 40 * place, 302 if request.startswith("POST") else 200, who=address) for place, request in enumerate(requests)]


def run(folder: Path, lines: list[str], goals: str = GOALS, **options: str) -> Document:
    """Return the report on some lines."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    keywords = {name: options.pop(name) for name in ("since", "until") if name in options}
    return runs.document([written(folder / "access.log", lines)], ["bridges"], folder / "goals.yaml", options=options, **keywords)


def rows(document: Document) -> dict[str, dict[str, Any]]:
    """Return the rows of the report by goal."""
    return {row["goal"]: row for row in document.reports["bridges"].frame.rows(named=True)}


def screen(document: Document, width: int = 80) -> str:
    """Return the screen on one line."""
    return " ".join(runs.render(document, "table", width=width).split())


def test_the_points_of_a_log_worked_out_by_hand(folder: Path) -> None:
    (folder / "goals.yaml").write_text(GOALS, encoding="utf-8")
    log = written(folder / "access.log", lines_of(KINDS))
    analyzed = runs.analyzed([log], convkit.load_goals(folder / "goals.yaml"), fields=[CHANNEL_FIELD])
    points = plugins.load("reports", "bridges").tally(analyzed.run.analysis)["points"].collect()
    lead, news = 1, 2
    assert set(points.select("page", "had0", "new0", "n", "y").rows()) == {
        (1, 0, 0, 330, 35),
        (2, 0, 0, 280, 25),
        (2, 0, news, 50, 10),
        (3, 0, 0, 60, 3),
        (3, 0, news, 20, 2),
        (3, 0, lead, 20, 0),
        (4, 0, lead, 3, 0),
        (3, news, lead, 10, 0),
        (4, news, lead, 2, 0),
    }


def test_the_row_of_a_log_worked_out_by_hand(folder: Path) -> None:
    row = rows(run(folder, lines_of(KINDS)))["news"]
    assert [row[name] for name in ("class", "reached", "arrived", "had_before", "compared", "then_converted")] == ["bridge", 70, 0, 12, 70, 12]
    figures = {"had_before_share": 12 / 35, "then_rate": 0.1739, "others_rate": 0.0790, "times": 2.2003, "times_low": 1.1698, "times_high": 4.0369}
    assert {name: round(row[name], 4) for name in figures} == {name: round(value, 4) for name, value in figures.items()}
    assert round(row["unseen"], 2) == 1.62
    assert row["months_needed"] is None


def test_a_goal_on_the_way_has_no_equals(folder: Path) -> None:
    """If `/about` is a goal, those who reach news are compared only with those who have seen it, too."""
    found = rows(run(folder, lines_of(KINDS), "macro: {lead: /thanks}\nmicro: {news: {request: POST /news}, about: /about}\n"))
    assert (found["about"]["class"], found["about"]["had_before"]) == ("on the way", 25)
    assert (found["news"]["class"], found["news"]["compared"]) == ("no equals", None)


def compare_with_the_model(document: Document, hits: pl.DataFrame, sessions: pl.DataFrame, to: str, window: timedelta | None) -> None:
    """Compare every figure of a report with the model's."""
    judged = document.reports["bridges"].details
    assert judged is not None
    walks = model.walks(
        hits.with_columns(pl.col("time").dt.convert_time_zone("UTC")).rows(named=True), sessions.rows(named=True), to, window, document.period.end
    )
    names = [*judged["goal"], to]
    expected, _ = model.bridges(walks, names, to)
    for row in judged.rows(named=True):
        of_model = expected[row["goal"]]
        assert (row["class"], row["had_before"], row["all_reached"]) == (of_model["class"], of_model["had_before"], of_model["reached"]), row["goal"]
        if row["class"] in {"gate", "no equals"}:
            continue
        for name in ("arrived", "compared", "then_converted", "expected", "then_rate", "others_rate", "times", "times_low", "times_high"):
            value, other = row[name], of_model.get(name)
            assert (value or 0) == (other or 0) or isclose(value, other, rel_tol=1e-6), (row["goal"], name)
        if row["class"] == "cannot tell":
            assert isclose(row["months_needed"], of_model["needed"] * document.period.days / 30, rel_tol=1e-6)


@pytest.mark.parametrize(("to", "window"), [("purchase", None), *(pytest.param("cart", window, marks=pytest.mark.slow) for window in (None, 3))])
def test_the_sample_equals_the_model(to: str, window: int | None) -> None:
    options = {"to": to} if window is None else {"to": to, "window": f"{window}d"}
    document = runs.document([SAMPLE[0]], ["bridges"], SAMPLE[1], options=options)
    single = runs.document([SAMPLE[0]], ["hits", "sessions"], SAMPLE[1])
    hits, sessions = (single.reports[name].frame for name in ("hits", "sessions"))
    compare_with_the_model(document, hits, sessions, to, None if window is None else timedelta(days=window))


@share_of_examples(0.1, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(example=st.one_of(examples(), examples(with_users=True)), to=st.sampled_from((None, "saw", "sent")), window=st.sampled_from((None, 20, 1800)))
def test_every_log_equals_the_model(example: Example, to: str | None, window: int | None, folder: Path) -> None:
    log, goals = written(folder / "access.log", example.stream.lines), folder / "goals.yaml"
    goals.write_text(to_yaml(example.goals), encoding="utf-8")
    to = to if to in example.goals.goals else next(iter(example.goals.macro))
    options = {"to": to} | ({} if window is None else {"window": f"{window}s"})
    document = runs.document([log], ["bridges"], goals, options=options)
    single = runs.document([log], ["hits", "sessions"], goals)
    hits, sessions = (single.reports[name].frame for name in ("hits", "sessions"))
    if not hits.is_empty():
        compare_with_the_model(document, hits, sessions, to, None if window is None else timedelta(seconds=window))


def test_what_comes_after_the_goal_does_not_count(folder: Path) -> None:
    """A goal that is reached only after the macro goal was reached by nobody on the way; if it comes before it instead, it is a gate."""
    goals = "macro: {lead: /thanks}\nmicro: {survey: /survey}\n"
    after = [text for who in range(40) for text in visit(who, "GET /", "GET /thanks", "GET /survey", at=who)]
    row = rows(run(folder, after, goals))["survey"]
    assert [row[name] for name in ("class", "reached", "had_before", "compared")] == ["too few", 0, 0, 0]
    before = [text for who in range(40) for text in visit(who, "GET /", "GET /survey", "GET /thanks", at=who)]
    row = rows(run(folder, before, goals))["survey"]
    assert [row[name] for name in ("class", "reached", "had_before", "compared")] == ["gate", None, 40, None]


def test_the_reversed_log_has_no_bridge(folder: Path) -> None:
    """If everybody reaches the macro goal first, nothing comes before it."""
    turned = {kind: (("GET /thanks", *reversed(requests)), sessions, 0) for kind, (requests, sessions, _) in KINDS.items()}
    row = rows(run(folder, lines_of(turned)))["news"]
    assert [row[name] for name in ("reached", "had_before", "compared", "then_converted")] == [0, 0, 0, 0]


def test_twice_the_visitors_narrow_the_range(folder: Path) -> None:
    twice = {kind: (requests, 2 * sessions, 2 * converted) for kind, (requests, sessions, converted) in KINDS.items()}
    one, two = (rows(run(folder, lines_of(kinds)))["news"] for kinds in (KINDS, twice))
    assert isclose(one["times"], two["times"])
    assert one["times_low"] < two["times_low"] < two["times_high"] < one["times_high"]


@pytest.mark.parametrize("number", [WORD - 1, WORD, WORD + 1, 3 * WORD])
def test_the_number_of_goals_does_not_matter(number: int, folder: Path) -> None:
    """Goals that nobody reaches, before and after the others in the file, change no figure."""
    idle = "".join(f"  idle{place}: /idle/{place}\n" for place in range(number))
    many = f"micro:\n{idle}  news: {{request: POST /news}}\n  more: /more\nmacro: {{lead: /thanks}}\n"
    row = rows(run(folder, lines_of(KINDS), many))["news"]
    assert {name: value for name, value in row.items() if value} == {
        name: value for name, value in rows(run(folder, lines_of(KINDS)))["news"].items() if value
    }


def test_points_in_the_period_with_what_came_before_it(folder: Path) -> None:
    """With a window, goals of earlier days count as reached, and a visitor who had converted earlier is not counted again."""
    day = 86_400
    lines = []
    for who in range(60):
        lines += visit(who, "GET /", "POST /news", *(["GET /thanks"] if who >= 40 else []), at=who)
        lines += visit(who, "GET /", "GET /about", *(["GET /thanks"] if who < 15 or who >= 40 else []), at=2 * day + who)
    lines += visit(99, "GET /", at=9 * day)
    document = run(folder, lines, window="3d", since="2026-10-12", until="2026-10-12")
    row = rows(document)["news"]
    assert (row["had_before"], row["reached"], row["had_before_share"]) == (15, None, 1.0)
    assert "15 of 60 visitors reached lead" in screen(document)


def test_points_too_close_to_the_end_are_left_out(folder: Path) -> None:
    """A visitor who came less than the window before the log's end had less time than the others; exactly as long is enough."""
    lines = [*lines_of({"A": (("GET /", "POST /news"), 1, 0)}), line("GET /", 86_400 + 40, who="203.0.113.9 - -")]
    assert rows(run(folder, lines, window="1d"))["news"]["reached"] == 1
    assert rows(run(folder, lines, window="86401s"))["news"]["reached"] == 0


def test_orders_are_compared_at_as_many_pages(folder: Path) -> None:
    """Baskets grow with the pages viewed; so do the orders of those who reached `wish`, which are worth no more than others."""
    goals = "site: {currency: EUR}\nmacro: {sale: {page: /sale, value: query.total}}\nmicro: {wish: POST /wish, gift: POST /gift}\n"
    lines, who = [], count()
    for pages in (1, 2, 3, 4):
        for wishes, number in ((False, 50 - 10 * pages), (True, 10 * pages)):
            for place in range(number):
                gift = place % 2
                walked = [f"GET /{page}" for page in range(pages)] + ["POST /wish"] * wishes + ["POST /gift"] * gift
                total = 100 * pages + place % 3 + 40 * gift
                one = next(who)
                lines += visit(one, *walked, f"GET /sale?total={total}", at=one)
    document = run(folder, lines, goals)
    wish, gift = (rows(document)[name] for name in ("wish", "gift"))
    assert wish["orders"] == 100
    assert abs(wish["order_difference"]) < 3_000_000
    assert wish["order_difference_low"] < 0 < wish["order_difference_high"]
    assert abs(gift["order_difference"] - 40_000_000) < 1_000_000
    assert gift["order_difference_low"] > 30_000_000
    assert "gift: 100 orders after it were worth" in screen(document)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "leed"}, "--to leed: unknown goal 'leed'; did you mean 'lead'?"),
        ({"window": "14"}, "--window: '14' is not a duration"),
        ({"steps": "3"}, "unknown option 'steps'"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, str], message: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        run(folder, lines_of(KINDS), **options)


def test_a_bridge_is_followed_by_what_could_explain_it(folder: Path) -> None:
    text = screen(run(folder, lines_of(KINDS)))
    assert "bridge: lead came later more often than for others at the same point news 12 of 35 70 17% 7.9% 2.2 1.2 – 4.0" in text
    assert (
        "news: 12 of 70 sessions reached lead after it; weighted alike, 17% against 7.9% of others at the same point, so at least 1.2 times as often."
        " Something that the log does not show, such as wanting it anyway, would explain that if it made both 1.6 times as likely." in text
    )
    less = {"A": (("GET /", "POST /news"), 200, 20), "B": (("GET /", "GET /about"), 200, 60)}
    assert "would explain that if it made one 3.2 times as likely and the other that much less likely." in screen(run(folder, lines_of(less)))


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"A": (("GET /", "POST /news"), 9, 9)}, "Only 9 sessions reached lead, which is too few to compare anything (10 are needed)."),
        ({"A": (("GET /", "POST /news"), 9, 0)}, "No session reached lead, which is too few to compare anything (10 are needed)."),
        ({"A": (("GET /", "POST /news"), 29, 5), "B": (("GET /", "GET /a"), 200, 20)}, "Too few to judge: news."),
    ],
)
def test_what_is_too_few_is_said(kinds: dict[str, tuple[tuple[str, ...], int, int]], words: str, folder: Path) -> None:
    assert words in screen(run(folder, lines_of(kinds)))


def test_without_other_goals_or_macro_goals(folder: Path) -> None:
    assert "No goal but lead is defined" in screen(run(folder, lines_of(KINDS), "macro: {lead: /thanks}\n"))
    assert "No macro goal is known; name a goal with --to." in screen(run(folder, lines_of(KINDS), "micro: {news: POST /news}\n"))
    two = "macro: {lead: /thanks, call: /call}\nmicro: {news: POST /news}\n"
    assert "to lead, the first macro goal: sessions that had just" in screen(run(folder, lines_of(KINDS), two))


def test_a_goal_of_the_landing_page_is_not_compared(folder: Path) -> None:
    kinds = {"A": (("GET /mail", "GET /a"), 100, 5), "B": (("GET /", "GET /a"), 100, 15)}
    document = run(folder, lines_of(kinds), "macro: {lead: /thanks}\nmicro: {mail: /mail, news: POST /news}\n")
    assert [rows(document)["mail"][name] for name in ("class", "reached", "arrived", "compared")] == ["no equals", 100, 100, None]
    assert "Reached on arrival, so not compared (see convkit channels): mail." in screen(document)
