"""Who is a program: user agents that are not a browser's, scanners, and what a visitor's behaviour can show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from small_logs import FIREFOX, figures, line, overview, report, written

from convkit.core.datafiles import rules
from convkit.traffic import bots, programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROWS = {
    "a21": "test_health_checks_are_programs",
    "a23": "test_two_paths_that_only_scanners_request_make_a_scanner",
    "a24": "test_an_agent_without_quotes_is_read",
    "F5": "test_without_user_agents_an_address_is_not_judged_by_these_rules",
}
AGENTS = Path(__file__).parents[1] / "data" / "agents" / "agents.tsv"
GOALS = "macro: {purchase: /thank-you}\nmicro: {product: /product/*}"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
MOST_PASSED = 0.02
"""The largest share of programs that may be taken for people."""


def judged(agents: Sequence[str | None]) -> list[str | None]:
    """Return the reason why each user agent is a bot, or None."""
    frame = pl.DataFrame({"agent": agents}, schema={"agent": pl.String})
    return frame.select(bots.agent_reason(pl.col("agent"))).to_series().to_list()


def counts(document: dict[str, Any]) -> tuple[int, ...]:
    """Return sessions, visitors, page views, bounces and converted sessions, and the lines of bots."""
    whole = overview(document)
    return (*(whole[name] for name in ("sessions", "visitors", "pageviews", "bounces", "converted_sessions")), document["input"]["bot"])


def notes(document: dict[str, Any]) -> dict[str, str]:
    """Return the texts of the notes by code."""
    return {note["code"]: note["text"] for note in document["notes"]}


def people(number: int, *, second: int = 0, agent: str = CHROME, buys: Iterable[int] = ()) -> list[str]:
    """Return the lines of people who load a page with its stylesheet; those numbered in `buys` buy."""
    lines = []
    for one in range(number):
        who = f"203.0.113.{one} - -"
        lines += [line("GET /", second + one * 60, who=who, agent=agent), line("GET /style.css", second + one * 60, who=who, agent=agent)]
        lines += [line("GET /thank-you", second + one * 60 + 50, who=who, agent=agent)] if one in buys else []
    return lines


def listed_agents() -> pl.DataFrame:
    """Return the table of user agents: `kind, source, use, agent, reason`."""
    rows = [text.split("\t") for text in AGENTS.read_text(encoding="utf-8").splitlines() if not text.startswith("#")]
    table = pl.DataFrame(rows, schema=["kind", "source", "use", "agent"], orient="row")
    return table.with_columns(reason=bots.agent_reason(pl.col("agent")))


def test_the_table_has_agents_of_every_kind() -> None:
    table = listed_agents()
    number = dict(table.group_by("kind").len().rows())
    assert (number["browser"] >= 300, number["program"] >= 300, number["app"] >= 50) == (True, True, True)
    unseen = dict(table.filter(pl.col("use") == "unseen").group_by("kind").len().rows())
    assert min(unseen["browser"], unseen["program"]) >= 200
    assert table["agent"].is_unique().all()


def test_no_browser_is_taken_for_a_program() -> None:
    browsers = listed_agents().filter(pl.col("kind") == "browser")
    assert browsers.filter(pl.col("reason").is_not_null())["agent"].to_list() == []


@pytest.mark.parametrize("use", ["tuned", "unseen"])
def test_few_programs_are_taken_for_people(use: str) -> None:
    table = listed_agents().filter(pl.col("kind") == "program", pl.col("use") == use)
    assert table["reason"].is_null().mean() <= MOST_PASSED


def test_native_apps_are_programs() -> None:
    apps = listed_agents().filter(pl.col("kind") == "app")
    assert apps["reason"].is_null().mean() <= MOST_PASSED


AGENTS_BY_KIND: dict[str, tuple[str, str | None]] = {
    "a probe": ("kube-probe/1.29", "monitoring"),
    "a probe that begins like a browser": ("Mozilla/5.0 (compatible; MyMonitor)", "monitoring"),
    "a library that the crawler list lacks": ("MyTool/2.1 (build 4)", "program"),
    "an app's library": ("ShopApp/4.2 CFNetwork/1494.0.7 Darwin/23.4.0", "program"),
    "an app's runtime": ("Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230805.001)", "program"),
    "an attack in place of an agent": ("() { :;}; /bin/true", "program"),
    "an agent with an address": (f"{CHROME} (research@example.org)", "program"),
    "an agent with a URL": ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 +https://example.org/about", "program"),
    "compatible, without an engine": ("Mozilla/5.0 (compatible; Something/1.0)", "program"),
    "a browser": (CHROME, None),
    "a browser in lower case": (CHROME.lower(), None),
    "a browser in quotes": (f'"{CHROME}', None),
    "a browser by its name alone": ("Chrome Mobile 120.0", None),
    "Internet Explorer, compatible": ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; WOW64; Trident/6.0)", None),
    "a web view of an app": (f"{IPHONE.partition(' Version')[0]} Mobile/15E148 [FBAN/FBIOS;FBAV/450.0.0.38.108;FBDV/iPhone14,5]", None),
    "a web view with the app's name first": (f"JobSearch/24.4.0 {CHROME}", None),
    "a web view that the crawler list names": (
        "Mozilla/5.0 (Linux; Android 12; Mi Note 10 Build/SKQ1.210908.001; wv) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile MetaIAB Facebook",
        None,
    ),
    "a phone whose name ends in bot": (
        "Mozilla/5.0 (Linux; Android 6.0; CUBOT MAX) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.121 Mobile Safari/537.36",
        None,
    ),
    "a phone whose build is on the crawler list": (
        "Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008) AppleWebKit/537.36 Chrome/142.0.7444.142 Mobile Safari/537.36",
        None,
    ),
    "a text browser": ("Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.0.2", None),
    "another text browser": ("w3m/0.5.3+git20230121", None),
    "an old phone": ("Nokia6280/2.0 (03.60) Profile/MIDP-2.0 Configuration/CLDC-1.1", None),
    "a Japanese phone": ("DoCoMo/2.0 N905i(c100;TB;W24H16)", None),
    "a proxy browser": ("UCWEB/2.0 (Java; U; MIDP-2.0; en-us; nokia200) U2/1.0.0 UCBrowser/8.7.1.234 U2/1.0.0 Mobile", None),
}


@pytest.mark.parametrize("case", AGENTS_BY_KIND)
def test_agents_of_every_kind(case: str) -> None:
    agent, class_ = AGENTS_BY_KIND[case]
    reason = judged([agent])[0]
    assert reason == (None if class_ is None else bots.PROGRAM)
    frame = pl.DataFrame({"agent": [agent], "reason": [reason or "none"]})
    assert class_ in {None, frame.select(bots.class_of(pl.col("agent"), pl.col("reason"))).item()}


def test_a_missing_field_is_no_program() -> None:
    assert judged([None, "", " "]) == [None, bots.MISSING_AGENT, bots.MISSING_AGENT]


def test_a_crawler_on_a_phone_is_still_on_the_list() -> None:
    assert judged([f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 {GOOGLEBOT[12:]}"]) == [bots.LISTED]


def test_every_rule_is_written_as_the_lists_say() -> None:
    assert {kind for kind, *_ in rules("browsers")} == {"name", "sign", "ignored"}
    assert {class_ for class_, *_ in rules("programs")} == {"monitoring", "program"}


@pytest.mark.parametrize(
    ("agent", "name"),
    [("ShopApp/4.2 CFNetwork/1494", "ShopApp"), ("Shop App/4 (x)", "Shop App"), ("okhttp", "okhttp"), ("Mozilla/5.0 (x)", "Mozilla/5.0 (x)")],
)
def test_a_program_is_named_as_bots_keep_may_list_it(agent: str, name: str) -> None:
    assert programs.product(agent) == name


def test_health_checks_are_programs(tmp_path: Path) -> None:
    probes = [
        *("ELB-HealthChecker/2.0", "ELB-HealthChecker/2.0", "kube-probe/1.29", "GoogleHC/1.0"),
        "Amazon-Route53-Health-Check-Service (ref 0; report http://amzn.to/1vsZADi)",
    ]
    lines = [line("GET /", turn * 30, who=f"10.0.{one}.23 - -", agent=agent) for turn in range(20) for one, agent in enumerate(probes)]
    document = report(tmp_path, [*people(4, buys=[0]), line("GET /product/1", 20, who="203.0.113.0 - -", agent=CHROME), *lines], GOALS)
    assert counts(document) == (4, 4, 6, 3, 1, 100)
    assert document["input"]["bots"] == {"monitoring": 100}
    assert "programs-converted" not in notes(document)


def shop_app(number: int, agent: str = "ShopApp/3.1 (Android 14)") -> list[str]:
    """Return the lines of an app's users, each of whom buys."""
    return [line(f"GET {path}", 5 * one, who=f"198.51.100.{one} - -", agent=agent) for one in range(number) for path in ("/", "/thank-you")]


