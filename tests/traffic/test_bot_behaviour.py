"""Bots by behaviour: each rule at its limits, which rule is given as the reason, and how bots are counted."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import runs
from small_logs import FIREFOX, figures, line, overview, report, written

import convkit
from convkit.core import datafiles
from convkit.core.quality import BotAgent
from convkit.core.schema import KIND, TIME
from convkit.errors import UsageError
from convkit.goals.loader import parse_goals
from convkit.traffic import bots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GOALS = "macro: {sale: /sale}"
PERSON = [line("GET /sale", who="203.0.113.99 - -")]
"""A human visitor, so that there is always a session."""

Responses = list[tuple[str, int]]

RULES: dict[str, tuple[Responses, str | None]] = {
    "robots.txt requested between pages": ([("GET /", 200), ("GET /robots.txt", 200), ("GET /sale", 200)], bots.ROBOTS_TXT),
    "missing robots.txt requested": ([("GET /", 200), ("GET /robots.txt", 404)], bots.ROBOTS_TXT),
    "robots.txt requested with HEAD": ([("GET /", 200), ("HEAD /robots.txt?x=1", 200)], bots.ROBOTS_TXT),
    "robots.txt in an unusual spelling": ([("GET /", 200), ("GET //r%6Fbots.txt", 200)], bots.ROBOTS_TXT),
    "other files named like robots.txt": ([("GET /", 200), ("GET /help/robots.txt", 200), ("GET /robots.html", 200)], None),
    "scanner, 404": ([("GET /.env", 404)], bots.SCANNER),
    "scanner, 404, and redirects": ([("GET /wp-login.php", 404), ("GET /", 301)], bots.SCANNER),
    "scanner, 500": ([("GET /.git/config", 500), ("GET /", 302)], bots.SCANNER),
    "scanner, and only its own path returns 200": ([("GET /wp-login.php", 200), ("POST /wp-login.php", 200)], bots.SCANNER),
    "scanner, and a 304 page": ([("GET /.env", 404), ("GET /", 304)], bots.SCANNER),
    "scanner, and no page but a download, an API call and an empty response": (
        [("GET /.env", 404), ("GET /a.pdf", 200), ("GET /api/x", 200), ("GET /", 204), ("POST /a", 200)],
        bots.SCANNER,
    ),
    "scanner, and a page": ([("GET /.env", 404), ("GET /", 200)], None),
    "owner of a WordPress site": ([("GET /wp-login.php", 200), ("POST /wp-login.php", 302), ("GET /wp-admin/", 200)], None),
    "paths that scanners do not request": (
        [("GET /environment", 301), ("GET /git/config", 301), ("GET /login.php", 301), ("GET /wp-content/x.pdf", 200)],
        None,
    ),
    "only HEAD": ([("HEAD /", 200), ("HEAD /sale", 404)], bots.ONLY_HEAD),
    "only HEAD, and an image": ([("HEAD /", 200), ("GET /a.png", 200)], bots.ONLY_HEAD),
    "one HEAD among GETs": ([("GET /", 200), ("HEAD /", 200), ("GET /", 302)], None),
    "HEAD, and one GET": ([("HEAD /", 200), ("HEAD /", 200), ("GET /", 301)], None),
    "one 404": ([("GET /old", 404)], bots.ONLY_ERRORS),
    "4xx of every kind": ([("GET /old", 400), ("POST /a", 422), ("OPTIONS /", 499), ("HEAD /", 404)], bots.ONLY_ERRORS),
    "4xx, and an image": ([("GET /old", 404), ("GET /a.png", 200)], None),
    "4xx, and one 200": ([("GET /old", 404), ("GET /older", 410), ("GET /", 200)], None),
    "4xx, and one redirect": ([("GET /old", 404), ("GET /", 301)], None),
    "4xx, and one 500": ([("GET /old", 404), ("GET /", 500)], None),
    "only 5xx": ([("GET /", 500), ("GET /", 503)], None),
    "robots.txt overrides scanner": ([("GET /robots.txt", 404), ("GET /.env", 404)], bots.ROBOTS_TXT),
    "scanner overrides HEAD and 4xx": ([("HEAD /.env", 404), ("HEAD /", 404)], bots.SCANNER),
    "HEAD overrides 4xx": ([("HEAD /", 404)], bots.ONLY_HEAD),
}

SCANNED = (
    *("/.env", "/shop/.env", "/.env.bak", "/.git/HEAD", "/x/.git/config", "/wp-login.php?action=register", "/blog/wp-login.php", "/xmlrpc.php"),
    *("/cgi-bin/luci/;stok=/locale", "/cgi-bin/../../../../bin/sh", "/%2eenv", "//wp-login.php", "/phpMyAdmin/index.php", "/wp-includes/a/b.php"),
    *("/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "/actuator/env", "/blog/wp-includes/wlwmanifest.xml", "/+CSCOE+/logon.html"),
)


def requests(responses: Responses, who: str = "198.51.100.1 - -", **more: str) -> list[str]:
    """Return one log line per request, seven seconds apart."""
    return [line(request, number * 7, status, who=who, **more) for number, (request, status) in enumerate(responses)]


def read(folder: Path, lines: Sequence[str], goals: str = GOALS, **options: str) -> dict[str, Any]:
    """Return a report on lines and a human's line, after checking that the counts by class add up."""
    document = report(folder, [*lines, *PERSON], goals, **options)
    counts = document["input"]
    fates = {fate: number for fate, number in counts.items() if isinstance(number, int) and fate != "lines"}
    assert sum(fates.values()) == counts["lines"] == len(lines) + 1
    assert sum(counts["bot_by_reason"].values()) == counts["bot"]
    return document


