"""Every key of a goal does what its example says, alone and combined with others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from goals_texts import COMBINED
from small_logs import conversions, line, reached_by, report

from convkit.core import plugins
from convkit.goals.loader import parse_goals

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

KINDS = plugins.load_all("goals.kinds")
EVERY_KIND = pytest.mark.parametrize(("key", "module"), list(KINDS.items()), ids=KINDS)

PLAYED = {
    "page": (["GET /thank-you", "GET /thank-you/?order=7", "GET /thank-you 304"], ["GET /thanks", "POST /thank-you", "GET /thank-you 404"]),
    "request": (["POST /register 302", "POST /register?x=1 303"], ["POST /register", "GET /register 302", "POST /register/x 302"]),
    "download": (["GET /files/a.pdf", "GET /files/B.pdf 206", "GET /files/c.pdf 304"], ["GET /files/d.pdf 404", "GET /files/x/a.pdf"]),
    "query": (["GET /a?utm_medium=email", "GET /b?x=1&utm_medium=email"], ["GET /a?utm_medium=mail", "GET /a", "POST /a?utm_medium=email"]),
    "any": (["GET /contact/thanks", "POST /quote", "POST /quote 302"], ["GET /quote", "POST /contact/thanks", "POST /quote 422"]),
    "referrer": (
        ["GET /a <https://news.example/post", "GET /b <http://www.google.com/search?q=x", "GET /c <https://T.CO:443", "GET /d <android-app://t.co/"],
        [
            "GET /a",
            "GET /b <https://google.com/",
            "GET /c <https://t.co.example/",
            "GET /d <https://x.example/news.example",
            "POST /e <https://t.co/",
        ],
    ),
    "status": (["POST /newsletter 302", "POST /newsletter 303"], ["POST /newsletter", "POST /newsletter 404", "GET /newsletter 302"]),
    "except": (["GET /blog/a", "GET /blog/a/b"], ["GET /blog/archive/1", "GET /blog", "GET /blog/archive/1/2"]),
    "at_least": (["GET /product/2"], ["GET /product/1", "GET /product/1", "GET /product", "GET /product/3"]),
    "stayed": (["GET /late +300"], ["GET /first", "GET /second +299", "GET /later +400"]),
    "after": (["GET /checkout", "GET /checkout?x"], ["GET /checkout", "POST /cart/add", "GET /a"]),
    "visits": (["GET /third +7200"], ["GET /second +3600", "GET /other +7201"]),
    "within": (["GET /third +1209600"], ["GET /second +3600", "GET /other +1209601"]),
    "once_per": (["GET /thank-you?order=1", "GET /thank-you?order=2"], ["GET /thank-you?order=1", "GET /thanks?order=3"]),
}
"""For each key, the requests that match its example, and those that do not."""

ORDERS = {
    "after": ["GET /checkout", "POST /cart/add", "GET /checkout", "GET /a", "GET /checkout?x"],
    "visits": ["GET /second +3600", "GET /third +7200", "GET /other +7201"],
    "within": ["GET /second +3600", "GET /third +1209600", "GET /other +1209601"],
    "at_least": ["GET /product/1", "GET /product/1", "GET /product", "GET /product/2", "GET /product/3"],
    "once_per": ["GET /thank-you?order=1", "GET /thank-you?order=1", "GET /thanks?order=3", "GET /thank-you?order=2"],
    "stayed": ["GET /first", "GET /second +299", "GET /late +300", "GET /later +400"],
}
"""The requests in order, for keys whose order matters; for other keys, the matching requests come first."""


def hits(requests: list[str]) -> list[str]:
    """Return the lines of a visitor's requests, `METHOD target [status] [+second] [<referrer]`, after a first page."""
    lines = [line("GET /welcome")]
    for second, request in enumerate(requests, start=1):
        method, target, *more = request.split()
        status = next((int(word) for word in more if word.isdigit()), 200)
        later = next((int(word) for word in more if word.startswith("+")), second)
        referrer = next((word[1:] for word in more if word.startswith("<")), "-")
        lines.append(line(f"{method} {target}", later, status, referrer=referrer))
    return lines


def matching_requests(folder: Path, goal: str, requests: list[str]) -> list[str]:
    """Return the requests of one visitor that match a goal."""
    matching_lines = reached_by(folder, hits(requests), f"macro: {{sale: {goal}}}")["sale"]
    return [requests[number - 2] for number in matching_lines if number > 1]


