"""Odd lines in logs of load balancers, CDNs, proxies and application servers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from format_samples import FORMATS, records

import convkit
from convkit.core.escapes import percent_decode
from convkit.formats import ltsv, w3c
from convkit.formats.parsers.clf import AGENT_FOLLOWS, CommonLog
from convkit.formats.parsers.json_log import JsonLog
from convkit.formats.parsers.regex import Template

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.formats import LogFormat

ALB = 'app/shop/50dc 203.0.113.7:2817 - -1 -1 -1 {status} - 34 366 "{request}" "curl/8.11.1" - - - "Root=1" "-" "-"'
S3 = "79a5 shop [10/Oct/2026:13:55:36 +0000] 203.0.113.7 - 3E57 REST.GET.OBJECT a"
HAPROXY = "203.0.113.7:39759 [10/Oct/2026:13:55:36.633] shop~ pages/node8"
TIMERS = "0/51536/1/48082/+99627 200 +83285 - - ---- 87/87/87/1/0 0/67"
ENVOY = '"203.0.113.7" "curl/8.11.1" "c219f6da" "shop.example" "10.0.0.3:80"'
NPM = '[Client 203.0.113.7] [Length 9] [Gzip -] [Sent-to 10.0.0.3] "curl/8.11.1" "-"'
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("aws-alb", f"wss 2026-10-10T13:55:36.1Z {ALB.format(status=101, request='GET https://[2001:db8::1]:443/ HTTP/1.1')}", {"host": "[2001:db8::1]"}),
    (
        "aws-alb",
        f"http 2026-10-10T13:55:36.1Z {ALB.format(status=301, request='GET http://shop.example:80/a b HTTP/1.1')}",
        {"target": "http://shop.example:80/a b"},
    ),
    ("aws-alb", f"http 2026-10-10T13:55:36.1Z {ALB.format(status='-', request='- - - ')}", {"method": None, "status": None, "seconds": None}),
    (
        "aws-s3",
        f'{S3} "GET /a"b HTTP/1.1" 200 - 113 - 7 - "-" "cu"rl" -',
        {"target": '/a"b', "user_agent": 'cu"rl', "seconds": 0.007, "host": "shop"},
    ),
    ("aws-s3", f'{S3} "-" "-" - "-" - "-" - "-" "-" "-"', {"method": None, "status": None, "user_agent": ""}),
    (
        "haproxy",
        f'{HAPROXY} {TIMERS} {{203.0.113.9|https://a.example/}} {{}} "GET /cut',
        {"target": "/cut", "referrer": "https://a.example/", "seconds": 99.627},
    ),
    ("haproxy", f'{HAPROXY} {TIMERS} "<BADREQ>"', {"method": None, "bytes": 83285, "status": 200}),
    ("haproxy", "Proxy shop started.", {"method": None, "address": None, "problem": None}),
    ("haproxy", f"{HAPROXY.replace('node8', '<NOSRV>')} -1/-1/1 212 SC 1/1/0/0/0 0/0", {"problem": "comment"}),
    (
        "envoy",
        f'[2026-10-10T13:55:36.1Z] "GET / HTTP/2" 200 - via_upstream - "-" 0 89 5 4 {ENVOY} a b c 203.0.113.9:1',
        {"address": "203.0.113.7", "bytes": 89},
    ),
    ("envoy", f'[2026-10-10T13:55:36.1Z] "GET / HTTP/2" 200 - "-" "-" 0 89 5 4 {ENVOY}', {"host": "shop.example", "seconds": 0.005}),
    ("nginx-proxy-manager", f'[10/Oct/2026:13:55:36 +0000] - 502, 200 200 - GET https shop.example "/" {NPM}', {"status": 200, "target": "/"}),
    ("nginx-proxy-manager", f'[10/Oct/2026:13:55:36 +0000] 404 - GET https shop.example "/x" {NPM}', {"status": 404, "address": "203.0.113.7"}),
    ("bunny", "HIT|200|1791640536|9|1|203.0.113.7|-|https://shop.example/|WA|a|b|id|DE", {"user_agent": "a|b", "time": "2026-10-10T13:55:36"}),
    ("uwsgi", "*** Starting uWSGI 2.0.12 (64bit) on [Sat Oct 10 13:55:35 2026] ***", {"problem": "comment"}),
    ("uwsgi", "an application says something", {"problem": "does not match the format"}),
    (
        "ltsv",
        "time:2026-10-10T13:55:36Z\tremote_addr:203.0.113.7\thost:shop.example\turi:/a b\tstatus:200",
        {"host": "shop.example", "target": "/a b"},
    ),
    ("ltsv", "time:2026-10-10T13:55:36Z\t203.0.113.7\tstatus:200", {"problem": "does not match the format"}),
]
"""A format, a line, and parts of its record."""


@pytest.mark.parametrize(("name", "line", "expected"), CASES)
def test_odd_lines(name: str, line: str, expected: dict[str, Any]) -> None:
    record = records(FORMATS[name], [line])[0]
    assert {column: record[column] for column in expected} == expected


def read(path: Path, *lines: str) -> list[dict[str, Any]]:
    """Return the records of a log whose format is detected."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return convkit.read_records([path]).sort("line_no").collect().to_dicts()


