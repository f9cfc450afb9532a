"""What a page is: pieces of files, prefetching, data and images that pages load, sessions without a page, events as pages, and paths."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import runs
from engine.test_partition import both
from small_logs import FIREFOX, line, overview, reached_by, report, written

import convkit
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from conftest import Run

ROWS = {
    "a14": "test_data_and_images_that_a_page_loads_are_not_pages",
    "a16": "test_a_request_that_nobody_looked_at_is_not_a_page",
    "a17": "test_a_piece_of_a_file_is_not_a_page",
    "a20": "test_conversions_without_a_page_count_on_request",
    "a35": "test_case_can_be_ignored_and_check_names_goals_that_miss_by_it",
    "e30": "test_an_event_named_like_a_page_view_is_a_page",
    "e32": "test_names_are_compared_word_by_word",
    "e33": "test_sessions_of_an_export_stand_without_a_page",
    "e34": "test_the_path_stands_behind_the_hash",
    "e51": "test_a_passive_goal_leaves_a_bounce_a_bounce",
    "e51b": "test_a_passive_goal_leaves_a_bounce_a_bounce",
    "e60": "test_a_url_without_a_scheme_has_a_host_and_a_path",
    "F2": "test_a_page_without_a_leading_slash_gets_one",
    "F4": "test_one_page_view_does_not_take_other_visitors_out",
    "ap16": "test_pieces_of_a_download_are_one_download",
}
"""The observed cases, with the test of each."""

GOALS = "macro: {purchase: /thank-you}\nmicro: {product: /product/*, cart: /cart}\n"
FIGURES = ("sessions", "visitors", "pageviews", "bounces", "converted_sessions")


def figures(document: dict[str, Any]) -> list[int]:
    """Return sessions, visitors, page views, bounces and converted sessions."""
    metrics = overview(document)
    return [metrics[name] for name in FIGURES]


def reached(document: dict[str, Any]) -> dict[str, int]:
    """Return the number of sessions that reached each goal."""
    return {row["goal"]: row["reached"] for row in document["reports"]["goals"]}


def pages(document: dict[str, Any]) -> dict[str, int]:
    """Return the views of each page."""
    return {row["page"]: row["pageviews"] for row in document["reports"]["pages"]}


def notes(document: dict[str, Any]) -> dict[str, str]:
    """Return the notes by code."""
    return {note["code"]: note["text"] for note in document["notes"]}


def visit(number: int, requests: Iterable[tuple[str, int, int]], **more: str) -> list[str]:
    """Return the lines of one visitor's requests, given with second and status; each visitor comes an hour after the one before."""
    return [line(request, number * 3600 + second, status, who=f"198.51.100.{number} - -", **more) for request, second, status in requests]


def export(folder: Path, rows: Iterable[str], goals: str = "macro: {purchase: {event: purchase}}\n", header: str = "time,event,user_id,url") -> Any:  # noqa: ANN401 (JSON)
    """Return the report on rows of an export, whose times are minutes."""
    lines = [header, *(f"2026-10-01T09:{row}" for row in rows)]
    log = written(folder / "events.csv", lines)
    return json.loads(runs.render(runs.document([log], goals=parse_goals(goals, "goals.yaml")), "json"))


# Access logs


def test_a_piece_of_a_file_is_not_a_page(tmp_path: Path) -> None:
    stream = [("GET /media/stream/17", second, 206) for second in range(5, 29, 2)]
    lines = [
        *visit(1, [("GET /course/1", 0, 200), *stream, ("GET /thank-you", 300, 200)]),
        *visit(2, [("GET /course/1", 0, 200), *stream]),
        *visit(3, [("GET /course/1", 0, 200), *stream]),
    ]
    document = report(tmp_path, lines, GOALS)
    assert figures(document) == [3, 3, 4, 2, 1]
    assert pages(document) == {"/course/1": 3, "/thank-you": 1}
    assert document["input"]["background"] == 36
    assert notes(document)["not-viewed"].startswith("36 requests loaded a piece of a file or data for a page, or were prefetched, and do not count")
    named = report(tmp_path, lines, "macro: {watched: {request: GET /media/**}}\n")
    assert (reached(named), overview(named)["bounces"]) == ({"watched": 3}, 0)