@EVERY_KIND
def test_a_key_has_a_role_and_what_the_role_needs(key: str, module: ModuleType) -> None:
    functions = {"what": [{"names"}], "which": [{"names"}, {"turns"}], "how": [{"turns"}], "count": [{"turns"}]}
    functions |= {"modifier": [set()], "effect": [set()]}
    assert callable(module.read)
    assert {name for name in ("names", "turns") if hasattr(module, name)} in functions[module.ROLE]
    assert hasattr(module, "OF") == (module.ROLE == "modifier")
    assert re.search(rf"\b{key}:", module.EXAMPLE)
    assert module.__doc__


EXPORTED = {
    "passive": (["popup_shown,31", "popup_shown,"], ["popup_closed,31", "page_view,31"]),
    "event": (["video_play,31", "video_play,"], ["video_player,31", "page_view,31"]),
    "where": (["video_play,31", "video_play,30.0", "video_play,1e3"], ["video_play,29.9", "video_play,", "video_play,long", "audio_play,31"]),
}
"""For each key about events, the rows `event,seconds` of an export that match its example, and those that do not."""


@pytest.mark.parametrize("key", EXPORTED)
def test_the_example_of_a_key_matches_the_expected_rows_of_an_export(key: str, tmp_path: Path) -> None:
    matching, not_matching = EXPORTED[key]
    rows = [f"u1,2026-10-10 12:00:{second:02},{row}" for second, row in enumerate(matching + not_matching)]
    goal = f"{KINDS[key].EXAMPLE.removesuffix('}')}, once_per: hit}}"
    matching_lines = reached_by(tmp_path, ["user,time,event,seconds", *rows], f"macro: {{sale: {goal}}}")["sale"]
    assert [row for line, row in enumerate(matching + not_matching, start=2) if line in matching_lines] == matching


@pytest.mark.parametrize(("key", "module"), [(key, KINDS[key]) for key in PLAYED])
def test_the_example_of_a_key_is_valid_and_matches_the_expected_requests(key: str, module: ModuleType, tmp_path: Path) -> None:
    assert parse_goals(f"macro: {{sale: {module.EXAMPLE}}}", None).goals[0].name == "sale"
    matching, not_matching = PLAYED[key]
    assert matching_requests(tmp_path, module.EXAMPLE, ORDERS.get(key, matching + not_matching)) == matching


@EVERY_KIND
def test_an_unreadable_value_is_a_problem_not_a_crash(key: str, module: ModuleType) -> None:
    """Some keys accept any goal, so for them the mistake is nested one level deeper."""
    wrong = "{page: []}" if key in {"except", "after"} else "{a: {b: c}}"
    with pytest.raises(Exception, match=r"^goals.yaml:1:\d+: ") as raised:
        parse_goals(f"macro: {{sale: {{{key}: {wrong}}}}}", "goals.yaml")
    assert type(raised.value).__name__ == "GoalsFileError"
    assert module.__name__.endswith(key)


@pytest.mark.parametrize(("goal", "played"), COMBINED.items())
def test_keys_together(goal: str, played: tuple[list[str], list[str]], tmp_path: Path) -> None:
    matching, not_matching = played
    assert matching_requests(tmp_path, goal, matching + not_matching) == matching


def test_at_least_is_reached_by_the_nth_hit_only_once_per_session(tmp_path: Path) -> None:
    """If the goal matches only pages, different pages are counted; otherwise, hits are counted."""
    requests = ["POST /a", "POST /a", "POST /a", "POST /a", "POST /a +5000", "POST /a +5001", "GET /x +5002"]
    assert matching_requests(tmp_path, "{request: POST /a, at_least: 3}", requests) == requests[2:3]
    assert matching_requests(tmp_path, "{at_least: 3}", ["GET /a", "GET /b", "GET /a", "GET /c"]) == ["GET /b"]
    assert matching_requests(tmp_path, "{any: [/a, /b, /c], at_least: 2}", ["GET /a", "GET /a", "GET /c", "GET /b"]) == ["GET /c"]
    assert matching_requests(tmp_path, "{any: [/a, POST /b], at_least: 2}", ["GET /a", "GET /a +7", "POST /b +9"]) == ["GET /a +7"]


def test_a_stay_is_reached_by_the_first_interaction_after_it(tmp_path: Path) -> None:
    requests = ["GET /a +299", "GET /missing +300 404", "GET /b +301", "GET /c +400", "GET /d +5000", "GET /e +5300"]
    assert matching_requests(tmp_path, "{stayed: 5m}", requests) == ["GET /b +301", "GET /e +5300"]
    assert matching_requests(tmp_path, "{page: /c, stayed: 5m}", requests) == ["GET /c +400"]


