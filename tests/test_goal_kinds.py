"""Every key of a goal does what its example says, alone and with others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from small_logs import conversions, line, reached_by, report

from convkit import plugins
from convkit.goals import parse_goals

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

KINDS = plugins.load_all("goal_kinds")
EVERY_KIND = pytest.mark.parametrize(("key", "module"), [*zip(plugins.keys("goal_kinds"), KINDS.values(), strict=True)], ids=KINDS)

PLAYED = {
    "page": (["GET /thank-you", "GET /thank-you/?order=7", "GET /thank-you 304"], ["GET /thanks", "POST /thank-you", "GET /thank-you 404"]),
    "request": (["POST /register 302", "POST /register?x=1 303"], ["POST /register", "GET /register 302", "POST /register/x 302"]),
    "download": (["GET /files/a.pdf", "GET /files/B.pdf 206", "GET /files/c.pdf 304"], ["GET /files/d.pdf 404", "GET /files/x/a.pdf"]),
    "query": (["GET /a?utm_medium=email", "GET /b?x=1&utm_medium=email"], ["GET /a?utm_medium=mail", "GET /a", "POST /a?utm_medium=email"]),
    "any": (["GET /contact/thanks", "POST /quote", "POST /quote 302"], ["GET /quote", "POST /contact/thanks", "POST /quote 422"]),
    "status": (["POST /newsletter 302", "POST /newsletter 303"], ["POST /newsletter", "POST /newsletter 404", "GET /newsletter 302"]),
    "except": (["GET /blog/a", "GET /blog/a/b"], ["GET /blog/archive/1", "GET /blog", "GET /blog/archive/1/2"]),
    "at_least": (["GET /product/2"], ["GET /product/1", "GET /product/1", "GET /product", "GET /product/3"]),
    "stayed": (["GET /late +300"], ["GET /first", "GET /second +299", "GET /later +400"]),
    "once_per": (["GET /thank-you?order=1", "GET /thank-you?order=2"], ["GET /thank-you?order=1", "GET /thanks?order=3"]),
}
"""A key, and of its example: requests on which it is true, and requests on which it is not."""

ORDERS = {
    "at_least": ["GET /product/1", "GET /product/1", "GET /product", "GET /product/2", "GET /product/3"],
    "once_per": ["GET /thank-you?order=1", "GET /thank-you?order=1", "GET /thanks?order=3", "GET /thank-you?order=2"],
    "stayed": ["GET /first", "GET /second +299", "GET /late +300", "GET /later +400"],
}
"""Where the order matters: the requests in their order; elsewhere those that fit come first."""


def hits(requests: list[str]) -> list[str]:
    """Return the lines of one visitor's requests, `METHOD target [status] [+second]`; before them a page."""
    lines = [line("GET /welcome")]
    for second, request in enumerate(requests, start=1):
        method, target, *more = request.split()
        status = next((int(word) for word in more if word.isdigit()), 200)
        later = next((int(word) for word in more if word.startswith("+")), second)
        lines.append(line(f"{method} {target}", later, status))
    return lines


def on(folder: Path, goal: str, requests: list[str]) -> list[str]:
    """Return the requests of one visitor on which a goal is true."""
    found = reached_by(folder, hits(requests), f"macro: {{sale: {goal}}}")["sale"]
    return [requests[number - 2] for number in found if number > 1]


@EVERY_KIND
def test_a_key_has_a_role_and_what_the_role_needs(key: str, module: ModuleType) -> None:
    assert module.ROLE in {"what", "which", "how", "count"}
    assert callable(module.read)
    assert callable(module.names if module.ROLE in {"what", "which"} else module.turns)
    assert hasattr(module, "names") != hasattr(module, "turns")
    assert re.search(rf"\b{key}:", module.EXAMPLE)
    assert module.__doc__


EXPORTED = {
    "event": (["video_play,31", "video_play,"], ["video_player,31", "page_view,31"]),
    "where": (["video_play,31", "video_play,30.0", "video_play,1e3"], ["video_play,29.9", "video_play,", "video_play,long", "audio_play,31"]),
}
"""The same of keys about events: rows of an export, `event,seconds`."""


@pytest.mark.parametrize("key", EXPORTED)
def test_its_example_matches_rows_of_an_export_as_it_says(key: str, tmp_path: Path) -> None:
    fitting, others = EXPORTED[key]
    rows = [f"u1,2026-10-10 12:00:{second:02},{row}" for second, row in enumerate(fitting + others)]
    found = reached_by(tmp_path, ["user,time,event,seconds", *rows], f"macro: {{sale: {{any: [{KINDS[key].EXAMPLE}], once_per: hit}}}}")["sale"]
    assert [row for line, row in enumerate(fitting + others, start=2) if line in found] == fitting


@pytest.mark.parametrize(("key", "module"), [(key, KINDS[key.replace("_", "-")]) for key in PLAYED])
def test_its_example_is_free_of_mistakes_and_matches_as_it_says(key: str, module: ModuleType, tmp_path: Path) -> None:
    assert parse_goals(f"macro: {{sale: {module.EXAMPLE}}}", None).goals[0].name == "sale"
    fitting, others = PLAYED[key]
    assert on(tmp_path, module.EXAMPLE, ORDERS.get(key, fitting + others)) == fitting