def test_programs_that_reached_a_macro_goal_are_named(tmp_path: Path) -> None:
    others = [line("GET /thank-you", 9, who=f"192.0.2.{one} - -", agent=f"{name}/1.0") for one, name in enumerate(("Kiosk", "Till", "Till", "Zap"))]
    lines = [*people(9, buys=[1]), *shop_app(5), *others]
    document = report(tmp_path, lines, GOALS)
    assert counts(document) == (9, 9, 10, 8, 1, 14)
    assert notes(document)["programs-converted"] == (
        "9 sessions that reached purchase were excluded as programs, judging by user agents that are not a browser's: "
        "ShopApp (5), Till (2), Kiosk (1), 1 more. If these are people, list them under bots.keep in goals.yaml."
    )
    kept = report(tmp_path, lines, f"{GOALS}\nsite: {{bots: {{keep: [ShopApp]}}}}")
    assert counts(kept) == (14, 14, 20, 8, 6, 4)
    assert notes(kept)["programs-converted"].startswith("4 sessions that reached purchase")


def test_known_crawlers_are_not_named_as_programs(tmp_path: Path) -> None:
    document = report(tmp_path, [*people(3), *shop_app(2, "curl/8.5.0")], GOALS)
    assert {"bots-converted"} == {code for code in notes(document) if code.endswith("-converted")}
    assert "programs-converted" not in notes(report(tmp_path, shop_app(2), GOALS, bots="keep"))


