"""Who a visitor is, in logs and exports as people really have them: addresses, proxies, placeholders and missing user agents."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
import runs
from engine.test_partition import both
from small_logs import FIREFOX, figures, line, overview, report, written

import convkit
from convkit.formats.parsers.masked_addresses import mask_addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

ROWS = {
    "a01": "test_a_forwarded_list_before_the_proxys_address",
    "a02": "test_clients_are_the_last_untrusted_senders_of_the_quoted_list",
    "a03": "test_clients_are_the_last_untrusted_senders_of_the_quoted_list",
    "a04": "test_where_all_senders_are_private_the_first_note_of_every_report_says_so",
    "a05": "test_senders_lose_their_ports",
    "a08": "test_words_of_a_logger_before_the_address",
    "a10": "test_late_and_packed_lists_are_read_like_early_ones",
    "a25": "test_without_any_user_agent_nobody_is_a_bot_by_it",
    "a37": "test_mapped_senders_are_masked_completely",
    "a38": "test_cookies_of_nginxs_userid_module",
    "e07": "test_a_visit_is_somebody_where_no_user_is",
    "e10": "test_a_value_that_says_nothing_hides_no_fallback",
    "e12": "test_a_value_that_says_nothing_hides_no_fallback",
    "e44": "test_a_user_and_an_anonymous_id_are_tied",
    "e46": "test_placeholders_are_nobody",
    "e47": "test_a_session_of_the_tool_belongs_to_its_own_user",
    "e62": "test_rounded_user_ids_are_noted",
    "ap03": "test_senders_lose_their_ports_in_other_formats",
    "ap07": "test_senders_lose_their_ports_in_other_formats",
    "ap14": "test_senders_lose_their_ports_in_other_formats",
    "ap17": "test_senders_lose_their_ports_in_other_formats",
}
"""The test of each case in the collection of field cases."""

GOALS = "macro: {purchase: /thank-you}"
PROXY = "site: {trusted_proxy: [10.0.0.0/8, 172.16.0.0/12]}\nmacro: {purchase: /thank-you}"
PAGES = ("/", "/product/1", "/thank-you")


def visits(senders: Sequence[str], ends: Sequence[str] = ("",)) -> list[str]:
    """Return the lines of visits to PAGES: each sender's, with one of the ends after the agent; `#` stands for a number that differs in each line."""
    lines = []
    for visit, sender in enumerate(senders):
        for number, path in enumerate(PAGES):
            made = line(f"GET {path}", 60 * visit + 5 * number, who=sender) + ends[visit % len(ends)]
            lines.append(made.replace("#", str(40_000 + 7 * visit + number)))
    return lines


def counts(document: dict[str, Any]) -> tuple[int, ...]:
    """Return sessions, visitors, page views, bounces and converted sessions."""
    metrics = overview(document)
    return tuple(metrics[name] for name in ("sessions", "visitors", "pageviews", "bounces", "converted_sessions"))


def notes(document: dict[str, Any]) -> list[str]:
    """Return the texts of all notes."""
    return [note["text"] for note in document["notes"]]


def users(file: Path) -> list[tuple[str | None, str | None]]:
    """Return `address, user` of the records of a log, in the order of its lines."""
    return convkit.read_records([file]).sort("line_no").select("address", "user").collect().rows()


FOUR = (4, 4, 12, 0, 4)


def test_senders_lose_their_ports(tmp_path: Path) -> None:
    spellings = ("198.51.100.{}:# - -", "[2001:db8:0:{}::1]:# - -", "::ffff:203.0.113.{} - -", "app{}.example:# - -")
    senders = [spelling.format(number) for spelling in spellings for number in range(1, 5)]
    assert counts(report(tmp_path, visits(senders), GOALS)) == (16, 16, 48, 0, 16)


def test_a_mapped_address_is_the_ipv4_address(tmp_path: Path) -> None:
    senders = ("198.51.100.7 - -", "::ffff:198.51.100.7 - -", "0:0:0:0:0:FFFF:198.51.100.7 - -", "[::ffff:198.51.100.7]:# - -")
    lines = [line(f"GET /{number}", number, who=sender.replace("#", "4711")) for number, sender in enumerate(senders)]
    assert overview(report(tmp_path, lines, GOALS))["visitors"] == 1


