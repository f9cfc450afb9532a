"""`readiness`: rows worked out by hand, buckets compared with a plain walk from goal to goal, and what must hold for any log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isclose
from random import Random
from typing import TYPE_CHECKING

import pytest
import runs
from model import points as model_points
from model import readiness as model
from model.figures import Z, score_bounds
from small_logs import FIREFOX, written

import convkit
from convkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

GOALS = "macro: {sale: /sale}\nmicro: {cart: /cart, product: /product, video: POST /video, blog: /blog}\n"
START = datetime(2026, 10, 1, 8, tzinfo=UTC)
DAYS = 20
SAMPLE = "sample_logs/access.log.gz", "goals.example.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory whose files each example overwrites."""
    return tmp_path_factory.mktemp("readiness")


def shop(seed: int, sessions: int = 1200, *, is_noise: bool = False, days: int = DAYS) -> list[list[str]]:
    """Return the lines of each session of a shop; in noise, whether a session converts depends on nothing that it did before."""
    chance, visits = Random(seed), []
    for number in range(sessions):
        walked = ["GET /"] + [f"GET /{page}" for page in ("product", "blog", "about") if chance.random() < 0.4]
        walked += ["POST /video"] * (chance.random() < 0.3)
        if is_noise:
            walked += ["GET /cart"] * (chance.random() < 0.2) + ["GET /sale"] * (chance.random() < 0.05)
        elif "GET /product" in walked and chance.random() < 0.4:
            walked += ["GET /cart"] + ["GET /sale"] * (chance.random() < 0.4)
        visits.append(visit(number, START + timedelta(days=days * number / sessions), walked))
    return visits


def visit(number: int, begins: datetime, requests: list[str]) -> list[str]:
    """Return the lines of a session, with requests 20 seconds apart."""
    times = [begins + timedelta(seconds=20 * place) for place in range(len(requests))]
    who = f"198.51.{number >> 8}.{number & 255} - -"
    return [
        f'{who} [{time:%d/%b/%Y:%H:%M:%S +0000}] "{request} HTTP/1.1" 200 9 "-" "{FIREFOX}"' for time, request in zip(times, requests, strict=True)
    ]


def run(folder: Path, visits: list[list[str]], goals: str = GOALS, **options: str) -> Document:
    """Return the report on some sessions."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    log = written(folder / "access.log", sorted((text for lines in visits for text in lines), key=lambda text: text.split("[")[1][:20]))
    return runs.document([log], ["readiness"], folder / "goals.yaml", options=options)


def screen(document: Document) -> str:
    """Return the screen on one line."""
    return " ".join(runs.render(document, "table", width=80).split())


def test_the_rows_of_the_sample_worked_out_by_hand() -> None:
    frame = runs.sample("readiness").reports["readiness"].frame
    assert frame.select("bucket", "goals", "first_entered", "first_converted", "entered", "converted", "check", "stopped").rows() == [
        ("nearly there", "checkout", 55, 31, 23, 14, "too few", 9),
        ("interested", "cart", 136, 31, 52, 14, "held", 29),
        ("passing by", "", 1553, 31, 899, 14, "held", 847),
    ]
    assert [round(value, 6) for value in frame["foretold"]] == [round(value, 6) for value in (31 / 55 * 23, 31 / 136 * 52, 31 / 1553 * 899)]
    text = screen(runs.sample("readiness"))
    assert "rules from 1–20 Oct 2026, figures from 21–31 Oct 2026" in text
    assert "nearly there checkout 23 14 · · 13 interested cart 52 14 27% 17 – 40% 12 held passing by none 899 14 1.6% 0.9 – 2.6% 18 held" in text
    assert "Furthest bucket of those without purchase since then: 9 nearly there, 29 interested." in text


def compare_with_the_model(document: Document, single: Document, names: list[str], to: str, window: timedelta | None = None) -> None:
    """Compare the buckets of a report with the model's."""
    hits, sessions = (single.reports[name].frame.rows(named=True) for name in ("hits", "sessions"))
    walks = model_points.walks(hits, sessions, to, window, document.period.end)
    names = [name for name in names if name != to]
    first, rest = model.split(walks, to)
    groups = model.rules(first, names, to) if model.has_enough(walks, first, rest, to) else []
    before, after = model.count(first, groups, to), model.count(rest, groups, to)
    frame = document.reports["readiness"].frame
    assert [set(text.split()) for text in frame["goals"]] == [*map(set, groups), set()]
    assert frame.select("first_converted", "first_entered").rows() == before
    assert frame.select("converted", "entered").rows() == after
    for row, one, other in zip(frame.rows(named=True), before, after, strict=True):
        low, high = model.newcombe(other, one, model.shared(len(before)))
        few = other[1] < 30 or one[0] / one[1] * other[1] < 5
        assert row["check"] == ("too few" if few else "rose" if low > 0 else "fell" if high < 0 else "held")
        assert all(isclose(row[f"rate_{end}"], bound, rel_tol=1e-9) for end, bound in zip(("low", "high"), score_bounds(*other, Z), strict=True))
    if window is None:
        assert frame["stopped"].to_list() == model.stopped(rest, groups)