REFERRED = {
    "news.example": [
        "https://news.example",
        "https://news.example/",
        "http://NEWS.example/a/b?c#d",
        "news.example/a",
        "https://u:p@news.example:8080/",
    ],
    "news.example/": ["https://news.example", "https://news.example/", "https://news.example/?utm=1"],
    "news.example/post": [
        "https://news.example/post",
        "https://news.example/post/",
        "https://news.example/post?x=/",
        "https://NEWS.example//post#top",
    ],
    "News.Example/café": ["https://news.example/caf%C3%A9"],
    "'*.google.com'": ["https://www.google.com/", "https://news.google.com/search?q=x"],
    "www.google.com/**": ["https://www.google.com/", "https://www.google.com/a/b"],
    "'**/post'": ["https://news.example/post", "https://a.example/x/post"],
    "'re:.*[.]example/post'": ["https://news.example/post"],
    "com.x": ["android-app://com.x/", "android-app://com.x/news"],
    "[t.co, com.x/news]": ["https://t.co/abc", "android-app://com.x/news"],
}
NOWHERE = [
    "-", "", "https://example/", "https://x.example/news.example", "https://news.example.evil/Post", "/post", "https://t.com/",
    "https://google.com/", "https://x.example/?r=https://news.example/post", "news",
]  # fmt: skip
"""Referrers that match none of the patterns."""


@pytest.mark.parametrize(("pattern", "referrers"), REFERRED.items())
def test_a_referrer_is_its_host_and_path(pattern: str, referrers: list[str], tmp_path: Path) -> None:
    requests = [f"GET /a <{referrer}" for referrer in (*referrers, *NOWHERE)]
    assert matching_requests(tmp_path, f"{{referrer: {pattern}, once_per: hit}}", requests) == requests[: len(referrers)]


def test_a_referrer_must_be_on_the_same_hit_as_everything_else(tmp_path: Path) -> None:
    requests = ["POST /a <https://t.co/", "GET /b <https://t.co/", "POST /a", "POST /a <https://t.co/ 404"]
    assert matching_requests(tmp_path, "{request: POST /a, referrer: t.co}", requests) == requests[:1]
    assert matching_requests(tmp_path, "[{request: POST /a, referrer: t.co}, /b]", requests) == requests[:2]
    assert matching_requests(tmp_path, "{any: [POST /a, /b], referrer: t.co, except: /b}", requests) == requests[:1]
    assert matching_requests(tmp_path, "{referrer: t.co}", requests) == ["GET /b <https://t.co/"]


def test_exports_have_referrers_if_a_column_holds_them(tmp_path: Path) -> None:
    came = ["page_view,/a,https://t.co/x", "page_view,/a,(not set)", "paid,,t.co", "page_view,/a,"]
    rows = [f"u1,2026-10-10 12:00:{second:02},{row}" for second, row in enumerate(came)]
    goals = "macro: {came: {referrer: t.co}, paid: {event: paid, referrer: t.co}}"
    assert reached_by(tmp_path, ["user,time,event,url,page_referrer", *rows], goals) == {"came": [2], "paid": [4]}
    assert reached_by(tmp_path, ["user,time,event,url,from", *rows], goals) == {"came": [], "paid": []}


def test_after_needs_a_later_hit_of_the_session(tmp_path: Path) -> None:
    """Hits in the same second are in line order; a hit is not after itself; another session starts over."""
    requests = ["GET /b +1", "GET /a +1", "GET /b +1", "GET /a +2", "GET /b +3", "GET /b +4000", "GET /a +4001", "GET /b +4002"]
    assert matching_requests(tmp_path, "{page: /b, after: /a}", requests) == ["GET /b +1", "GET /b +3", "GET /b +4002"][:3]
    assert matching_requests(tmp_path, "{page: /a, after: /a}", requests) == ["GET /a +2"]
    assert matching_requests(tmp_path, "{after: /a}", requests) == ["GET /b +1", "GET /a +2", "GET /b +3", "GET /b +4002"]