def test_rows_of_an_export_come_from_no_program(tmp_path: Path) -> None:
    """An app or a server reports what people do; the user agent is the sender's."""
    rows = [f'u{one},Order Completed,2026-10-10 12:00:0{one},/a,"okapi-sdk/2.{one} (Android)"' for one in range(5)]
    document = figures(written(tmp_path / "events.csv", ["user,event,timestamp,url,user_agent", *rows]))
    assert document["input"]["bot"] == 0


def scanner(who: str, paths: Sequence[str], status: int = 404) -> list[str]:
    """Return the lines of a visitor who views the home page and then requests some paths."""
    return [line("GET /", who=who, agent=CHROME), *(line(f"GET {path}", 1 + n, status, who=who, agent=CHROME) for n, path in enumerate(paths))]


def test_two_paths_that_only_scanners_request_make_a_scanner(tmp_path: Path) -> None:
    paths = ("/.env", "/.git/config", "/wp-login.php", "/phpinfo.php", "/.aws/credentials")
    lines = [text for one in range(6) for text in scanner(f"198.51.100.{one} - -", paths)]
    document = report(tmp_path, [*people(3, buys=range(3)), *lines], GOALS)
    assert counts(document) == (3, 3, 6, 0, 3, 36)
    assert document["input"]["bot_by_reason"] == {bots.SCANNER: 36}


@pytest.mark.parametrize(
    ("paths", "status", "is_scanner"),
    [
        (("/.env", "/.git/config"), 404, True),
        (("/.env", "/.git/config"), 200, True),
        (("/.env", "/.env"), 404, False),
        (("/wp-login.php", "/wp-login.php?action=lostpassword"), 200, False),
        (("/xmlrpc.php", "/about"), 404, False),
    ],
)
def test_one_path_that_scanners_request_is_not_enough(paths: Sequence[str], status: int, is_scanner: bool, tmp_path: Path) -> None:  # noqa: FBT001
    lines = [*scanner("198.51.100.1 - -", paths, status), line("GET /style.css", 3, agent=CHROME), *people(3)]
    assert report(tmp_path, lines, GOALS)["input"]["bot_by_reason"] == ({bots.SCANNER: 3} if is_scanner else {})


def without_agent(text: str) -> str:
    """Return a line in the common format."""
    return text.partition(' "-"')[0]


