"""Custom formats: strings of nginx, Apache and GoAccess, and regular expressions, as they appear in a configuration."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import runs
from small_logs import figures, written

import convkit
from convkit.errors import GoalsFileError, UsageError
from convkit.formats import strings
from convkit.goals import loader

if TYPE_CHECKING:
    from pathlib import Path

NGINX = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
LINE = '203.0.113.7 - ann [10/Oct/2026:13:55:36 +0200] "GET /cart?a=b HTTP/1.1" 200 2326 "https://shop.example/" "Opera/12.0"'
USUAL = {
    "time": "2026-10-10T11:55:36+00:00",
    "address": "203.0.113.7",
    "user": "ann",
    "method": "GET",
    "target": "/cart?a=b",
    "protocol": "HTTP/1.1",
    "status": 200,
    "bytes": 2326,
    "referrer": "https://shop.example/",
    "user_agent": "Opera/12.0",
}
SAID = {"time": USUAL["time"], "address": "203.0.113.7", "method": "GET", "target": "/cart"}
NO_REQUEST = {name: value for name, value in USUAL.items() if name not in {"method", "target", "protocol"}} | {"target": "\x16\x03"}
NOBODY = {name: value for name, value in USUAL.items() if name != "user"}

DIRECTIVE = """log_format main '$remote_addr - $remote_user [$time_local] '
    '"$request" $status $body_bytes_sent '  # what was sent
    '"$http_referer" "$http_user_agent"';
"""
AS_JSON = """log_format json escape=json '{'
  '"when":"$time_iso8601",' '"who":"$remote_addr","proxies":"$http_x_forwarded_for",'
  '"what":"$request_method $uri$is_args$args","answer":$status,"took":$request_time,"of":"$upstream_response_time"}';
"""

CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "nginx's string": (NGINX, LINE, USUAL),
    "nginx's directive on several lines": (DIRECTIVE, LINE, USUAL),
    "quoted pieces": (f"'{NGINX[:40]}' '{NGINX[40:]}';", LINE, USUAL),
    "braces around names": (re.sub(r"\$(\w+)", r"${\1}", NGINX), LINE, USUAL),
    "more fields at the end": (NGINX, f'{LINE} "-" 0.012', USUAL),
    "a user with a space": (NGINX, LINE.replace("ann", "ann lee"), {**USUAL, "user": "ann lee"}),
    "a list of addresses": (NGINX, LINE.replace("203.0.113.7", "203.0.113.7, 192.0.2.1"), USUAL),
    "escaped quotes": (NGINX, LINE.replace("Opera/12.0", r"a \"b\" c"), {**USUAL, "user_agent": 'a "b" c'}),
    "no request": (NGINX, LINE.replace("GET /cart?a=b HTTP/1.1", r"\x16\x03"), NO_REQUEST),
    "unknown variables": (f"$foo [$upstream_addr] $bar {NGINX}", f"x [192.0.2.1:80, 192.0.2.2:80] - {LINE}", USUAL),
    "several upstreams": (f"$upstream_addr $upstream_status {NGINX}", f"192.0.2.1:80, 192.0.2.2:80 502, 200 {LINE}", USUAL),
    "a JSON object with custom keys": (
        AS_JSON,
        '{"when":"2026-10-10T13:55:36+02:00","who":"203.0.113.7","proxies":"","what":"GET /cart?a=b","answer":200,"took":0.250,"of":"0.1, 0.2"}',
        {"time": USUAL["time"], "address": "203.0.113.7", "method": "GET", "target": "/cart?a=b", "status": 200, "seconds": 0.25},
    ),
    "seconds with a fraction, parts of a request, a host with its port": (
        "$msec|$remote_addr|$request_method|$uri|$args|$server_protocol|$host:$server_port|$http_referer",
        "1791633336.690|2001:db8::7|GET|/a b|-|HTTP/2.0|Shop.example:443|-",
        {"time": "2026-10-10T11:55:36.690000+00:00", "address": "2001:db8::7", "method": "GET", "target": "/a b", "protocol": "HTTP/2.0",
         "host": "shop.example"},
    ),
    "a host before the target": (
        '$http_x_forwarded_for [$time_iso8601] "$request_method https://$host$request_uri"',
        '203.0.113.7, 192.0.2.1 [2026-10-10T11:55:36Z] "GET https://shop.example/cart"',
        {**SAID, "host": "shop.example"},
    ),
    "Apache's string": (r'%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\"', LINE, USUAL),
    "Apache's directive": (r'LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\"" combined', LINE, USUAL),
    "a user in empty quotes": ('%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"', LINE.replace("ann", '""'), NOBODY),
    "the last status, the finest duration": ("%s %>s %T %D", "301 200 1 1042000", {"status": 200, "seconds": 1.042}),
    "a time in pieces": (
        "%a [%{%d %B %y}t] %{%I:%M:%S %p}t.%{usec_frac}t %{%z}t %m %U%q",
        "203.0.113.7 [10 Octobre 26] 01:55:36 pm.000690 +0200 GET /cart",
        {**SAID, "time": "2026-10-10T11:55:36.000690+00:00"},
    ),
    "the start before the end": ("%{end:usec}t %{usec}t", "1791633399000000 1791633336000000", {"time": USUAL["time"]}),
    "an ordinary time with a fraction": ("%t %{msec_frac}t", "[10/Oct/2026:13:55:36 +0200] 690", {"time": "2026-10-10T11:55:36.690000+00:00"}),
    "the day of the year": ("%{%Y %j %R}t", "2026 283 11:55", {"time": "2026-10-10T11:55:00+00:00"}),
    "an impossible day": ("%{%F %T}t %h", "2026-02-30 11:55:36 192.0.2.1", {"address": "192.0.2.1"}),
    "GoAccess's string": ('%h %^[%d:%t %^] "%r" %s %b "%R" "%u"', LINE, NOBODY),
    "GoAccess's name": ("COMBINED", LINE, USUAL),
    "a regular expression": (
        r'(?P<ip>\S+) \S+ \S+ \[(?P<date>[^ ]+) (?P<timezone>[^\]]+)\] "(?<method>\S+) (?<path>[^ ?"]+)(?:\?(?P<query_string>[^ "]*))? ',
        LINE,
        {**SAID, "target": "/cart?a=b"},
    ),
}  # fmt: skip
"""A format string, a line, and its record."""

MISTAKES = {
    "$remote_addr$http_user_agent": "at position 13, there is nothing between $remote_addr and $http_user_agent",
    "log_format main '$remote_addr": "at position 17, a quote is not closed",
    '%h "%{User-Agent': "at position 5, %{User-Agent has no closing brace",
    "log_format main": "at position 1, the string contains no variables",
    "100%%": "at position 1, the string contains no variables",
    "%h %Z": "at position 4, %Z is not an Apache directive",
    "100% of %h": "at position 4, % of %h is not an Apache directive",
    "%{%Y-%Q}t": "at position 1, %Q is not a time specifier",
    "%h %^ %y": "at position 7, %y is not a GoAccess specifier",
    r"(?P<ip>\S+": "at position 1, missing ), unterminated subpattern",
    r"(?P<ip>\S+)(?= )": "at position 12, (?= is unsupported (no lookaround",
    r"(?P<addres>\S+)": "no group is named after a field; did you mean 'address'?",
    "combind": "unknown log format 'combind'; did you mean 'combined'?",
}


def read(folder: Path, log_format: str, line: str) -> list[dict[str, Any]]:
    """Return the records of a line, without empty fields."""
    (folder / "log").write_text(f"{line}\n", encoding="utf-8")
    records = convkit.read_records([folder / "log"], log_format=log_format).drop("source", "line_no").collect().to_dicts()
    return [{name: plain(value) for name, value in record.items() if value not in {None, ""}} for record in records]


def plain(value: Any) -> Any:  # noqa: ANN401 (a cell)
    r"""Return a value for comparison: a time as a string, and a string without escapes like `\x22`."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), value) if isinstance(value, str) else value


