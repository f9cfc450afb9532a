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
    document = report(tmp_path, [line("GET /"), line("GET /sale", 9)], "macro: {sale: /sale}")
    assert list(document) == HEAD
    assert (document["version"], document["convkit"]) == (1, convkit.__version__)
    assert (document["logs"], document["goals_file"]) == (["access.log"], str(tmp_path / "goals.yaml"))
    assert document["period"] == {"from": "2026-10-10T12:00:00+00:00", "to": "2026-10-10T12:00:09+00:00", "timezone": "UTC"}
    assert set(document["reports"]) == {"overview", "goals", "funnel", "drop-off", "pages"}
    assert figures(tmp_path / "access.log")["goals_file"] is None


def test_times_have_their_utc_offset(tmp_path: Path) -> None:
    document = report(tmp_path, [line("GET /sale")], "site: {timezone: America/St_Johns}\nmacro: {sale: /sale}")
    texts = (document["period"]["from"], document["period"]["to"], document["reports"]["goals"][0]["last_reached"])
    assert {datetime.fromisoformat(text) for text in texts} == {datetime(2026, 10, 10, 12, tzinfo=UTC)}
    assert document["period"]["timezone"] == "America/St_Johns"


def test_the_fates_add_up_to_the_lines(tmp_path: Path) -> None:
    requests = ("GET /a.css", "GET /", "HEAD /", "POST /x", "GET /api/x")
    lines = ["", "# comment", "half a li", *map(line, requests), line("GET /", agent="-")]
    document_input = report(tmp_path, lines, "macro: {sale: /sale}")["input"]
    counts = {fate: document_input[fate] for fate in FATES}
    assert sum(counts.values()) == document_input["lines"] == len(lines)
    once = ("blank", "comment", "unparsed", "asset", "kept", "other", "bot")
    assert counts == dict.fromkeys(FATES, 0) | dict.fromkeys(once, 1) | {"background": 2}
    assert document_input["unparsed_by_reason"] == {"no request in quotes": 1}
    assert sum(document_input["bot_by_reason"].values()) == document_input["bot"]


def test_missing_values_are_null_and_nothing_is_nan(tmp_path: Path) -> None:
    """Parsing in `report` rejects NaN and Infinity; a rate on a base of 0 is null."""
    document = report(tmp_path, [], "macro: {sale: /sale}\nfunnels: {f: [/a, sale]}")
    overview = {row["metric"]: row["value"] for row in document["reports"]["overview"]}
    assert (overview["sessions"], overview["bounce_rate"], overview["conversion_rate"]) == (0, None, None)
    assert document["period"]["from"] is None
    assert (document["reports"]["goals"][0]["reached"], document["reports"]["goals"][0]["rate"]) == (0, None)
    assert document["reports"]["pages"] == []


def test_paths_are_unchanged(tmp_path: Path) -> None:
    """No apostrophe is added, since programs are not spreadsheets."""
    requested = [text for text in (*FORMULAS, *NASTY) if text.isprintable() and text not in {" =1", "\u00a0=1"}]
    document = report(tmp_path, [line(f"GET /x/{quote(text, safe='')}", number) for number, text in enumerate(requested)], "macro: {sale: /sale}")
    reported = {row["page"] for row in document["reports"]["pages"]}
    assert {f"/x/{text}" for text in requested if "/" not in text} <= reported


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [line(f"GET /{number % 7}", 7 * number) for number in range(99)])
    texts = {runs.render(runs.document([log]), "json") for _ in range(3)}
    assert len(texts) == 1


@share_of_examples(0.15)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=5))
def test_any_text_as_a_path_or_parameter_is_strict_json(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("log")
    lines = [line(f"GET /{quote(text, safe='')}?total={quote(text, safe='')}", number) for number, text in enumerate(texts)]
    document = report(folder, lines, "macro: {sale: {page: '/**', value: query.total, once_per: query.total}}")
    assert document["input"]["lines"] == len(texts)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