@pytest.mark.parametrize(("to", "window"), [("purchase", None), *(pytest.param("cart", window, marks=pytest.mark.slow) for window in (None, 3))])
def test_the_sample_equals_the_model(to: str, window: int | None) -> None:
    options = {"to": to} if window is None else {"to": to, "window": f"{window}d"}
    document = runs.document([SAMPLE[0]], ["readiness"], SAMPLE[1], options=options)
    single = runs.document([SAMPLE[0]], ["hits", "sessions"], SAMPLE[1])
    names = [goal.name for goal in convkit.load_goals(SAMPLE[1]).goals]
    compare_with_the_model(document, single, names, to, None if window is None else timedelta(days=window))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_shop_equals_the_model(seed: int, folder: Path) -> None:
    document = run(folder, shop(seed))
    single = runs.document([folder / "access.log"], ["hits", "sessions"], folder / "goals.yaml")
    compare_with_the_model(document, single, ["sale", "cart", "product", "video", "blog"], "sale")
    frame = document.reports["readiness"].frame
    assert frame["goals"].to_list()[0] == "cart"
    rates = (frame["first_converted"] / frame["first_entered"]).to_list()
    assert rates == sorted(rates, reverse=True)
    # Every session that has begun since then either converts or stops in one bucket.
    assert frame["stopped"].sum() == frame["entered"][-1] - frame["converted"][-1]


def test_the_rest_of_the_log_does_not_change_the_rules(folder: Path) -> None:
    """What comes later is dealt anew, among as many sessions a day; the goals of the buckets and the figures of the first part stay."""
    visits = shop(1)
    frame = run(folder, visits).reports["readiness"].frame
    cut = next(place for place, lines in enumerate(visits) if "[14/Oct" in lines[0])
    other = [[text.replace("198.51.", "203.0.") for text in lines] for lines in shop(5)[cut:]]
    changed = run(folder, [*visits[:cut], *other]).reports["readiness"].frame
    assert changed["converted"].to_list() != frame["converted"].to_list()
    names = ("bucket", "goals", "first_entered", "first_converted")
    assert changed.select(names).equals(frame.select(names))


@pytest.mark.slow
def test_noise_has_one_bucket(folder: Path) -> None:
    """Where no goal tells anything, there is one bucket in at least 95 of 100 logs."""
    alone = [run(folder, shop(seed, 1500, is_noise=True)).reports["readiness"].frame.height == 1 for seed in range(100)]
    assert sum(alone) >= 95


def test_a_log_of_a_few_days_has_one_bucket(folder: Path) -> None:
    document = run(folder, shop(1, 600, days=5))
    assert document.reports["readiness"].frame["bucket"].to_list() == ["everybody"]
    needs = "7 days of logs and 10 conversions in each of two parts of them are needed"
    assert f"Too few sessions with sale to tell sessions apart: {needs}." in screen(document)
    assert "No goal clearly separates sessions that are near to sale from others." in screen(run(folder, shop(3, is_noise=True)))


def test_visitors_are_followed_across_sessions(folder: Path) -> None:
    """A visitor who fills the cart on one day and buys on the next one converts within a window of two days, and never in a session.

    The log ends 20.6 days after its start, so 280 visitors had two days; 175 of them, the first 60%, came by 12 Oct.
    """
    visits = []
    for number in range(300):
        begins = START + timedelta(days=DAYS * number / 300)
        visits.append(visit(number, begins, ["GET /", *(["GET /cart"] if number % 3 == 0 else [])]))
        if number % 6 == 0:
            visits.append(visit(number, begins + timedelta(days=1), ["GET /sale"]))
    row = run(folder, visits, window="2d").reports["readiness"].frame.row(0, named=True)
    assert (row["goals"], row["first_entered"], row["first_converted"]) == ("cart", 59, 30)
    assert run(folder, visits).reports["readiness"].frame["converted"].sum() == 0


def test_invalid_options_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="--to cat: unknown goal 'cat'; did you mean 'cart'"):
        run(folder, shop(1, 10), to="cat")
    assert "No macro goal is known; name a goal with --to." in screen(run(folder, shop(1, 10), "micro: {cart: /cart}\n"))
