"""Every log format reads its own samples; odd lines are read correctly or rejected with a reason."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from format_samples import FORMATS, HEAD, REQUEST, REST, SAMPLES, TIME, records

from convkit.core.schema import PARSED
from convkit.formats.parsers.base import ALL_ASSETS, Assets
from convkit.ingest import load
from convkit.ingest.logs import open_logs

if TYPE_CHECKING:
    from pathlib import Path

    from convkit.formats import LogFormat

QUOTED = {name: FORMATS[name] for name in ("combined", "common", "vhost-combined")}
EVERY_FORMAT = pytest.mark.parametrize("name", [name for name, lines in SAMPLES.items() if lines])
EVERY_QUOTED = pytest.mark.parametrize("log_format", QUOTED.values(), ids=QUOTED)
MOMENT = "2026-10-10T11:55:36"
USUAL: dict[str, Any] = {
    "time": MOMENT,
    "address": "203.0.113.7",
    "user": None,
    "host": None,
    "method": "GET",
    "target": "/cart",
    "protocol": "HTTP/1.1",
    "status": 200,
    "bytes": 2326,
    "referrer": None,
    "user_agent": "Opera/12.0",
    "problem": None,
}
"""The record of a line made of HEAD, TIME, REQUEST and REST; the tables below list only how other records differ from it."""

NO_REQUEST = {"method": None, "target": None, "protocol": None}
NO_TIME = {"problem": "no time before the request"}
NO_STATUS = {"problem": "no status after the request"}

REQUESTS: dict[str, dict[str, Any]] = {
    "POST /cart/add HTTP/2.0": {"method": "POST", "target": "/cart/add", "protocol": "HTTP/2.0"},
    r"GET /?q=\"x\" HTTP/1.1": {"target": '/?q="x"'},
    r"GET /a\\b HTTP/1.1": {"target": r"/a\b"},
    r"GET /a\\\"b HTTP/1.1": {"target": r"/a\"b"},
    r"GET /a\\nb\tc\x0A HTTP/1.1": {"target": "/a\\nb\tc\n"},
    r"GET /caf\xC3\xA9\xe9\xF0\x9F\x98\x80\xE2\x82\x7c HTTP/1.1": {"target": "/café\ufffd😀\ufffd|"},
    r"GET /\q\x\x4\x41 HTTP/1.1": {"target": r"/\q\x\x4A"},
    "GET /x HTTP 1.1": {"target": "/x", "protocol": "HTTP 1.1"},
    "GET /a b HTTP/1.1": {"target": "/a b"},
    "GET /a[ ]b HTTP/1.1": {"target": "/a[ ]b"},
    "GET  /x  HTTP/1.1": {"target": "/x"},
    "GET  HTTP/1.1": {"target": "HTTP/1.1", "protocol": None},
    "GET /": {"target": "/", "protocol": None},
    "GET /a b": {"target": "/a b", "protocol": None},
    "GET http://shop.example/x HTTP/1.1": {"target": "http://shop.example/x"},
    "GET http://[:1]/foo HTTP/1.1": {"target": "http://[:1]/foo"},
    "GET :@bxss.me::80/x HTTP/1.1": {"target": ":@bxss.me::80/x"},
    "GET //a HTTP/1.1": {"target": "//a"},
    "OPTIONS * HTTP/1.0": {"method": "OPTIONS", "target": "*", "protocol": "HTTP/1.0"},
    "CONNECT shop.example:443 HTTP/1.1": {"method": "CONNECT", "target": "shop.example:443"},
    "M-SEARCH * HTTP/1.1": {"method": "M-SEARCH", "target": "*"},
    "-": NO_REQUEST,
    "": NO_REQUEST,
    " ": NO_REQUEST,
    "GET": NO_REQUEST | {"target": "GET"},
    "hello": NO_REQUEST | {"target": "hello"},
    "get / HTTP/1.1": NO_REQUEST | {"target": "get / HTTP/1.1"},
    "G3T / HTTP/1.1": NO_REQUEST | {"target": "G3T / HTTP/1.1"},
    "- http://shop.example:80- -": NO_REQUEST | {"target": "http://shop.example:80-"},
    r"\x16\x03\x01\x02\x00": NO_REQUEST | {"target": "\x16\x03\x01\x02\x00"},
    'GET /a"b HTTP/1.1': NO_STATUS,
    'GET /a" b HTTP/1.1': NO_STATUS,
}

ENDS: dict[str, dict[str, Any]] = {
    '- - "-" "Opera/12.0"': {"status": None, "bytes": None},
    '000 0 "-" "Opera/12.0"': {"status": 0, "bytes": 0},
    '499 0 "-" "Opera/12.0"': {"status": 499, "bytes": 0},
    '999 0 "-" "Opera/12.0"': {"status": 999, "bytes": 0},
    '200 - "-" "Opera/12.0"': {"bytes": None},
    '200 99999999999999999999 "-" "Opera/12.0"': {"bytes": None},
    '200 2326 "https://shop.example/?a=b c" "Opera/12.0"': {"referrer": "https://shop.example/?a=b c"},
    '200 2326 "" "Opera/12.0"': {},
    '200 2326 "-" "-"': {"user_agent": ""},
    '200 2326 "-" ""': {"user_agent": ""},
    r'200 2326 "-" "Alba 10\" Build"': {"user_agent": 'Alba 10" Build'},
    r'200 2326 "-" "ends in \\"': {"user_agent": "ends in \\"},
    r'200 2326 "-" "() { :; }; \x22(wget)\x22& #"': {"user_agent": '() { :; }; "(wget)"& #'},
    r'200 2326 "https://a.example/\"x" "Opera/12.0"': {"referrer": 'https://a.example/"x'},
    '200 2326 "-" "Opera/12.0" "203.0.113.9, 10.0.0.1"': {},
    '200 2326 "-" "Opera/12.0" 0.012 0.010 [pool] "-"': {},
    '200 2326 "-" "Opera/12.0" 1 "router with space" - 0ms': {},
    '200 2326 "-" "Opera/12.0"  8': {},
    "200 2326": {"user_agent": None},
    "200 2326 0.250": {"user_agent": None},
    "200 2326 - -": {"user_agent": None},
    '200 2326 "-"': {"user_agent": None},
    '20 0 "-" "Opera/12.0"': NO_STATUS,
    '2000 0 "-" "Opera/12.0"': NO_STATUS,
    "": NO_STATUS,
    '200 2326 "https://a.example/"x" "Opera/12.0"': {"problem": "a quote inside a quoted field"},
}

BEGINNINGS: dict[str, dict[str, Any]] = {
    "2001:db8::7 - -": {"address": "2001:db8::7"},
    "fe80::1%eth0 - -": {"address": "fe80::1"},
    "proxy.example - -": {"address": "proxy.example"},
    "unix: - -": {"address": "unix:"},
    "203.0.113.7, 10.0.0.1, 10.0.0.2 - -": {},
    "203.0.113.7, 10.0.0.1 - ann": {"user": "ann"},
    "203.0.113.7 bob frank": {"user": "frank"},
    "203.0.113.7 - ann lee": {"user": None},
    "203.0.113.7 - ann@shop.example": {"user": "ann@shop.example"},
    "203.0.113.7 - 45.155.170.181": {"user": None},
    "203.0.113.7 - lee, ann": {"user": None},
    "203.0.113.7 - a[b]": {"user": "a[b]"},
    r"203.0.113.7 - \xC3\xA4": {"user": "ä"},
    "203.0.113.7 -  - ": {},
    "203.0.113.7 192.0.2.1 -": {"host": "192.0.2.1"},
    "203.0.113.7 shop.example:8080 ann": {"host": "shop.example", "user": "ann"},
    "203.0.113.7": {},
    "- - -": {"address": None},
    '"203.0.113.7, 10.0.0.1" 10.0.0.2 - ann': {"user": "ann"},
    '"-" 203.0.113.7 - -': {},
    '"203.0.113.7 - -': {},
}

TIMES: dict[str, dict[str, Any]] = {
    "[10/Oct/2026:13:55:36 +0530]": {"time": "2026-10-10T08:25:36"},
    "[10/Oct/2026:13:55:36 -0330]": {"time": "2026-10-10T17:25:36"},
    "[10/Oct/2026:13:55:36 +1400]": {"time": "2026-10-09T23:55:36"},
    "[01/Jan/2027:00:00:00 +0100]": {"time": "2026-12-31T23:00:00"},
    "[29/Feb/2028:12:00:00 +0000]": {"time": "2028-02-29T12:00:00"},
    "[31/Feb/2026:13:55:36 +0000]": NO_TIME,
    "[29/Feb/2026:13:55:36 +0000]": NO_TIME,
    "[10/Oct/2026:24:00:00 +0000]": NO_TIME,
    "[10/Okt/2026:13:55:36 +0000]": NO_TIME,
    "[10/Oct/0001:13:55:36 +0000]": NO_TIME,
    "[10/Oct/9999:13:55:36 +0000]": NO_TIME,
    "[10/Oct/-126:13:55:36 +0000]": NO_TIME,
    "[10/Oct/2026:13:55:36]": {"time": "2026-10-10T13:55:36"},
    "[10/Oct/2026 13:55:36]": {"time": "2026-10-10T13:55:36"},
    "[10/Oct/2026:13:55:36.120 +0200]": {},
    "[2026-10-10T13:55:36+02:00]": {},
    "[2026-10-10 13:55:36.5]": {"time": "2026-10-10T13:55:36"},
    "[1791633336.120]": {},
    "[1234]": NO_TIME,
    "[-]": NO_TIME,
    "": NO_TIME,
}

BROKEN = {
    "": "blank",
    " \t": "blank",
    "# comment": "comment",
    "not a log line": "no request in quotes",
    f"{HEAD} {TIME} GET / HTTP/1.1 200 1": "no request in quotes",
    "- - - - - - -": "no request in quotes",
    f'{HEAD} {TIME} "GET /half': "request without a closing quote",
    f'{HEAD} {TIME} "GET /half\\" HTTP/1.1': "request without a closing quote",
    '{"time": "2026-10-10T13:55:36Z", "path": "/"}': "no time before the request",
}
"""Lines that are not records, and why."""


def check(line: str, differs: dict[str, Any], log_format: LogFormat = FORMATS["combined"]) -> None:
    """Check that a line's record equals USUAL except for the given fields, or that the line is rejected for the given reason."""
    record = records(log_format, [line])[0]
    expected = {"problem": differs["problem"]} if differs.get("problem") else USUAL | differs
    assert {name: record[name] for name in expected} == expected