def reasons(folder: Path, lines: Sequence[str], goals: str = GOALS, **options: str) -> dict[str, int]:
    """Return the number of bot lines by reason."""
    counted: dict[str, int] = read(folder, lines, goals, **options)["input"]["bot_by_reason"]
    return counted


def test_each_rule_identifies_bots(tmp_path: Path) -> None:
    """All lines of a bot except assets count as bot lines, and none of them is a hit; each case is a visitor."""
    lines = [text for number, (responses, _) in enumerate(RULES.values()) for text in requests(responses, who=f"198.51.100.{number} - -")]
    expected: Counter[str] = Counter()
    for responses, reason in RULES.values():
        expected.update(reason for request, _ in responses if reason and not request.endswith(".png"))
    assert reasons(tmp_path, lines) == expected
    hits = {*convkit.read_hits([tmp_path / "access.log"]).collect()["line_no"]}
    cases = [case for case, (responses, _) in RULES.items() for _ in responses]
    people = {case for number, case in enumerate(cases, start=1) if number in hits}
    assert people == {case for case, (_, reason) in RULES.items() if reason is None}


def test_paths_that_scanners_request(tmp_path: Path) -> None:
    lines = [text for number, target in enumerate(SCANNED) for text in requests([(f"GET {target}", 302)], who=f"198.51.100.{number} - -")]
    assert reasons(tmp_path, lines) == {bots.SCANNER: len(SCANNED)}


def test_no_ordinary_page_is_on_the_list_of_scanner_paths() -> None:
    assert {"/", "/**", "/wp-admin/**", "/.well-known/**", "/login", "/admin"} & set(datafiles.lines("scanners")) == set()


def rush(count: int, seconds: int, request: str = "GET /a", status: int = 200) -> list[str]:
    """Return two calm requests, and two hours later `count` requests within `seconds`."""
    times = [7_200, *([7_230] * (count - 2)), 7_200 + seconds]
    return [line("GET /"), line("GET /a", 3_600), *(line(request, time, status) for time in times)]


@pytest.mark.parametrize(("count", "seconds", "is_fast"), [(180, 180, False), (181, 180, True), (181, 181, False), (182, 181, True)])
def test_more_than_180_pages_within_180_seconds_identify_a_bot(count: int, seconds: int, is_fast: bool, tmp_path: Path) -> None:  # noqa: FBT001
    assert reasons(tmp_path, rush(count, seconds)) == ({bots.FAST: count + 2} if is_fast else {})


@pytest.mark.parametrize(
    ("request_line", "status", "is_fast"),
    [("GET /a", 304, True), ("GET /a", 302, False), ("GET /a", 500, False), ("GET /api/a", 200, False), ("POST /a", 200, False)],
)
def test_only_page_views_can_be_too_fast(request_line: str, status: int, is_fast: bool, tmp_path: Path) -> None:  # noqa: FBT001
    assert (bots.FAST in reasons(tmp_path, rush(400, 1, request_line, status))) == is_fast