FORMATS = {
    "json.log": '{{"remote_addr": "198.51.100.{v}:{n}", "method": "GET", "path": "{p}", "user_agent": "Firefox", "status": 200, "time": "{t}"}}',
    "traefik.log": '{{"ClientAddr": "192.0.2.9:{n}", "ClientHost": "198.51.100.{v}", "RequestMethod": "GET", "RequestPath": "{p}", '
    '"DownstreamStatus": 200, "request_User-Agent": "Firefox", "StartUTC": "{t}", "time": "{t}"}}',
    "ltsv.log": "time:{t}\thost:198.51.100.{v}:{n}\treq:GET {p} HTTP/1.1\tstatus:200\tsize:1\tua:Firefox",
    "logfmt.log": 'time={t} remote_addr=198.51.100.{v}:{n} method=GET path={p} status=200 user_agent="Firefox"',
    "events.csv": "{t},page_view,https://shop.example{p},198.51.100.{v}:{n}",
    "forwarded.csv": '{t},page_view,https://shop.example{p},"10.0.0.{n}, 198.51.100.{v}:{n}"',
    "events.ndjson": '{{"time": "{t}", "event": "page_view", "url": "{p}", "ip": "[2001:db8:0:{v}::1]:{n}"}}',
    "w3c.log": "{d} 203.0.113.5 GET {p} - 10.0.0.9 Firefox 200 198.51.100.{v}:{n},+172.16.0.1:{n}",
    "goaccess.log": '10.0.0.2 - - [{c}] "GET {p} HTTP/1.1" 200 5 "-" "Firefox" "198.51.100.{v}"',
}
HEADERS = {
    "events.csv": "time,event,url,ip",
    "forwarded.csv": "time,event,url,ip",
    "w3c.log": "#Fields: date time s-ip cs-method cs-uri-stem cs-username c-ip cs(User-Agent) sc-status X-Forwarded-For",
}


@pytest.mark.parametrize("name", FORMATS)
def test_senders_lose_their_ports_in_other_formats(tmp_path: Path, name: str) -> None:
    rows = [
        FORMATS[name].format(
            v=visit, n=visit * 10 + number, p=path, t=f"2026-10-10T1{visit}:00:0{number}Z", d=f"2026-10-10 1{visit}:00:0{number}",
            c=f"10/Oct/2026:1{visit}:00:0{number} +0000",
        )
        for visit in range(1, 5)
        for number, path in enumerate(PAGES)
    ]  # fmt: skip
    log = written(tmp_path / name, [HEADERS[name], *rows] if name in HEADERS else rows)
    (tmp_path / "goals.yaml").write_text(PROXY, encoding="utf-8")
    options = {"log_format": '%^[%d:%t %^] "%r" %s %b "%R" "%u" ~h{," }'} if name == "goaccess.log" else {}
    assert counts(figures(log, goals=tmp_path / "goals.yaml", **options)) == FOUR


SENDERS: dict[str, tuple[str | None, str | None]] = {
    "203.0.113.7 - ann": ("203.0.113.7", "ann"),
    "203.0.113.7 - 203.0.113.9": ("203.0.113.7", None),
    "203.0.113.7 - John Smith": ("203.0.113.7", None),
    "- - 203.0.113.9": ("203.0.113.9", None),
    "10.0.0.2, 10.0.0.1, 203.0.113.9 - ann": ("203.0.113.9", "ann"),
    "10.0.0.2, 100.64.0.1, 169.254.3.4, fe80::1, 2001:db8::9 - -": ("2001:db8::9", None),
    "10.0.0.2, 192.168.1.1 - -": ("10.0.0.2", None),
    "172.32.0.1, 203.0.113.9 - -": ("172.32.0.1", None),
    "unknown, 203.0.113.9 - -": ("203.0.113.9", None),
    "203.0.113.7:4711, 10.0.0.1:80 - -": ("203.0.113.7", None),
    "198.51.100.1 - 172.31.0.100 - ann": ("198.51.100.1", "ann"),
    "proxy.example - ann": ("proxy.example", "ann"),
    "fe80::1%eth0 - -": ("fe80::1", None),
}
"""What stands before the time of a line, and the address and the user that it means."""


def test_the_address_and_the_user_of_a_line(tmp_path: Path) -> None:
    log = written(tmp_path / "access.log", (line("GET /", who=sender) for sender in SENDERS))
    assert dict(zip(SENDERS, users(log), strict=True)) == SENDERS


def test_users_with_blanks_are_users_where_they_have_a_field_of_their_own(tmp_path: Path) -> None:
    rows = [
        "time,event,user_id",
        "2026-10-10 10:00:00,seen,John Smith",
        '2026-10-10 10:00:00,seen,"Smith, Ann"',
        "2026-10-10 10:00:00,seen,10.1.2.3:80",
    ]
    assert users(written(tmp_path / "events.csv", rows)) == [(None, "John Smith"), (None, "Smith, Ann"), ("10.1.2.3", None)]
    logged = {"remote_addr": "203.0.113.7", "remote_user": "John Smith", "request": "GET / HTTP/1.1", "status": 200, "time": "2026-10-10T10:00:00Z"}
    assert users(written(tmp_path / "json.log", [json.dumps(logged)])) == [("203.0.113.7", "John Smith")]


