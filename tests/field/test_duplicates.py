"""The same thing twice: repeated rows of exports, lines that two logs share, and values that count once at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import runs
from engine.test_partition import both
from goals_schema import is_valid
from small_logs import conversions, figures, line, overview, report, written

import convkit
from convkit.errors import GoalsFileError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROWS = {
    "a12": "test_requests_in_the_logs_of_a_proxy_and_its_server_count_once",
    "a31": "test_an_order_number_is_one_order_whoever_opens_its_receipt",
    "e01": "test_an_id_of_a_message_is_not_one_of_an_event",
    "e04": "test_an_id_of_a_thing_is_not_one_of_an_event",
    "ep03": "test_a_reloaded_receipt_of_a_visit_is_one_order",
    "ap05": "test_a_log_without_status_is_not_the_same_log",
    "ep07": "test_rows_without_an_id_are_different_events",
}
MAILS = [
    "timestamp,email,event,message_id,url",
    *(f"2026-10-01T09:0{number}:00Z,u{number}@a.example,delivered,m{number}," for number in range(3)),
    *(f"2026-10-01T10:0{number}:00Z,u{number}@a.example,open,m{number}," for number in range(3)),
    *(f"2026-10-01T11:0{number}:00Z,u{number}@a.example,click,m{number},https://shop.example/offer" for number in range(2)),
]
MAIL_GOALS = "macro: {click: {event: click}}\nmicro: {delivered: {event: delivered}, open: {event: open}}"


def fates_of(folder: Path, rows: Iterable[str], goals: str = "macro: {x: {event: x}}", name: str = "events.csv", **options: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the report on some rows of an export."""
    file = written(folder / "goals.yaml", [goals])
    return figures(written(folder / name, rows), goals=file, **options)


def duplicates_of(document: dict[str, Any]) -> list[str]:
    """Return the texts of the notes on duplicates."""
    return [note["text"] for note in document["notes"] if note["code"] == "duplicates"]


def test_an_id_of_a_message_is_not_one_of_an_event(tmp_path: Path) -> None:
    mails = fates_of(tmp_path, MAILS, MAIL_GOALS)
    assert (mails["input"]["duplicate"], mails["input"]["kept"]) == (0, 8)
    assert conversions(mails) == {"click": 2, "delivered": 3, "open": 3}
    assert duplicates_of(mails) == []


def test_a_row_that_is_the_same_in_all_columns_is_a_duplicate(tmp_path: Path) -> None:
    mails = fates_of(tmp_path, [MAILS[0], MAILS[1], *MAILS[1:]], MAIL_GOALS)
    assert mails["input"]["duplicate"] == 1
    assert len(duplicates_of(mails)) == 1
    assert "1 row (11%) had the same ID, visitor, event and time" in duplicates_of(mails)[0]


def test_an_id_of_a_thing_is_not_one_of_an_event(tmp_path: Path) -> None:
    rows = ["timestamp,user_id,action,event_id"]
    rows += [f"2026-10-01T09:0{n}:00Z,u{n // 2},{'purchase' if n % 2 else 'view'},E100" for n in range(4)]
    concerts = fates_of(tmp_path, [*rows, "2026-10-01T09:04:00Z,u3,view,E200"], "macro: {purchase: {event: purchase}}")
    assert {name: overview(concerts)[name] for name in ("sessions", "converted_sessions", "bounces")} == {
        "sessions": 3,
        "converted_sessions": 2,
        "bounces": 1,
    }


def test_rows_are_one_if_id_visitor_event_and_time_are_equal(tmp_path: Path) -> None:
    """Of rows that are one, the first is kept."""
    header, first = "user,event,time,event_id", "u1,x,2026-10-01T09:00:00Z,7"
    same = [first, "u1,x,2026-10-01T11:00:00+02:00,7"]
    others = ["u2,x,2026-10-01T09:00:00Z,7", "u1,y,2026-10-01T09:00:00Z,7", "u1,x,2026-10-01T09:00:00.5Z,7"]
    others += ["u1,x,2026-10-01T09:00:00Z,8", "u1,x,2026-10-01T09:00:00Z,"]
    rows = [first, *others, *same]
    objects = [json.dumps(dict(zip(header.split(","), row.split(","), strict=True))) for row in rows]
    for name, lines, begin in (("events.csv", [header, *rows], 2), ("events.ndjson", objects, 1)):
        log = written(tmp_path / name, lines)
        assert convkit.read_hits([log]).collect()["line_no"].sort().to_list() == list(range(begin, begin + 6))
        assert figures(log)["input"]["duplicate"] == 2