def test_page_views_of_two_visitors_are_not_added_up(tmp_path: Path) -> None:
    lines = [line("GET /a", number, who=f"198.51.100.{number % 2} - -") for number in range(300)]
    assert reasons(tmp_path, lines) == {}


def test_another_agent_at_the_same_address_is_another_visitor(tmp_path: Path) -> None:
    lines = [line("GET /robots.txt", agent="Opera/1.0"), line("GET /a", 5, agent="Opera/1.0"), line("GET /a", 6)]
    assert reasons(tmp_path, lines) == {bots.ROBOTS_TXT: 2}


def test_addresses_of_one_network_are_one_visitor(tmp_path: Path) -> None:
    lines = [line("GET /robots.txt", who="2001:db8::1 - -"), line("GET /a", 5, who="2001:db8::2 - -"), line("GET /a", 6, who="2001:db8:0:1::1 - -")]
    assert reasons(tmp_path, lines) == {bots.ROBOTS_TXT: 2}


@pytest.mark.parametrize(("agent", "reason"), [("curl/8.5.0", bots.LISTED), ("-", bots.MISSING_AGENT)])
def test_the_agent_takes_precedence_over_behaviour(agent: str, reason: str, tmp_path: Path) -> None:
    lines = requests([("GET /robots.txt", 404), ("GET /.env", 404), ("HEAD /", 404)], agent=agent)
    assert reasons(tmp_path, lines) == {reason: 3}


def test_scanner_overrides_too_fast_and_too_fast_overrides_head(tmp_path: Path) -> None:
    calm = [line("GET /.env", 0, 404), *(line("GET /a", number, 304) for number in range(181))]
    assert reasons(tmp_path, calm) == {bots.SCANNER: 182}
    assert reasons(tmp_path, [*calm[1:], line("HEAD /a")]) == {bots.FAST: 182}


def test_excluded_lines_stay_excluded_but_count_for_a_visitor_s_behaviour(tmp_path: Path) -> None:
    """Requests to another host count too."""
    goals = f"{GOALS}\nsite: {{hosts: [shop.example], ignore: {{addresses: [192.0.2.0/24]}}}}"
    lines = requests([("GET /robots.txt", 200), ("GET /", 200)], who="192.0.2.1 - -")
    counts = read(tmp_path, lines, goals)["input"]
    assert (counts["excluded"], counts["bot"]) == (2, 0)
    lines = requests([("GET http://other.example/robots.txt", 200), ("GET http://shop.example/", 200)])
    counts = read(tmp_path, lines, goals)["input"]
    assert (counts["excluded"], counts["bot_by_reason"]) == (1, {bots.ROBOTS_TXT: 1})
    assert read(tmp_path, requests([("GET /robots.txt", 200)], who="192.0.2.1 - -", agent="curl/8"), goals)["input"]["excluded"] == 1


def test_the_period_does_not_matter(tmp_path: Path) -> None:
    lines = [line("GET /a"), line("GET /robots.txt", 3 * 86_400)]
    document = read(tmp_path, lines, since="2026-10-10", until="2026-10-10")
    assert document["input"]["bot_by_reason"] == {bots.ROBOTS_TXT: 2}
    assert overview(document)["sessions"] == 1


def test_bots_are_identified_before_hits_are_assigned_to_a_user(tmp_path: Path) -> None:
    """The user's hits from another device do not count as bot hits."""
    lines = [line("GET /robots.txt"), line("GET /a", 5, who="198.51.100.1 - ann"), line("GET /b", 9, who="198.51.100.2 - ann")]
    document = read(tmp_path, lines)
    assert document["input"]["bot_by_reason"] == {bots.ROBOTS_TXT: 2}
    assert overview(document)["sessions"] == 2


def test_with_visitors_by_address_an_agent_on_the_list_does_not_make_others_bots(tmp_path: Path) -> None:
    goals = f"{GOALS}\nsite: {{visitor: address}}"
    people = [line("GET /a", 1), line("GET /b", 2, agent="Opera/12.0")]
    assert reasons(tmp_path, [line("GET /robots.txt", agent="curl/8.5.0"), *people], goals) == {bots.LISTED: 1}
    assert reasons(tmp_path, [line("GET /robots.txt", agent="Opera/4.0"), *people], goals) == {bots.ROBOTS_TXT: 3}


