"""Logs of JSON objects: the fields of each server, also with custom names; a broken line does not affect others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from small_logs import figures

import convkit
from convkit.formats import caddy, load_formats
from convkit.formats.parsers.json_log import JsonReader

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "203.0.113.7"
USUAL: dict[str, Any] = {"time": "2026-10-10T13:55:36", "address": ADDRESS, "method": "GET", "target": "/a?x=1", "status": 200}
"""The record of the lines below; the tables list only how other records differ from it."""
CADDY = {"level": "info", "ts": 1791640536, "msg": "handled request", "size": 3, "status": 200}
REQUEST = {"remote_ip": ADDRESS, "proto": "HTTP/2.0", "method": "GET", "host": "shop.example", "uri": "/a?x=1", "headers": {}}
NGINX = {"time_iso8601": "2026-10-10T13:55:36Z", "remote_addr": ADDRESS, "request": "GET /a?x=1 HTTP/1.1", "status": "200"}
NO_REQUEST = dict.fromkeys(("method", "target"))

SERVERS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("caddy", CADDY | {"request": REQUEST}, {"host": "shop.example", "protocol": "HTTP/2.0", "bytes": 3, "user_agent": None}),
    ("caddy", CADDY | {"request": REQUEST | {"client_ip": "203.0.113.9"}}, {"address": "203.0.113.9"}),
    ("caddy", CADDY | {"request": REQUEST | {"client_ip": ""}}, {}),
    ("caddy", CADDY | {"request": REQUEST | {"remote_ip": None, "remote_addr": "[2001:db8::7]:443"}}, {"address": "2001:db8::7"}),
    ("caddy", CADDY | {"request": REQUEST | {"uri": "//a"}}, {"target": "//a"}),
    ("caddy", CADDY | {"request": REQUEST, "user_id": "ann"}, {"user": "ann"}),
    ("caddy", CADDY | {"request": REQUEST | {"headers": {"user-agent": ["A", "B"], "Referer": "r"}}}, {"user_agent": "A", "referrer": "r"}),
    ("caddy", CADDY | {"request": REQUEST, "duration": 0.000177845}, {"seconds": 0.000177845}),
    ("caddy", CADDY | {"request": REQUEST, "duration": "1.5ms"}, {"seconds": 0.0015}),
    ("caddy", CADDY | {"request": REQUEST, "duration": "1m2.5s"}, {"seconds": 62.5}),
    ("caddy", CADDY | {"request": REQUEST, "duration": "12µs"}, {"seconds": 0.000012}),
    ("caddy", CADDY | {"request": REQUEST, "ts": 1651591054.5349035}, {"time": "2022-05-03T15:17:34.534904"}),
    ("caddy", CADDY | {"request": REQUEST, "ts": 1651591054534.9035}, {"time": "2022-05-03T15:17:34.534904"}),
    ("caddy", CADDY | {"request": REQUEST, "ts": 1791640536000000000}, {}),
    ("caddy", CADDY | {"request": REQUEST, "ts": "2026/10/10 13:55:36.250"}, {"time": "2026-10-10T13:55:36.250000"}),
    ("caddy", CADDY | {"request": REQUEST, "logger": "http.log.error"}, NO_REQUEST),
    (
        "apisix",
        {
            "client_ip": ADDRESS,
            "start_time": 1791640536000,
            "latency": 101.5,
            "apisix_latency": 100.5,
            "upstream_latency": 1,
            "request": {"method": "GET", "uri": "/a?x=1", "url": "http://shop.example/a?x=1", "headers": {"host": "shop.example"}, "size": 194},
            "response": {"status": 200, "size": 7},
        },
        {"host": "shop.example", "bytes": 7, "seconds": 0.1015, "user_agent": ""},
    ),
    (
        "lograge",
        {
            "method": "GET",
            "path": "/a?x=1",
            "format": "html",
            "controller": "A",
            "action": "show",
            "status": 200,
            "duration": 58.33,
            "view": 40.43,
            "db": 15.26,
            "@timestamp": "2026-10-10T13:55:36Z",
            "ip": ADDRESS,
        },
        {"seconds": 0.05833},
    ),
    ("nginx-json", NGINX | {"remote_user": "-", "body_bytes_sent": "77"}, {"user": None, "bytes": 77, "protocol": "HTTP/1.1", "user_agent": None}),
    ("nginx-json", NGINX | {"http_user_agent": "-", "http_referer": ""}, {"user_agent": "", "referrer": None}),
    ("nginx-json", {"@Time-Local": "10/Oct/2026:15:55:36 +0200"} | {k: v for k, v in NGINX.items() if k != "time_iso8601"}, {}),
    ("nginx-json", {"msec": "1791640536.250"} | {k: v for k, v in NGINX.items() if k != "time_iso8601"}, {"time": "2026-10-10T13:55:36.250000"}),
    ("nginx-json", {"@timestamp": USUAL["time"] + "Z", "nginx": {k: v for k, v in NGINX.items() if k != "time_iso8601"}}, {}),
    ("nginx-json", {"date": "2026-10-10", "time": "13:55:36", "ip": ADDRESS, "path": "/a", "args": "x=1", "status": 200, "length": 3}, {"bytes": 3}),
    ("nginx-json", NGINX | {"request": "/a?x=1", "method": "GET", "args": "x=1", "server_protocol": "2.0"}, {"protocol": "HTTP/2.0"}),
    ("nginx-json", NGINX | {"request": "\x16\x03", "request_time": "0.012"}, NO_REQUEST | {"seconds": 0.012}),
    ("nginx-json", NGINX | {"response_time": 12}, {"seconds": None}),
    ("nginx-json", NGINX | {"host": "web-1", "http_host": "shop.example:443"}, {"host": "shop.example"}),
    ("nginx-json", NGINX | {"upstream": {"status": "502", "bytes": 1}}, {}),
    (
        "ecs",
        {
            "@timestamp": "2026-10-10T13:55:36Z",
            "source.ip": ADDRESS,
            "url.path": "/a",
            "url.query": "x=1",
            "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
            "event.duration": "12.5ms",
        },
        {"seconds": 0.0125},
    ),
    (
        "google",
        {
            "timestamp": "2026-10-10T13:55:36Z",
            "httpRequest": {
                "requestMethod": "GET",
                "requestUrl": "https://shop.example:8080/a?x=1",
                "remoteIp": f"{ADDRESS}:9",
                "status": 200,
                "latency": "0.012s",
                "responseSize": "157",
            },
        },
        {"target": "https://shop.example:8080/a?x=1", "host": "shop.example", "seconds": 0.012, "bytes": 157},
    ),
    (
        "cloudflare",
        {
            "EdgeStartTimestamp": 1791640536000000000,
            "ClientIP": ADDRESS,
            "ClientRequestMethod": "GET",
            "ClientRequestURI": "/a?x=1",
            "ClientRequestPath": "/a",
            "EdgeResponseStatus": 200,
        },
        {},
    ),
)
"""A server's format, one of its objects, and how the record of this object differs from USUAL."""