def test_a_page_goal_does_not_match_a_piece_unless_it_names_the_status(tmp_path: Path) -> None:
    lines = visit(1, [("GET /", 0, 200), ("GET /film", 5, 206), ("GET /film", 9, 206)])
    assert reached_by(tmp_path, lines, "macro: {a: {page: /film, once_per: hit}}")["a"] == []
    assert reached_by(tmp_path, lines, "macro: {a: {page: /film, status: 206, once_per: hit}}")["a"] == [2, 3]


def test_a_log_of_pieces_alone_has_no_session(tmp_path: Path) -> None:
    assert figures(report(tmp_path, visit(1, [("GET /film", 5, 206), ("GET /film", 9, 206)]), GOALS)) == [0, 0, 0, 0, 0]


def test_pieces_of_a_download_are_one_download(tmp_path: Path) -> None:
    ranges = [("GET /files/guide.pdf", 10 + second, 206) for second in range(20)]
    document = report(tmp_path, visit(1, [("GET /", 0, 200), *ranges]), "macro: {guide: {download: /files/*.pdf, once_per: hit}}\n")
    assert [row["conversions"] for row in document["reports"]["goals"]] == [1]
    assert "not-viewed" not in notes(document)
    unnamed = report(tmp_path, visit(1, [("GET /", 0, 200), *ranges]), GOALS)
    assert (figures(unnamed), unnamed["input"]["kept"]) == ([1, 1, 1, 1, 0], 21)


def test_data_and_images_that_a_page_loads_are_not_pages(tmp_path: Path) -> None:
    loaded = [
        ("GET /_next/image?url=%2Fmug.png&w=640&q=75", 0, 200),
        *((f"GET /{page}?_rsc=1a2b3", 1, 200) for page in ("products", "cart", "checkout")),
    ]
    bought = [(f"GET /{page}", 60 * number, 200) for number, page in enumerate(["products", "cart", "checkout", "checkout/thank-you"], start=1)]
    lines = [one for number in range(1, 5) for one in visit(number, [("GET /", 0, 200), *loaded])] + visit(5, [("GET /", 0, 200), *loaded, *bought])
    goals = "macro: {purchase: /checkout/thank-you}\nmicro: {products: /products, cart: /cart, checkout: /checkout}\n"
    document = report(tmp_path, lines, goals)
    assert figures(document) == [5, 5, 9, 4, 1]
    assert reached(document) == {"purchase": 1, "products": 1, "cart": 1, "checkout": 1}
    assert "/_next/image" not in pages(document)
    assert (document["input"]["asset"], document["input"]["background"]) == (5, 15)


TARGETS = {
    "/_next/image?url=a": "asset",
    "/docs/_next/image?url=a": "asset",
    "/_vercel/image?url=a": "asset",
    "/_image?href=a": "asset",
    "/_ipx/w_200/a": "asset",
    "/.netlify/images?url=a": "asset",
    "/cdn-cgi/image/width=80/a": "asset",
    "/web/image/product.product/7/image_512": "asset",
    "/cdn-cgi/trace": "background",
    "/shop/__data.json?x=1": "background",
    "/_next/data/build/cart.json": "background",
    "/cart?_rsc=1&x=2": "background",
    "/cart?x=1&_rsc": "background",
    "/cart?x=_rsc": "kept",
    "/cart?my_rsc=1": "kept",
    "/image": "kept",
    "/web/images": "kept",
    "/my_image": "kept",
}


def test_lists_of_data_and_images(tmp_path: Path) -> None:
    lines = [text for number, target in enumerate(TARGETS) for text in visit(number, [("GET /", 0, 200), (f"GET {target}", 9, 200)])]
    hits = convkit.read_hits([written(tmp_path / "access.log", lines)], goals=parse_goals(GOALS, "goals.yaml")).collect()
    fates = dict(hits.select("line_no", "fate").rows())
    assert {target: fates.get(2 * number, "asset") for number, target in enumerate(TARGETS, start=1)} == TARGETS
    assert report(tmp_path, lines, GOALS)["input"]["asset"] == 8


