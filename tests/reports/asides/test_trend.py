"""Trends in reports: which periods count, what has no trend, how much data is missing, and the marks on periods."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import runs
from small_logs import line, written
from wording_rules import block_texts, forbidden, rates_alone

from convkit.analysis.analysis import View
from convkit.analysis.periods import PeriodMarks, period_marks
from convkit.cli.deliver import destination, write_document
from convkit.core.blocks import Screen
from convkit.core.document import Period
from convkit.core.model import Goals, Site
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from convkit.core.document import Document

DAY, NIGHT = 24 * 3_600, 23 * 3_600 + 1_800
SESSIONS = 40
GOALS = """
site: {notes: {2026-10-12: new checkout, 2026-11-30: behind the log}}
macro: {sale: {page: /sale, target: 5%}}
micro: {cart: /cart, again: {page: /cart, visits: 2}, then: {page: /sale, after: again}}
funnels:
  shop: [cart, sale]
  late: {steps: [cart, sale], per: visitor}
  soon: {steps: [cart, sale], per: visitor, window: 3d}
"""


def days(rates: Sequence[int], until: int) -> Iterator[str]:
    """Yield the lines of SESSIONS sessions per day from 10 October on, with as many sales per day as `rates` gives.

    The log ends `until` seconds into the last day; sessions that would begin later are missing.
    """
    for day, sales in enumerate(rates):
        midnight = (day * 24 - 12) * 3_600
        for place in range(SESSIONS):
            who, begin = f"10.{day}.0.{place} - -", midnight + place * 600
            if day == len(rates) - 1 and place * 600 > until:
                break
            yield line("GET /cart" if place < sales + 5 else "GET /", begin, who=who)
            if place < sales:
                yield line("GET /sale", begin + 60, who=who)
    yield line("GET /", (len(rates) - 1) * DAY - DAY // 2 + until, who="10.99.0.1 - -")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Document]:
    """Return a function that runs reports on days with these rates, by default by day; each report is made only once."""
    folder = tmp_path_factory.mktemp("trends")

    @cache
    def run(rates: tuple[int, ...], *reports: str, ends: int = NIGHT, goals: str = GOALS, margin: float = 0.1, **options: str) -> Document:
        log, goals_of_site = written(folder / "access.log", days(rates, ends)), parse_goals(goals, "goals.yaml")
        goals_of_site = replace(goals_of_site, site=replace(goals_of_site.site, margin=margin))
        return runs.document([log], list(reports) or ["goals", "funnel"], goals_of_site, **{"by": "day", **options})

    return run


def trend(document: Document) -> dict[str, dict[str, Any]]:
    """Return the rows of the trend report by item."""
    rows: list[dict[str, Any]] = json.loads(runs.render(document, "json"))["reports"]["trend"]
    return {row["item"]: row for row in rows}


RISING = (2, 4, 6, 8, 10, 12, 14, 16)


def test_rows_cover_all_periods(reported: Callable[..., Document]) -> None:
    rows = trend(reported(RISING))
    assert list(rows) == [
        *("sale", "cart", "again", "then"),
        *("shop / 1 / cart", "shop / 2 / sale", "late / 2 / sale", "soon / 2 / sale"),
    ]
    sale = rows["sale"]
    assert (sale["report"], sale["periods"], sale["reached"], sale["base"]) == ("goals", 8, sum(RISING), 8 * 40 + 1)
    assert (sale["target"], sale["target_met"], sale["verdict"]) == (0.05, True, "progressing")
    assert sale["first_rate"] < sale["rate"] < sale["last_rate"]
    assert 0 < sale["change_low"] < sale["change"] < sale["change_high"]
    # The base of the first step is all sessions; that of the other steps is those that entered.
    assert [rows[f"shop / {step}"]["base"] for step in ("1 / cart", "2 / sale")] == [8 * 40 + 1, sum(RISING) + 8 * 5]


@pytest.mark.parametrize(("until", "mark"), [(NIGHT, ""), (SESSIONS * 600, ""), (5 * 3_600, "2026-10-17"), (1, "2026-10-17")])
def test_an_incomplete_day_is_shown_and_left_out_of_the_trend(until: int, mark: str, reported: Callable[..., Document]) -> None:
    """A day is over if the silence at its end is usual: on all days, nobody comes after 6:40."""
    document = reported((*RISING[:-1], 0), "goals", ends=until)
    row, text = trend(document)["sale"], str(runs.render(document))
    assert (row["periods"], row["reached"], row["verdict"]) == ((7, sum(RISING[:-1]), "progressing") if mark else (8, 56, "too little data"))
    assert len({row_of_day["day"] for row_of_day in json.loads(runs.render(document, "json"))["reports"]["goals"]}) == 8
    assert ("last*" in text) == (f"{mark} is incomplete and left out" in text) == bool(mark)
    assert ([note.text for note in document.notes if note.code == "unfinished"] != []) == bool(mark)


def test_the_requested_period_may_end_before_the_log(reported: Callable[..., Document]) -> None:
    document = reported(RISING, "goals", until="2026-10-15T12:00")
    assert trend(document)["sale"]["periods"] == 5
    assert [note.text for note in document.notes if note.code == "unfinished"] == ["2026-10-15* is incomplete: the data ends on 15 Oct 2026, 12:00."]


def test_items_that_depend_on_the_length_of_the_log_have_no_trend(reported: Callable[..., Document]) -> None:
    """These are goals that depend on earlier sessions, whatever is reached after them, and funnels per visitor without a window."""
    document = reported(RISING)
    rows = trend(document)
    for item in ("again", "then", "late / 2 / sale"):
        assert (rows[item]["change"], rows[item]["verdict"]) == (None, "too little data")
    texts = [note.text for note in document.notes if note.text.startswith("No trend for")]
    assert [text.partition(":")[0] for text in texts] == ["No trend for late"]  # Nobody came twice, so the other items have no note.


def test_a_window_must_be_over(reported: Callable[..., Document]) -> None:
    """A visitor's chain from the last three days may still continue; a chain within a session may not."""
    rows = trend(reported(RISING))
    assert (rows["soon / 2 / sale"]["periods"], rows["shop / 2 / sale"]["periods"]) == (4, 8)
    assert rows["soon / 2 / sale"]["base"] == sum(RISING[:4]) + 4 * 5


