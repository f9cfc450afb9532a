"""Bots by user agent: the maintained list gives the same results as its own package, and empty user agents count as bots."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from crawleruseragents import is_crawler
from small_logs import FIREFOX, line, report

from convkit.traffic import bots

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = (
    FIREFOX,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36 Edg/137.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; WOW64; Trident/6.0)",
    "Opera/12.0",
)
MACHINES = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Go-http-client/2.0",
    "Wget/1.21.4",
)
EMPTY = ("", " ", "\t")


def reasons(agents: list[str | None]) -> list[str | None]:
    """Return the reason why each user agent counts as a bot, or None."""
    frame = pl.DataFrame({"agent": agents}, schema={"agent": pl.String})
    return frame.select(bots.agent_reason(pl.col("agent"))).to_series().to_list()


def test_people_are_not_bots() -> None:
    assert reasons(list(PEOPLE)) == [None] * len(PEOPLE)


def test_machines_are_on_the_list() -> None:
    assert reasons(list(MACHINES)) == [bots.LISTED] * len(MACHINES)


def test_an_empty_agent_is_a_bot_and_a_missing_field_is_not() -> None:
    assert reasons([*EMPTY, None]) == [bots.MISSING_AGENT] * 3 + [None]


def test_results_match_those_of_the_package_with_the_list() -> None:
    """The user agents are random strings of words from real ones, so that both results are common."""
    rng = random.Random(7)
    words = [word for agent in PEOPLE + MACHINES for word in agent.split()] + ["bot", "Bot/1.0", "crawler", "axios/1.0", "curlx"]
    agents = [" ".join(rng.choices(words, k=rng.randint(1, 4))) for _ in range(2_000)]
    results = [reason == bots.LISTED for reason in reasons(list(agents))]
    assert results == [is_crawler(agent) for agent in agents]
    assert 200 < sum(results) < 1_800


def test_the_list_has_a_version() -> None:
    assert bots.list_version().startswith("crawler-user-agents 1.")


@pytest.mark.parametrize(
    ("agent", "reason"), [*((agent, bots.LISTED) for agent in MACHINES[:2]), ("-", bots.MISSING_AGENT), ("", bots.MISSING_AGENT)]
)
def test_bots_are_excluded_before_anything_else(tmp_path: Path, agent: str, reason: str) -> None:
    lines = [line("GET /a"), line("GET /b", 1, agent=agent), line("GET /none", 2, 404, agent=agent), line("HEAD /c", 3, agent=agent)]
    document = report(tmp_path, lines, "macro: {sale: /b}")
    assert (document["input"]["bot"], document["input"]["kept"], document["input"]["other"]) == (3, 1, 0)
    assert document["input"]["bot_by_reason"] == {reason: 3}
    assert document["reports"]["goals"][0]["reached"] == 0


def test_lines_without_an_agent_are_not_bots(tmp_path: Path) -> None:
    lines = [line("GET /a").partition(' "-"')[0], line("GET /b", 5).partition(' "-"')[0]]
    document = report(tmp_path, lines, "macro: {sale: /b}")
    assert (document["input"]["bot"], document["input"]["kept"]) == (0, 2)