@pytest.mark.parametrize(
    "prefix",
    [
        "2026-10-12 10:00:00.578  INFO 1 --- [nio-8080-exec-#] o.example.AccessLog : ",
        "10:00:00,578 |-INFO in c.q.l.access.AccessLog - ",
        "INFO 2026-10-12 10:00:00 access thread-# ",
    ],
)
def test_words_of_a_logger_before_the_address(tmp_path: Path, prefix: str) -> None:
    log = [
        f"{prefix}{text}".replace("#", str(number))
        for number, text in enumerate(visits(["198.51.100.1 - -", "198.51.100.2 - -", "198.51.100.3 - ann"]))
    ]
    document = report(tmp_path, log, GOALS)
    assert counts(document) == (3, 3, 9, 0, 3)
    records = convkit.read_records([tmp_path / "access.log"]).collect()
    assert set(records["address"]) == {"198.51.100.1", "198.51.100.2", "198.51.100.3"}
    assert set(records["user"]) == {None, "ann"}
    assert not any(host and host[:1].isdigit() for host in records["host"])


def test_a_line_that_names_neither_address_nor_user_has_no_visitor(tmp_path: Path) -> None:
    """A time of day or a date is not an address; the rule also holds where another one identifies the visitor."""
    senders = ("10:00 - -", "10:20:30 - -", "2026-10-12 - -", "203.0.113.7 - -")
    lines = [line(f"GET /{number}?uid=7", number, who=sender) for number, sender in enumerate(senders)]
    document = report(tmp_path, lines, GOALS)
    assert document["input"]["unparsed_by_reason"] == {"no visitor": 3}
    assert overview(document)["visitors"] == 1
    identified = report(tmp_path, lines, f"{GOALS}\nsite: {{visitor: [query.uid]}}")
    assert (identified["input"]["unparsed"], overview(identified)["visitors"]) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "::ffff:198.51.100.21", "[::ffff:198.51.100.21]:80", "0:0:0:0:0:ffff:198.51.100.21", "64:ff9b::198.51.100.21", "198.51.100.21:8080",
        "2001:db8::198.51.100.21", "198.51.100.21,198.51.100.22",
    ],
)  # fmt: skip
def test_mapped_senders_are_masked_completely(text: str) -> None:
    masked = mask_addresses(f"x {text} - - [12/Oct/2026:10:00:01 +0000]")
    assert not any(octet in masked for octet in ("198", "51.100", "100.2", ".21", "ffff", "db8"))
    assert masked.endswith(" - - [12/Oct/2026:10:00:01 +0000]")


def test_versions_and_times_are_not_masked() -> None:
    for text in ("13:55:36", "2026:13:55:36", "1.2.3", "Firefox/140.0"):
        assert mask_addresses(text) == text


LISTS = {
    "with a port": [' "203.0.113.{}:#"'],
    "the third quoted field": [' "DE" "Berlin" "203.0.113.{}, 10.0.0.9"'],
    "after a number": [' 0.012 "203.0.113.{}"', ' 0.013 "203.0.113.{}, 172.16.4.4:80"'],
    "beside the address of the upstream": [' "127.0.0.1:9000" "-" "203.0.113.{}"'],
    "IPv6": [' "[2001:db8:0:{}::1]:#, 10.0.0.9"'],
    "after an unknown hop": [' "unknown, 203.0.113.{}"'],
}


@pytest.mark.parametrize("name", LISTS)
def test_clients_are_the_last_untrusted_senders_of_the_quoted_list(tmp_path: Path, name: str) -> None:
    ends = [end.format(10 + visit) for visit in range(4) for end in [LISTS[name][visit % len(LISTS[name])]]]
    lines = visits(["10.0.0.2 - -"] * 4, ends)
    assert counts(report(tmp_path, lines, PROXY)) == FOUR
    assert counts(report(tmp_path, [f"www.shop.example:80 {text}" for text in lines], PROXY)) == FOUR


def test_a_quoted_field_with_other_words_is_not_a_list(tmp_path: Path) -> None:
    """Whoever sends a header can write anything into it: only what the trusted proxy appended counts."""
    ends = (' "203.0.113.7, evil"', ' "203.0.113.8; x"', ' "no 203.0.113.9"', ' "198.51.100.1.example"')
    assert overview(report(tmp_path, visits(["10.0.0.2 - -"] * 4, ends), PROXY))["visitors"] == 1
    assert overview(report(tmp_path, visits(["192.0.2.2 - -"] * 4, (' "203.0.113.7"', ' "203.0.113.8"')), PROXY))["visitors"] == 1