def test_rows_without_an_id_are_different_events(tmp_path: Path) -> None:
    goals = fates_of(tmp_path, ["time,event,user_id", *["2026-08-21 02:37:42,goal,u1"] * 3], "macro: {goal: {event: goal, once_per: hit}}")
    assert (goals["input"]["duplicate"], conversions(goals)) == (0, {"goal": 3})


def test_ids_of_known_tools_are_compared_in_the_same_way(tmp_path: Path) -> None:
    row = {"uuid": "1", "event": "paid", "distinct_id": "u", "timestamp": "2026-10-10T13:55:36Z", "properties": {}}
    others = [row, row | {"event": "asked"}, row | {"distinct_id": "v"}, row | {"timestamp": "2026-10-10T13:55:37Z"}]
    assert fates_of(tmp_path, map(json.dumps, [row, *others]), name="p.ndjson")["input"]["duplicate"] == 1


def test_a_reloaded_receipt_of_a_visit_is_one_order(tmp_path: Path) -> None:
    order = {"type": "ecommerceOrder", "orderId": "O-1", "revenue": "50"}
    actions = [
        {"type": "action", "url": "https://shop.example/", "timestamp": 1791640536},
        order | {"timestamp": 1791640597},
        {"type": "action", "url": "https://shop.example/thanks", "timestamp": 1791640690},
        order | {"timestamp": 1791640691},
    ]
    visit = {"idVisit": "7", "visitorId": "f3a1", "lastActionTimestamp": 1791640700, "userId": None, "actionDetails": actions}
    goals = "macro: {order: {event: order, value: prop.revenue, once_per: prop.orderId}}"
    orders = fates_of(tmp_path, [json.dumps([visit])], goals, "visits.json")
    assert (conversions(orders), orders["reports"]["goals"][0]["value"]) == ({"order": 1}, 50)


def test_few_duplicates_are_mentioned_only_if_a_macro_goal_names_them(tmp_path: Path) -> None:
    rows = ["user,event,time,event_id", *(f"u{n},x,2026-10-01T09:{n // 60:02}:{n % 60:02}Z,{n}" for n in range(300))]
    assert duplicates_of(fates_of(tmp_path, [*rows, rows[5]], "macro: {y: {event: y}}\nmicro: {x: {event: x}}")) == []
    assert "1 of them with a macro goal" in duplicates_of(fates_of(tmp_path, [*rows, rows[5]]))[0]
    assert len(duplicates_of(fates_of(tmp_path, [*rows, *rows[5:9]], "macro: {y: {event: y}}"))) == 1


def shop(people: int = 6, *, agent: str | None = None, protocol: str = "", first: int = 0) -> list[str]:
    """Return lines of visitors who view two pages and load a picture; the log of a server behind a proxy differs in the rest of the line."""
    lines = []
    for number in range(first, first + people):
        who = f"203.0.113.{number} - -"
        for second, request in ((0, "GET /"), (1, "GET /a.png"), (60, "GET /thanks" if number % 3 == 0 else "GET /b")):
            text = line(request, number * 400 + second, who=who, **({"agent": agent} if agent else {}))
            lines.append(text.replace("HTTP/1.1", protocol).replace(" 512 ", " 700 ") if protocol else text)
    return lines


BOUGHT = "macro: {bought: /thanks}"


def together(folder: Path, *logs: list[str], goals: str = BOUGHT) -> dict[str, Any]:
    """Return the report on several logs."""
    file = written(folder / "goals.yaml", [goals])
    return figures(*(written(folder / f"{number}.log", lines) for number, lines in enumerate(logs)), goals=file)


