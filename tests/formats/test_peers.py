"""Whole logs from the tests of other projects: their requests are read, whatever else they contain.

Each case consists of a few lines of a file, each with some fields of the record that `read_records` returns for it, or None if it is not a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import convkit

if TYPE_CHECKING:
    from pathlib import Path

AT = "[10/Oct/2026:13:55:36 +0000]"
IIS = "2026-10-10 13:55:36 10.0.0.1 GET /cart id=1 443 - 203.0.113.7 Opera/12.0"
GATEWAY = '"ip":"203.0.113.7","requestTime":"10/Oct/2026:13:55:36 +0000","status":"200","protocol":"HTTP/1.1","responseLength":"184"'
CASES: dict[str, list[tuple[str, dict[str, Any] | None]]] = {
    "one line among combined ones that begins with a host": [
        (f'203.0.113.7 - - {AT} "GET / HTTP/1.1" 200 1 "-" "Opera/12.0"', {"address": "203.0.113.7", "host": None}),
        (
            f'shop.example 203.0.113.8 - ann {AT} "GET / HTTP/1.1" 200 1 "-" "Opera/12.0"',
            {"address": "203.0.113.8", "host": "shop.example", "user": "ann"},
        ),
        (f'203.0.113.9 - - {AT} "GET / HTTP/1.1" 200 1', {"address": "203.0.113.9", "status": 200}),
        ('2026/10/10 13:55:36 [error] 31#31: *46 open() failed, client: 203.0.113.7, request: "GET / HTTP/1.1"', None),
    ],
    "forwarded addresses and that of the load balancer": [
        (f'2001:db8::7, 10.0.0.1 10.0.0.2 - - {AT} "GET / HTTP/1.1" 200 1 "-" "Opera/12.0"', {"address": "2001:db8::7", "user": None}),
    ],
    "words between bytes and referrer, as written by Tomcat valves": [
        (
            f'203.0.113.7 - ann {AT} "GET / HTTP/1.1" 200 20486 10.0.0.1 + 400 "-" "Opera/12.0" X-Forwarded-For="-"',
            {"bytes": 20486, "user_agent": "Opera/12.0"},
        ),
        (
            f'203.0.113.7 - - {AT} "GET / HTTP/1.1" 200 12 3413 "https://shop.example/" "Opera/12.0"',
            {"referrer": "https://shop.example/", "bytes": 12},
        ),
    ],
    "the duration after the time": [
        (
            f'shop.example 203.0.113.7 - ann {AT} (0 s) "GET / HTTP/1.1" 301 368 "-" "Opera/12.0"',
            {"host": "shop.example", "address": "203.0.113.7", "status": 301},
        ),
    ],
    "Traefik's, without quotes around missing fields": [
        (
            f'203.0.113.7 - - {AT} "GET / HTTP/2.0" 200 85 - "Opera/12.0" 62 "Host-shop" "http://10.0.0.9:80" 13ms',
            {"referrer": None, "user_agent": "Opera/12.0"},
        ),
        (f'203.0.113.7 - - {AT} "GET / HTTP/2.0" 200 85 - - 62 "Host-shop" "http://10.0.0.9:80" 13ms', {"referrer": None, "user_agent": ""}),
    ],
    "IIS without a header, a host after the referrer": [
        (f"{IIS} - shop.example 200 0 0 26", {"host": "shop.example", "target": "/cart?id=1", "seconds": 0.026}),
        (f"{IIS} https://shop.example/ shop.example 200 0 0 26", {"host": "shop.example", "referrer": "https://shop.example/"}),
    ],
    "IIS without a header, a cookie before the referrer": [
        (f"{IIS} a=1;+b=2 https://shop.example/ 200 0 0 201 36 597 203.0.113.10", {"referrer": "https://shop.example/", "bytes": 201, "status": 200}),
    ],
    "IIS without a header, with all columns": [
        (
            "2026-10-10 13:55:36 W3SVC2 web1 10.0.0.1 GET /cart - 80 - 10.0.0.2 HTTP/1.1 Opera/12.0 - - shop.example 404 0 2 1437 534 0 203.0.113.7",
            {"address": "10.0.0.2", "host": "shop.example", "protocol": "HTTP/1.1", "status": 404, "bytes": 1437},
        ),
    ],
    "an API gateway's": [
        (
            f'{{{GATEWAY},"httpMethod":"GET","resourcePath":"/pets","domainName":"shop.example"}}',
            {"target": "/pets", "host": "shop.example", "bytes": 184},
        ),
    ],
    "another API gateway's": [
        (f'{{{GATEWAY},"routeKey":"GET /pets"}}', {"method": "GET", "target": "/pets", "address": "203.0.113.7"}),
    ],
    "Traefik's, some of them with local time only": [
        (
            '{"ClientHost":"203.0.113.7","RequestMethod":"GET","RequestPath":"/","DownstreamStatus":200,"StartUTC":"2026-10-10T13:55:36Z"}',
            {"status": 200},
        ),
        (
            '{"ClientHost":"203.0.113.7","RequestMethod":"GET","RequestPath":"/a","DownstreamStatus":200,"time":"2026-10-10T13:55:36Z"}',
            {"target": "/a"},
        ),
    ],
    "Kong's, with request sizes too": [
        (
            (
                '{"service":{"host":"10.0.0.1"},"request":{"size":138,"url":"http://shop.example:8000/cart","headers":{"host":"shop.example","user-agent":"curl/8"},'
                '"method":"GET"},"client_ip":"203.0.113.7","response":{"status":200,"size":827},"started_at":1791640536123}'
            ),
            {"host": "shop.example", "bytes": 827, "user_agent": "curl/8"},
        ),
    ],
    "an object on several lines, and another one": [
        (
            '{\n  "ts": 1791640536.5,\n  "status": 200,\n  "request": {"remote_ip": "203.0.113.7", "method": "GET", "uri": "/cart"}\n}',
            {"address": "203.0.113.7", "target": "/cart"},
        ),
        (
            '{\n  "ts": 1791640537.5,\n  "status": 404,\n  "request": {"remote_ip": "203.0.113.8", "method": "GET", "uri": "/x"}\n}',
            {"address": "203.0.113.8", "target": "/x", "status": 404},
        ),
    ],
    "Jetty's, with two spaces": [
        (f'203.0.113.7 -  -  {AT} "GET /cart HTTP/1.1" 200 2326  "-" "Opera/12.0"  12', {"user": None, "user_agent": "Opera/12.0"}),
    ],
    "Gunicorn's, among its own messages": [
        (f'203.0.113.7 - - {AT} "GET /cart HTTP/1.1" 200 2326 "-" "Opera/12.0"', {"address": "203.0.113.7"}),
        ("[2026-10-10 13:55:36 +0000] [42] [INFO] Booting worker with pid: 42", None),
    ],
    "a name directly before the address": [
        (f'shop.example:203.0.113.7 - - {AT} "GET / HTTP/1.1" 200 1', {"address": "203.0.113.7"}),
        (f'INFO:werkzeug:203.0.113.8 - - {AT} "GET / HTTP/1.1" 200 -', {"address": "203.0.113.8"}),
        (f'::ffff:203.0.113.9 - - {AT} "GET / HTTP/1.1" 200 -', {"address": "203.0.113.9"}),
    ],
    "IIS's, with a line inside the method": [
        (
            "#Fields: date time c-ip cs-method cs-uri-stem sc-status\n2026-10-10 13:55:36 203.0.113.7 RPC_IN_DATA /rpc 200",
            {"method": "RPC_IN_DATA", "target": "/rpc"},
        ),
    ],
    "Bitbucket's, whose addresses are not compose services": [
        (
            '203.0.113.7 | https | o@2CM38x2 | ann | 2026-10-10 13:55:36,408 | "GET /x HTTP/1.1" | "" "Opera/12.0" | 201 | 832 | 1204 | - | 3 | e |',
            {"address": "203.0.113.7", "user": "ann", "status": 201, "bytes": 1204, "user_agent": "Opera/12.0"},
        ),
    ],
    "Bunny's extended": [
        (
            "HIT|200|1791640536100|9|390|203.0.113.7|-|https://shop.example/|WA|Opera/12.0|322b688bd63fb63f2babe9de30a5d262|DE|12|bytes=0-12|x",
            {"user_agent": "Opera/12.0", "status": 200},
        ),
    ],
    "Django's development server": [('[10/Oct/2026 13:55:36] "GET /cart HTTP/1.1" 200 2326', {"target": "/cart", "status": 200, "bytes": 2326})],
    "HAProxy's, with a host after the server": [
        (
            '-:47625 [10/Oct/2026:13:55:36.000] www~ shop/a shop.example 0/0/1/17/18 302 291 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
            {"host": "shop.example"},
        ),
    ],
}


def test_whole_files_are_read(tmp_path: Path) -> None:
    for name, lines in CASES.items():
        log = tmp_path / "some.log"
        log.write_text("".join(f"{line}\n" for line, _ in lines), encoding="utf-8")
        rows = convkit.read_records([log]).collect().rows(named=True)
        expected = [fields for _, fields in lines if fields is not None]
        assert [{key: row[key] for key in fields} for row, fields in zip(rows, expected, strict=True)] == expected, name
        assert {str(row["time"])[:16] for row in rows} == {"2026-10-10 13:55"}, name