def test_each_line_is_read_by_the_header_above_it(tmp_path: Path) -> None:
    """A header may be repeated with other columns, and a line that does not fit the header above it is not a record."""
    rows = read(
        tmp_path / "u_ex261010.log",
        *("#Software: a server", "#Fields:  date time   c-ip cs-method cs-uri-stem sc-status", "2026-10-10 13:55:36 203.0.113.7 GET /a 200"),
        *("#Fields: date time cs-uri-stem cs-method c-ip cs(User-Agent)", '2026-10-10 13:55:37 /b#c POST 203.0.113.8 "a  ""b""+c"'),
        *("2026-10-10 13:55:37 /b POST 203.0.113.8", "2026-10-10\t13:55:38  /c GET 2001:db8::1%0 a+b"),
    )
    assert [(row["line_no"], row["target"], row["address"], row["user_agent"]) for row in rows] == [
        (3, "/a", "203.0.113.7", None),
        (5, "/b#c", "203.0.113.8", 'a  "b"+c'),
        (7, "/c", "2001:db8::1", "a b"),
    ]


def test_a_time_without_a_date_takes_that_of_the_header(tmp_path: Path) -> None:
    rows = read(
        tmp_path / "ex.log",
        *("#Date: 2026-10-10 00:00:00", "#Fields: time c-ip cs-method cs-uri-stem sc-status", "13:55:36 203.0.113.7 GET /a 200"),
        *("#Date: 2026-10-11 00:00:00", "#Fields: time c-ip cs-method cs-uri-stem sc-status", "13:55:36 203.0.113.7 GET /a 200"),
    )
    assert [row["time"].isoformat() for row in rows] == ["2026-10-10T13:55:36+00:00", "2026-10-11T13:55:36+00:00"]


@pytest.mark.parametrize(
    "end", ["- 200 0 0 15", "- - 200 0 0 15", "- - 200 0 0 15 203.0.113.9", "- - 200 0 0 9 9 15", "- - 200 0 0 9 9 15 203.0.113.9"]
)
def test_the_default_columns_of_iis_need_no_header(tmp_path: Path, end: str) -> None:
    row = read(tmp_path / "u_ex.log", f"2026-10-10 13:55:36 10.0.0.1 GET /a b=1 80 - 203.0.113.7 {end}")[0]
    assert (row["address"], row["target"], row["status"], row["seconds"]) == ("203.0.113.7", "/a?b=1", 200, 0.015)