def test_an_image_service_that_a_goal_names_is_an_event(tmp_path: Path) -> None:
    document = report(tmp_path, visit(1, [("GET /", 0, 200), ("GET /_image?href=a", 9, 200)]), "macro: {seen: /_image}\n")
    assert (reached(document), overview(document)["bounces"]) == ({"seen": 1}, 0)


def test_a_goal_can_still_name_a_parameter_of_the_background(tmp_path: Path) -> None:
    lines = visit(1, [("GET /", 0, 200), ("GET /cart?_rsc=1", 9, 200), ("GET /cart", 30, 200)])
    goals = "macro: {page: {page: /cart, once_per: hit}}\nmicro: {data: {request: GET /cart, query: _rsc, once_per: hit}}\n"
    assert reached_by(tmp_path, lines, goals) == {"page": [3], "data": [2]}


def caddy(second: int, target: str, client: str = "203.0.113.1", **headers: str) -> str:
    """Return a line of Caddy's log; the names of headers have `_` in place of `-`."""
    sent = {"User-Agent": [FIREFOX], **{name.replace("_", "-"): [value] for name, value in headers.items()}}
    request = {"client_ip": client, "remote_ip": client, "proto": "HTTP/2.0", "method": "GET", "host": "shop.example", "uri": target, "headers": sent}
    whole = {"level": "info", "ts": 1791799200.0 + second, "logger": "http.log.access", "msg": "handled request", "request": request}
    return json.dumps(whole | {"duration": 0.004, "size": 5120, "status": 200})


def test_a_request_that_nobody_looked_at_is_not_a_page(tmp_path: Path) -> None:
    lines = []
    for number in range(1, 5):
        client, start = f"203.0.113.{number}", number * 3600
        lines += [
            caddy(start, "/", client, Sec_Fetch_Dest="document"),
            caddy(start, "/style.css", client, Sec_Fetch_Dest="style"),
            caddy(start + 4, "/product/1", client, Sec_Fetch_Dest="document", Sec_Purpose="prefetch"),
            caddy(start + 4, "/cart", client, Sec_Fetch_Dest="document", Sec_Purpose="prefetch;prerender"),
            caddy(start + 5, "/stock", client, Sec_Fetch_Dest="empty"),
            caddy(start + 5, "/embedded", client, Sec_Fetch_Dest="iframe"),
        ]
    document = report(tmp_path, lines, GOALS)
    assert figures(document) == [4, 4, 4, 4, 0]
    assert reached(document) == {"purchase": 0, "product": 0, "cart": 0}
    assert (document["input"]["background"], document["input"]["asset"]) == (16, 4)
    log = written(tmp_path / "access.log", lines)
    _, one, parts = both([log], 300, goals=parse_goals(GOALS, "goals.yaml"))
    assert one == parts


def test_headers_that_show_whether_a_page_was_viewed(tmp_path: Path) -> None:
    """Headers that are missing from most lines are read all the same."""
    viewed = [{"Sec_Fetch_Dest": "document"}, {"Sec_Fetch_Dest": ""}, {"Sec_Purpose": "something-new"}]
    unviewed = [{"Purpose": "prefetch"}, {"X_Moz": "prefetch"}, {"Sec_Fetch_Dest": "fencedframe"}]
    lines = [caddy(second, "/") for second in range(0, 9000, 3)]
    lines += [caddy(9000, f"/{number}", **headers) for number, headers in enumerate([*viewed, *unviewed])]
    assert pages(report(tmp_path, lines, GOALS)) == {"/": 3000, "/0": 1, "/1": 1, "/2": 1}


NGINX = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_sec_purpose"'
APACHE = r"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" \"%{Sec-Fetch-Dest}i\""