BEHAVIOURS: dict[str, tuple[list[str], str]] = {
    "robots.txt": ([line("GET /"), line("GET /robots.txt", 9)], bots.ROBOTS_TXT),
    "many pages": ([line(f"GET /{number}", number // 2) for number in range(200)], bots.FAST),
    "only 4xx": ([line("GET /old", status=404), line("GET /older", 2, 410)], bots.ONLY_ERRORS),
}
ASSETS = {"a stylesheet": "/style.css", "an image": "/logo.png"}


@pytest.mark.parametrize("case", BEHAVIOURS)
def test_behaviour_of_a_visitor_who_may_be_one_program(case: str, tmp_path: Path) -> None:
    lines, reason = BEHAVIOURS[case]
    assert report(tmp_path, [*lines, *people(1)], GOALS)["input"]["bot_by_reason"] == {reason: len(lines)}


@pytest.mark.parametrize("case", BEHAVIOURS)
@pytest.mark.parametrize("asset", ASSETS)
def test_whoever_loads_static_files_is_not_judged_by_these_rules(case: str, asset: str, tmp_path: Path) -> None:
    lines = [*BEHAVIOURS[case][0], line(f"GET {ASSETS[asset]}", 3)]
    assert report(tmp_path, [*lines, *people(1)], GOALS)["input"]["bot"] == 0
    named = f"{GOALS}\nsite: {{}}\n".replace("micro: {", f"micro: {{file: {ASSETS[asset]}, ")
    assert report(tmp_path, [*lines, *people(1)], named)["input"]["bot"] == 0


@pytest.mark.parametrize("case", BEHAVIOURS)
def test_without_user_agents_an_address_is_not_judged_by_these_rules(case: str, tmp_path: Path) -> None:
    lines = [without_agent(text) for text in (*BEHAVIOURS[case][0], line("GET /", who="203.0.113.99 - -"))]
    assert report(tmp_path, lines, GOALS)["input"]["bot"] == 0


def test_a_note_names_the_rules_that_exclude_a_third_of_the_sessions(tmp_path: Path) -> None:
    crawlers = [line(f"GET {path}", one, who=f"198.51.100.{one} - -") for one in range(4) for path in ("/", "/robots.txt")]
    scanners = [text for one in range(6, 8) for text in scanner(f"198.51.100.{one} - -", ("/.env", "/.git/config"))]
    document = report(tmp_path, [*people(12), *crawlers, *scanners], GOALS)
    assert notes(document)["bots-by-behaviour"] == (
        "6 of 18 sessions were excluded as bots for their behaviour: requested robots.txt (4), requested paths that only scanners request (2). "
        "With --bots keep, 18 sessions would be counted."
    )
    assert overview(report(tmp_path, [*people(12), *crawlers, *scanners], GOALS, bots="keep"))["sessions"] == 18
    fewer = report(tmp_path, [*people(13), *crawlers, *scanners], GOALS)
    assert "bots-by-behaviour" not in notes(fewer)
    assert fewer["input"]["bots_kept"] is None


def test_the_note_is_there_if_behaviour_excludes_everyone(tmp_path: Path) -> None:
    document = report(tmp_path, [line("GET /"), line("GET /a", 3), line("GET /robots.txt", 9)], GOALS)
    assert counts(document)[0] == 0
    assert notes(document)["bots-by-behaviour"].startswith("1 of 1 session was excluded as bots")


def test_sessions_of_many_lines_do_not_count_several_times(tmp_path: Path) -> None:
    """Many lines are counted, but they are one session only."""
    crawler = [line(f"GET /{number}", number, who="198.51.100.1 - -") for number in range(100)]
    document = report(tmp_path, [*people(5), *crawler, line("GET /robots.txt", 5, who="198.51.100.1 - -")], GOALS)
    assert "bots-by-behaviour" not in notes(document)
    assert document["input"]["bots_kept"] is None


def test_an_agent_without_quotes_is_read(tmp_path: Path) -> None:
    visits = [("203.0.113.9 - -", agent, path, at) for at, path in ((0, "/"), (20, "/thank-you")) for agent in (CHROME, IPHONE)]
    visits += [("192.0.2.66 - -", GOOGLEBOT, f"/product/{number}", 100 + number) for number in range(6)]
    lines = [line(f"GET {path}", at, who=who).partition(' "-"')[0] + f" {agent}" for who, agent, path, at in visits]
    document = report(tmp_path, lines, GOALS)
    assert counts(document) == (2, 2, 4, 0, 2, 6)
    assert document["input"]["bot_by_reason"] == {bots.LISTED: 6}


def test_a_duration_after_the_bytes_is_no_agent(tmp_path: Path) -> None:
    lines = [f"{without_agent(line('GET /', number, who=f'198.51.100.{number} - -'))} 0.25" for number in range(3)]
    assert counts(report(tmp_path, lines, GOALS))[5] == 0


def test_agents_without_quotes_also_identify_who_loaded_static_files(tmp_path: Path) -> None:
    lines = [without_agent(line(request, at)) + f" {FIREFOX}" for at, request in enumerate(("GET /", "GET /style.css", "GET /robots.txt"))]
    assert report(tmp_path, lines, GOALS)["input"]["bot"] == 0