def test_only_periods_and_goals_have_trends(reported: Callable[..., Document]) -> None:
    assert reported((3, 3, 3), "goals", by="device").asides == {}
    assert reported((3, 3, 3), "pages").asides == {}
    assert [*reported((3, 3, 3), "funnel").asides] == ["trend"]
    assert reported((3, 3, 3), "funnel", goals="macro: {sale: /sale}").asides == {}
    assert "trend" not in str(runs.render(reported((3, 3, 3)), "csv"))


def test_among_separate_files_only_those_for_goals_and_funnels_have_trends(reported: Callable[..., Document], tmp_path: Path) -> None:
    document = reported(RISING, "goals", "pages", "funnel")
    write_document(document, destination(f"{tmp_path}/", "json"), None)
    files = {path.stem: json.loads(path.read_text(encoding="utf-8"))["reports"] for path in tmp_path.iterdir()}
    assert {name: list(reports) for name, reports in files.items()} == {
        "goals": ["goals", "trend"],
        "funnel": ["funnel", "trend"],
        "pages": ["pages"],
    }


def test_a_few_periods_have_no_trend(reported: Callable[..., Document]) -> None:
    document = reported((3, 3), "goals")
    assert {row["verdict"] for row in trend(document).values()} == {"too little data"}
    assert [note.text for note in document.notes if note.code == "trend"] == ["A trend needs 3 complete days; this log has 2."]


def test_the_margin_of_the_site_decides_what_is_stagnating(reported: Callable[..., Document]) -> None:
    verdicts = [trend(reported((30,) * 8, "goals", margin=margin))["sale"]["verdict"] for margin in (0.1, 0.5)]
    assert verdicts == ["too little data", "stagnating"]


def test_notes_are_shown_under_their_period(reported: Callable[..., Document]) -> None:
    document = reported(RISING, "goals")
    lines = str(runs.render(document, width=60)).splitlines()
    mark = next(place for place, text in enumerate(lines) if text.strip() == "▲")
    bars = next(text for text in lines if "▁" in text or "█" in text)
    begin = next(place for place, sign in enumerate(bars) if sign in "▁▂▃▄▅▆▇█")
    assert lines[mark].index("▲") == begin + 2
    assert lines[mark + 1] == "  ▲ 12 Oct: new checkout"
    assert [(note.code, note.text) for note in document.notes if note.code == "annotation"] == [("annotation", "12 Oct 2026: new checkout")]
    assert "12 Oct 2026: new checkout" in str(runs.render(document, "markdown"))