@pytest.mark.parametrize(("log_format", "unviewed"), [(NGINX, "prefetch"), (APACHE, "empty")])
def test_a_format_string_can_name_these_headers(log_format: str, unviewed: str, tmp_path: Path) -> None:
    lines = [f'{line("GET /")} "-"', f'{line("GET /cart", 9)} "{unviewed}"', f'{line("GET /product/1", 19)} "-"']
    document = report(tmp_path, lines, GOALS, log_format=log_format)
    assert (reached(document)["cart"], reached(document)["product"], overview(document)["pageviews"]) == (0, 1, 2)


def test_what_is_probably_no_page_is_found_behind_posts_and_by_parameter(tmp_path: Path, convkit_command: Run) -> None:
    lines = []
    for number in range(1, 61):
        lines += visit(
            number,
            [
                ("GET /", 0, 200), ("POST /track", 0, 200), ("GET /widget", 1, 200), ("GET /news", 60, 200), ("GET /news?ajax=1&_=2", 61, 200),
                ("POST /login", 90, 302), ("GET /account", 90, 200), ("GET /news?page=2", 120, 200),
                ("POST /checkout", 150, 302), ("GET /checkout/thank-you", 150, 200),
            ],
        )  # fmt: skip
    text = notes(report(tmp_path, lines, GOALS))["like-no-page"]
    assert "/widget (60 of 60 times)" in text
    assert "?ajax (60 of 60 times)" in text
    assert "/account" not in text
    assert "?page" not in text
    quiet = report(tmp_path, lines, f"site: {{ignore: {{paths: ['?ajax', /widget]}}}}\n{GOALS}")
    assert "like-no-page" not in notes(quiet)
    assert pages(quiet)["/news"] == 120
    log = written(tmp_path / "access.log", lines)
    assert convkit_command("init", str(log), "-o", str(tmp_path / "new.yaml"))[0] == 0
    assert "ajax" in (tmp_path / "new.yaml").read_text()
    assert "like-no-page" not in convkit_command("check", str(log), "-g", str(tmp_path / "new.yaml"))[1]


PIXEL = """
site: {visitor: [query._id, address+browser]}
macro: {purchase: {request: GET /matomo.php, query: {idgoal: 0}, value: query.revenue, once_per: query.ec_id}}
micro: {cart: {request: GET /matomo.php, query: {url: 'https://shop.example/cart'}}}
funnels: {buy: [cart, purchase]}
"""


def test_conversions_without_a_page_count_on_request(tmp_path: Path) -> None:
    lines = []
    for number in range(1, 4):
        views = [
            (f"GET /matomo.php?rec=1&url=https%3A%2F%2Fshop.example%2F{page}&_id=abc{number}", 20 * place, 204)
            for place, page in enumerate(["", "cart"])
        ]
        lines += visit(number, [*views, (f"GET /matomo.php?idgoal=0&revenue=25.50&ec_id=A{number}&_id=abc{number}", 80, 204)])
    document = report(tmp_path, lines, PIXEL)
    assert overview(document)["sessions"] == 0
    assert "--set pageless_sessions=true" in notes(document)["no-page"]
    counted = report(tmp_path, lines, PIXEL.replace("site: {", "site: {pageless_sessions: true, "))
    assert (overview(counted)["sessions"], overview(counted)["converted_sessions"], overview(counted)["value"]) == (3, 3, 76.5)
    assert [row["reached"] for row in counted["reports"]["funnel"]] == [3, 3]
    assert "no-page" not in notes(counted)


def test_sessions_without_a_page_are_set_aside_in_access_logs(tmp_path: Path) -> None:
    lines = [*visit(1, [("GET /", 0, 200)]), *visit(2, [("POST /api/order", 0, 200)])]
    goals = "macro: {order: POST /api/order}\n"
    assert figures(report(tmp_path, lines, goals)) == [1, 1, 1, 1, 0]
    assert figures(report(tmp_path, lines, f"site: {{pageless_sessions: true}}\n{goals}")) == [2, 2, 1, 2, 1]


# Exports


