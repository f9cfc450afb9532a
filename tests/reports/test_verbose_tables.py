"""The tables that `-v` adds: conversions by the number of pages, and the visits and the time to a visitor's first conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import line, written

from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

GOALS = "macro: {purchase: /thanks}\nmicro: {cart: /cart}\n"
DAY = 86_400


def tables(folder: Path, lines: list[str], report: str, width: int = 80, **options: Any) -> list[str]:  # noqa: ANN401 (options of the run)
    document = runs.document([written(folder / "access.log", lines)], [report], parse_goals(GOALS, "goals.yaml"), **options)
    return [" ".join(text.split()) for text in str(runs.render(document, width=width, verbose=True)).splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_sessions_are_counted_by_their_pages(tmp_path: Path, width: int) -> None:
    """Of 32 sessions with one page none converted; of 40 with three pages 10; of one each with 4, 7 and 11 pages, the first two."""
    lines, number = [], 0
    for pages, sessions, bought in ((1, 32, 0), (3, 40, 10), (4, 1, 1), (7, 1, 1), (11, 1, 0)):
        for place in range(sessions):
            number += 1
            paths = [f"/p{page}" for page in range(pages - 1)] + ["/thanks" if place < bought else "/end"]
            lines += [line(f"GET {path}", number * 60 + second, who=f"10.0.0.{number} - -") for second, path in enumerate(paths)]
    text = tables(tmp_path, lines, "goals", width)
    begin = text.index("PAGES how many sessions with so many page views converted")
    assert text[begin + 1 : begin + 7] == [
        "pages sessions purchase rate likely range",
        "1 32 0 0% 0 – 11%",
        "2-3 40 10 25% 14 – 40%",
        "4-6 1 1 · ·",
        "7-10 1 1 · ·",
        "11+ 1 0 · ·",
    ]
    assert "Nothing is compared here" in text[begin + 7]


def visits(*days: tuple[int, str], who: str) -> list[str]:
    """Return visits of a visitor, each of two pages a minute apart on one of the days."""
    return [line(f"GET {path}", day * DAY + second, who=f"{who} - -") for day, last in days for second, path in ((0, "/a"), (60, last))]


def test_first_conversions_are_counted_by_the_visit(tmp_path: Path) -> None:
    """The second conversion of a visitor does not count, nor does a visitor who never converted; before the period, visits do."""
    lines = visits((0, "/thanks"), (1, "/thanks"), who="10.0.0.1")
    lines += visits((0, "/b"), (2, "/thanks"), who="10.0.0.2")
    lines += visits((0, "/b"), (1, "/b"), (2, "/b"), (3, "/thanks"), who="10.0.0.3")
    lines += visits((0, "/b"), (3, "/b"), who="10.0.0.4")
    text = tables(tmp_path, lines, "overview")
    begin = text.index("VISITS on which visit the first conversion came, of 3 visitors who converted")
    assert text[begin + 1 : begin + 5] == ["visit visitors share", "1 1 ·", "2 1 ·", "3+ 1 ·"]
    assert text[begin + 5].startswith("A visitor's visits before the log begins are unknown")
    late = tables(tmp_path, lines, "overview", last="2d")
    begin = late.index("VISITS on which visit the first conversion came, of 2 visitors who converted")
    assert late[begin + 2 : begin + 5] == ["1 0 ·", "2 1 ·", "3+ 1 ·"]


def test_the_time_to_the_first_conversion_counts_from_the_first_visit(tmp_path: Path) -> None:
    """Ten visitors convert within a minute, ten a day after their first visit, and ten two days after it."""
    lines = [
        text for number in range(30) for text in visits(*([(0, "/b")] if number >= 10 else []), (number // 10, "/thanks"), who=f"10.0.0.{number}")
    ]
    text = " ".join(tables(tmp_path, lines, "overview", 120))
    assert "half took up to 1d 0h (a quarter up to 1m 00s, three quarters up to 2d 0h)" in text


def test_other_screens_have_no_such_tables(tmp_path: Path) -> None:
    document = runs.document(
        [written(tmp_path / "access.log", visits((0, "/thanks"), who="10.0.0.1"))], ["overview", "goals"], parse_goals(GOALS, "g")
    )
    text = str(runs.render(document, width=80))
    assert "VISITS" not in text
    assert "PAGES" not in text