@EVERY_FORMAT
def test_a_format_is_detected_from_its_samples_and_reads_them(name: str, tmp_path: Path) -> None:
    """No other format claims the samples, and all of them except headers are records."""
    (tmp_path / "log").write_text("\n".join(SAMPLES[name]), encoding="utf-8")
    with ExitStack() as stack:
        logs = open_logs([tmp_path / "log"], "auto", stack).logs
        assert [log.name for log in logs] == [name]
        cells = load.read_parsed(logs).collect()
    assert {*cells["problem"].drop_nulls().cast(pl.String)} <= {"comment"}
    assert cells["problem"].null_count() >= 1
    assert dict(cells.schema).items() >= PARSED.items()


@EVERY_FORMAT
def test_no_two_formats_claim_the_same_lines(name: str) -> None:
    samples = pl.Series("line", SAMPLES[name])
    bare = {
        other: samples if log_format.comment is None else samples.filter(~samples.str.starts_with(log_format.comment))
        for other, log_format in FORMATS.items()
    }
    shares = {other: log_format.sniff(bare[other]) for other, log_format in FORMATS.items()}
    assert shares.pop(name) == 1
    assert [other for other, share in shares.items() if share >= 0.5] == []


@EVERY_FORMAT
def test_only_the_client_of_plain_assets_is_read(name: str, tmp_path: Path) -> None:
    """For plain assets in the samples, no time, request or status is read."""
    (tmp_path / "log").write_text("\n".join(SAMPLES[name]), encoding="utf-8")
    with ExitStack() as stack:
        log = open_logs([tmp_path / "log"], name, stack).logs[0]
        whole, selected = (load.load_log(log, load.Selection(assets)).lines.collect() for assets in (ALL_ASSETS, Assets()))
    is_asset = selected["problem"].cast(pl.String).fill_null("") == "asset"
    assert selected.select("sender", "user_agent").equals(whole.select("sender", "user_agent"))
    assert is_asset.to_list() == whole["asset"].to_list()
    unread = selected.filter(is_asset).select("time", "request", "status")
    assert unread.null_count().row(0) == (unread.height,) * 3