@EVERY_KIND
def test_what_it_cannot_read_is_a_problem_and_no_crash(key: str, module: ModuleType) -> None:
    """A goal takes any goal as its exception, so there the mistake is one level down."""
    wrong = "{page: []}" if key == "except" else "{a: {b: c}}"
    with pytest.raises(Exception, match=r"^goals.yaml:1:\d+: ") as raised:
        parse_goals(f"macro: {{sale: {{{key}: {wrong}}}}}", "goals.yaml")
    assert type(raised.value).__name__ == "GoalsFileError"
    assert module.__name__.endswith(key)


COMBINED = {
    "/thank-you": (["GET /thank-you"], ["POST /thank-you"]),
    "POST /pay": (["POST /pay", "POST /pay 302"], ["GET /pay", "POST /pay 500"]),
    "[/a, POST /b, {page: /c, query: x}]": (["GET /a", "POST /b", "GET /c?x"], ["POST /a", "GET /b", "GET /c"]),
    "{page: [/a, /b]}": (["GET /a", "GET /b"], ["GET /c"]),
    "{page: /a, status: 404}": (["GET /a 404"], ["GET /a", "POST /a 404", "GET /b 404"]),
    "{page: /a, status: [404, 5xx]}": (["GET /a 404", "GET /a 503"], ["GET /a", "GET /a 403"]),
    "{page: /a, status: 204}": (["GET /a 204"], ["GET /a"]),
    "{page: /a}": (["GET /a", "GET /a 206"], ["GET /a 204", "GET /a 302"]),
    "{request: POST /a, status: 2xx}": (["POST /a", "POST /a 204"], ["POST /a 302", "POST /a 404"]),
    "{request: POST /api/**}": (["POST /api/cart", "POST /api/cart/x 302"], ["GET /api/cart", "POST /apis"]),
    "{request: GET /go, status: 3xx}": (["GET /go 302"], ["GET /go", "GET /go 304 +9", "GET /gone 302"][::2]),
    "{request: [POST /a, PUT /b]}": (["POST /a", "PUT /b"], ["PUT /a", "POST /b"]),
    "{request: HEAD /a}": ([], ["HEAD /a"]),
    "{page: /feed.xml}": (["GET /feed.xml"], ["GET /feeds.xml"]),
    "{page: /px.gif}": (["GET /px.gif", "GET /px.gif?u=1"], ["GET /py.gif"]),
    "{page: '/img/*.gif'}": (["GET /img/a.gif"], ["GET /img/a.png", "GET /a.gif"]),
    "{page: /img/*}": (["GET /img/a"], ["GET /img/a.gif"]),
    "{page: '/**'}": (["GET /a", "GET /b/c"], ["GET /a.png", "GET /data.json", "GET /api/x", "GET /a.pdf", "POST /a"]),
    "{request: 'GET /**'}": (["GET /a", "GET /api/x", "GET /data.json", "GET /a 302"], ["GET /a.png"]),
    "{download: '/**'}": (["GET /a.pdf", "GET /x/a.zip"], ["GET /a", "GET /a.png"]),
    "{query: utm_source}": (["GET /?utm_source", "GET /a?x=1&utm_source=a"], ["GET /a", "POST /a?utm_source=a"]),
    "{query: {a: '1', b: '*'}}": (["GET /?a=1&b=", "GET /?b=x&a=1"], ["GET /?a=1", "GET /?a=2&b=x", "GET /?a=1&b=x%2Fy"]),
    "{query: {id: 7}}": (["GET /?id=7"], ["GET /?id=77"]),
    "{page: /a, query: x, except: {query: y}}": (["GET /a?x"], ["GET /a?x&y", "GET /a"]),
    "{page: /a/*, except: [/a/b, /a/c]}": (["GET /a/a"], ["GET /a/b", "GET /a/c"]),
    "{any: [/a/*, POST /b], except: /a/b, query: x}": (["GET /a/a?x", "POST /b?x"], ["GET /a/b?x", "POST /b"]),
    "{page: 're:/a/[0-9]+'}": (["GET /a/1"], ["GET /a/b", "GET /x/a/1"]),
    "{page: /caf%C3%A9}": ([], ["GET /caf%C3%A9"]),
    "{page: /café}": (["GET /caf%C3%A9", "GET /cafe%CC%81"], ["GET /cafe"]),
}


@pytest.mark.parametrize(("goal", "played"), COMBINED.items())
def test_keys_together(goal: str, played: tuple[list[str], list[str]], tmp_path: Path) -> None:
    fitting, others = played
    assert on(tmp_path, goal, fitting + others) == fitting


