"""Computed metrics: their figures by hand, when they are shares, in breakdowns, comparisons and thresholds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import line, written

from convkit import api
from convkit.goals.loader import parse_goals
from convkit.goals.metrics import FIGURES
from convkit.reports import overview

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

GOALS = """
macro: {purchase: /thanks}
micro: {cart: /cart, lead: /lead}
metrics:
  cart_to_purchase: purchase / cart
  leads_per_100: 100 * lead / sessions
  pages_of_visitors: pageviews / visitors
  left: bounces / cart
"""
PATHS = {"/a /cart /thanks": 10, "/a /cart": 40, "/a /lead": 5, "/b": 45}


def log_of(folder: Path, kinds: dict[str, int]) -> Path:
    """Return the path of a log with so many sessions that saw these pages; half of the visitors use a phone."""
    lines, number = list[str](), 0
    for paths, sessions in kinds.items():
        for place in range(sessions):
            number += 1
            agent = "Mozilla/5.0 (iPhone) Mobile Safari" if place % 2 else "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"
            who = f"10.0.{number // 200}.{number % 200} - -"
            lines += [line(f"GET {path}", number * 60 + second, who=who, agent=agent) for second, path in enumerate(paths.split())]
    return written(folder / "access.log", lines)


def reported(log: Path, **options: Any) -> Document:  # noqa: ANN401 (options of the run)
    return runs.document([log], ["overview"], parse_goals(GOALS, "goals.yaml"), **options)


def test_shares_have_wilsons_range_and_other_quotients_have_none(tmp_path: Path) -> None:
    """Of 10 in 50, Wilson's interval is 11.2 to 33.0%; 5 leads in 100 sessions are 2.2 to 11.2; bounces are no part of the carts."""
    frame = reported(log_of(tmp_path, PATHS)).reports["overview"].frame
    row = frame.row(0, named=True)
    names = ["cart_to_purchase", "leads_per_100", "pages_of_visitors", "left"]
    assert frame.columns[-12:] == [f"metric{end}:{name}" for name in names for end in ("", "_low", "_high")]
    assert [row[f"metric:{name}"] for name in names] == [0.2, 5, 1.65, 0.9]
    bounds = [row[f"metric_{end}:{name}"] for name in names[:2] for end in ("low", "high")]
    assert bounds == pytest.approx([0.112437, 0.330362, 2.154368, 11.175046], abs=1e-5)
    assert [row[f"metric_{end}:{name}"] for name in names[2:] for end in ("low", "high")] == [None] * 4


def test_a_share_is_none_once_a_session_is_counted_above_only(tmp_path: Path) -> None:
    row = reported(log_of(tmp_path, {**PATHS, "/a /thanks": 1})).reports["overview"].frame.row(0, named=True)
    assert (row["metric:cart_to_purchase"], row["metric_low:cart_to_purchase"]) == (11 / 50, None)


@pytest.mark.parametrize("width", [80, 120])
def test_a_screen_says_what_was_divided(tmp_path: Path, width: int) -> None:
    text = str(runs.render(reported(log_of(tmp_path, PATHS)), width=width))
    rows = {words[0]: " ".join(words[1:]) for words in (one.split() for one in text.splitlines()) if words}
    likely = (" (likely 11 – 33%)", " (likely 2.15 – 11.18)") if width == 120 else ("", "")
    assert rows["cart_to_purchase"] == f"20% 10 with purchase of 50 with cart{likely[0]}"
    assert rows["leads_per_100"] == f"5 100 \N{MULTIPLICATION SIGN} 5 with lead of 100 sessions{likely[1]}"
    assert rows["pages_of_visitors"] == "1.65 165 page views / 100 visitors"
    assert max(map(len, text.splitlines())) <= width


def test_breakdowns_have_them_for_each_value(tmp_path: Path) -> None:
    document = reported(log_of(tmp_path, PATHS), by="landing")
    rows = {row["landing"]: row for row in document.reports["overview"].frame.rows(named=True)}
    assert [rows[page]["metric:cart_to_purchase"] for page in ("/a", "/b")] == [0.2, None]
    assert rows["/a"]["metric:leads_per_100"] == pytest.approx(100 * 5 / 55)
    text = str(runs.render(document, width=120))
    assert "cart_to_purchase" in next(one for one in text.splitlines() if one.startswith("  by landing"))


def test_parts_of_the_visitors_give_the_same_bytes(tmp_path: Path) -> None:
    log = log_of(tmp_path, {**PATHS, "/a /thanks": 1})
    assert runs.render(reported(log), "csv") == runs.render(reported(log, memory="256MiB"), "csv")


def test_comparisons_judge_shares_alone(tmp_path: Path) -> None:
    few, many = {"/a /cart /thanks": 10, "/a /cart": 90, "/a": 20}, {"/b /cart /thanks": 60, "/b /cart": 40, "/b": 5}
    result = runs.comparison([log_of(tmp_path, few | many)], parse_goals(GOALS, "goals.yaml"), where=["landing=/b"], against="landing=/a")
    rows = {row["item"]: row for row in json.loads(str(runs.render(result, "json")))["reports"]["compare"] if row["what"] == "metric"}
    share = rows["cart_to_purchase"]
    assert [share[name] for name in ("before", "before_rate", "now", "now_rate", "verdict")] == [10, 0.1, 60, 0.6, "higher"]
    leads = rows["leads_per_100"]
    assert [leads[name] for name in ("before", "now", "verdict")] == [0, 0, "cannot tell"]
    pages = rows["pages_of_visitors"]
    assert [pages[name] for name in ("before", "now", "difference_low", "verdict")] == [230, 265, None, None]
    for width in (80, 120):
        assert "cart_to_purchase" in str(runs.render(result, width=width))


def test_thresholds_know_them(tmp_path: Path) -> None:
    log, goals = str(log_of(tmp_path, PATHS)), parse_goals(GOALS, "goals.yaml")
    tests = {"cart_to_purchase < 0.34": True, "cart_to_purchase < 0.33": False, "leads_per_100 > 2": True, "leads_per_100 > 3": False}
    tests |= {"pages_of_visitors > 1.6": True}
    outcomes = api.report([log], ["overview"], goals=goals, fail_if=list(tests)).document.thresholds
    assert {one.expr: one.missed for one in outcomes} == tests
    assert [one.bound for one in outcomes] == [0.34, 0.33, 2, 3, 1.6]
    few = str(log_of(tmp_path, {"/a /cart": 29}))
    (one,) = api.report([few], ["goals"], goals=goals, fail_if=["cart_to_purchase < 0.9"]).document.thresholds
    assert (one.missed, one.text) == (None, "0 of 29")


def test_no_metric_is_named_like_another_figure() -> None:
    assert {column.name for column in overview.COLUMNS} <= {*FIGURES}