@EVERY_FORMAT
def test_a_format_claims_no_other_text(name: str) -> None:
    assert FORMATS[name].sniff(pl.Series(["", " \t", "not a log line", "- - - - - - -", "{", "[", "\x1b[31m", '"'])) < 0.5
    assert FORMATS[name].sniff(pl.Series([], dtype=pl.String)) == 0


@EVERY_QUOTED
def test_a_rejected_line_has_a_reason(log_format: LogFormat) -> None:
    assert all(record["problem"] for record in records(log_format, list(BROKEN)))


@pytest.mark.parametrize(("request_line", "differs"), REQUESTS.items())
def test_request_lines(request_line: str, differs: dict[str, Any]) -> None:
    check(f'{HEAD} {TIME} "{request_line}" {REST}', differs)


@pytest.mark.parametrize(("end", "differs"), ENDS.items())
def test_the_fields_after_the_request(end: str, differs: dict[str, Any]) -> None:
    check(f'{HEAD} {TIME} "{REQUEST}" {end}', differs)


@pytest.mark.parametrize(("beginning", "differs"), BEGINNINGS.items())
def test_the_fields_before_the_time(beginning: str, differs: dict[str, Any]) -> None:
    check(f'{beginning} {TIME} "{REQUEST}" {REST}', differs)


