"""`sessions`: one row per session, named by visitor ID and number; the rows add up to the overview and do not identify people."""

from __future__ import annotations

import json
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from hypothesis import given
from model.streams import Example, examples, to_yaml
from places import DATA
from profiles import share_of_examples
from small_logs import FIREFOX, line, overview, written

import convkit
from convkit.core import plugins
from convkit.reports import names_in_report
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.core.document import Document

OUTPUTS = plugins.names("outputs")
REPORTS = ("sessions", "hits")

GOALS = """
site: {timezone: Europe/Berlin, currency: EUR, group: ['/product/*']}
macro:
  sale: {page: /sale, value: query.total, once_per: hit}
  asked: {page: /asked, value: 5}
micro: {saw: '/product/*', cart: {page: /cart, value: 100}}
"""
OTHER = "198.51.100.2 - -"


def rows(folder: Path, lines: list[str], goals: str = GOALS, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (the options of `run`)
    """Return the rows of the report on some lines, parsed from its JSON."""
    document = run(folder, lines, goals, **options)
    report_rows: list[dict[str, Any]] = json.loads(runs.render(document, "json"))["reports"]["sessions"]
    return report_rows


def run(folder: Path, lines: list[str], goals: str = GOALS, **options: Any) -> Document:  # noqa: ANN401 (the options of `run`)
    """Return the report on some lines."""
    (folder / "goals.yaml").write_text(goals, encoding="utf-8")
    return runs.document([written(folder / "access.log", lines)], ["sessions"], folder / "goals.yaml", **options)


def test_a_row_describes_a_session_completely(tmp_path: Path) -> None:
    lines = [
        line("GET /product/1?utm_source=letter&utm_medium=email", 0),
        *(line(f"GET {target}", 10 * number) for number, target in enumerate(("/cart", "/sale?total=1.5", "/sale?total=2", "/asked"), 1)),
        line("GET /asked", 50),
        line("GET /gone", 60, 404),
        line("GET /product/2", 5, who=OTHER),
    ]
    first, second = rows(tmp_path, lines)
    assert list(first) == [column.name for column in plugins.load("reports", "sessions").COLUMNS]
    visitor = first.pop("visitor")
    assert first == {
        "session": f"{visitor}-1",
        "started": "2026-10-10T14:00:00+02:00",
        "seconds": 50,
        "pages": 6,
        "landing": "/product/*",
        "exit": "/asked",
        "bounced": False,
        "converted": True,
        "value": 8.5,
        "goals": "sale asked saw cart",
        "device": "desktop",
        "channel": "Email",
        "source": "letter",
        "medium": "email",
        "campaign": "(none)",
    }
    assert (second["bounced"], second["converted"], second["seconds"], second["value"], second["goals"]) == (True, False, 0, 0, "saw")
    assert second["visitor"] != visitor


def test_sessions_are_numbered_across_all_lines(tmp_path: Path) -> None:
    """They do not depend on the period or on filters."""
    lines = [line("GET /", 3600 * number, who=who) for number in range(4) for who in ("198.51.100.1 - -", OTHER)]
    unfiltered = rows(tmp_path, lines)
    assert [row["session"].rpartition("-")[2] for row in unfiltered] == ["1", "1", "2", "2", "3", "3", "4", "4"]
    assert rows(tmp_path, lines, since="2026-10-10T16:00") == unfiltered[4:]
    (filtered,) = rows(tmp_path, [*lines, line("GET /a", 3601, who=OTHER)], where=["page=/a"])
    assert filtered["session"] == f"{visitor_ids.hash_identities([f'address 198.51.100.2 {FIREFOX}'])[0]}-2"
    assert filtered["session"] in {row["session"] for row in unfiltered}


def test_a_session_without_a_page_has_no_number(tmp_path: Path) -> None:
    lines = [line("POST /cart", 0), line("GET /", 4000), line("GET /", 8000)]
    report_rows = rows(tmp_path, lines, "macro: {cart: POST /cart}\n")
    assert [row["session"][-2:] for row in report_rows] == ["-1", "-2"]


def test_an_id_depends_only_on_what_identifies_the_visitor(tmp_path: Path) -> None:
    """Visitors are identified by user, or else by address (for IPv6, the /64) and browser; other lines do not change the ID."""
    who = ["198.51.100.1 - -", "198.51.100.1 - ann", "198.51.100.7 - ann", "2001:db8::1 - -", "2001:db8::2 - -", "2001:db8:0:1::1 - -"]
    lines = [line("GET /", 60 * number, who=one, agent=f"Firefox {min(3, number)}") for number, one in enumerate(who)]
    ids = [row["visitor"] for row in rows(tmp_path, lines)]
    texts = ["address 198.51.100.1 Firefox 0", "user ann", "address 2001:0db8:0000:0000 Firefox 3", "address 2001:0db8:0000:0001 Firefox 3"]
    assert ids == visitor_ids.hash_identities(texts)
    assert [row["visitor"] for row in rows(tmp_path, [line("GET /other", 9, who=who[2]), line("GET /", 5, who=OTHER)])][1] == ids[1]
    by_address = rows(tmp_path, lines[:1], "site: {visitor: [address]}\nmacro: {sale: /sale}\n")
    assert by_address[0]["visitor"] == visitor_ids.hash_identities(["address 198.51.100.1 "])[0]


def test_hits_before_a_user_is_known_belong_to_the_user(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, [line("GET /"), line("GET /account", 10, who="198.51.100.1 - ann")])
    assert row["visitor"] == visitor_ids.hash_identities(["user ann"])[0]
    assert row["pages"] == 2


def test_the_same_input_and_key_give_the_same_bytes_and_another_key_changes_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line("GET /", number, who=f"198.51.100.{number} - -") for number in range(9)]
    first, second = (runs.render(run(tmp_path, lines), "csv") for _ in range(2))
    assert first == second
    monkeypatch.setenv(visitor_ids.KEY_VARIABLE, "another")
    third = runs.render(run(tmp_path, lines), "csv")
    assert [row.split(",")[2:] for row in str(third).splitlines()[1:]] == [row.split(",")[2:] for row in str(first).splitlines()[1:]]
    assert {row[:16] for row in str(third).splitlines()}.isdisjoint({row[:16] for row in str(first).splitlines()[1:]})