def test_sessions_of_an_export_stand_without_a_page(tmp_path: Path) -> None:
    rows = ["00:01Z,page_view,w1,/", "00:31Z,page_view,w1,/product/1", "01:31Z,purchase,w1,", "00:01Z,page_view,w2,/"]
    for user, buys in (("a1", True), ("a2", False), ("a3", False), ("a4", True)):
        rows += [f"00:01Z,app_open,{user},", f"00:21Z,product_view,{user},", *([f"00:51Z,purchase,{user},"] if buys else [])]
    document = export(tmp_path, rows)
    assert figures(document) == [6, 6, 3, 1, 3]
    assert pages(document) == {"/": 2, "/product/1": 1}
    _, one, parts = both(
        [tmp_path / "events.csv"],
        300,
        goals=parse_goals(
            "macro: {purchase: {event: purchase}}\nmicro: {opened: {event: app_open}}\nfunnels: {f: [opened, purchase]}\n", "goals.yaml"
        ),
    )
    assert one == parts
    sessions = runs.document([tmp_path / "events.csv"], ["sessions"], goals=parse_goals("macro: {a: {event: purchase}}", "goals.yaml"))
    assert sessions.reports["sessions"].frame["landing"].null_count() == 4
    by_landing = runs.document(
        [tmp_path / "events.csv"], ["overview"], goals=parse_goals("macro: {a: {event: purchase}}", "goals.yaml"), by="landing"
    )
    assert sorted(by_landing.reports["overview"].frame["sessions"].to_list()) == [2, 4]


def test_one_page_view_does_not_take_other_visitors_out(tmp_path: Path) -> None:
    rows = ["00:00Z,add_to_cart,u1,", "01:00Z,purchase,u1,", "02:00Z,add_to_cart,u2,", "03:00Z,add_to_cart,u3,", "04:00Z,page_view,u4,"]
    assert figures(export(tmp_path, rows)) == [4, 4, 1, 3, 1]


def test_background_events_alone_make_no_session(tmp_path: Path) -> None:
    rows = ["00:00Z,page_view,u1,/", "01:00Z,session_start,u2,", "02:00Z,scroll,u2,", "03:00Z,heartbeat,u3,"]
    assert figures(export(tmp_path, rows)) == [1, 1, 1, 1, 0]


def test_an_event_named_like_a_page_view_is_a_page(tmp_path: Path) -> None:
    rows = ["00:00Z,page_load,u1,/", "01:00Z,page_load,u1,/pricing", "02:00Z,click,u1,/pricing", "03:00Z,page_load,u1,/thanks"]
    document = export(
        tmp_path, [*rows, "00:00Z,page_load,u2,/", "01:00Z,click,u2,/pricing"], "macro: {thanks: /thanks}\nmicro: {pricing: /pricing}\n"
    )
    assert pages(document) == {"/": 2, "/pricing": 1, "/thanks": 1}
    assert reached(document) == {"thanks": 1, "pricing": 1}
    assert "event-pages" not in notes(document)


NAMES = (
    "page", "page_view", "pageview", "PageView", "$pageview", "Page Viewed", "page_hit", "Loaded a page", "Viewed Page", "screen", "screen_view",
    "ScreenViewed", "[Amplitude] Page Viewed", "$mp_web_page_view", "page load", "PAGE_LOADED", "virtual_pageview",
)  # fmt: skip
NO_NAMES = (
    "screenshot_taken",
    "screen_share_started",
    "page_closed_banner",
    "homepage_click",
    "landing",
    "page_error",
    "webpage_form_sent",
    "viewed_product",
)


def test_names_are_compared_word_by_word(tmp_path: Path) -> None:
    document = export(tmp_path, [f"00:00Z,{name},u{number},/{name}" for number, name in enumerate([*NAMES, *NO_NAMES])])
    assert {*pages(document)} == {f"/{name}" for name in NAMES}


def test_pages_without_a_url_are_called_like_the_event(tmp_path: Path) -> None:
    rows = ["00:00Z,screen_view,u1,", "00:30Z,screenshot_taken,u1,", "01:00Z,screen_share_started,u1,", "00:00Z,screen_view,u2,"]
    document = export(tmp_path, rows)
    assert (pages(document), figures(document)[:4]) == ({"screen_view": 2}, [2, 2, 2, 1])


