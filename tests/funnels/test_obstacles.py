"""Obstacles: for each of them, hits that are one, and near misses that are none; and links of the site to what does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import runs
from small_logs import FIREFOX, line, written

from convkit.core.schema import DEAD_LINKS_FIELD, OBSTACLES, OBSTACLES_FIELD
from convkit.funnels.obstacles import met

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GOALS = "macro: {bought: /thanks}\nmicro: {asked: {request: POST /ask, status: 3xx}}\n"
WITH_SECONDS = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time'

FOUND = {
    "form_again": ["/form > POST /form", "/form > POST /form 422", "/a > /form > POST /form 400"],
    "error": ["/a > /b 404", "/a > /api/b 500", "/a > POST /b 422"],
    "slow": ["/a >> /b", "/a >> POST /b 302", "/a >> /b 404"],
    "reload": ["/a > /a > /a", "/a?p=1 > /a?p=1 > +9 /a?p=1", "/b > /a > /a > /a"],
    "back_forth": ["/p > /q > /p > /q", "/p > /q > POST /x > /p > /q", "/p > /p?n=2 > /p > /p?n=2"],
    "search_again": ["/find?q=a > /find?q=b", "/?s=a > /?s=b", "/find?q=a > POST /x > /find?page=1&q=a+b"],
}
"""The last hit is the obstacle. A request follows 1 s after the one before it, unless another number is given; `>>` is a slow response."""
NEAR_MISSES = {
    "form_again": ["/form > POST /form 302", "/form > /a > POST /form", "/api/form > POST /api/form"],
    "error": ["/a > /b 304", "/a > /b 302", "/form > POST /form 422"],
    "slow": ["/a > /b", "/a >> /b.pdf", "/a >> /api/b"],
    "reload": ["/a > /a > +10 /a", "/a > /a > POST /x > /a", "/a > /a > /a?p=1", "/a > /a"],
    "back_forth": ["/p > /q > /p > /r", "/p > /p > /p > /p", "/q > /p > /q", "/p > /q > /p > +1800 /q"],
    "search_again": [
        "/find?q=a > /find?q=a&page=2",
        "/find?q=a > /b > /find?q=b",
        "/find?q=a > /find?term=b",
        "/a?s=a > /a?s=b",
        "/find?q=a+b > /find?q=a%20b",
    ],
}


def obstacles(folder: Path, requests: str) -> list[set[str]]:
    """Return the obstacles of the last hit and of each one before it, from the end."""
    lines, second = [], 0
    for number, text in enumerate(requests.replace(">>", "> ~").split(" > ")):
        words = text.replace("~", "").split()
        after = int(words.pop(0)) if words[0].startswith("+") else 1
        method = words.pop(0) if words[0] == "POST" else "GET"
        second += after * bool(number)
        status = int(words[1]) if len(words) > 1 else 200
        lines.append(f"{line(f'{method} {words[0]}', second, status)} {'3.001' if '~' in text else '3.000'}")
    log, goals = written(folder / "access.log", lines), written(folder / "goals.yaml", [GOALS])
    analysis = runs.analysis([log], goals, fields=(OBSTACLES_FIELD,), log_format=WITH_SECONDS).analysis
    rows = analysis.hits.collect().rows(named=True)
    return [{name for name in OBSTACLES if row[met(name)]} for row in reversed(rows)]


CASES = [(name, requests) for name, texts in FOUND.items() for requests in texts]
OTHER_CASES = [(name, requests) for name, texts in NEAR_MISSES.items() for requests in texts]


@pytest.mark.parametrize(("name", "requests"), CASES)
def test_an_obstacle_is_found_on_its_hit_alone(tmp_path: Path, name: str, requests: str) -> None:
    last, *before = obstacles(tmp_path, requests)
    assert name in last
    assert not any(name in others for others in before)


@pytest.mark.parametrize(("name", "requests"), OTHER_CASES)
def test_near_misses_are_no_obstacle(tmp_path: Path, name: str, requests: str) -> None:
    assert not any(name in found for found in obstacles(tmp_path, requests))


def test_a_fourth_time_is_one_more_reload(tmp_path: Path) -> None:
    assert [sorted(found) for found in obstacles(tmp_path, "/a > /a > /a > /a")] == [["reload"], ["reload"], [], []]


def linked_from(folder: Path, lines: Iterable[str], goals: str = GOALS) -> list[tuple[str, str]]:
    """Return the dead links: path and page."""
    log, file = written(folder / "access.log", lines), written(folder / "goals.yaml", [goals])
    hits = runs.analysis([log], file, fields=(OBSTACLES_FIELD, DEAD_LINKS_FIELD)).analysis.hits.collect()
    return hits.filter(hits["linked_from"].is_not_null()).select("path", "linked_from").rows()


OWN = "site: {hosts: [shop.example], group: [/product/*]}\n" + GOALS
LINKS = {
    "not found": (line("GET /gone", 1, 404, referrer="https://www.shop.example/product/a?x=1"), [("/gone", "/product/*")]),
    "gone": (line("GET /gone", 1, 410, referrer="https://shop.example/"), [("/gone", "/")]),
    "decoded": (line("GET /gone", 1, 404, referrer="https://shop.example/caf%C3%A9/"), [("/gone", "/café")]),
    "another site": (line("GET /gone", 1, 404, referrer="https://other.example/"), []),
    "no referrer": (line("GET /gone", 1, 404), []),
    "a form": (line("POST /gone", 1, 404, referrer="https://shop.example/"), []),
    "another error": (line("GET /gone", 1, 500, referrer="https://shop.example/"), []),
    "what scanners try": (line("GET /wp-login.php", 1, 404, referrer="https://shop.example/"), []),
}


@pytest.mark.parametrize(("text", "links"), LINKS.values(), ids=LINKS)
def test_dead_links_are_those_on_the_sites_own_pages(tmp_path: Path, text: str, links: list[tuple[str, str]]) -> None:
    assert linked_from(tmp_path, [line("GET /", 0), text], OWN) == links


def test_without_hosts_the_own_one_is_the_host_that_refers_most_pages(tmp_path: Path) -> None:
    lines = [line(f"GET /{number}", number, referrer="https://shop.example/", agent=FIREFOX) for number in range(9)]
    assert linked_from(tmp_path, [*lines, line("GET /gone", 9, 404, referrer="https://shop.example/a")]) == [("/gone", "/a")]