def test_with_visitors_by_address_a_kept_agent_is_not_a_bot(tmp_path: Path) -> None:
    goals = f"{GOALS}\nsite: {{visitor: address, bots: {{keep: [Opera]}}}}"
    other_hit, kept_hit = line("GET /a", 1), line("GET /a", 2, agent="Opera/2.0")
    assert reasons(tmp_path, [other_hit, kept_hit, line("GET /robots.txt", agent="Opera/2.0")], goals) == {}
    assert reasons(tmp_path, [other_hit, kept_hit, line("GET /robots.txt")], goals) == {bots.ROBOTS_TXT: 2}


def test_an_image_that_a_goal_names_is_a_hit_without_an_error(tmp_path: Path) -> None:
    lines = requests([("GET /old", 404), ("GET /px.gif", 200)])
    document = read(tmp_path, lines, f"{GOALS}\nmicro: {{seen: /px.gif}}")
    assert (document["input"]["bot"], document["input"]["asset"]) == (0, 0)
    listed = read(tmp_path, requests([("GET /old", 404), ("GET /px.gif", 200)], agent="curl/8.5.0"), f"{GOALS}\nmicro: {{seen: /px.gif}}")
    assert listed["input"]["bot_by_reason"] == {bots.LISTED: 2}


@pytest.mark.parametrize(("agent", "expected"), [(FIREFOX, {}), ("curl/8.5.0", {bots.LISTED: 1})])
def test_an_image_that_no_goal_names_is_an_asset(agent: str, expected: dict[str, int], tmp_path: Path) -> None:
    """Even an image that is parsed because a goal names another one of its type is an asset."""
    document = read(tmp_path, requests([("GET /old", 404), ("GET /a.gif", 200)], agent=agent), f"{GOALS}\nmicro: {{seen: /px.gif}}")
    assert (document["input"]["bot_by_reason"], document["input"]["asset"]) == (expected, 1)


def test_a_line_without_a_status_is_not_an_error(tmp_path: Path) -> None:
    lines = requests([("GET /old", 404), ("GET /older", 404)])
    lines[1] = lines[1].replace(" 404 ", " - ")
    assert reasons(tmp_path, lines) == {}


def test_rows_of_exports_have_no_behaviour() -> None:
    """Rows of exports have neither status nor method, may have any path, and often share one time for a whole day."""
    row = {"visitor": 1, "time": datetime(2026, 10, 10, tzinfo=UTC), "kind": "page", "method": None, "status": None, "robots": True, "scanner": True}
    types = {"visitor": pl.Int64, "time": TIME, "kind": KIND, "method": pl.Categorical(), "status": pl.Int16}
    hits = pl.DataFrame([row] * 200, schema_overrides=types).with_columns(
        path=pl.lit("/a"), user_agent=pl.lit(FIREFOX), has_assets=pl.lit(value=False)
    )
    assert bots.behaviour_reasons(hits.lazy()).collect().height == 0
    for requests_robots, reason in ((True, bots.ROBOTS_TXT), (False, bots.FAST)):
        with_status = hits.with_columns(status=pl.lit(200, dtype=pl.Int16), robots=requests_robots, scanner=False)
        assert bots.behaviour_reasons(with_status.lazy()).collect()["behaviour"].to_list() == [reason]


def test_bots_of_every_kind_are_separated_from_people(tmp_path: Path) -> None:
    """Each bot is counted under its own reason, and only people are left."""
    bot_visitors: dict[str, list[Responses]] = {
        bots.ROBOTS_TXT: [[("GET /robots.txt", 200), ("GET /", 200)]] * 3,
        bots.SCANNER: [[("GET /.env", 404), ("GET /.git/config", 403)]] * 4,
        bots.FAST: [[("GET /a", 200)] * 181],
        bots.ONLY_HEAD: [[("HEAD /", 200)] * 2] * 5,
        bots.ONLY_ERRORS: [[("GET /old", 404)]] * 6,
    }
    people: list[Responses] = [[("GET /", 200), ("GET /old", 404), ("HEAD /", 200), ("GET /sale", 200)]] * 7
    lines: list[str] = []
    for number, (reason, responses) in enumerate([(reason, visitor) for reason, visitors in bot_visitors.items() for visitor in visitors]):
        gap = 0 if reason == bots.FAST else 7
        lines += [line(request, place * gap, status, who=f"198.51.100.{number} - -") for place, (request, status) in enumerate(responses)]
    for number, responses in enumerate(people):
        lines += requests(responses, who=f"192.0.2.{number} - -")
    lines += [line("GET /", agent="curl/8.5.0"), line("GET /", agent="-")]
    random.Random(3).shuffle(lines)
    document = read(tmp_path, lines)
    expected = {reason: sum(map(len, visitors)) for reason, visitors in bot_visitors.items()} | {bots.LISTED: 1, bots.MISSING_AGENT: 1}
    assert document["input"]["bot_by_reason"] == expected
    assert (overview(document)["sessions"], overview(document)["converted_sessions"]) == (8, 8)
    only_bots, with_bots = (overview(read(tmp_path, lines, bots=mode))["sessions"] for mode in ("only", "keep"))
    assert (only_bots, with_bots) == (3 + 1 + 2, 8 + only_bots)