def test_after_respects_all_keys_of_its_goal(tmp_path: Path) -> None:
    """The goal under `after` may have its own `at_least`, `once_per` and `after`."""
    requests = ["GET /a", "GET /b", "GET /a", "GET /b", "GET /c", "GET /b"]
    assert matching_requests(tmp_path, "{page: /b, after: {page: '/*', at_least: 4}}", requests) == ["GET /b"]
    assert matching_requests(tmp_path, "{request: GET /b, after: {request: GET /a, at_least: 2}, at_least: 2}", requests) == requests[5:]
    assert matching_requests(tmp_path, "{page: /c, after: {page: /b, after: /c}}", requests) == []
    assert matching_requests(tmp_path, "{page: /b, after: {page: /c, after: [/x, {page: /b, after: /a}]}}", requests) == requests[5:]
    two_sessions = ["GET /a", "GET /b", "GET /a +4000", "GET /b +4001"]
    assert matching_requests(tmp_path, "{page: /b, after: {page: /a, once_per: visitor}}", two_sessions) == ["GET /b"]
    assert matching_requests(tmp_path, "{page: /b, after: {page: /a}}", two_sessions) == ["GET /b", "GET /b +4001"]


def test_after_may_be_in_a_list_and_refer_to_goals_by_name(tmp_path: Path) -> None:
    goals = "macro: {sale: [/x, {page: /b, after: [far, /y]}], all: {any: [/b, {page: /c, at_least: 1}], after: near}}\n"
    goals += "micro: {near: POST /a, far: {page: /c, after: near}}"
    lines = hits(["GET /b", "POST /a", "GET /b", "GET /c", "GET /b", "GET /x"])
    matching_lines = reached_by(tmp_path, lines, goals)
    assert matching_lines == {
        "sale": [6, 7],
        "all": [4, 5, 6],
        "near": [3],
        "far": [5],
        **{name: matching_lines[name] for name in matching_lines if name.startswith("after ")},
    }


def test_a_goal_defined_under_after_makes_hits_interactions_but_the_goal_after_it_does_not(tmp_path: Path) -> None:
    """A POST to an unknown path is an interaction, which extends the session, only if a goal names it."""
    lines = [line("GET /a"), line("POST /b", 1700), line("GET /a", 3400)]
    assert reached_by(tmp_path, lines, "macro: {sale: {page: /a, after: POST /b}}")["sale"] == [3]
    assert reached_by(tmp_path, lines, "macro: {sale: {page: /a, after: /a}}")["sale"] == []


@pytest.mark.parametrize(("seconds", "reached"), [(86_399, True), (86_400, True), (86_401, False)])
def test_visits_are_counted_from_start_to_start(tmp_path: Path, seconds: int, *, reached: bool) -> None:
    """The limit is inclusive; later pages of a session make no difference."""
    lines = [line("GET /a"), line("GET /b", 1_000), line("GET /c", seconds), line("GET /d", seconds + 5)]
    assert reached_by(tmp_path, lines, "macro: {back: {visits: 2, within: 1d}}") == {"back": [3] if reached else []}


def test_visits_match_once_per_session_on_the_first_matching_hit(tmp_path: Path) -> None:
    requests = ["GET /a +4000", "GET /b +8000", "POST /c +8001", "GET /b +12000", "GET /d +90000", "GET /d +94000"]
    assert matching_requests(tmp_path, "{visits: 3}", requests) == ["GET /b +8000", "GET /b +12000", "GET /d +90000", "GET /d +94000"]
    assert matching_requests(tmp_path, "{visits: 3, within: 8000s}", requests) == ["GET /b +8000", "GET /b +12000"]
    assert matching_requests(tmp_path, "{visits: 1, within: 1s}", requests) == ["GET /a +4000", *requests[1:2], *requests[3:]]
    assert matching_requests(tmp_path, "{request: POST /c, visits: 3}", requests) == ["POST /c +8001"]
    assert matching_requests(tmp_path, "{page: /d, visits: 2, within: 4000s, after: /a}", requests) == []
    assert matching_requests(tmp_path, "[{visits: 6}, {page: /b, at_least: 1}]", requests) == ["GET /b +8000", "GET /b +12000", "GET /d +94000"]


def test_visits_count_the_visitor_s_sessions_with_a_page_in_all_lines(tmp_path: Path) -> None:
    other = "203.0.113.9 - -"
    lines = [line("GET /a"), line("POST /b", 4_000), line("GET /a", 8_000), line("GET /a", 8_001, who=other), line("GET /z", 12_000, who=other)]
    goals = "macro: {back: {visits: 2}, posted: POST /b}"
    assert reached_by(tmp_path, lines, goals) == {"back": [3, 5], "posted": []}
    assert conversions(report(tmp_path, lines, goals, since="2026-10-10T15:00")) == {"back": 1, "posted": 0}