@pytest.mark.parametrize(("log_format", "line", "expected"), CASES.values(), ids=CASES)
def test_a_format_string_reads_a_line(log_format: str, line: str, expected: dict[str, Any], tmp_path: Path) -> None:
    assert read(tmp_path, log_format, line) == [expected]


@pytest.mark.parametrize(("wrong", "message"), MISTAKES.items())
def test_a_wrong_string_is_an_error_with_its_position_and_the_fix(wrong: str, message: str) -> None:
    """An error on the command line names the position; one in a goals file also names the line of the key."""
    with pytest.raises(UsageError) as raised:
        strings.parse_option(wrong)
    assert message in str(raised.value)
    assert re.search("; [a-z`]", str(raised.value))
    with pytest.raises(GoalsFileError) as in_goals_file:
        loader.parse_goals(f"macro: {{g: {{page: /}}}}\nsite:\n  log_format: {json.dumps(wrong)}\n", "goals.yaml")
    assert [(problem.line, message in problem.message) for problem in in_goals_file.value.problems] == [(3, True)]


def test_other_lines_are_unparsed(tmp_path: Path) -> None:
    lines = [LINE, LINE.replace(" 200 ", " "), LINE.replace(" - ann", ""), "", LINE.replace('"GET', "GET"), LINE, LINE]
    counts = figures(written(tmp_path / "access.log", lines), log_format=NGINX)["input"]
    assert (counts["lines"], counts["blank"], counts["unparsed"]) == (7, 1, 3)
    assert counts["unparsed_by_reason"] == {"does not match the format": 3}


def test_a_goals_file_can_set_the_format(tmp_path: Path) -> None:
    indented = DIRECTIVE.replace("\n", "\n    ")
    (tmp_path / "goals.yaml").write_text(f"macro: {{g: {{page: /cart}}}}\nsite:\n  log_format: |\n    {indented}", encoding="utf-8")
    log = written(tmp_path / "access.log", [LINE.replace("ann", "ann lee")])
    assert runs.document([log], ["goals"], tmp_path / "goals.yaml").reports["goals"].frame["reached"].sum() == 1