def mixed_lines() -> list[str]:
    """Return lines of visitors who match any of the rules or none, with at most one line per visitor and second."""
    rng = random.Random(11)
    kinds = [responses for responses, _ in RULES.values()]
    lines = [text for number in range(60) for text in requests(rng.choice(kinds), who=f"198.51.100.{number} - -")]
    return [*lines, *(line("GET /a", number // 2, who="192.0.2.1 - -") for number in range(200))]


@pytest.mark.parametrize("mode", ["drop", "keep", "only"])
def test_neither_the_order_of_lines_nor_their_split_into_files_matters(mode: str, tmp_path: Path) -> None:
    """A visitor's lines within one second are views of the same page here, so their order does not matter either."""
    lines = [*mixed_lines(), *PERSON]
    goals = tmp_path / "goals.yaml"
    goals.write_text(GOALS)
    whole = figures(written(tmp_path / "access.log", lines), goals=goals, bots=mode)
    shuffled = random.Random(5).sample(lines, len(lines))
    assert shuffled != lines
    assert figures(written(tmp_path / "access.log", shuffled), goals=goals, bots=mode) == whole
    del whole["input"]["files"]
    parts = [written(tmp_path / name, part) for name, part in (("one.log", shuffled[::2]), ("two.log", shuffled[1::2]))]
    for order in (parts, parts[::-1]):
        split = figures(*order, goals=goals, bots=mode)
        assert {file["name"] for file in split["input"].pop("files")} == {"one.log", "two.log"}
        assert {**split, "logs": whole["logs"]} == whole


def test_kept_bots_are_counted_like_people(tmp_path: Path) -> None:
    lines = [*requests([("GET /robots.txt", 200), ("GET /sale", 200)]), *requests([("GET /a", 200), ("HEAD /a", 200)], agent="curl/8.5.0")]
    document = read(tmp_path, lines, bots="keep")
    counts = document["input"]
    assert (counts["kept"], counts["other"], counts["bot"], counts["outside"], counts["bot_by_reason"]) == (3, 2, 0, 0, {})
    assert (overview(document)["sessions"], overview(document)["converted_sessions"]) == (3, 2)


def test_only_bots_are_counted_on_request(tmp_path: Path) -> None:
    """Lines from people that would otherwise be kept are `outside`; all others are classified as usual."""
    people = requests([("GET /a", 200), ("POST /a", 200), ("HEAD /a", 200), ("GET /a.png", 200), ("GET /x", 404)])
    lines = [*people, *requests([("GET /robots.txt", 200), ("GET /a", 200), ("POST /b", 200)], who="198.51.100.2 - -")]
    document = read(tmp_path, lines, bots="only")
    counts = document["input"]
    assert {fate: counts[fate] for fate in ("kept", "outside", "other", "background", "asset", "bot")} == {
        "kept": 1,
        "outside": 2 + 1,
        "other": 2,
        "background": 2,
        "asset": 1,
        "bot": 0,
    }
    assert counts["bot_by_reason"] == {}
    assert (overview(document)["sessions"], overview(document)["converted_sessions"]) == (1, 0)
    assert [row["page"] for row in document["reports"]["pages"]] == ["/a"]


def test_the_three_bot_modes_add_up(tmp_path: Path) -> None:
    lines = mixed_lines()
    counts = {mode: read(tmp_path, lines, bots=mode) for mode in ("drop", "keep", "only")}
    sessions, pages = ({mode: overview(document)[name] for mode, document in counts.items()} for name in ("sessions", "pageviews"))
    assert sessions["drop"] + sessions["only"] == sessions["keep"]
    assert pages["drop"] + pages["only"] == pages["keep"]
    assert min(sessions.values()) > 5


def notes(document: dict[str, Any]) -> dict[str, str]:
    """Return the text of each note by code."""
    return {note["code"]: note["text"] for note in document["notes"]}


def test_a_note_shows_whether_bots_are_counted(tmp_path: Path) -> None:
    lines = requests([("GET /robots.txt", 200), ("GET /a", 200), ("GET /a.png", 200)])
    texts = {mode: notes(read(tmp_path, lines, bots=mode))["bots"] for mode in ("drop", "keep", "only")}
    assert texts["drop"] == f"Bots were excluded by user agent (list: {bots.list_version()}), missing user agent, or behaviour."
    assert texts["keep"] == "Bots are counted like people."
    assert texts["only"].startswith(f"Only bots are counted, recognised by user agent (list: {bots.list_version()}),")
    assert "no-assets" not in notes(read(tmp_path, lines, bots="only"))


def test_rows_of_an_export_do_not_show_assets(tmp_path: Path) -> None:
    lines = [*requests([("GET /a", 200), ("GET /a.png", 200)]), line("GET /b", 9, who="203.0.113.99 - -")]
    log = written(tmp_path / "access.log", lines)
    events = written(tmp_path / "events.csv", ["user,event,timestamp,url", *(f"u{number},view,2026-10-10 12:00:0{number},/a" for number in range(9))])
    text = notes(figures(log))["no-assets"]
    assert text.startswith("1 session ")
    assert notes(figures(log, events))["no-assets"].startswith("1 session ")
    assert "no-assets" not in notes(figures(events))


@pytest.mark.parametrize("name", ["goals", "funnel", "pages", "drop-off"])
def test_every_report_has_a_note_if_bots_are_not_dropped(name: str, tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", PERSON)
    codes = {mode: [note.code for note in runs.document([log], [name], bots=mode).notes if note.code == "bots"] for mode in ("drop", "keep", "only")}
    assert codes == {"drop": [], "keep": ["bots"], "only": ["bots"]}


def test_the_error_on_an_unknown_mode_lists_all_modes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"bots='onyl' is unknown; did you mean 'only'.* Modes: drop, keep, only"):
        runs.document([written(tmp_path / "access.log", PERSON)], bots="onyl")


def test_the_note_on_visitors_with_only_errors_leaves_out_excluded_bots(tmp_path: Path) -> None:
    lines = [line("GET /old", status=404), *requests([("GET /down", 500), ("GET /old", 404)], who="198.51.100.2 - -")]
    assert notes(read(tmp_path, lines))["only-errors"].startswith("1 visitor saw only errors")
    assert notes(read(tmp_path, lines, bots="keep"))["only-errors"].startswith("2 visitors saw only errors")


KEEP_AND_DROP: dict[str, tuple[str, str, dict[str, int]]] = {
    "keep overrides the list": ("keep: [CURL]", "curl/8.5.0", {}),
    "keep overrides behaviour": ("keep: [firefox/140]", FIREFOX, {}),
    "keep overrides drop": ("{keep: [Firefox], drop: [Firefox]}", FIREFOX, {}),
    "keep overrides a missing user agent": ("keep: ['**']", "-", {}),
    "keep of another user agent": ("keep: [Chrome]", FIREFOX, {bots.ROBOTS_TXT: 2}),
    "drop overrides the list": ("drop: [curl]", "curl/8.5.0", {bots.DROPPED: 2}),
    "drop overrides behaviour": ("drop: [FIREFOX]", FIREFOX, {bots.DROPPED: 2}),
    "drop of another user agent": ("drop: [Chrome]", FIREFOX, {bots.ROBOTS_TXT: 2}),
    "a plain string is not a pattern": ("drop: ['Fire.ox']", FIREFOX, {bots.ROBOTS_TXT: 2}),
    "special characters in a plain string are literal": ("drop: ['(X11; Linux x86_64; rv:140.0)']", FIREFOX, {bots.DROPPED: 2}),
    "a pattern must match the whole user agent": ("drop: ['Firefox**']", FIREFOX, {bots.ROBOTS_TXT: 2}),
    "a pattern that matches across slashes": ("drop: ['Mozilla/**Firefox/*']", FIREFOX, {bots.DROPPED: 2}),
    "a pattern is case-sensitive": ("drop: ['mozilla/**']", FIREFOX, {bots.ROBOTS_TXT: 2}),
    "a regular expression": ("drop: ['re:Mozilla/[0-9.]+ .*']", FIREFOX, {bots.DROPPED: 2}),
    "letters beyond ASCII": ("drop: [ÜBERWACHER]", "Mein überwacher/1.0", {bots.DROPPED: 2}),
}


@pytest.mark.parametrize("case", KEEP_AND_DROP)
def test_the_site_s_keep_and_drop_rules(case: str, tmp_path: Path) -> None:
    texts, agent, expected = KEEP_AND_DROP[case]
    texts = texts if texts.startswith("{") else f"{{{texts}}}"
    lines = requests([("GET /robots.txt", 200), ("GET /sale", 200)], agent=agent)
    counts = report(tmp_path, [*lines, line("GET /", agent="Opera/12.0")], f"site: {{bots: {texts}}}\n{GOALS}")["input"]
    assert counts["bot_by_reason"] == expected


def test_a_dropped_agent_is_a_bot_whatever_its_behaviour(tmp_path: Path) -> None:
    lines = requests([("GET /a", 200), ("GET /sale", 200)], agent="MyMonitor/2.1 (+https://shop.example)")
    assert reasons(tmp_path, lines, f"site: {{bots: {{drop: [mymonitor]}}}}\n{GOALS}") == {bots.DROPPED: 2}


def test_keep_and_drop_rules_match_nothing_in_a_format_without_user_agents(tmp_path: Path) -> None:
    lines = [text.partition(' "-"')[0] for text in (*requests([("GET /a", 200), ("GET /b", 200)]), *PERSON)]
    counts = report(tmp_path, lines, f"site: {{bots: {{drop: ['**'], keep: ['re:.*']}}}}\n{GOALS}")["input"]
    assert (counts["bot"], counts["kept"]) == (0, 3)


def test_keep_and_drop_rules_can_be_set_for_one_run(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", [*requests([("GET /a", 200)], agent="curl/8.5.0"), *PERSON])
    counted = {"bots.keep=[curl]": {}, "bots.drop=[curl]": {bots.DROPPED: 1}, "bots.drop=Firefox": {bots.DROPPED: 1, bots.LISTED: 1}}
    for setting, expected in counted.items():
        run = runs.analysis([log], parse_goals(GOALS, "goals.yaml", [setting]))
        assert run.reasons["bot_by_reason"] == expected, setting


def test_the_reported_agents_are_those_of_the_bots_with_the_most_lines(tmp_path: Path) -> None:
    """Excluded lines and assets do not count as bot lines, and a user agent that people use is reported only if bots use it too."""
    lines = [line(f"GET /{number}", second, agent=f"curl/{number}") for number in range(2, 8) for second in range(number)]
    lines += [line("GET /a.png", agent="curl/2")] * 20
    lines += [line("GET /x", who="192.0.2.1 - -", agent="curl/9")] * 20
    lines += [*requests([("GET /robots.txt", 200)] * 5, who="198.51.100.9 - -"), line("GET /a"), *[line("GET /a", agent="Opera/3.0")] * 30]
    goals = parse_goals(f"site: {{ignore: {{addresses: [192.0.2.1]}}}}\n{GOALS}", "goals.yaml")
    log = written(tmp_path / "access.log", lines)
    expected = (("curl/7", 7), ("curl/6", 6), (FIREFOX, 5), ("curl/5", 5), ("curl/4", 4))
    agents_listed = runs.document([log], goals=goals).quality.bot_agents
    reasons = ((bots.ROBOTS_TXT, bots.BEHAVIOUR_CLASS) if agent == FIREFOX else (bots.LISTED, "http-library") for agent, _ in expected)
    assert agents_listed == tuple(BotAgent(*agent, *reason) for agent, reason in zip(expected, reasons, strict=True))
    assert runs.document([log], goals=goals, bots="only").quality.bot_agents == agents_listed
    assert runs.document([log], goals=goals, bots="keep").quality.bot_agents == ()