ODD: dict[str, bool] = {
    '{"a":"1"}': True,
    '{"a":1.5,"a":2}': True,
    '{"a":true}': True,
    '\ufeff{"a":"1"}\r': True,
    'nginx: {"a":"1"},': True,
    '{"a":"1",}': True,
    '{"a":-,"b":}': True,
    '{"a":NaN}': True,
    '{"a":1e400}': True,
    '{"a":"\\x22\\xC3\\xA9 \\\\x41"}': True,
    '{"a":"a\ttab"}': True,
    '{"a":["x","y"],"h":{"c":"x"}}': True,
    '{"a":{"b":1},"h":"x"}': True,
    '{"h":{"c":[1,null,{}]}}': True,
    "{}": True,
    '{"#":"x","a":"1"}': True,
    '{"a":"1"': False,
    '{"a":"1"}{"a":"2"}': False,
    '{"a":"1"},{"a":"2"}': False,
    '{"b":[{}': False,
    "{}]}": False,
    "[1]": False,
    "null": False,
    "": False,
    "no object": False,
    '{"b":' + "[" * 3000 + "}": False,
    '{"a":' + "1" * 5000 + "}": False,
}
"""Lines, and whether they are objects."""
PLACES = JsonReader((("a",), ("h", "c")), (("h", "c"),))


