"""Thresholds: what can be written, and when chance alone does not wake anybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from engine.test_partition import LOG, both
from small_logs import line, written

from convkit import api
from convkit.core.document import Period
from convkit.core.model import Goals
from convkit.engine import thresholds
from convkit.errors import GoalsFileError, UsageError
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

GOALS = """
macro: {purchase: {page: /thanks, target: 10%, value: 20}, lead: /lead}
micro: {cart: /cart}
funnels: {checkout: [cart, purchase]}
"""


def log_of(folder: Path, *pages: tuple[str, int]) -> str:
    """Return the path of a log with so many sessions of a second each, an hour after each other, that saw `/` and then these pages."""
    lines, number = list[str](), 0
    for names, count in pages:
        for _ in range(count):
            who = f"198.51.100.{number % 250} - -"
            lines += [line(f"GET {page}", number * 3600 + place, who=who) for place, page in enumerate(["/", *names.split()])]
            number += 1
    return str(written(folder / "access.log", lines))


def outcome(log: str, expr: str, goals: str = GOALS, **options: Any) -> tuple[bool | None, str]:  # noqa: ANN401 (the options of a run)
    """Return whether a threshold is missed, and the figure in words."""
    (one,) = api.report([log], ["overview"], goals=parse_goals(goals, "goals.yaml"), fail_if=[expr], **options).document.thresholds
    assert one.expr == expr
    return one.missed, one.text


def test_what_fails_and_how_it_is_told(tmp_path: Path) -> None:
    log = log_of(tmp_path, ("", 40), ("/cart", 40), ("/cart /thanks", 20))
    assert outcome(log, "sessions < 101") == (True, "100")
    assert outcome(log, "sessions < 100") == (False, "100")
    assert outcome(log, "sessions > 99")[0] is True
    assert outcome(log, "purchase.value < 400") == (False, "400.00")
    assert outcome(log, "purchase.value < 401")[0] is True
    assert outcome(log, "lines > 179") == (True, "180")
    assert outcome(log, "kept < 180")[0] is False
    assert outcome(log, "purchase.rate < 0.29") == (True, "20 of 100 (20%, likely 13 – 29%)")
    assert outcome(log, "purchase.rate < 0.28")[0] is False
    assert outcome(log, "purchase.rate > 0.13")[0] is True
    assert outcome(log, "purchase.rate > 0.14")[0] is False
    assert outcome(log, "checkout.cart.went_on_rate < 0.46") == (True, "20 of 60 (33%, likely 23 – 46%)")
    assert outcome(log, "checkout.2.reached < 21") == (True, "20")
    assert outcome(log, "purchase.median_seconds > 1s")[0] is True
    assert outcome(log, "purchase.target")[0] is False
    assert outcome(log, "lead.last_reached > 4d") == (True, "never in these 4d 3h")
    assert outcome(log, "purchase.last_reached > 1h") == (False, "last on 14 Oct, 15:00, 0s before the log ends")
    assert outcome(log, "cart.reached < 41", where=["device=desktop"], by="channel")[1] == "60"


@pytest.mark.parametrize(
    ("rest", "reached", "missed"), [(5, 0, None), (29, 0, None), (30, 0, False), (40, 0, True), (39, 1, False), (370, 30, False), (375, 25, True)]
)
def test_a_target_is_missed_if_the_whole_range_is_below_it(rest: int, reached: int, *, missed: bool | None, tmp_path: Path) -> None:
    """The target is 10%; even none of 30 may be up to 11%."""
    assert outcome(log_of(tmp_path, ("", rest), ("/thanks", reached)), "purchase.target")[0] is missed


def test_monthly_targets(tmp_path: Path) -> None:
    log = log_of(tmp_path, ("/thanks", 48), ("", 192))
    for target, missed, words in (
        ("130/month", False, "144.6 in 30 days (likely 109 – 192); the target is 130"),
        ("200/month", True, "144.6 in 30 days (likely 109 – 192); the target is 200"),
        ("190/month", False, "144.6 in 30 days (likely 109 – 192); the target is 190"),
        ("2900 EUR/month", True, "2,892.05 in 30 days; the target is 2,900.00"),
        ("2890 EUR / month", False, "2,892.05 in 30 days; the target is 2,890.00"),
    ):
        goals = GOALS.replace("10%", target)
        assert outcome(log, "purchase.target", goals) == (missed, words)
    goals_report = api.report([log], ["goals"], goals=parse_goals(GOALS.replace("10%", "200/month"), "goals.yaml"))
    row = goals_report.goals.row(by_predicate=pl.col("goal") == "purchase", named=True)
    assert (row["target"], row["target_met"], round(row["per_month"], 1), row["target_per_month"]) == (None, False, 144.6, 200)
    assert "purchase: 144.6 in 30 days; target of 200 a month missed." in [note.text for note in goals_report.notes]


@pytest.mark.parametrize("target", ["40/week", "0/month", "x/month", "40 / months", "EUR/month", "-3/month"])
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(GoalsFileError, match="conversions like 40/month"):
        parse_goals(GOALS.replace("10%", f"'{target}'"), "goals.yaml")


BEGIN = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "missed", "words"),
    [
        (600, True, "nobody of 600 sessions since 31 Oct, 00:00; before, 40 of 3,400. So long a silence comes about once in 29 months"),
        (420, False, "nobody of 420 sessions since 31 Oct, 00:00; before, 40 of 3,400. So long a silence comes about once in 3 months"),
        (0, False, "nobody of 0 sessions since 31 Oct, 00:00; before, 40 of 3,400. So long a silence comes about once in 1 month"),
        (9_000, True, "nobody of 9,000 sessions since 31 Oct, 00:00; before, 40 of 3,400. So long a silence comes less than once in 100 years"),
    ],
)
def test_a_silence_is_measured_in_sessions(since: int, *, missed: bool, words: str) -> None:
    last = BEGIN + timedelta(days=30)
    hours = pl.DataFrame({"hour": [BEGIN, last, last + timedelta(hours=9)], "sessions": [3_000, 400, since]})
    view = FakeView(Period(BEGIN, last + timedelta(days=9), "UTC"))
    (threshold,) = thresholds.parse("purchase.silent", parse_goals(GOALS, "goals.yaml"))
    found = thresholds._silent(threshold, {"last_reached": last, "reached": 40}, hours, view)  # type: ignore[arg-type]  # noqa: SLF001
    assert (found.missed, found.text) == (missed, words)
    few = thresholds._silent(threshold, {"last_reached": last, "reached": 4}, hours, view)  # type: ignore[arg-type]  # noqa: SLF001
    assert (few.missed, few.text) == (None, "reached 4 times; 5 are needed")


@dataclass
class FakeView:
    """The part of a view that `silent` reads."""

    period: Period


@pytest.mark.slow
def test_thirty_nights_with_a_checkout_that_breaks(tmp_path: Path) -> None:
    """Nobody is woken before; once the silence is long enough, every night until the checkout is mended, and then no more."""
    lines = []
    for hour in range(30 * 24):
        broken = 21 * 24 <= hour < 26 * 24
        for visitor in range(6):
            pages = ["/", "/cart", *(["/thanks"] if (hour * 6 + visitor) % 29 == 0 and not broken else [])]
            lines += [
                line(f"GET {page}", hour * 3600 + place, who=f"10.{visitor}.{hour % 200}.{hour // 200} - -") for place, page in enumerate(pages)
            ]
    log = str(written(tmp_path / "access.log", lines))
    nights = [
        outcome(log, "purchase.silent", until=f"{datetime(2026, 10, 10, 12, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d %H:%M}")[0]
        for day in range(1, 30)
    ]
    assert nights == [*([False] * 22), *([True] * 4), *([False] * 3)]


def test_the_age_of_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ANN401, ARG003
            return datetime(2026, 10, 11, 14, 0, 0, tzinfo=UTC)

    log = log_of(tmp_path, ("", 1))
    monkeypatch.setattr(thresholds, "datetime", Clock)
    assert outcome(log, "log_age > 26h") == (False, "the log ends 1d 2h ago")
    assert outcome(log, "log_age > 25h")[0] is True


@pytest.mark.parametrize(
    ("expr", "error"),
    [
        ("purchse.rate < 0.1", "unknown goal 'purchse'; did you mean 'purchase'?"),
        ("purchase.rat < 0.1", "unknown figure 'rat'; did you mean 'rate'?"),
        ("purchase.rate < 2%", "write 0.02 instead of 2%"),
        ("purchase.rate <= 2", "is no test; write NAME < VALUE"),
        ("purchase.rate < 5d", "'5d' is not a number"),
        ("purchase.last_reached > 5", "'5' is not a duration"),
        ("purchase.target < 5", "unknown figure 'target'"),
        ("purchase.silnt", "unknown word 'silnt'; did you mean 'silent'?"),
        ("sesions < 1", "unknown figure 'sesions'; did you mean 'sessions'?"),
        ("chekout.cart.reached < 1", "unknown funnel 'chekout'; did you mean 'checkout'?"),
        ("checkout.crt.reached < 1", "unknown step 'crt'; did you mean 'cart'?"),
        ("cart.target", "cart has no target"),
        ("purchase.fell", "only `convkit compare` knows what fell"),
        ("", "is no test"),
        ("< 5", "is no test"),
    ],
)
def test_what_cannot_be_tested_is_refused_before_a_line_is_read(expr: str, error: str, tmp_path: Path, convkit_command: Run) -> None:
    goals = tmp_path / "goals.yaml"
    goals.write_text(GOALS, encoding="utf-8")
    code, out, err = convkit_command("overview", "no-such.log", "-g", str(goals), "--fail-if", expr)
    assert (code, out, error in err) == (2, "", True), err
    assert err.startswith("convkit: error: --fail-if")


def test_alerts_of_the_goals_file(tmp_path: Path, convkit_command: Run) -> None:
    log, goals = log_of(tmp_path, ("/cart", 40), ("/cart /thanks", 20)), tmp_path / "goals.yaml"
    goals.write_text(GOALS + "alerts: [target, purchase.fell, 'cart.rate < 0.5', bounces > 5]\n", encoding="utf-8")
    assert convkit_command("overview", log, "-g", str(goals))[0] == 0
    code, out, err = convkit_command("overview", log, "-g", str(goals), "--alerts", "-f", "json")
    assert (code, err) == (0, "")
    assert [one["expr"] for one in json.loads(out)["thresholds"]] == ["purchase.target", "cart.rate < 0.5", "bounces > 5"]
    code, out, err = convkit_command("goals", log, "-g", str(goals), "--alerts", "--fail-if", "cart.rate > 0.5", "-f", "csv")
    assert (code, err) == (10, "convkit: missed: cart.rate > 0.5: 60 of 60 (100%, likely 94 – 100%)\n")
    assert out.startswith("goal,type,")
    assert convkit_command("compare", log, "-g", str(goals), "--where", "device=desktop", "--with", "device=mobile", "--alerts")[0] in {0, 2}
    goals.write_text(GOALS, encoding="utf-8")
    assert "the goals file has no `alerts`" in convkit_command("overview", log, "-g", str(goals), "--alerts")[2]
    goals.write_text(GOALS + "alerts:\n  - cart.silent\n  - crt.silent\n", encoding="utf-8")
    code, _, err = convkit_command("overview", log, "-g", str(goals))
    assert (code, "goals.yaml:7:5" in err, "unknown goal 'crt'" in err) == (2, True, True), err


def test_too_little_data_is_no_failure_and_is_said_unless_quiet(tmp_path: Path, convkit_command: Run) -> None:
    log, goals = log_of(tmp_path, ("/cart", 3)), tmp_path / "goals.yaml"
    goals.write_text(GOALS, encoding="utf-8")
    code, _, err = convkit_command("overview", log, "-g", str(goals), "--fail-if", "silent", "--fail-if", "bounce_rate > 0.1")
    assert code == 0
    assert err.splitlines() == [
        "convkit: too few to say: purchase.silent: reached 0 times; 5 are needed",
        "convkit: too few to say: lead.silent: reached 0 times; 5 are needed",
        "convkit: too few to say: bounce_rate > 0.1: 0 of 3",
    ]
    assert convkit_command("overview", log, "-g", str(goals), "--fail-if", "silent", "-q")[2] == ""


def test_a_fall_must_be_beyond_doubt(tmp_path: Path, convkit_command: Run) -> None:
    """The verdict is `fell` for both goals; three standard errors are between them."""
    goals = tmp_path / "goals.yaml"
    goals.write_text("macro: {a: /a, b: /b}", encoding="utf-8")
    log = log_of(tmp_path, ("/a /b", 40), ("", 60), ("/a", 22), ("/b", 12), ("", 66))
    arguments = ["compare", log, "-g", str(goals), "--since", "2026-10-14 16:00", "--with", "2026-10-10..2026-10-14 15:59"]
    code, out, err = convkit_command(*arguments, "--fail-if", "fell", "-f", "csv")
    verdicts = {row.split(",")[1]: row.rsplit(",", 1)[1] for row in out.splitlines() if row.startswith("goal,")}
    assert verdicts == {"a": "fell", "b": "fell"}, out
    assert (code, err.count("missed"), "missed: b.fell" in err) == (10, 1, True), err
    code, _, err = convkit_command(*arguments, "--fail-if", "sessions < 1")
    assert (code, "a comparison knows only GOAL.fell and GOAL.rose" in err) == (2, True)


def test_parts_of_the_visitors_give_the_same_outcomes() -> None:
    exprs = ["silent", "target", "checkout.cart.went_on_rate < 0.5", "purchase.last_reached > 1d"]
    number, in_one_piece, in_parts = both([LOG], goals="goals.example.yaml", reports=["paths"], fail_if=exprs)
    assert number > 5
    assert in_parts == in_one_piece
    assert [(one["expr"], one["missed"]) for one in json.loads(in_parts)["thresholds"]] == [
        ("purchase.silent", False),
        ("purchase.target", False),
        ("checkout.cart.went_on_rate < 0.5", True),
        ("purchase.last_reached > 1d", True),
    ]


def test_no_goals_no_words() -> None:
    with pytest.raises(UsageError, match="no macro goal"):
        thresholds.parse("silent", Goals(None, parse_goals(GOALS, None).site, ()))
