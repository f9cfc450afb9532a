"""Pages that almost always load with another page: their counts match a model, and a note, `check` and `init` show them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs
from hypothesis import given
from hypothesis import strategies as st
from profiles import share_of_examples
from small_logs import line, report, written

from convkit.core.schema import KIND, TIME
from convkit.traffic import subrequests

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

GOALS = "macro: {purchase: /thanks}\nmicro: {signed_up: {request: GET /ajax/signed, status: 2xx}}\n"

COUNTED = {"path": pl.String, "parameters": pl.String, "n": pl.Int64, "soon": pl.Int64}
HITS = st.lists(
    st.fixed_dictionaries(
        {
            "visitor": st.integers(1, 2),
            "second": st.integers(0, 12),
            "path": st.sampled_from(["/a", "/b"]),
            "method": st.sampled_from(["GET", "GET", "POST"]),
            "status": st.sampled_from([200, 304, 302, 404]),
            "kind": st.sampled_from(["page", "page", "event", "redirect", "error", "background"]),
            "event": st.sampled_from([None, None, None, "view"]),
            "named": st.booleans(),
            "inside": st.booleans(),
        }
    ),
    max_size=25,
)


@share_of_examples(0.4)
@given(HITS)
def test_counts_match_the_model(hits: list[dict[str, object]]) -> None:
    """Page views that no goal names count; one is `soon` if the visitor's previous hit is a successful GET at most 2 s earlier.

    POSTs that are not redirected are ignored.
    """
    hits.sort(key=lambda hit: (hit["visitor"], hit["second"]))
    all_hits, hits = hits, [hit for hit in hits if not (hit["method"] == "POST" and hit["status"] == 200)]
    counts: dict[str, list[int]] = {}
    for before, hit in zip([None, *hits], hits, strict=False):
        if hit["kind"] != "page" or hit["event"] or hit["named"] or not hit["inside"]:
            continue
        of_path = counts.setdefault(str(hit["path"]), [0, 0])
        of_path[0] += 1
        is_soon = before and before["visitor"] == hit["visitor"] and int(str(hit["second"])) - int(str(before["second"])) <= subrequests.SOON_SECONDS
        of_path[1] += bool(
            is_soon and before and before["kind"] in {"page", "event"} and before["method"] == "GET" and before["status"] in {200, 304}
        )
    schema = {"visitor": pl.Int64, "second": pl.Int64, "path": pl.String, "method": pl.String, "status": pl.Int16, "kind": KIND, "event": pl.String}
    frame = pl.DataFrame(all_hits, schema={**schema, "parameters": pl.String, "named": pl.Boolean, "inside": pl.Boolean})
    times = pl.lit(datetime(2026, 10, 10, tzinfo=UTC)).cast(TIME) + pl.duration(seconds="second")
    result = subrequests.count_paths(frame.lazy().with_columns(time=times)).collect()
    assert {path: [n, soon] for path, _, n, soon in result.rows()} == counts


@pytest.mark.parametrize(("n", "soon", "is_suspected"), [(50, 41, True), (50, 40, False), (49, 49, False), (500, 401, True), (500, 400, False)])
def test_a_pattern_is_suspected_from_fifty_views_and_above_four_fifths(n: int, soon: int, *, is_suspected: bool) -> None:
    paths = pl.DataFrame([("/ajax/7", None, n, soon), ("/", None, 900, 0)], schema=COUNTED, orient="row")
    assert subrequests.subrequest_patterns(paths)["pattern"].to_list() == ["/ajax/*"] * is_suspected


def test_similar_paths_share_a_pattern() -> None:
    paths = pl.DataFrame([(f"/ajax/part-{letter}", None, 10, 9) for letter in "abcdefgh"] + [("/", None, 900, 100)], schema=COUNTED, orient="row")
    assert subrequests.subrequest_patterns(paths).rows() == [("/ajax/*", 80, 72)]


def site() -> list[str]:
    """Return a log in which pages load a fragment, a form leads to a thank-you page, a redirect leads to its target, and pages open in tabs."""
    lines = []
    for number in range(60):
        who = f"198.51.100.{number} - -"
        requests = [
            ("GET /", 0, 200), (f"GET /ajax/part{number % 8}", 1, 200), ("GET /ajax/signed", 2, 200), (f"GET /blog/p{number % 9}", 30, 200),
            ("POST /buy", 60, 302), ("GET /thanks", 60, 200), ("GET /old", 90, 301), ("GET /new", 90, 200),
            *([("GET /tab", 31, 200)] if number % 2 else [("GET /tab", 120, 200)]),
        ]  # fmt: skip
        lines += [line(request, number * 600 + second, status, who=who) for request, second, status in requests]
    return lines


def test_a_note_shows_what_pages_load(tmp_path: Path) -> None:
    document = report(tmp_path, site(), GOALS)
    text = {note["code"]: note["text"] for note in document["notes"]}["like-no-page"]
    assert (
        text == "/ajax/* loads within 2 s of another page in 60 of 60 times and is probably not a page; exclude it with ignore.paths in goals.yaml."
    )
    document = report(tmp_path, site(), f"site: {{ignore: {{paths: [/ajax/*]}}}}\n{GOALS}")
    assert "like-no-page" not in {note["code"] for note in document["notes"]}
    twice = [text.replace("/ajax/", folder) for text in site() for folder in ("/ajax/", "/part/")]
    several = {note["code"]: note["text"] for note in report(tmp_path, twice, "macro: {purchase: /thanks}")["notes"]}["like-no-page"]
    assert "These paths almost always load within 2 s of another page and are probably not pages: " in several


def test_check_and_init_show_these_pages_too(tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "access.log", site())
    (tmp_path / "goals.yaml").write_text(GOALS)
    code, output, _ = convkit_command("check", str(log), "-g", str(tmp_path / "goals.yaml"))
    assert code == 0
    assert "like-no-page: /ajax/* was loaded within 2 s of another page 60 of 60 times" in output
    assert convkit_command("init", str(log), "-o", str(tmp_path / "new.yaml"))[0] == 0
    proposed = (tmp_path / "new.yaml").read_text()
    assert "ignore: {paths: [/ajax/*]}" in proposed
    assert convkit_command("check", str(log), "-g", str(tmp_path / "new.yaml"))[1].count("like-no-page") == 0


def test_events_of_an_export_are_not_requests(tmp_path: Path) -> None:
    rows = [
        {
            "user_id": f"u{number}",
            "time": (datetime(2026, 10, 10, tzinfo=UTC) + timedelta(seconds=after)).isoformat(),
            "event": "pageview",
            "url": url,
        }
        for number in range(60)
        for after, url in ((0, "/"), (1, "/part"))
    ]
    log = written(tmp_path / "events.ndjson", map(json.dumps, rows))
    (tmp_path / "goals.yaml").write_text("macro: {purchase: /thanks}\n")
    assert "like-no-page" not in {note.code for note in runs.document([log], goals=tmp_path / "goals.yaml").notes}