@pytest.mark.parametrize(("time", "differs"), TIMES.items())
def test_times_become_utc_or_the_line_is_rejected(time: str, differs: dict[str, Any]) -> None:
    check(f'{HEAD} {time} "{REQUEST}" {REST}', differs)


@pytest.mark.parametrize(("line", "problem"), BROKEN.items())
def test_broken_lines_have_a_reason(line: str, problem: str) -> None:
    assert records(FORMATS["combined"], [line])[0]["problem"] == problem


@pytest.mark.parametrize(
    ("host", "expected"),
    [("shop.example:443", "shop.example"), ("shop.example", "shop.example"), ("WWW.Shop.Example:80", "www.shop.example"), ("-", None)],
)
@pytest.mark.parametrize("beginning", ["203.0.113.7 - -", "2001:db8::7 - -", "203.0.113.7 - ann lee"])
def test_a_leading_host_is_the_virtual_host(host: str, expected: str | None, beginning: str) -> None:
    line = f'{beginning} {TIME} "{REQUEST}" {REST}'
    check(f"{host} {line}", BEGINNINGS.get(beginning, {}) | {"host": expected}, FORMATS["vhost-combined"])


def test_a_user_that_looks_like_an_address_is_not_a_leading_host() -> None:
    lines = pl.Series([f'{beginning} {TIME} "{REQUEST}" {REST}' for beginning in ("203.0.113.7 - 192.0.2.1", "203.0.113.7 192.0.2.1 -")])
    assert FORMATS["combined"].sniff(lines) == 1