def test_the_nth_hit_completes_a_number_and_only_once_a_session(tmp_path: Path) -> None:
    """Different pages where the goal is about pages, hits elsewhere."""
    requests = ["POST /a", "POST /a", "POST /a", "POST /a", "POST /a +5000", "POST /a +5001", "GET /x +5002"]
    assert on(tmp_path, "{request: POST /a, at_least: 3}", requests) == requests[2:3]
    assert on(tmp_path, "{at_least: 3}", ["GET /a", "GET /b", "GET /a", "GET /c"]) == ["GET /b"]
    assert on(tmp_path, "{any: [/a, /b, /c], at_least: 2}", ["GET /a", "GET /a", "GET /c", "GET /b"]) == ["GET /c"]
    assert on(tmp_path, "{any: [/a, POST /b], at_least: 2}", ["GET /a", "GET /a +7", "POST /b +9"]) == ["GET /a +7"]


def test_a_stay_is_told_by_the_first_interaction_that_late(tmp_path: Path) -> None:
    requests = ["GET /a +299", "GET /missing +300 404", "GET /b +301", "GET /c +400", "GET /d +5000", "GET /e +5300"]
    assert on(tmp_path, "{stayed: 5m}", requests) == ["GET /b +301", "GET /e +5300"]
    assert on(tmp_path, "{page: /c, stayed: 5m}", requests) == ["GET /c +400"]


def test_ranges_and_repeats_of_a_file_are_one_download(tmp_path: Path) -> None:
    again = ["GET /a.pdf +1808 206", "GET /a.pdf +3607"]
    requests = ["GET /a.pdf", "GET /a.pdf +9 206", "GET /b.pdf +10", *again, "GET /x +5400", "GET /a.pdf +5407"]
    assert on(tmp_path, "{download: '/*.pdf'}", requests) == ["GET /a.pdf", "GET /b.pdf +10", "GET /a.pdf +5407"]


@pytest.mark.parametrize(
    ("once_per", "expected"),
    [("session", 2), ("visitor", 1), ("hit", 6), ("path", 2), ("query.order", 3)],
)
def test_what_counts_once(tmp_path: Path, once_per: str, expected: int) -> None:
    """Two sessions; orders 1, 1, none and 2 on one page, then order 1 and none on another."""
    targets = ("/ok/a?order=1", "/ok/a?order=1", "/ok/a", "/ok/a?order=2", "/ok/b?order=1 +4000", "/ok/b?order= +4001")
    goals = f"macro: {{sale: {{page: /ok/*, once_per: {once_per}}}}}"
    assert conversions(report(tmp_path, hits([f"GET {target}" for target in targets]), goals)) == {"sale": expected}


def test_a_repeat_under_a_value_is_no_match_so_a_later_session_is_not_converted(tmp_path: Path) -> None:
    lines = hits(["GET /ok?order=1", "GET /ok?order=1 +4000", "GET /x +4001"])
    for once_per, reached in (("query.order", 1), ("visitor", 1), ("hit", 2), ("session", 2)):
        found = report(tmp_path, lines, f"macro: {{sale: {{page: /ok, once_per: {once_per}}}}}")
        assert found["reports"]["goals"][0]["reached"] == reached


@pytest.mark.parametrize(
    ("value", "expected"),
    [("60", 180), ("19.90", 59.7), ("-0.01", -0.03), ("query.total", 25.0), ("query.none", 0)],
)
def test_values_are_exact_and_what_is_no_plain_number_is_none(tmp_path: Path, value: str, expected: float) -> None:
    lines = hits(["GET /ok?total=19.99", "GET /ok?total=5.01", "GET /ok?total=1e3"])
    row = report(tmp_path, lines, f"macro: {{sale: {{page: /ok, once_per: hit, value: {value}}}}}")["reports"]["goals"][0]
    assert (row["value"] or 0) == expected


def test_sessions_without_a_page_match_nothing_and_use_up_nothing(tmp_path: Path) -> None:
    lines = [line("POST /ok?order=1"), line("GET /x", 4000), line("POST /ok?order=1", 4001)]
    assert reached_by(tmp_path, lines, "macro: {sale: {request: POST /ok, once_per: query.order}}") == {"sale": [3]}
    assert reached_by(tmp_path, lines, "macro: {sale: {request: POST /ok, once_per: visitor}}") == {"sale": [3]}


def test_an_error_is_reached_in_the_session_it_belongs_to(tmp_path: Path) -> None:
    lines = [line("GET /old", 0, 404), line("GET /a", 5), line("GET /old", 6, 404), line("GET /old", 9000, 404)]
    assert reached_by(tmp_path, lines, "macro: {lost: {page: /old, status: 404}}") == {"lost": [1, 3]}


def test_a_kept_parameter_is_part_of_the_path_that_goals_see(tmp_path: Path) -> None:
    goals = "site: {keep_query: [route], group: ['/index.php*']}\nmacro: {sale: {page: '/index.php?route=checkout/success'}}"
    found = report(tmp_path, hits(["GET /index.php?x=1&route=checkout%2Fsuccess", "GET /index.php?route=cart"]), goals)
    assert conversions(found) == {"sale": 1}
    assert {row["page"] for row in found["reports"]["pages"]} == {"/welcome", "/index.php*"} | {"/index.php?route=checkout/success"}