@pytest.mark.parametrize("goals", [PROXY, GOALS])
def test_a_forwarded_list_before_the_proxys_address(tmp_path: Path, goals: str) -> None:
    senders = ("198.51.100.1 - 172.31.0.100 - -", "198.51.100.2 - 172.31.0.100 - -", "198.51.100.3 - 172.31.0.100 - -", "- - 198.51.100.4 - -")
    assert counts(report(tmp_path, visits(senders), goals)) == FOUR


def test_with_a_trusted_proxy_the_last_untrusted_address_counts(tmp_path: Path) -> None:
    lines = visits(["198.51.100.2, 203.0.113.8 - 172.31.0.100 - -", "198.51.100.9, 203.0.113.8 - 172.31.0.100 - -"])
    assert overview(report(tmp_path, lines, PROXY))["visitors"] == 1
    assert overview(report(tmp_path, lines, GOALS))["visitors"] == 2


def test_late_and_packed_lists_are_read_like_early_ones(tmp_path: Path) -> None:
    direct = [f'{line("GET /style.css", number % 900, who=f"198.51.100.{number % 50} - -")} "-"' for number in range(20_300)]
    behind = visits(["10.0.0.2 - -"] * 40, [f' "203.0.113.{number}"' for number in range(40)])
    goals = tmp_path / "goals.yaml"
    goals.write_text(PROXY, encoding="utf-8")
    for name, lines in {
        "late": [*direct, *behind],
        "early": [*behind, *direct],
        "mixed": random.Random(7).sample([*direct, *behind], 20_420),
    }.items():
        log = written(tmp_path / f"{name}.log", lines)
        packed = tmp_path / f"{name}_packed.log.gz"
        packed.write_bytes(gzip.compress(log.read_bytes(), 1, mtime=0))
        assert counts(figures(log, goals=goals)) == counts(figures(packed, goals=goals)) == (40, 40, 120, 0, 40)


def test_a_socket_is_a_trusted_proxy(tmp_path: Path) -> None:
    ends = [f' "203.0.113.{number}, 10.0.0.3"' for number in range(4)]
    assert counts(report(tmp_path, visits(["unix: - -"] * 4, ends), PROXY)) == FOUR
    assert overview(report(tmp_path, visits(["unix: - -"] * 4, ends), GOALS))["visitors"] == 1


NGINX = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'


@pytest.mark.parametrize(
    ("fields", "first", "later"),
    [
        ('"$uid_got" "$uid_set"', '"-" "uid=0A0{}"', '"uid=0A0{}" "-"'),
        ('"$uid_set" "$uid_got"', '"uid=0A0{}" "-"', '"-" "uid=0A0{}"'),
        ("$uid_got $uid_set", "- uid=0A0{}", "uid=0A0{} -"),
        ('"$http_cookie" "$uid_set"', '"-" "uid=0A0{}"', '"a=1; uid=0A0{}" "-"'),
    ],
)
def test_cookies_of_nginxs_userid_module(tmp_path: Path, fields: str, first: str, later: str) -> None:
    lines = [
        line(f"GET {path}", 60 * visit + number, who="10.0.0.2 - -") + " " + (later if number else first).format(visit)
        for visit in range(4)
        for number, path in enumerate(PAGES)
    ]
    goals = f"{GOALS}\nsite: {{visitor: [cookie.uid, address+browser], log_format: '{NGINX} {fields}'}}"
    assert counts(report(tmp_path, lines, goals)) == FOUR


def _users(file: Path, rows: Iterable[str]) -> list[str | None]:
    """Return the user of each row of an export."""
    return [user for _, user in users(written(file, rows))]


NOBODIES = (
    "",
    " ",
    "-",
    "null",
    "NULL",
    "none",
    "undefined",
    "NaN",
    "guest",
    "Anonymous",
    "(not set)",
    "[object Object]",
    "0",
    "00000000-0000-0000-0000-000000000000",
)