def test_requests_in_the_logs_of_a_proxy_and_its_server_count_once(tmp_path: Path) -> None:
    proxy = shop()
    server = [text for text in shop(protocol="HTTP/1.0") if ".png" not in text]
    alone, twice = together(tmp_path, proxy), together(tmp_path, proxy, server)
    assert overview(twice) == overview(alone) == overview(together(tmp_path, server, proxy))
    assert (twice["input"]["duplicate"], twice["input"]["kept"]) == (12, 12)
    assert "12 of 12 lines of 1.log were also in 0.log" in duplicates_of(twice)[0]


def test_downloads_that_overlap_count_once(tmp_path: Path) -> None:
    lines = shop(20)
    twice = together(tmp_path, lines[:45], lines[15:])
    assert overview(twice) == overview(together(tmp_path, lines))
    assert twice["input"]["duplicate"] == 20


def test_exports_that_overlap_count_once_even_without_ids(tmp_path: Path) -> None:
    rows = [f"u{n % 7},{'buy' if n % 5 == 0 else 'view'},2026-10-01T09:{n:02}:00Z" for n in range(60)]
    goals = written(tmp_path / "goals.yaml", ["macro: {buy: {event: buy, once_per: hit}}"])
    files = [written(tmp_path / f"{n}.csv", ["user,event,time", *part]) for n, part in enumerate((rows[:40], rows[20:]))]
    merged = figures(*files, goals=goals)
    assert (merged["input"]["duplicate"], merged["input"]["kept"], conversions(merged)) == (20, 60, {"buy": 12})


def test_three_copies_of_a_request_leave_one(tmp_path: Path) -> None:
    lines = shop(10)
    logs = (lines, [text for text in lines if ".png" not in text], ["", *lines])
    assert overview(together(tmp_path, *logs)) == overview(together(tmp_path, lines))


def test_the_log_that_names_user_agents_is_kept(tmp_path: Path) -> None:
    common = [text.rsplit(' "-" "', 1)[0] for text in shop()]
    extra = [text.rsplit(' "-" "', 1)[0] for text in shop(1, first=40)]
    document = together(tmp_path, [*common, *extra], shop())
    assert document["input"]["duplicate"] == 12
    assert overview(document)["visitors"] == 7


def test_a_log_without_status_is_not_the_same_log(tmp_path: Path) -> None:
    lines = [text for text in shop() if ".png" not in text]
    tls = []
    for text in lines:
        address, rest = text.split(" - - ")
        tls.append(f"{rest[:28]} {address} TLSv1.3 TLS_AES_256_GCM_SHA384 {rest[29:].split(' 200')[0]} 512")
    document = together(tmp_path, lines, tls)
    assert (document["input"]["duplicate"], document["input"]["other"], duplicates_of(document)) == (0, 12, [])
    assert overview(document) == overview(together(tmp_path, lines))


@pytest.mark.parametrize("shared", [0, 10, 17])
def test_logs_of_two_servers_that_share_less_than_nine_tenths_count_twice(shared: int, tmp_path: Path) -> None:
    own = [text for text in shop(10) if ".png" not in text]
    other = [*own[:shared], *(text.replace("203.0.113", "198.51.100") for text in own[shared:])]
    document = together(tmp_path, own, other)
    assert (document["input"]["duplicate"], document["input"]["kept"], duplicates_of(document)) == (0, 40, [])


def test_rotated_logs_and_repeats_within_a_log_count(tmp_path: Path) -> None:
    lines = [text for text in shop(10) if ".png" not in text for _ in range(2)]
    document = together(tmp_path, lines[:20], lines[20:])
    assert (document["input"]["duplicate"], document["input"]["kept"]) == (0, 40)