@pytest.mark.parametrize("more", [0, 3, 6, 7, 11, 12, 14, 21, 25])
@pytest.mark.parametrize("agent", ["a%20(b)", "a%2520(b)"])
def test_cloudfront_is_read_with_any_number_of_columns(tmp_path: Path, more: int, agent: str) -> None:
    """The user agent is decoded whether it is encoded once or twice; a query keeps its own percent-encoding."""
    ends = ["-", "Hit", "id", "shop.example", "https", "40", "0.004", "203.0.113.9", "TLS", "x", "Hit", "HTTP/2.0"] + ["-"] * 20
    line = f"2026-10-10\t13:55:36\tFRA\t9\t2001:db8::7\tGET\td1.cloudfront.net\t/a\t000\t-\t{agent}\tq=%2520"
    row = read(tmp_path / "E1.log", "\t".join([line, *ends[:more]]))[0]
    assert (row["user_agent"], row["target"], row["status"]) == ("a (b)", "/a?q=%20", 0)
    assert row["host"] == ("shop.example" if more > 3 else "d1.cloudfront.net")


@pytest.mark.parametrize("agent", ["a%20(b)/%E2%82%AC", "a%2520(b)/%25E2%2582%25AC"])
def test_cloudfront_s_json_is_decoded_like_its_table(tmp_path: Path, agent: str) -> None:
    """User agents, referrers and cookies are decoded whether they are encoded once or twice; a query keeps its own percent-encoding."""
    fields = {"cs(User-Agent)": agent, "cs(Referer)": "https://a.example/?q=b%20c", "cs-uri-query": "q=%2520", "cs(Cookie)": "cart=1;%20id=2"}
    item = {"date": "2026-10-10", "time": "13:55:36", "x-edge-location": "FRA", "c-ip": "203.0.113.7", "cs-method": "GET", "cs-uri-stem": "/a"}
    item |= {"sc-status": "200", **fields}
    (in_json,) = read(tmp_path / "log.json", json.dumps(item))
    (in_table,) = [row for row in read(tmp_path / "log.tsv", f"#Fields: {' '.join(item)}", "\t".join(item.values())) if row["target"]]
    assert (in_json["user_agent"], in_json["referrer"], in_json["target"]) == ("a (b)/€", "https://a.example/?q=b c", "/a?q=%20")
    same = ("time", "address", "target", "status", "referrer", "user_agent")
    assert {name: in_json[name] for name in same} == {name: in_table[name] for name in same}


ENCODED = {"agent": percent_decode}
SHARED = {"time": "time", "address": "address", "method": "method", "target": "target", "status": "status", "agent": "agent"}
CLEANING: dict[str, tuple[LogFormat, list[str]]] = {
    "common log": (
        CommonLog(end=AGENT_FOLLOWS, clean=ENCODED),
        ['203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /%20 HTTP/1.1" 200 1 "-" "a%20b"'],
    ),
    "regular expression": (
        Template(r"^(?P<time>[^;]+);(?P<address>[^;]+);(?P<method>[A-Z]+);(?P<target>[^;]+);(?P<status>\d+);(?P<agent>.*)$", clean=ENCODED),
        ["2026-10-10T13:55:36Z;203.0.113.7;GET;/%20;200;a%20b"],
    ),
    "JSON": (
        JsonLog(names=SHARED, needed=("address",), clean=ENCODED),
        ['{"time":"2026-10-10T13:55:36Z","address":"203.0.113.7","method":"GET","target":"/%20","status":200,"agent":"a%20b"}'],
    ),
    "labels": (
        replace(ltsv.FORMAT, clean=ENCODED),
        ["time:2026-10-10T13:55:36Z\tremote_addr:203.0.113.7\tmethod:GET\turi:/%20\tstatus:200\tua:a%20b"],
    ),
    "columns": (
        replace(w3c.FORMAT, clean=ENCODED),
        ["#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(User-Agent)", "2026-10-10 13:55:36 203.0.113.7 GET /%20 200 a%20b"],
    ),
}
"""One format for each parser that decodes user agents."""


@pytest.mark.parametrize("parser", CLEANING)
def test_every_parser_cleans_a_field(parser: str, tmp_path: Path) -> None:
    log_format, lines = CLEANING[parser]
    (tmp_path / "log").write_text("\n".join(lines), encoding="utf-8")
    row = records(log_format, lines, tmp_path / "log")[-1]
    assert (row["time"], row["address"], row["target"], row["status"], row["user_agent"]) == (
        "2026-10-10T13:55:36",
        "203.0.113.7",
        "/%20",
        200,
        "a b",
    )
