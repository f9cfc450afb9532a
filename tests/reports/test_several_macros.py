"""Several macro goals: the headline, the goals, the pages, the channels and the findings count each of them separately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import line, written

from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

TWO = "macro: {sale: /thanks, lead: /sent}\nmicro: {cart: /cart, form: /form}\n"
ONE = "macro: {sale: /thanks}\nmicro: {cart: /cart, form: /form, lead: /sent}\n"
PATHS = {
    "buys": ["/a", "/cart", "/thanks"],
    "asks": ["/a", "/form", "/sent"],
    "does both": ["/a", "/cart", "/thanks", "/form", "/sent"],
    "asks, then a form again": ["/b", "/form", "/sent", "/form"],
    "leaves": ["/b", "/cart"],
}
NUMBERS = {"buys": 20, "asks": 10, "does both": 5, "asks, then a form again": 3, "leaves": 12}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a log with NUMBERS sessions of each kind."""
    lines, place = [], 0
    for kind, number in NUMBERS.items():
        for _ in range(number):
            place += 1
            lines += [line(f"GET {path}", place * 60 + second, who=f"10.0.0.{place} - -") for second, path in enumerate(PATHS[kind])]
    return written(tmp_path_factory.mktemp("macros") / "access.log", lines)


def reported(log: Path, goals: str, *reports: str, **options: Any) -> Document:  # noqa: ANN401 (options of the run)
    return runs.document([log], list(reports), parse_goals(goals, "goals.yaml"), **options)


def test_goals_say_which_macro_goal_came_later(log: Path) -> None:
    frame = reported(log, TWO, "goals").reports["goals"].frame
    rows = {row["goal"]: row for row in frame.rows(named=True)}
    assert frame.columns[-2:] == ["then:sale", "then:lead"]
    assert {name: (row["then_converted"], row["then:sale"], row["then:lead"]) for name, row in rows.items()} == {
        "sale": (None, None, None),
        "lead": (None, None, None),
        "cart": (25, 25, 5),
        "form": (18, 0, 18),
    }
    for width in (80, 120):
        assert "then sale" in str(runs.render(reported(log, TWO, "goals"), width=width))
        assert "then lead" in str(runs.render(reported(log, TWO, "goals"), width=width))


def test_the_headline_counts_each(log: Path) -> None:
    document = reported(log, TWO, "overview")
    row = document.reports["overview"].frame.row(0, named=True)
    assert (row["converted_sessions"], row["converted_sessions:sale"], row["converted_sessions:lead"]) == (38, 25, 18)
    assert (row["conversion_rate:sale"], row["conversion_rate:lead"]) == (0.5, 0.36)
    assert row["conversion_rate_low:sale"] < 0.5 < row["conversion_rate_high:sale"]
    lines = str(runs.render(document, width=80)).splitlines()
    assert [text.split()[:3] for text in lines if text.split()[:1] in (["sale"], ["lead"])] == [["sale", "25", "50%,"], ["lead", "18", "36%,"]]


def test_pages_and_channels_count_each(log: Path) -> None:
    pages = {row["page"]: row for row in reported(log, TWO, "pages").reports["pages"].frame.rows(named=True)}
    counted = {page: [pages[page][f"landings_converted{name}"] for name in ("", ":sale", ":lead")] for page in ("/a", "/b", "/form")}
    assert counted == {"/a": [35, 25, 15], "/b": [3, 0, 3], "/form": [0, 0, 0]}
    channel = reported(log, TWO, "channels").reports["channels"].frame.row(0, named=True)
    assert [channel[f"converted_sessions{name}"] for name in ("", ":sale", ":lead")] == [38, 25, 18]
    for report in ("pages", "channels"):
        for width in (80, 120):
            rows = str(runs.render(reported(log, TWO, report), width=width)).splitlines()
            heading = next(row for row in rows if "sessions" in row and "lead" in row)
            assert heading.index("sale") < heading.index("lead")


@pytest.mark.parametrize("by", ["landing", "device", "day"])
def test_breakdowns_add_up(by: str, log: Path) -> None:
    for report, columns in {"overview": ["converted_sessions"], "goals": ["then"], "pages": ["landings_converted"]}.items():
        frame = reported(log, TWO, report, by=by).reports[report].frame
        whole = reported(log, TWO, report).reports[report].frame
        for column in (f"{name}:{goal}" for name in columns for goal in ("sale", "lead")):
            assert frame[column].sum() == whole[column].sum()


def test_one_macro_goal_and_the_built_in_ones_have_no_columns_of_their_own(log: Path) -> None:
    for report in ("overview", "goals", "pages", "channels"):
        for document in (reported(log, ONE, report), runs.document([log], [report])):
            assert not [name for name in document.reports[report].frame.columns if ":" in name]


def test_a_screen_names_three_and_files_all(log: Path) -> None:
    four = "macro: {sale: /thanks, lead: /sent, a: /a, b: /b}\nmicro: {cart: /cart}\n"
    document = reported(log, four, "goals")
    assert document.reports["goals"].frame.columns[-4:] == ["then:sale", "then:lead", "then:a", "then:b"]
    text = str(runs.render(document, width=160))
    assert all(f"then {name}" in text for name in ("sale", "lead", "a"))
    assert "then b" not in text