def records_of(path: Path, lines: list[str], log_format: str = "auto") -> list[dict[str, Any]]:
    """Return the records of a log with these lines."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    frame = convkit.read_records([path], log_format)
    return frame.with_columns(time=pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f").str.strip_suffix(".000000")).collect().to_dicts()


def test_the_objects_of_each_server_are_read(tmp_path: Path) -> None:
    """Each object is recognised by its field names, and only as the format of its server."""
    for name, item, differs in SERVERS:
        line = json.dumps(item)
        records = records_of(tmp_path / "log", [line])
        expected = USUAL | differs
        assert [{key: record[key] for key in expected} for record in records] == [expected], line
        shares = {other: log_format.sniff(pl.Series([line])) for other, log_format in load_formats().items()}
        assert {other for other, share in shares.items() if share} == {name}, line


def test_a_line_is_read_the_same_alone_and_among_others() -> None:
    """Reading all lines at once gives the same as reading them one by one."""
    one_by_one = [PLACES.objects(pl.Series([line])).struct.unnest().drop("#").with_columns(line=pl.lit(line)) for line in ODD]
    many = [*ODD] * 5
    at_once = PLACES.objects(pl.Series(many)).struct.unnest().drop("#").with_columns(line=pl.Series(many))
    assert at_once.equals(pl.concat(one_by_one * 5))
    are_objects = PLACES.objects(pl.Series(many)).is_not_null().to_list()
    assert dict(zip(many, are_objects, strict=True)) == ODD


def test_nginx_escapes_stay_as_in_its_other_logs() -> None:
    line = '{"a":"\\x22\\xC3\\xA9 \\\\x41 \\n"}'
    assert PLACES.objects(pl.Series([line])).struct.field("a")[0] == "\\x22\\xC3\\xA9 \\x41 \n"


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    """They are counted in a run, and when records are read lazily; a server's own messages are neither requests nor errors."""
    sent = REQUEST | {"headers": {"User-Agent": ["Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"]}}
    good = [json.dumps(CADDY | {"request": sent | {"uri": f"/p{number}"}}) for number in range(40)]
    message = json.dumps({"level": "info", "ts": 1791640536.5, "msg": "serving initial configuration"})
    lines = [*good[:20], good[0][:90], "no object", "", '{"a":1},{"a":2}', message, "[1]", *good[20:]]
    records = records_of(tmp_path / "log", lines)
    assert [record["target"] for record in records if record["target"]] == [f"/p{number}" for number in range(40)]
    assert len(records) == 41
    counts = figures(tmp_path / "log")["input"]
    assert (counts["lines"], counts["blank"], counts["unparsed"], counts["other"]) == (46, 1, 4, 1)
    assert counts["unparsed_by_reason"] == {"not a JSON object": 4}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_field_may_be_an_object_in_some_lines_and_a_string_in_others(tmp_path: Path, order: tuple[int, int]) -> None:
    """The object is read, because it has more fields; the line with the string is a record without a request."""
    nested = NGINX | {"request": {"method": "GET", "uri": "/a?x=1"}}
    lines = [json.dumps(nested), json.dumps(NGINX)]
    records = records_of(tmp_path / "a.log", [lines[place] for place in order])
    assert [record["target"] for record in records] == [("/a?x=1", None)[place] for place in order]
    assert [record["status"] for record in records] == [200, 200]


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_of_requests_is_a_log(tmp_path: Path, indent: int | None) -> None:
    records = records_of(tmp_path / "log", [json.dumps([NGINX, NGINX | {"status": "404"}], indent=indent)])
    assert [(record["status"], record["event"]) for record in records] == [(200, None), (404, None)]


def test_a_server_s_messages_alone_do_not_make_a_log() -> None:
    assert caddy.FORMAT.sniff(pl.Series([caddy.SAMPLES[-1]])) == 0