def test_if_no_event_is_named_like_a_page_view_those_with_a_url_are_pages(tmp_path: Path) -> None:
    rows = ["00:00Z,home,u1,/", "01:00Z,buy,u1,/cart", "02:00Z,purchase,u1,", "00:00Z,scroll,u2,/never", "01:00Z,home,u2,/"]
    document = export(tmp_path, rows)
    assert (pages(document), figures(document)) == ({"/": 2, "/cart": 1}, [2, 2, 3, 1, 1])
    assert notes(document)["event-pages"].startswith("No event is named like a page view, so every event with a URL counts as one")
    _, one, parts = both([tmp_path / "events.csv"], 300, goals=parse_goals("macro: {purchase: {event: purchase}}\n", "goals.yaml"))
    assert one == parts


def test_if_no_event_has_a_url_event_names_stand_for_pages(tmp_path: Path) -> None:
    document = export(tmp_path, ["00:00Z,opened,u1,", "01:00Z,purchase,u1,"])
    assert (pages(document), "event-pages" in notes(document)) == ({"opened": 1, "purchase": 1}, False)


# Passive goals


def popups() -> list[str]:
    """Return rows of 40 visitors who all were shown a popup on the home page; every fourth then viewed another page."""
    rows = []
    for number in range(40):
        rows += [f"{number:02}:00Z,page_view,u{number},/", f"{number:02}:01Z,popup_shown,u{number},/"]
        rows += [f"{number:02}:30Z,page_view,u{number},/a"] if number % 4 == 0 else []
    return rows


@pytest.mark.parametrize(
    ("site", "goal", "bounces"),
    [
        ("{}", "{event: popup_shown, passive: true}", 30),
        ("{ignore: {events: [popup_shown]}}", "{event: popup_shown, passive: true}", 30),
        ("{ignore: {events: [popup_shown]}}", "{event: other}", 30),
        ("{ignore: {events: [popup_shown]}}", "{event: popup_shown}", 0),
        ("{}", "{event: other}", 0),
        ("{}", "{event: popup_shown, passive: false}", 0),
    ],
)
def test_a_passive_goal_leaves_a_bounce_a_bounce(site: str, goal: str, bounces: int, tmp_path: Path) -> None:
    document = export(tmp_path, popups(), f"site: {site}\nmacro: {{a: /a}}\nmicro: {{popup: {goal}}}\n")
    assert figures(document) == [40, 40, 50, bounces, 10]
    assert reached(document) == {"a": 10, "popup": 40 if "popup_shown" in goal else 0}


def test_a_passive_hit_of_an_access_log_is_neither_a_page_nor_an_event(tmp_path: Path) -> None:
    lines = [
        *visit(1, [("GET /", 0, 200), ("GET /popup", 5, 200)]),
        *visit(2, [("GET /popup", 5, 200)]),
        *visit(3, [("GET /", 0, 200), ("GET /px.gif", 5, 200)]),
    ]
    document = report(tmp_path, lines, "macro: {popup: {page: /popup, passive: true}}\nmicro: {px: {page: /px.gif, passive: true}}\n")
    assert (figures(document), reached(document)) == ([2, 2, 2, 2, 1], {"popup": 1, "px": 1})
    assert pages(document) == {"/": 2}


def test_another_goal_makes_a_passive_hit_an_interaction(tmp_path: Path) -> None:
    lines = visit(1, [("GET /", 0, 200), ("POST /poll", 5, 200)])
    passive = "micro: {poll: {request: POST /poll, passive: true}}\n"
    assert overview(report(tmp_path, lines, f"macro: {{a: /}}\n{passive}"))["bounces"] == 1
    assert overview(report(tmp_path, lines, f"macro: {{a: POST /poll}}\n{passive}"))["bounces"] == 0