PLACEHOLDERS: dict[str, list[str]] = {
    "a generic table": ["time,event,anonymous_id,user_id", '2026-10-10 10:00:00,seen,a{n},"{nobody}"'],
    "Segment's": ["id,received_at,timestamp,anonymous_id,user_id,event", '{n},2026-10-01 09:00:05 UTC,2026-10-01 09:00:00 UTC,a{n},"{nobody}",seen'],
    "Matomo's": [
        "idVisit,lastActionTimestamp,visitorId,userId,actionDetails_0_type,actionDetails_0_url,actionDetails_0_timestamp",
        '{n},1791640536,a{n},"{nobody}",action,/,1791640536',
    ],
    "Amplitude's": ['{{"event_time":"2026-10-10 13:55:36","event_type":"x","amplitude_id":7,"device_id":"a{n}","user_id":"{nobody}"}}'],
    "Mixpanel's": ['{{"event":"x","properties":{{"time":1791640536,"distinct_id":"{nobody}","$insert_id":"m{n}","$device_id":"a{n}"}}}}'],
    "GA4's": ['{{"event_timestamp":"1791640536000000","event_name":"x","event_params":[],"user_pseudo_id":"a{n}","user_id":"{nobody}"}}'],
}
"""Tables whose rows name nobody beside an anonymous ID: the header, if there is one, and a row."""


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_a_value_that_says_nothing_hides_no_fallback(tmp_path: Path, name: str) -> None:
    *header, row = PLACEHOLDERS[name]
    rows = [row.format(n=number, nobody=nobody) for number, nobody in enumerate(NOBODIES)]
    assert dict(zip(NOBODIES, _users(tmp_path / "rows", [*header, *rows]), strict=True)) == {text: f"a{n}" for n, text in enumerate(NOBODIES)}


def test_a_value_that_says_nothing_does_not_hide_an_address(tmp_path: Path) -> None:
    rows = ["time,event,user_id,ip", *(f'2026-10-10 10:00:00,seen,"{nobody}",203.0.113.7' for nobody in NOBODIES)]
    assert set(users(written(tmp_path / "rows", rows))) == {("203.0.113.7", None)}


def test_a_time_that_says_nothing_hides_no_fallback(tmp_path: Path) -> None:
    rows = [
        "messageId,type,event,anonymousId,userId,timestamp,originalTimestamp,context.page.url",
        *(f"m{text},page,,a1,u1,{text},2026-10-01T09:00:00Z,https://a.example/" for text in ("", "null", "undefined")),
        "m2,track,purchase,a1,u1,2026-10-01T09:01:00Z,2026-10-01T09:02:00Z,https://a.example/join",
    ]
    document = figures(written(tmp_path / "segment.csv", rows))
    assert (document["input"]["kept"], document["input"]["unparsed"]) == (4, 0)


def test_zero_is_a_value_and_a_number_where_nobody_is_identified(tmp_path: Path) -> None:
    rows = ["time,event,user_id,value,plan", "2026-10-10 10:00:00,guest,u1,0,anonymous", "2026-10-10 10:00:01,0,u1,0.00,0"]
    records = convkit.read_records([written(tmp_path / "events.csv", rows)]).sort("line_no").collect()
    assert records.select("event", "value").rows() == [("guest", "0"), ("0", "0.00")]


def test_placeholders_are_nobody(tmp_path: Path) -> None:
    """A shared placeholder ties nobody: each person has only their own rows."""
    rows = []
    events = [("$pageview", "[object Object]", None), ("$pageview", "ann", None), ("$identify", "ann", "[object Object]")]
    events += [("$pageview", "bob", None), ("$identify", "bob", "[object Object]"), ("$pageview", "undefined", None)]
    for number, (event, user, anonymous) in enumerate(events):
        properties = {"$current_url": f"https://a.example/{number}", **({"$anon_distinct_id": anonymous} if anonymous else {})}
        moment = f"2026-10-10T10:0{number}:00Z"
        rows.append(json.dumps({"uuid": f"e{number}", "event": event, "distinct_id": user, "properties": properties, "timestamp": moment}))
    document = figures(written(tmp_path / "events.ndjson", rows))
    assert (overview(document)["visitors"], overview(document)["pageviews"]) == (2, 2)
    assert document["input"]["unparsed_by_reason"] == {"no visitor": 2}


def test_users_of_a_log_that_say_nothing_are_told_apart_by_address(tmp_path: Path) -> None:
    placeholders = ("guest", "ANONYMOUS", "-", "null", "0") * 3
    lines = [line("GET /a", number, who=f"198.51.100.{number} - {text}") for number, text in enumerate(placeholders)]
    assert overview(report(tmp_path, lines, GOALS))["visitors"] == 15
    lines = [line(f"GET /a?uid={text}", number, who=f"198.51.100.{number} - -") for number, text in enumerate(placeholders)]
    assert overview(report(tmp_path, lines, f"{GOALS}\nsite: {{visitor: [query.uid]}}"))["visitors"] == 15


