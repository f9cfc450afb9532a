"""JSON for programs: strict, complete, with every line of the log accounted for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import runs
from hypothesis import given
from hypothesis import strategies as st
from payloads import FORMULAS, NASTY
from profiles import share_of_examples
from small_logs import figures, line, report, written

import convkit
from convkit.core.schema import FATES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HEAD = ["version", "convkit", "logs", "goals_file", "input", "period", "notes", "reports"]


def test_the_document_has_its_keys(tmp_path: Path) -> None:
    found = report(tmp_path, [line("GET /"), line("GET /sale", 9)], "macro: {sale: /sale}")
    assert list(found) == HEAD
    assert (found["version"], found["convkit"]) == (1, convkit.__version__)
    assert (found["logs"], found["goals_file"]) == (["access.log"], str(tmp_path / "goals.yaml"))
    assert found["period"] == {"from": "2026-10-10T12:00:00+00:00", "to": "2026-10-10T12:00:09+00:00", "timezone": "UTC"}
    assert set(found["reports"]) == {"overview", "goals", "funnel", "drop-off", "pages"}
    assert figures(tmp_path / "access.log")["goals_file"] is None


def test_times_are_moments_with_their_offset(tmp_path: Path) -> None:
    found = report(tmp_path, [line("GET /sale")], "site: {timezone: America/St_Johns}\nmacro: {sale: /sale}")
    texts = (found["period"]["from"], found["period"]["to"], found["reports"]["goals"][0]["last_reached"])
    assert {datetime.fromisoformat(text) for text in texts} == {datetime(2026, 10, 10, 12, tzinfo=UTC)}
    assert found["period"]["timezone"] == "America/St_Johns"


def test_the_fates_add_up_to_the_lines(tmp_path: Path) -> None:
    requests = ("GET /a.css", "GET /", "HEAD /", "POST /x", "GET /api/x")
    lines = ["", "# comment", "half a li", *map(line, requests), line("GET /", agent="-")]
    found = report(tmp_path, lines, "macro: {sale: /sale}")["input"]
    counts = {fate: found[fate] for fate in FATES}
    assert sum(counts.values()) == found["lines"] == len(lines)
    once = ("blank", "comment", "unparsed", "asset", "kept", "other", "bot")
    assert counts == dict.fromkeys(FATES, 0) | dict.fromkeys(once, 1) | {"background": 2}
    assert found["unparsed_by_reason"] == {"no request in quotes": 1}
    assert sum(found["bot_by_reason"].values()) == found["bot"]


def test_what_is_missing_is_null_and_nothing_is_nan(tmp_path: Path) -> None:
    """`report` rejects NaN and Infinity; a base of 0 has no rate."""
    found = report(tmp_path, [], "macro: {sale: /sale}\nfunnels: {f: [/a, sale]}")
    overview = {row["metric"]: row["value"] for row in found["reports"]["overview"]}
    assert (overview["sessions"], overview["bounce_rate"], overview["conversion_rate"]) == (0, None, None)
    assert found["period"]["from"] is None
    assert (found["reports"]["goals"][0]["reached"], found["reports"]["goals"][0]["rate"]) == (0, None)
    assert found["reports"]["pages"] == []


def test_paths_come_back_as_they_are(tmp_path: Path) -> None:
    """No apostrophe is added, since programs are not spreadsheets."""
    seen = [text for text in (*FORMULAS, *NASTY) if text.isprintable() and text not in {" =1", "\u00a0=1"}]
    found = report(tmp_path, [line(f"GET /x/{quote(text, safe='')}", number) for number, text in enumerate(seen)], "macro: {sale: /sale}")
    shown = {row["page"] for row in found["reports"]["pages"]}
    assert {f"/x/{text}" for text in seen if "/" not in text} <= shown


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line(f"GET /{number % 7}", 7 * number) for number in range(99)])
    texts = {runs.render(runs.document([log]), "json") for _ in range(3)}
    assert len(texts) == 1


@share_of_examples(0.15)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=5))
def test_any_text_as_a_path_or_parameter_is_strict_json(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("log")
    lines = [line(f"GET /{quote(text, safe='')}?total={quote(text, safe='')}", number) for number, text in enumerate(texts)]
    found = report(folder, lines, "macro: {sale: {page: '/**', value: query.total, once_per: query.total}}")
    assert found["input"]["lines"] == len(texts)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