@share_of_examples(0.08)
@given(example=examples(with_users=True))
def test_the_rows_add_up_to_the_overview(example: Example, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("sums")
    (folder / "goals.yaml").write_text(to_yaml(example.goals), encoding="utf-8")
    log = written(folder / "access.log", example.stream.lines)
    document = json.loads(runs.render(runs.document([log], ["overview", "sessions", "hits"], folder / "goals.yaml"), "json"))
    head, sessions, hits = overview(document), document["reports"]["sessions"], document["reports"]["hits"]
    assert head["sessions"] == len(sessions) == len({row["session"] for row in sessions})
    assert head["visitors"] == len({row["visitor"] for row in sessions})
    assert head["pageviews"] == sum(row["pages"] for row in sessions)
    assert head["bounces"] == sum(row["bounced"] for row in sessions)
    assert head["converted_sessions"] == sum(row["converted"] for row in sessions)
    assert Decimal(str(head["value"] or 0)) == sum((Decimal(str(row["value"] or 0)) for row in sessions), Decimal(0))
    longer = [row["seconds"] for row in sessions if not row["bounced"]]
    assert head["median_session_seconds"] == (median(longer) if longer else None)
    assert [(row["started"], row["session"]) for row in sessions] == sorted((row["started"], row["session"]) for row in sessions)
    assert document["input"]["kept"] == len(hits)
    pages = {row["session"]: row["pages"] for row in sessions}
    assert pages == {name: sum(hit["session"] == name and hit["kind"] == "page" for hit in hits) for name in pages}


def test_without_a_macro_goal_conversions_are_missing(tmp_path: Path) -> None:
    document = runs.document([written(tmp_path / "access.log", [line("GET /")])], ["sessions"])
    row = document.reports["sessions"].frame.row(0, named=True)
    assert (row["converted"], row["value"], row["goals"]) == (None, None, "")
    assert rows(tmp_path, [line("GET /sale")], "macro: {sale: /sale}\n")[0]["value"] is None


@pytest.mark.parametrize("report", REPORTS)
def test_it_is_not_part_of_the_whole_report(report: str) -> None:
    assert report not in names_in_report()
    assert not plugins.load("reports", report).IN_REPORT


@pytest.mark.parametrize("report", REPORTS)
def test_a_screen_shows_twenty_rows_and_short_names(report: str, tmp_path: Path) -> None:
    lines = [line("GET /", number, who=f"198.51.100.{number} - -") for number in range(25)]
    document = runs.document([written(tmp_path / "a.log", lines)], [report])
    for width in (80, 120):
        text = runs.render(document, width=width)
        assert f"one row per {report[:-1]}; 20 of 25 {report}" in text
        name = document.reports[report].frame["session"][0]
        assert f"  {name[:6]}…-1  10 Oct 12:00" in text
        assert name[:7] not in text
    everything = runs.render(document, limit=0)
    assert everything.count("…-1") == 25
    assert f"one row per {report[:-1]}\n" in everything


def test_the_year_is_shown_if_the_period_covers_two(tmp_path: Path) -> None:
    lines = [line("GET /"), line("GET /", 120 * 86_400)]
    for report in REPORTS:
        text = runs.render(runs.document([written(tmp_path / "a.log", lines)], [report]))
        assert "  2026-10-10 12:00" in text
        assert "  2027-02-07 12:00" in text


@pytest.mark.parametrize("report", REPORTS)
def test_nothing_reveals_who_a_visitor_is(report: str, tmp_path: Path) -> None:
    """No output contains an address, user agent or user name, or the numbers by which a run identifies visitors."""
    people = (
        ("203.0.113.77 - -", "Opera/9 Planted/1.0 (agent)"),
        ("2001:db8:aaaa:bbbb::5 - -", "Opera/9 Planted/2.0"),
        ("198.51.100.99 - plantedname", "Opera/9 Planted/3.0"),
    )
    lines = [line(f"GET /{target}", number, who=who, agent=agent) for who, agent in people for number, target in enumerate(("", "sale?total=3"))]
    (tmp_path / "goals.yaml").write_text(GOALS, encoding="utf-8")
    log = written(tmp_path / "access.log", [*lines, line("GET /missing", 9, 404, who="203.0.113.78 - -", agent="Opera/9 Planted/4.0")])
    document = runs.document([log], [report], tmp_path / "goals.yaml")
    numbers = runs.analysis([log], convkit.load_goals(tmp_path / "goals.yaml")).analysis.hits.collect()["visitor"]
    for output in OUTPUTS:
        rendered = runs.render(document, output, limit=0, width=250)
        text = rendered if isinstance(rendered, str) else pl.read_parquet(rendered).write_csv() + rendered.decode("latin-1")
        identifying = [word for word in ("203.0.113", "2001:", "2001:0db8", "198.51.100", "Planted", "plantedname", "agent)") if word in text]
        assert identifying == []
        assert [number for number in numbers if str(number) in text] == []


@pytest.mark.parametrize("report", REPORTS)
def test_an_empty_log_has_no_rows(report: str, tmp_path: Path) -> None:
    document = runs.document([written(tmp_path / "empty.log", [])], [report])
    assert document.reports[report].frame.is_empty()
    assert report.upper() not in runs.render(document)


def test_by_hand() -> None:
    """The log is the small one that is counted by hand in the tests of other reports."""
    frame = runs.document([DATA / "by_hand.log"], ["sessions"], DATA / "by_hand.yaml").reports["sessions"].frame
    shown = frame.with_columns(pl.col("session").str.slice(17), pl.col("started").dt.strftime("%H:%M:%S"), pl.col("value") // 10_000)
    columns = ("session", "started", "seconds", "pages", "landing", "exit", "bounced", "converted", "value", "goals")
    assert shown.select(columns).rows() == [
        ("1", "09:00:02", 1198.0, 6, "/", "/thanks", False, True, 1999, "purchase saw_product compared cart long_visit"),
        ("1", "09:05:00", 0.0, 1, "/", "/", True, False, 0, ""),
        ("2", "09:35:00", 30.0, 2, "/", "/product/2", False, False, 0, "saw_product"),
        ("1", "09:50:00", 150.0, 4, "/product/1", "/help", False, False, 0, "saw_product cart"),
        ("1", "10:00:00", 331.0, 2, "/product/2", "/product/2", False, False, 0, "saw_product cart long_visit broken"),
        ("1", "10:10:00", 30.0, 1, "/", "/", False, False, 0, "price_list"),
        ("1", "10:15:00", 0.0, 1, "/blog", "/blog", True, False, 0, ""),
        ("1", "11:00:00", 60.0, 2, "/product/1", "/account", False, False, 0, "saw_product"),
        ("2", "11:30:00", 0.0, 1, "/thanks", "/thanks", True, False, 0, ""),
        ("2", "11:40:00", 0.0, 1, "/thanks", "/thanks", True, True, 10, "purchase"),
    ]