def test_a_visit_is_somebody_where_no_user_is(tmp_path: Path) -> None:
    """A visit with a user in one row is that user's; its number is not that of a user."""
    header = "id,visit_id,user_id,name,url,time"
    rows = ["1,v1,,$view,/,2026-10-01 09:00:00", "2,v1,,$view,/pricing,2026-10-01 09:01:00", "3,v1,7,Signed up,/in,2026-10-01 09:02:00"]
    rows += ["4,7,,$view,/,2026-10-01 09:05:00", "5,v3,,$view,/pricing,2026-10-01 09:06:00"]
    metrics = overview(figures(written(tmp_path / "visits.csv", [header, *rows])))
    assert (metrics["sessions"], metrics["visitors"]) == (3, 3)
    with_address = [f"{header},ip", *(f"{row},203.0.113.{number}" for number, row in enumerate(rows))]
    assert overview(figures(written(tmp_path / "visits.csv", with_address)))["visitors"] == 5


TIED = (
    "2026-10-01T09:00:00Z,a{n},,page_view,/",
    "2026-10-01T09:01:00Z,a{n},,page_view,/pricing",
    "2026-10-01T09:02:00Z,a{n},u{n},signup,/signup",
    "2026-10-01T09:03:00Z,a{n},u{n},page_view,/welcome",
    "2026-10-01T09:00:00Z,b{n},,page_view,/",
)


def test_a_user_and_an_anonymous_id_are_tied(tmp_path: Path) -> None:
    """Each export has two visitors, of whom one signs up, and other names of its columns."""
    names = ("anonymous_id,user_id", "visitor_id,uid", "device_id,customer_id", "cookie,account_id")
    logs = [
        written(tmp_path / f"{number}.csv", [f"timestamp,{name},event,url", *(row.format(n=number) for row in TIED)])
        for number, name in enumerate(names)
    ]
    goals = "macro: {signup: {event: signup}}\nmicro: {pricing: /pricing}\nfunnels: {join: [pricing, signup]}"
    (tmp_path / "goals.yaml").write_text(goals, encoding="utf-8")
    document = figures(*logs, goals=tmp_path / "goals.yaml")
    assert (overview(document)["visitors"], overview(document)["sessions"]) == (8, 8)
    assert [row["reached"] for row in document["reports"]["funnel"]] == [4, 4]


def test_a_rows_uuid_is_not_a_user_beside_an_anonymous_id(tmp_path: Path) -> None:
    rows = ["time,event,uuid,anonymous_id", *(f"2026-10-01T09:0{number}:00Z,page_view,row{number},a1" for number in range(3))]
    assert overview(figures(written(tmp_path / "events.csv", rows)))["visitors"] == 1


def ga4_rows() -> list[str]:
    """Return two sessions of two people who share a device; each logs in during the session, not at its start or end."""
    rows = []
    for second, session, user in [(0, 1, None), (10, 1, "u1"), (20, 1, None), (10_000, 2, None), (10_010, 2, "u2")]:
        parameters = [
            {"key": "ga_session_id", "value": {"int_value": str(session)}},
            {"key": "page_location", "value": {"string_value": f"/{second}"}},
        ]
        row = {"event_timestamp": str((1_791_640_536 + second) * 1_000_000), "event_name": "page_view", "event_params": parameters}
        rows.append(json.dumps({**row, "user_pseudo_id": "7.1", **({"user_id": user} if user else {})}))
    return rows


@pytest.mark.parametrize("name", [None, "ga_session_id", "session_id"])
def test_a_session_of_the_tool_belongs_to_its_own_user(tmp_path: Path, name: str | None) -> None:
    goals = tmp_path / "goals.yaml"
    goals.write_text(GOALS + (f"\nsite: {{columns: {{session: {name}}}}}" if name else ""), encoding="utf-8")
    metrics = overview(figures(written(tmp_path / "ga4.ndjson", ga4_rows()), goals=goals))
    assert (metrics["sessions"], metrics["visitors"], metrics["pageviews"], metrics["bounces"]) == (2, 2, 5, 0)


def test_sessions_of_a_tool_can_be_kept_by_their_usual_name(tmp_path: Path) -> None:
    """The session of a day and a half is one, as the tool says."""
    rows = [
        json.dumps({"uuid": f"p{number}", "event": "$pageview", "distinct_id": "u1", "timestamp": f"2026-10-1{number}T10:00:00Z",
                    "properties": {"$current_url": "https://a.example/", "$session_id": "s1"}})
        for number in range(2)
    ]  # fmt: skip
    log = written(tmp_path / "posthog.ndjson", rows)
    for name in ("$session_id", "session_id", "properties.$session_id"):
        (tmp_path / "goals.yaml").write_text(f"{GOALS}\nsite: {{columns: {{session: {name}}}}}", encoding="utf-8")
        assert overview(figures(log, goals=tmp_path / "goals.yaml"))["sessions"] == 1
    assert overview(figures(log))["sessions"] == 2


def agents(number: int) -> list[str]:
    """Return some user agents of browsers."""
    return [FIREFOX.replace("140", str(100 + version)) for version in range(number)]