def test_notes_in_columns_and_in_the_whole_report(reported: Callable[..., Document], tmp_path: Path) -> None:
    """Each note is shown once; notes on hidden periods are not shown."""
    weeks = str(runs.render(reported(RISING, "goals", by="week"), width=120))
    assert ("2026-W42▲*" in weeks, "2026-W42*▲" in weeks) == (False, True)
    assert weeks.count("▲ 12 Oct: new checkout") == 1
    whole = runs.document([written(tmp_path / "access.log", days(RISING, NIGHT))], None, parse_goals(GOALS, "goals.yaml"), by="day")
    assert str(runs.render(whole, width=80)).count("▲ 12 Oct: new checkout") == 1
    late = reported(RISING, "goals", since="2026-10-13")
    assert "▲" not in str(runs.render(late))


def test_sentences_claim_no_more_than_counts_show(reported: Callable[..., Document]) -> None:
    documents = [reported(rates) for rates in (RISING, RISING[::-1], (0,) * 5)]
    documents += [reported((3, 3), "goals"), reported((30,) * 8, "goals", margin=0.5)]
    sentences = {note.text for document in documents for note in document.notes}
    for document in documents:
        for screen in (Screen(80), Screen(120), Screen(80, part=True)):
            blocks = document.asides["trend"].draw(document.asides["trend"].frame, screen)
            sentences |= set(block_texts(blocks))
    assert len(sentences) > 30
    assert {text for text in sentences if forbidden(text)} == set()
    assert {text for text in sentences if rates_alone(text)} == set()


def view(key: str, end: datetime, timezone: str = "UTC", notes: tuple[tuple[date, str], ...] = ()) -> View:
    """Return the view from which `period_marks` derives its marks."""
    zone = ZoneInfo(timezone)
    return View(Goals(None, Site(notes=notes), ()), Period(end - timedelta(days=90), end.astimezone(zone), timezone), {}, key=key, ends=end)


def test_periods_end_with_the_days_of_the_site() -> None:
    """They do so even when the clocks change, and when the last week of a year extends into the next year."""
    assert period_marks(["2026-10-25"], view("day", datetime(2026, 10, 25, 22, 30, tzinfo=UTC), "Europe/Berlin")).unfinished == ()
    assert period_marks(["2026-10-25"], view("day", datetime(2026, 10, 25, 21, 30, tzinfo=UTC), "Europe/Berlin")).unfinished == ("2026-10-25",)
    assert period_marks(["2026-W53"], view("week", datetime(2027, 1, 3, 23, 30, tzinfo=UTC))).unfinished == ()
    assert period_marks(["2026-W53", "2027-W01"], view("week", datetime(2027, 1, 3, 20, tzinfo=UTC))).unfinished == ("2026-W53", "2027-W01")
    assert period_marks(["2026-11", "2026-12"], view("month", datetime(2026, 12, 31, 23, 30, tzinfo=UTC))).unfinished == ()
    assert period_marks(["2028-02"], view("month", datetime(2028, 2, 28, 23, 30, tzinfo=UTC))).unfinished == ("2028-02",)
    assert period_marks(["/blog"], view("landing", datetime(2026, 12, 31, tzinfo=UTC))) == PeriodMarks()


def test_a_note_belongs_to_the_period_of_its_day() -> None:
    notes = tuple((day, f"on {day}") for day in (date(2026, 12, 31), date(2027, 1, 3), date(2027, 1, 4)))
    marks = period_marks(["2026-W53", "2027-W01"], view("week", datetime(2027, 1, 20, tzinfo=UTC), notes=notes))
    assert [(period, text) for period, _, text in marks.notes] == [
        ("2026-W53", "on 2026-12-31"),
        ("2026-W53", "on 2027-01-03"),
        ("2027-W01", "on 2027-01-04"),
    ]
    assert (marks.line(["2026-W52", "2026-W53", "2027-W01", "2027-W02"]), marks.title("2027-W01")) == (" ▲▲", "2027-W01▲")