def test_a_list_s_keys_apply_before_its_parts_count(tmp_path: Path) -> None:
    requests = ["GET /a", "GET /b?x", "GET /c?x", "POST /d"]
    assert matching_requests(tmp_path, "{any: [{page: '/*', at_least: 2}, POST /d], query: x}", requests) == ["GET /c?x"]
    assert matching_requests(tmp_path, "{any: [{page: '/*', at_least: 2}, POST /d], after: /a}", requests) == ["GET /c?x", "POST /d"]


def test_ranges_and_repeats_of_a_file_are_one_download(tmp_path: Path) -> None:
    next_window = ["GET /a.pdf +1808 206", "GET /a.pdf +3607"]
    requests = ["GET /a.pdf", "GET /a.pdf +9 206", "GET /b.pdf +10", *next_window, "GET /x +5400", "GET /a.pdf +5407"]
    assert matching_requests(tmp_path, "{download: '/*.pdf'}", requests) == ["GET /a.pdf", "GET /b.pdf +10", "GET /a.pdf +5407"]


@pytest.mark.parametrize(
    ("once_per", "expected"),
    [("session", 2), ("visitor", 1), ("hit", 6), ("path", 2), ("query.order", 3)],
)
def test_which_hits_count_once(tmp_path: Path, once_per: str, expected: int) -> None:
    """There are two sessions: one with orders 1, 1, none and 2 on the same page, and one with order 1 and none on another page."""
    targets = ("/ok/a?order=1", "/ok/a?order=1", "/ok/a", "/ok/a?order=2", "/ok/b?order=1 +4000", "/ok/b?order= +4001")
    goals = f"macro: {{sale: {{page: /ok/*, once_per: {once_per}}}}}"
    assert conversions(report(tmp_path, hits([f"GET {target}" for target in targets]), goals)) == {"sale": expected}


def test_a_repeated_value_does_not_match_so_a_later_session_does_not_convert(tmp_path: Path) -> None:
    lines = hits(["GET /ok?order=1", "GET /ok?order=1 +4000", "GET /x +4001"])
    for once_per, reached in (("query.order", 1), ("visitor", 1), ("hit", 2), ("session", 2)):
        document = report(tmp_path, lines, f"macro: {{sale: {{page: /ok, once_per: {once_per}}}}}")
        assert document["reports"]["goals"][0]["reached"] == reached


@pytest.mark.parametrize(
    ("value", "expected"),
    [("60", 180), ("19.90", 59.7), ("-0.01", -0.03), ("query.total", 1025.0), ("query.none", 0)],
)
def test_values_are_exact(tmp_path: Path, value: str, expected: float) -> None:
    lines = hits(["GET /ok?total=19.99", "GET /ok?total=5.01", "GET /ok?total=1e3"])
    row = report(tmp_path, lines, f"macro: {{sale: {{page: /ok, once_per: hit, value: {value}}}}}")["reports"]["goals"][0]
    assert (row["value"] or 0) == expected


def test_sessions_without_a_page_match_nothing_and_do_not_count_for_once_per(tmp_path: Path) -> None:
    lines = [line("POST /ok?order=1"), line("GET /x", 4000), line("POST /ok?order=1", 4001)]
    assert reached_by(tmp_path, lines, "macro: {sale: {request: POST /ok, once_per: query.order}}") == {"sale": [3]}
    assert reached_by(tmp_path, lines, "macro: {sale: {request: POST /ok, once_per: visitor}}") == {"sale": [3]}


def test_an_error_counts_in_the_session_it_belongs_to(tmp_path: Path) -> None:
    lines = [line("GET /old", 0, 404), line("GET /a", 5), line("GET /old", 6, 404), line("GET /old", 9000, 404)]
    assert reached_by(tmp_path, lines, "macro: {lost: {page: /old, status: 404}}") == {"lost": [1, 3]}


def test_a_kept_parameter_is_part_of_the_path_that_goals_see(tmp_path: Path) -> None:
    goals = "site: {keep_query: [route], group: ['/index.php*']}\nmacro: {sale: {page: '/index.php?route=checkout/success'}}"
    document = report(tmp_path, hits(["GET /index.php?x=1&route=checkout%2Fsuccess", "GET /index.php?route=cart"]), goals)
    assert conversions(document) == {"sale": 1}
    assert {row["page"] for row in document["reports"]["pages"]} == {"/welcome", "/index.php*"} | {"/index.php?route=checkout/success"}