def behind_one_address(address: str, browsers: int, others: int = 0) -> list[str]:
    """Return page views of browsers at one address, of whom one also asked for robots.txt, and as many page views of others as given."""
    lines = [line("GET /a", 10 * number, who=f"{address} - -", agent=agent) for number, agent in enumerate(agents(browsers))]
    lines.append(line("GET /robots.txt", 5, who=f"{address} - -"))
    return [*lines, *(line("GET /a", 10 * number, who=f"203.0.113.{number} - -") for number in range(others))]


def test_private_addresses_of_every_kind_are_private(tmp_path: Path) -> None:
    addresses_of_proxies = ("172.18.0.1", "10.0.0.2", "::1", "fd00::7", "fe80::1", "100.64.3.4", "unix:")
    lines = [text for address in addresses_of_proxies for text in behind_one_address(address, 3)]
    (note,) = (text for text in notes(report(tmp_path, lines, GOALS)) if "private" in text)
    assert note.startswith("All 28 requests come from 7 private IP addresses")


def test_where_all_senders_are_private_the_first_note_of_every_report_says_so(tmp_path: Path) -> None:
    """The behaviour of one visitor does not make a bot of all who share the address and the browser."""
    lines = behind_one_address("172.18.0.1", 3)
    lines.append(line("GET /robots.txt", 7, who="172.18.0.1 - -", agent=agents(1)[0]))
    document = runs.document([written(tmp_path / "access.log", lines)])
    assert {report.notes[0].code for report in document.reports.values()} == {"one-address"}
    note = document.reports["overview"].notes[0].text
    assert note.startswith("All 5 requests come from 1 private IP address, as behind a proxy")
    assert document.input["bot"] == 0
    with_public = runs.document([written(tmp_path / "access.log", [*lines, line("GET /b", 9, who="203.0.113.7 - -")])])
    assert "one-address" not in {one.code for one in with_public.notes}
    assert with_public.input["bot"] > 0


@pytest.mark.parametrize(("senders", "is_crowd"), [(19, True), (20, False)])
def test_many_private_senders_are_those_of_an_office(tmp_path: Path, senders: int, *, is_crowd: bool) -> None:
    lines = [line("GET /a", number, who=f"10.1.2.{number} - -") for number in range(senders)]
    assert any("private IP addresses" in text for text in notes(report(tmp_path, lines, GOALS))) == is_crowd


@pytest.mark.parametrize(("browsers", "others", "is_crowd"), [(20, 10, True), (20, 21, True), (20, 22, False), (18, 10, False)])
def test_an_address_with_many_browsers_and_half_of_the_requests_is_a_crowd(tmp_path: Path, browsers: int, others: int, *, is_crowd: bool) -> None:
    document = runs.document([written(tmp_path / "access.log", behind_one_address("198.51.100.1", browsers, others))])
    assert ("one-address" in {note.code for note in document.notes}) == is_crowd
    assert bool(document.input["bot"]) != is_crowd
    if is_crowd:
        assert document.reports["overview"].notes[0].text.startswith(f"One IP address sent 21 of {21 + others} requests with 21 user agents")