def test_a_passive_goal_can_be_a_step_but_not_in_strict_order(tmp_path: Path) -> None:
    goals = "macro: {a: /a}\nmicro: {popup: {event: popup_shown, passive: true}}\nfunnels: {f: [popup, a]}\n"
    document = export(tmp_path, popups(), goals)
    assert [row["reached"] for row in document["reports"]["funnel"]] == [40, 10]
    with pytest.raises(Exception, match="popup is passive, and `order: strict` follows interactions only"):
        parse_goals(goals.replace("{f: [popup, a]}", "{f: {steps: [popup, a], order: strict}}"), "goals.yaml")
    with pytest.raises(Exception, match="`passive` applies to the whole list"):
        parse_goals("macro: {a: [/a, {page: /b, passive: true}]}", "goals.yaml")


# Paths


def test_the_path_stands_behind_the_hash(tmp_path: Path) -> None:
    urls = ["#/", "#/pricing", "#/checkout?plan=pro", "#/thanks"]
    rows = [
        *(f"0{minute}:00Z,page_view,u1,https://app.example/{url}" for minute, url in enumerate(urls)),
        "00:00Z,page_view,u2,https://app.example/#/pricing",
    ]
    goals = "macro: {thanks: /thanks}\nmicro: {pricing: /pricing, pro: {page: /checkout, query: {plan: pro}}}\n"
    document = export(tmp_path, rows, goals)
    assert reached(document) == {"thanks": 1, "pricing": 2, "pro": 1}
    assert pages(document) == {"/": 1, "/pricing": 2, "/checkout": 1, "/thanks": 1}
    assert "hash_routes: false" in notes(document)["hash-routes"]
    _, one, parts = both([tmp_path / "events.csv"], 300, goals=parse_goals(goals, "goals.yaml"))
    assert one == parts
    off = export(tmp_path, rows, f"site: {{hash_routes: false}}\n{goals}")
    assert (pages(off), "hash-routes" in notes(off)) == ({"/": 5}, False)


@pytest.mark.parametrize(("routes", "others", "is_used"), [(1, 2, True), (1, 3, False), (0, 3, False), (2, 0, True)])
def test_a_third_of_the_urls_decides(routes: int, others: int, *, is_used: bool, tmp_path: Path) -> None:
    rows = [*(f"0{n}:00Z,page_view,u1,/shop#!/cart" for n in range(routes)), *(f"1{n}:00Z,page_view,u1,/shop#part" for n in range(others))]
    assert ("/cart" in pages(export(tmp_path, rows))) == is_used
    asked = export(tmp_path, rows, "site: {hash_routes: true}\nmacro: {a: /a}\n")
    assert pages(asked).get("/cart", 0) == routes


def test_a_url_without_a_scheme_has_a_host_and_a_path(tmp_path: Path) -> None:
    rows = ["00:00Z,page_view,u1,shop.example/pricing", "01:00Z,page_view,u1,www.shop.example/thanks?x=1", "02:00Z,page_view,u2,shop.example/"]
    goals = "macro: {thanks: /thanks}\nmicro: {pricing: /pricing}\n"
    document = export(tmp_path, rows, goals)
    assert (reached(document), pages(document)) == ({"thanks": 1, "pricing": 1}, {"/": 1, "/pricing": 1, "/thanks": 1})
    other = export(tmp_path, rows, f"site: {{hosts: [shop.example]}}\n{goals}")
    assert other["input"]["excluded"] == 1


URLS = {
    "shop.example": "/",
    "localhost:8080/cart": "/cart",
    "shop.co.uk?x=1": "/",
    "shop.pl/a": "/a",
    "index.html": "/index.html",
    "cart.php?id=1": "/cart.php",
    "checkout.payment": "/checkout.payment",
    "Product.Detail": "/Product.Detail",
    "report.pdf": "/report.pdf",
    "shop/cart": "/shop/cart",
    "//shop.example/cart": "/cart",
    "//cart": "/cart",
}


