"""Responses that took more than three seconds are counted between two steps, tested like errors and returned forms, and shown on every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_logs import figures, line, written

from convkit.funnels.points import ANY_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conftest import Run

WITH_SECONDS = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time'
GOALS = "macro: {bought: /thanks}\nmicro: {cart: /cart}\nfunnels: {buy: [cart, bought]}\n"
SLOW, QUICK = "3.001", "3.000"


def visits(slow_left: int, left: int, slow_bought: int, bought: int, between: str = "GET /shipping") -> list[str]:
    """Return the lines of visitors who left after the cart and of visitors who bought, each group with and without a slow response in between."""
    lines = []
    plan = [*[(False, False)] * left, *[(True, False)] * slow_left, *[(True, True)] * slow_bought, *[(False, True)] * bought]
    for number, (is_slow, buys) in enumerate(plan):
        who, begin = f"198.51.100.{number} - -", number * 100
        lines += [f"{line('GET /cart', begin, who=who)} 0.1", f"{line(between, begin + 5, who=who)} {SLOW if is_slow else QUICK}"]
        lines += [f"{line('GET /thanks', begin + 9, who=who)} 0.1"] if buys else []
    return lines


def drop_off(folder: Path, lines: Sequence[str], log_format: str = WITH_SECONDS) -> list[dict[str, Any]]:
    """Return the rows of slow responses."""
    log, goals = written(folder / "access.log", lines), written(folder / "goals.yaml", [GOALS])
    return [row for row in figures(log, goals=goals, log_format=log_format)["reports"]["drop-off"] if row["what"] == "slow"]


def test_slow_responses_are_counted_on_both_sides_and_tested(tmp_path: Path) -> None:
    rows = drop_off(tmp_path, visits(30, 10, 5, 45))
    assert [(row["item"], row["dropped"], row["went_on"], row["more"]) for row in rows] == [(ANY_PATH, 30, 5, True), ("/shipping", 30, 5, False)]


@pytest.mark.parametrize(
    ("request_line", "counts"), [("POST /shipping", True), ("GET /offer.pdf", False), ("GET /api/rates", False), ("HEAD /shipping", False)]
)
def test_files_and_background_requests_are_not_slow(request_line: str, tmp_path: Path, *, counts: bool) -> None:
    assert bool(drop_off(tmp_path, visits(3, 1, 1, 1, between=request_line))) == counts


def test_a_log_without_durations_has_no_slow_responses(tmp_path: Path) -> None:
    assert drop_off(tmp_path, visits(3, 1, 1, 1), "combined") == []


def test_screens_show_slow_responses(tmp_path: Path, convkit_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    log, goals = written(tmp_path / "access.log", visits(30, 10, 5, 45)), written(tmp_path / "goals.yaml", [GOALS])
    monkeypatch.setenv("COLUMNS", "80")
    arguments = (str(log), "-g", str(goals), "--log-format", WITH_SECONDS)
    report = convkit_command("report", *arguments)[1]
    sentence = "35 sessions waited over 3 s for a response; 5 of them went on (14%), against 82% of others at the same point."
    assert " ".join(report.split()).count(sentence) == 2, "below the step, and as a finding"
    assert "--log-format '$remote_addr" in report, "the command that explains reads the log as this one did"
    screen = " ".join(convkit_command("drop-off", *arguments)[1].split())
    assert "a response slower than 3 s 30 75% 5 10% loses" in screen
    assert "(tested: error pages, forms shown again, slow responses; see convkit friction)" in screen
    assert "slow responses" not in convkit_command("drop-off", str(log), "-g", str(goals))[1]
    assert "exit, slower than 3 s" in convkit_command("explain", *arguments, "--dropped-at", "cart")[1]