def test_a_scraper_with_half_of_the_requests_is_a_bot(tmp_path: Path) -> None:
    lines = [line(f"GET /{number}", number // 2, who="198.51.100.1 - -") for number in range(300)]
    assert report(tmp_path, [*lines, line("GET /", who="203.0.113.7 - -")], GOALS)["input"]["bot"] == 300


def test_without_clients_behind_trusted_proxies_a_note_says_so(tmp_path: Path) -> None:
    found = visits(["192.0.2.1 - -"] * 4, [f' "203.0.113.{number}"' for number in range(4)])
    lost = visits(["192.0.2.1 - -"] * 4, [' "-"'])
    trusting = f"{GOALS}\nsite: {{trusted_proxy: 192.0.2.0/24}}"
    assert any("no line names a client" in text for text in notes(report(tmp_path, lost, trusting)))
    assert not any("no line names a client" in text for text in notes(report(tmp_path, found, trusting)))
    assert not any("IP address" in text for text in notes(report(tmp_path, lost, GOALS)) if "sent" in text)


def test_visitors_identified_by_something_else_are_no_crowd(tmp_path: Path) -> None:
    lines = [line(f"GET /a?uid={number}", number, who="10.0.0.2 - -") for number in range(1, 6)]
    identified = report(tmp_path, lines, f"{GOALS}\nsite: {{visitor: [query.uid]}}")
    assert overview(identified)["visitors"] == 5
    assert not any("private IP address" in text for text in notes(identified))
    logged_in = [line("GET /a", number, who=f"10.0.0.2 - ann{number}") for number in range(5)]
    assert not any("private IP address" in text for text in notes(report(tmp_path, logged_in, GOALS)))


SENT = [(f"198.51.100.{visit}", number, f"GET {path} HTTP/1.1") for visit in range(1, 5) for number, path in enumerate(PAGES)]
NO_AGENT = {
    "combined": [f'{address} - - [10/Oct/2026:10:00:0{second} +0000] "{request}" 200 1 "-" "-"' for address, second, request in SENT],
    "common": [f'{address} - - [10/Oct/2026:10:00:0{second} +0000] "{request}" 200 1' for address, second, request in SENT],
    "json": [
        json.dumps({"remote_addr": address, "request": request, "status": 200, "time": f"2026-10-10T10:00:0{second}Z", "user_agent": "-"})
        for address, second, request in SENT
    ],
}


@pytest.mark.parametrize("name", NO_AGENT)
def test_without_any_user_agent_nobody_is_a_bot_by_it(tmp_path: Path, name: str) -> None:
    document = report(tmp_path, NO_AGENT[name], GOALS)
    assert counts(document) == FOUR
    assert sum("No line has a user agent" in text for text in notes(document)) == 1


def test_where_some_line_has_a_user_agent_those_without_are_bots(tmp_path: Path) -> None:
    document = report(tmp_path, [*NO_AGENT["combined"], line("GET /style.css", who="203.0.113.7 - -")], GOALS)
    assert document["input"]["bot"] == 12
    assert not any("No line has a user agent" in text for text in notes(document))
    rows = ["time,event,user_id", "2026-10-10 10:00:00,seen,u1"]
    assert not any("No line has a user agent" in text for text in notes(figures(written(tmp_path / "events.csv", rows))))


@pytest.mark.parametrize(("people", "rows", "is_noted"), [(19, 10, True), (19, 9, False), (18, 30, False)])
def test_a_user_with_a_third_of_the_rows_is_noted(tmp_path: Path, people: int, rows: int, *, is_noted: bool) -> None:
    table = ["time,event,user_id", *(f"2026-10-10 10:00:00,seen,u{number}" for number in range(people))]
    table += [f"2026-10-10 11:{number:02}:00,seen,everybody" for number in range(rows)]
    said = [text for text in notes(figures(written(tmp_path / "events.csv", table))) if "One user ID holds" in text]
    assert bool(said) == is_noted
    logged = [line("GET /", number, who=f"198.51.100.1 - {row.rpartition(',')[2]}") for number, row in enumerate(table[1:])]
    assert bool([text for text in notes(report(tmp_path, logged, GOALS)) if "One user ID holds" in text]) == is_noted
    assert not any("everybody," in text for text in said)


@pytest.mark.parametrize(("user", "is_cut"), [("1.23457E+17", True), ("1,2E+11", True), ("9e+20", True), ("123457", False), ("e+17", False)])
def test_rounded_user_ids_are_noted(tmp_path: Path, user: str, *, is_cut: bool) -> None:
    rows = ["time,event,user_id", *(f'2026-10-01T09:0{number}:00Z,page_view,"{user}"' for number in range(3))]
    assert any("which a spreadsheet has rounded" in text for text in notes(figures(written(tmp_path / "events.csv", rows)))) == is_cut


PARTS = {
    "a busy address": behind_one_address("198.51.100.1", 25, 20)
    + [line("GET /", number, who=f"198.51.100.1 - u{number % 7}") for number in range(30)],
    "private addresses": [text for number in range(9) for text in behind_one_address(f"10.0.{number}.2", 9)],
    "no agents": NO_AGENT["combined"] * 30,
    "users": [line("GET /", number, who=f"198.51.100.{number % 50} - {'some' if number % 2 else number}") for number in range(300)],
    "lists": visits([f"10.0.0.2, 198.51.100.{number % 30}:# - 172.16.0.1 - -" for number in range(40)]),
}


@pytest.mark.parametrize("name", [*PARTS, "a shared device", "visits"])
def test_visitors_are_the_same_in_parts(tmp_path: Path, name: str) -> None:
    if name == "a shared device":
        log = written(tmp_path / "ga4.ndjson", ga4_rows() * 40)
    elif name == "visits":
        rows = [f"2026-10-10 10:{number % 60:02}:00,seen,v{number % 40},{number % 40 if number % 3 == 0 else ''},/p" for number in range(160)]
        log = written(tmp_path / "visits.csv", ["time,event,visit_id,user_id,url", *rows])
    else:
        log = written(tmp_path / "access.log", PARTS[name])
    parts, in_one_piece, in_parts = both([log], 15_000)
    assert parts > 1 or name in {"a busy address", "a shared device"}
    assert in_one_piece == in_parts
