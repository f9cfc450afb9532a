"""Marks in `goals --by` and `channels`, and the verdicts of `compare`: the same question has the same answer everywhere, whatever a screen shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from small_logs import line, written

from convkit.analysis.marks import HIGHER, LOWER, Marks, given_goals
from convkit.core import stats, verdicts
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIGNS = {"higher": HIGHER, "lower": LOWER, "cannot tell": " ", "differs by less than 10%": " ", None: " "}
GOOGLE = "https://www.google.com/search"
PHONE, DESKTOP = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
)


def goals_file(number: int) -> str:
    """Return a goals file with one macro goal and so many micro goals, of which a log below reaches the first few."""
    micros = ", ".join(f"m{place}: /m{place}" for place in range(number))
    return f"site: {{hosts: [shop.example]}}\nmacro: {{sale: /thanks}}\nmicro: {{{micros}}}\n"


def log_of_sides(folder: Path, sessions: tuple[int, int], reached: dict[str, tuple[int, int]]) -> Path:
    """Write sessions from phones that came from a search engine, and from desktops that came directly; `reached` counts those of each by page."""
    lines = []
    for side, number in enumerate(sessions):
        for visit in range(number):
            pages = ["/", *(page for page, counts in reached.items() if visit < counts[side])]
            agent, referrer = ((PHONE, GOOGLE), (DESKTOP, "-"))[side]
            who = f"10.{side}.{visit // 250}.{visit % 250} - -"
            lines += [
                line(f"GET {page}", visit * 60 + place, who=who, agent=agent, referrer="-" if place else referrer) for place, page in enumerate(pages)
            ]
    return written(folder / "access.log", lines)


def marks_on_screen(log: Path, goals: str, key: str, value: str, **options: Any) -> dict[str, str]:  # noqa: ANN401 (options of the run)
    """Return the mark on each goal in the column of a value."""
    document = runs.document([log], ["goals"], parse_goals(goals, "goals.yaml"), by=key)
    rows = str(runs.render(document, width=120, **options)).splitlines()
    heading = next(row for row in rows if row.split()[:1] == ["all"])
    end = heading.index(value) + len(value) - 1
    return {row.split()[0]: row[end] if end < len(row) else " " for row in rows[rows.index(heading) + 2 :] if row.startswith("  ") and "%" in row}


COUNTS = ((40, 20), (36, 20), (32, 20), (45, 20), (20, 45), (5, 4))


@pytest.mark.parametrize(("counts", "number"), [*((counts, 1) for counts in COUNTS), ((40, 20), 12), ((36, 20), 12)])
def test_marks_and_verdicts_agree(counts: tuple[int, int], number: int, tmp_path: Path) -> None:
    """The same sessions are one value of a key, one channel, and one side of a comparison; with more goals, less is told."""
    goals = goals_file(number)
    reached = {"/thanks": counts, **{f"/m{place}": (30, 30) for place in range(number)}}
    log = log_of_sides(tmp_path, (200, 200), reached)
    by_device = marks_on_screen(log, goals, "device", "mobile")
    by_channel = marks_on_screen(log, goals, "channel", "Organic Search")
    comparison = runs.comparison([log], parse_goals(goals, "goals.yaml"), where=["device=mobile"], against="device=desktop")
    rows = comparison.reports["compare"].frame.filter(what="goal")
    judged = {item: SIGNS[verdict] for item, verdict in rows.select("item", "verdict").rows()}
    assert by_device == by_channel == judged
    channels = str(runs.render(runs.document([log], ["channels"], parse_goals(goals, "goals.yaml")), width=80))
    row = next(row for row in channels.splitlines() if row.startswith("  Organic Search"))
    assert ((HIGHER in row) or (LOWER in row)) == (judged["sale"] != " ")
    z = stats.bonferroni_z(number + 1)
    low, high = pl.select(*(bound.alias(name) for name, bound in zip("ab", stats.newcombe(*_counts(counts, 200), z), strict=True))).row(0)
    assert (judged["sale"] == " ") == (low <= 0 <= high or sum(counts) < verdicts.MIN_CONVERSIONS)


def _counts(counts: tuple[int, int], whole: int) -> Sequence[pl.Expr]:
    return [pl.lit(number, dtype=pl.Int64) for number in (counts[0], whole, counts[1], whole)]


def test_what_a_screen_shows_changes_no_mark(tmp_path: Path) -> None:
    """Rows that are not shown count as well, and so do values."""
    goals = goals_file(12)
    log = log_of_sides(tmp_path, (200, 200), {"/thanks": (32, 16), **{f"/m{place}": (30, 30) for place in range(12)}})
    every = marks_on_screen(log, goals, "device", "desktop", limit=0)
    assert len(every) == 13
    for limit in (1, 2, 5):
        shown = marks_on_screen(log, goals, "device", "desktop", limit=limit)
        assert shown
        assert {name: every[name] for name in shown} == shown
    # Alone, this goal would be marked.
    assert every["sale"] == " "
    assert marks_on_screen(log, goals_file(0).replace("micro: {}\n", ""), "device", "desktop")["sale"] == LOWER


def cells(*rows: tuple[str, str, int, int, int, int]) -> pl.DataFrame:
    """Return cells of one family."""
    names = ("item", "value", "part", "whole", "of_part", "of_whole")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(family=pl.lit("f"), is_given=pl.lit(value=False))


def test_a_mark_needs_as_much_data_as_a_verdict() -> None:
    assert Marks(cells(("a", "x", 29, 29, 29, 429))).of("a", "x") == " "
    assert Marks(cells(("a", "x", 30, 30, 30, 430))).of("a", "x") == HIGHER
    assert Marks(cells(("a", "x", 0, 400, 29, 429))).of("a", "x") == " "
    assert Marks(cells(("a", "x", 0, 400, 30, 430))).of("a", "x") == LOWER
    assert Marks(cells(("a", "x", 9, 40, 9, 2_000))).of("a", "x") == " "
    assert Marks(cells(("a", "x", 10, 40, 10, 2_000))).of("a", "x") == HIGHER
    assert Marks(cells(("a", "x", 400, 400, 400, 400))).legend([("a", "x")]) == []


def test_cells_without_enough_data_take_no_share_and_mirrored_ones_one() -> None:
    few = [(f"n{place}", "x", 1, 100, 3, 200) for place in range(50)]
    pair = [("a", "x", 26, 200, 36, 400), ("a", "y", 10, 200, 36, 400)]
    assert [Marks(cells(*few, *pair)).of("a", value) for value in "xy"] == [HIGHER, LOWER]
    many = [(f"n{place}", "x", 20, 200, 40, 400) for place in range(50)]
    assert [Marks(cells(*many, *pair)).of("a", value) for value in "xy"] == [" ", " "]
    z = stats.bonferroni_z(2)
    tested = verdicts.add_ranges(cells(*pair).with_columns(now="part", now_of="whole", before=36 - pl.col("part"), before_of=200), "family")
    assert tested["tests"].to_list() == [1, 1]
    assert z > stats.Z_95


def test_the_legend_says_whether_anything_shown_is_marked() -> None:
    marked = Marks(cells(("a", "x", 30, 30, 30, 430), ("b", "x", 15, 30, 215, 430)))
    assert "clearly higher or lower than the other sessions" in str(marked.legend([("a", "x"), ("b", "x")]))
    assert "No figure here is clearly higher or lower" in str(marked.legend([("b", "x")]))


MADE_OF_KEY = """
site: {variants: {checkout: query.v, front: path}}
macro: {sale: /thanks}
micro:
  from_mail: {page: /**, query: {utm_medium: email}}
  from_news: {page: /**, referrer: news.example}
  then_mail: {page: /thanks, after: from_mail}
  new_form: {page: /checkout, query: {v: b}}
  blog: /blog
"""


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("channel", {"from_mail", "from_news", "then_mail"}),
        ("medium", {"from_mail", "from_news", "then_mail"}),
        ("variant.checkout", {"new_form"}),
        ("landing", {"blog"}),
        ("variant.front", {"blog"}),
        ("device", set()),
        ("host", set()),
    ],
)
def test_goals_made_of_the_key_are_known(key: str, expected: set[str]) -> None:
    """All sessions that landed on the blog read it, but a goal that all of a few sessions reached is made of nothing."""
    goals = parse_goals(MADE_OF_KEY, "goals.yaml")
    counted = pl.DataFrame({"item": ["blog", "blog", "sale"], "part": [60, 3, 5], "whole": [60, 90, 5]})
    assert given_goals(counted, key, goals) == expected


def test_goals_made_of_the_key_have_no_mark_and_no_verdict(tmp_path: Path) -> None:
    lines = [
        line("GET /" if visit % 2 else "GET /?utm_source=letter&utm_medium=email", visit * 60, who=f"10.0.0.{visit} - -") for visit in range(200)
    ]
    log, goals = written(tmp_path / "access.log", lines), parse_goals(MADE_OF_KEY, "goals.yaml")
    for report in ("goals", "channels"):
        document = runs.document([log], [report], goals, by="channel" if report == "goals" else None)
        assert not {HIGHER, LOWER} & {sign for row in str(runs.render(document)).splitlines() if "from_mail" in row or "Email" in row for sign in row}
    comparison = runs.comparison([log], goals, where=["channel=Email"], against="channel=Direct")
    row = comparison.reports["compare"].frame.filter(item="from_mail").row(0, named=True)
    assert (row["before"], row["now"], row["verdict"], row["difference"]) == (0, 100, None, None)
    assert "No verdict on from_mail: defined by the same thing as the groups." in str(runs.render(comparison))
