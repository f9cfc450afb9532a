"""The kind of a hit and the class of its line: the rules for kinds, one by one, and the effect of goals."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs

import convkit
from convkit.formats.parsers.base import Assets
from convkit.goals.loader import parse_goals
from convkit.ingest.load import Selection, load_logs
from convkit.ingest.logs import open_logs
from convkit.traffic import hits as traffic_hits

if TYPE_CHECKING:
    from pathlib import Path

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0"
NO_BOTS = "site: {bots: {keep: [Firefox]}}\n"
NO_NAMED_HITS = f"{NO_BOTS}macro: {{bought: /nowhere}}"

KINDS = {
    "GET /a 200": "page",
    "GET /a 304": "page",
    "GET /a 206": "background",
    "GET /a 204": "background",
    "POST /a 200": "background",
    "POST /a 302": "background",
    "PUT /a 200": "background",
    "GET /a 301": "redirect",
    "GET /a 302": "redirect",
    "GET /a 404": "error",
    "POST /a 500": "error",
    "GET /api/a 404": "error",
    "GET /api/a 200": "background",
    "GET /api/a 302": "background",
    "GET /feed.xml 200": "background",
    "GET /?wc-ajax=get_cart 200": "background",
    "GET /f.pdf 200": "download",
    "GET /f.PDF?v=1 206": "download",
    "GET /f.pdf 304": "download",
    "GET /f.pdf 302": "redirect",
    "GET /api/f.pdf 200": "background",
    "POST /f.pdf 200": "background",
    "HEAD /a 200": "other",
    "OPTIONS /a 200": "other",
    "PROPFIND /a 207": "other",
    "GET /robots.txt 200": "other",
    "GET /robots.txt 404": "other",
    "GET /a -": "other",
    "GET /a 101": "other",
}
"""Requests with their status, and the kind of each hit."""

REQUESTS = [("/a", "t.co"), ("/a.css", "t.co"), ("/b", "x.example")]
KINDS_BY_GOAL = {
    ("/a", "GET /a 200"): "page",
    ("/a", "GET /a 302"): "redirect",
    ("/feed.xml", "GET /feed.xml 200"): "event",
    ("/*.xml", "GET /feed.xml 200"): "event",
    ("/**", "GET /feed.xml 200"): "background",
    ("/f.pdf", "GET /f.pdf 200"): "event",
    ("/**", "GET /f.pdf 200"): "download",
    ("{download: /f.pdf}", "GET /f.pdf 206"): "event",
    ("POST /a", "POST /a 302"): "event",
    ("POST /a", "POST /a 422"): "error",
    ("{request: POST /a, status: 422}", "POST /a 422"): "error",
    ("GET /api/*", "GET /api/a 200"): "event",
    ("HEAD /a", "HEAD /a 200"): "other",
    ("/robots.txt", "GET /robots.txt 200"): "other",
}
"""Pairs of a goal and a request, with the kind that the goal gives to the hit."""


def kinds(folder: Path, requests: list[str], goals: str) -> list[str]:
    """Return the kinds of requests, in order."""
    log = folder / "access.log"
    pairs = [request.rsplit(" ", 1) for request in requests]
    log.write_text(
        "".join(f'203.0.113.7 - - [10/Oct/2026:13:00:00 +0000] "{request} HTTP/1.1" {status} 1 "-" "{PERSON}"\n' for request, status in pairs)
    )
    hits = convkit.read_hits([log], goals=parse_goals(goals, "goals.yaml"), log_format="combined").collect()
    return hits.sort("line_no")["kind"].cast(pl.String).to_list()


def test_the_first_rule_that_fits_decides_the_kind(tmp_path: Path) -> None:
    assert dict(zip(KINDS, kinds(tmp_path, list(KINDS), NO_NAMED_HITS), strict=True)) == KINDS


@pytest.mark.parametrize(("goal", "request_line"), KINDS_BY_GOAL)
def test_a_hit_that_a_goal_names_is_an_event_unless_it_is_a_page(goal: str, request_line: str, tmp_path: Path) -> None:
    goals = f"macro: {{bought: '{goal}'}}" if goal[0] != "{" else f"macro: {{bought: {goal}}}"
    assert kinds(tmp_path, [request_line], NO_BOTS + goals) == [KINDS_BY_GOAL[goal, request_line]]


@pytest.mark.parametrize(
    ("goal", "fate"), [("/px.gif", "kept"), ("/*.gif", "kept"), ("/img/*", "asset"), ("GET /px.gif", "kept"), ("GET /**", "asset")]
)
def test_an_asset_is_kept_only_if_a_pattern_names_its_file_or_extension(goal: str, fate: str, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(f'203.0.113.7 - - [10/Oct/2026:13:00:00 +0000] "GET /px.gif?x=1 HTTP/1.1" 200 1 "-" "{PERSON}"\n')
    run = runs.analysis([log], parse_goals(f"macro: {{seen: {goal}}}", "goals.yaml"))
    assert run.input[fate] == 1
    assert run.input["lines"] == 1


def test_columns_that_no_goal_tests_are_dropped(tmp_path: Path) -> None:
    """A referrer is read only from records and only if a goal tests it, and is dropped afterwards."""
    log = tmp_path / "access.log"
    lines = [f'203.0.113.7 - - [10/Oct/2026:13:00:00 +0000] "GET {path} HTTP/1.1" 200 1 "https://{host}/" "{PERSON}"\n' for path, host in REQUESTS]
    log.write_text("".join(lines))
    referrers = {}
    for goal in ("/a", "{page: /a, referrer: t.co}", "{page: /b, after: {referrer: t.co}}"):
        goals = parse_goals(f"macro: {{came: {goal}}}", "goals.yaml")
        logs = open_logs([log], "auto", ExitStack(), traffic_hits.parser_needs(goals)).logs
        parsed = load_logs(logs, Selection(Assets(), traffic_hits.select_needed)).lines.collect()
        referrers[goal] = parsed["referrer"].cast(pl.String).to_list() if "referrer" in parsed.columns else None
        assert "referrer" not in convkit.read_hits([log], goals=goals).collect_schema().names()
    assert list(referrers.values()) == [None, ["https://t.co/", None, "https://x.example/"], ["https://t.co/", None, "https://x.example/"]]


def test_records_include_assets(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    line = f'203.0.113.7 - - [10/Oct/2026:13:00:00 +0000] "GET {{}} HTTP/1.1" 200 1 "-" "{PERSON}"\n'
    log.write_text(line.format("/a") + line.format("/a.css") + "rubbish\n")
    assert convkit.read_records([log], "combined").collect()["target"].to_list() == ["/a", "/a.css"]