def test_shared_lines_give_the_same_bytes_in_parts(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{number}.log", lines) for number, lines in enumerate((shop(60), shop(60, protocol="HTTP/1.0")[:150]))]
    number, in_one_piece, in_parts = both(paths, 9_000, goals=written(tmp_path / "goals.yaml", [BOUGHT]))
    assert number > 1
    assert in_parts == in_one_piece
    assert json.loads(in_parts)["input"]["duplicate"] == 100


def test_repeated_rows_give_the_same_bytes_in_parts(tmp_path: Path) -> None:
    rows = [f"u{n % 40},x,2026-10-01T09:{n // 60:02}:{n % 60:02}Z,{n % 9 + 1}" for n in range(300)]
    file = written(tmp_path / "events.csv", ["user,event,time,event_id", *rows, *rows[:40]])
    number, in_one_piece, in_parts = both([file], 25_000, goals=written(tmp_path / "goals.yaml", ["macro: {x: {event: x}}"]))
    assert number > 1
    assert in_parts == in_one_piece
    assert json.loads(in_parts)["input"]["duplicate"] == 40
    assert "40 of them with a macro goal" in duplicates_of(json.loads(in_parts))[0]


def test_a_comparison_warns_of_shared_lines(tmp_path: Path) -> None:
    lines = [line("GET /", day * 86_400 + n * 60, who=f"203.0.113.{n} - -") for day in range(4) for n in range(20)]
    paths = [written(tmp_path / "a.log", lines), written(tmp_path / "b.log", lines[1:])]
    assert "79 of 79 lines of b.log were also in a.log" in runs.comparison(paths, last="2d").warnings[0]


RECEIPT = "GET /checkout/order-received/{}/?key=k&total=20.00"


def orders(*hits: tuple[str, int, str]) -> list[str]:
    """Return the lines of visitors, given by the last part of their address, who open the page of an order; each sees the home page first."""
    return [
        line(request, second + place, who=f"203.0.113.{who} - -")
        for who, second, order in hits
        for place, request in enumerate(("GET /", RECEIPT.format(order)))
    ]


BOUGHT_ONCE = "macro: {{bought: {{page: /checkout/order-received/*, once_per: {}, value: query.total}}}}"


def sold(folder: Path, lines: list[str], once_per: str) -> tuple[int, float, int]:
    """Return the conversions, their value, and the number of sessions that converted."""
    document = report(folder, lines, BOUGHT_ONCE.format(once_per))
    row = document["reports"]["goals"][0]
    return row["conversions"], row["value"], row["reached"]


def shared_notes(document: dict[str, Any]) -> list[str]:
    """Return the texts of the notes on values that several visitors have."""
    return [note["text"] for note in document["notes"] if note["code"] == "shared-values"]


def test_an_order_number_is_one_order_whoever_opens_its_receipt(tmp_path: Path) -> None:
    lines = orders(("1", 0, "900"), ("2", 1000, "901"), ("3", 2000, "902"), ("9", 90_000, "900"), ("1", 170_000, "900"))
    assert sold(tmp_path, lines, "path") == (3, 60, 3)
    assert sold(tmp_path, lines, "[visitor, path]") == (4, 80, 4)
    assert sold(tmp_path, lines, "hit") == (5, 100, 5)
    (note,) = shared_notes(report(tmp_path, lines, BOUGHT_ONCE.format("path")))
    assert "bought: 1 value of path came from several visitors" in note
    assert shared_notes(report(tmp_path, lines, BOUGHT_ONCE.format("[visitor, path]"))) == []


def test_the_first_hit_counts_even_if_its_visitor_is_not_the_first(tmp_path: Path) -> None:
    lines = orders(("9", 0, "900"), ("1", 500, "900"), ("1", 3000, "901"), ("9", 6000, "901"))
    rows = report(tmp_path, lines, BOUGHT_ONCE.format("path"))["reports"]["goals"]
    assert (rows[0]["conversions"], rows[0]["reached_visitors"], rows[0]["last_reached"]) == (2, 2, "2026-10-10T12:50:01+00:00")


def test_one_visitor_who_opens_a_receipt_again_shares_nothing(tmp_path: Path) -> None:
    assert shared_notes(report(tmp_path, orders(("1", 0, "900"), ("1", 9000, "900")), BOUGHT_ONCE.format("path"))) == []


def test_orders_without_a_number_are_not_the_same_order(tmp_path: Path) -> None:
    """Three visitors open their receipts twice, with each of the texts that stand for no number."""
    texts = ("", "null", "undefined", "0", "-")
    lines = [line(f"GET /ok?order={order}&x=1", n * 60, who=f"203.0.{place}.{n % 3} - -") for place, order in enumerate(texts) for n in range(6)]
    goals = "macro: {bought: {page: /ok, once_per: query.order}}"
    assert conversions(report(tmp_path, lines, goals)) == {"bought": 3 * len(texts)}


def test_values_of_exports_and_cookies_count_once_at_all(tmp_path: Path) -> None:
    rows = ["time,event,user,order", *(f"2026-10-01T09:0{n}:00Z,order,u{n},{order}" for n, order in enumerate("aabca"))]
    goals = "macro: {order: {event: order, once_per: prop.order}}\nmicro: {each: {event: order, once_per: [prop.order, visitor]}}"
    assert conversions(fates_of(tmp_path, rows, goals)) == {"order": 3, "each": 5}


def test_a_goal_after_one_that_counts_values_sees_the_first_hit_only(tmp_path: Path) -> None:
    lines = [*orders(("1", 0, "900"), ("2", 100, "900")), *(line("GET /survey", 200, who=f"203.0.113.{n} - -") for n in (1, 2))]
    goals = BOUGHT_ONCE.format("path") + "\nmicro: {surveyed: {page: /survey, after: bought}}"
    assert conversions(report(tmp_path, lines, goals)) == {"bought": 1, "surveyed": 1}


VALUES = {
    "a path": "{page: /order/*, once_per: path, value: 2.5}",
    "a parameter": "{page: '/order/*', once_per: query.id, value: query.id}",
    "per visitor": "{page: /order/*, once_per: [visitor, query.id]}",
    "a state": "{at_least: 2, once_per: query.id}",
    "inside an after": "{page: /, after: {page: /order/*, once_per: query.id}, once_per: hit}",
}


@pytest.mark.parametrize("goal", VALUES.values(), ids=VALUES)
def test_values_of_several_visitors_give_the_same_bytes_in_parts(goal: str, tmp_path: Path) -> None:
    lines = [
        line(
            f"GET {'/' if n % 4 else f'/order/{n % 37}?id={n % 29}'}",
            n * 97,
            who=f"10.{n % 31}.{n % 7}.{n % 13} - {'u' + str(n % 9) if n % 11 == 0 else '-'}",
        )
        for n in range(900)
    ]
    file = written(tmp_path / "goals.yaml", [f"macro: {{bought: {goal}}}", "micro: {home: /}", "funnels: {f: {steps: [home, bought], per: visitor}}"])
    number, in_one_piece, in_parts = both([written(tmp_path / "access.log", lines)], 70_000, goals=file, verbose=True)
    assert in_parts == in_one_piece
    assert number > 1 or goal == VALUES["a state"]


def test_only_values_that_a_goal_counts_tie_visitors_together(tmp_path: Path) -> None:
    """Every visitor sees the home page, which is no order: they stay in different parts."""
    lines = [line(request, n * 60, who=f"10.0.{n}.1 - -") for n in range(200) for request in ("GET /", f"GET /order/{n}")]
    file = written(tmp_path / "goals.yaml", ["macro: {bought: {page: /order/*, once_per: path}}"])
    number, in_one_piece, in_parts = both([written(tmp_path / "access.log", lines)], 30_000, goals=file)
    assert in_parts == in_one_piece
    assert number > 2


@pytest.mark.parametrize("once_per", ["[visitor]", "[visitor, hit]", "[path, query.a]", "[visitor, visitor]", "[session, path]", "[]", "order"])
def test_other_units_are_refused(once_per: str, tmp_path: Path) -> None:
    text = f"macro: {{bought: {{page: /x, once_per: {once_per}}}}}"
    assert not is_valid(text)
    with pytest.raises(GoalsFileError, match="`once_per` must be"):
        report(tmp_path, [line("GET /x")], text)


@pytest.mark.parametrize("once_per", ["[visitor, path]", "[query.order, visitor]", "[visitor, prop.id]", "path", "cookie.x"])
def test_units_are_accepted(once_per: str, tmp_path: Path) -> None:
    text = f"macro: {{bought: {{page: /x, once_per: {once_per}}}}}"
    assert is_valid(text)
    assert conversions(report(tmp_path, [line("GET /x")], text)) == {"bought": 1}