def test_what_is_a_host(tmp_path: Path) -> None:
    log = written(tmp_path / "events.csv", ["time,event,user_id,url", *(f"2026-10-01T09:00:00Z,page_view,u1,{url}" for url in URLS)])
    assert dict(zip(URLS, convkit.read_hits([log]).sort("line_no").collect()["page"], strict=True)) == URLS


def test_a_page_without_a_leading_slash_gets_one(tmp_path: Path) -> None:
    log = written(tmp_path / "steps.csv", ["visitor_id;date;time;page", "a;2026-06-24;10:06:37;home", "a;2026-06-24;10:07:37;cart"])
    goals = parse_goals("macro: {cart: /cart}\nfunnels: {f: [/home, cart]}\n", "goals.yaml")
    document = json.loads(runs.render(runs.document([log], goals=goals), "json"))
    assert (pages(document), reached(document)) == ({"/home": 1, "/cart": 1}, {"cart": 1})
    assert [row["reached"] for row in document["reports"]["funnel"]] == [1, 1]


IIS = "#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) cs(Referer) sc-status"


def test_case_can_be_ignored_and_check_names_goals_that_miss_by_it(tmp_path: Path, convkit_command: Run) -> None:
    written_as = (("/Default.aspx", "/Shop/Cart.aspx", "/Shop/ThankYou.aspx"), ("/Default.aspx", "/shop/cart.aspx", "/shop/thankyou.aspx"))
    agent = FIREFOX.replace(" ", "+")
    lines = [
        f"2026-10-12 1{visitor}:0{minute}:00 GET {path} - 198.51.100.{visitor} {agent} - 200"
        for visitor, paths in enumerate([*written_as, ("/", "/SHOP/Cart.aspx", "/Shop/Thankyou.aspx")])
        for minute, path in enumerate(paths)
    ]
    goals = "macro: {purchase: /Shop/ThankYou.aspx}\nmicro: {cart: /Shop/Cart.aspx}\nfunnels: {buy: [cart, purchase]}\n"
    assert reached(report(tmp_path, [IIS, *lines], goals)) == {"purchase": 1, "cart": 1}
    ignoring = report(tmp_path, [IIS, *lines], f"site: {{ignore_case: true}}\n{goals}")
    assert reached(ignoring) == {"purchase": 3, "cart": 3}
    assert pages(ignoring) == {"/default.aspx": 2, "/": 1, "/shop/cart.aspx": 3, "/shop/thankyou.aspx": 3}
    (tmp_path / "goals.yaml").write_text(goals)
    code, output, _ = convkit_command("check", str(tmp_path / "access.log"), "-g", str(tmp_path / "goals.yaml"))
    assert code == 0
    assert "case: purchase misses 2 hits whose path differs only in upper and lower case" in output
    (tmp_path / "goals.yaml").write_text(f"site: {{ignore_case: true}}\n{goals}")
    assert "case:" not in convkit_command("check", str(tmp_path / "access.log"), "-g", str(tmp_path / "goals.yaml"))[1]


@pytest.mark.parametrize("pattern", ["/Shop/*", "/shop/*", "re:/SHOP/.*", "/**/CART"])
def test_every_kind_of_pattern_ignores_case(pattern: str, tmp_path: Path) -> None:
    lines = visit(1, [("GET /", 0, 200), ("GET /sHop/Cart", 9, 200)])
    goals = f"site: {{ignore_case: true, group: ['{pattern}']}}\nmacro: {{a: {{page: '{pattern}'}}}}\n"
    document = report(tmp_path, lines, goals, where=f"page={pattern}")
    assert (reached(document), overview(document)["sessions"]) == ({"a": 1}, 1)
    assert pages(document) == {"/": 1, pattern: 1}


def test_check_is_silent_where_case_does_not_matter(tmp_path: Path, convkit_command: Run) -> None:
    log = written(tmp_path / "access.log", visit(1, [("GET /", 0, 200), ("GET /Cart", 9, 404), ("GET /cart", 12, 200)]))
    (tmp_path / "goals.yaml").write_text("macro: {cart: /cart}\n")
    assert "case:" not in convkit_command("check", str(log), "-g", str(tmp_path / "goals.yaml"))[1]
