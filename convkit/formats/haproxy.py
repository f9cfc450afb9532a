"""HAProxy HTTP log: client, time, frontend, backend, five durations, status, bytes, captured headers, request."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "203.0.113.7:39759 [10/Oct/2026:13:55:36.633] shop~ pages/node8 0/51536/1/48082/99627 200 83285 - - ---- 87/87/87/1/0 0/67 "
        '{shop.example|Mozilla/5.0 (X11; Linux x86_64)} {} "GET /cart?id=1 HTTP/1.1"'
    ),
    '2001:db8::7:51940 [10/Oct/2026:13:55:37.339] shop shop/<NOSRV> -1/-1/-1/-1/+6001 408 +212 - - cR-- 100/89/0/0/0 0/0 "<BADREQ>"',
    "203.0.113.9:50210 [10/Oct/2026:13:55:38.266] shop/https: Connection closed during SSL handshake",
    "203.0.113.9:50211 [10/Oct/2026:13:55:39.321] ssh ssh/node1 1/1/861 1485 -- 2/1/0/0/0 0/0",
    '-:47625 [10/Oct/2026:13:55:40.473] www~ shop/node2 shop.example 0/0/1/17/18 302 291 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
)
_HEADERS, _HEADER = pl.col("headers").str, pl.element()
_IS_AGENT = _HEADER.str.contains("^[A-Za-z][A-Za-z0-9_.-]*/[0-9]")
FORMAT = Template(
    r"^(?P<client>[!-~]+) \[(?P<time>[0-9]{2}/[0-9A-Za-z/:.]+)\] [!-9;-~]+"
    r"(?:: .*| [!-~]+ [-+0-9]+/[-+0-9]+/[-+0-9]+/[-+0-9]+/(?:-1|\+?(?P<milliseconds>[0-9]+)) (?:-1|(?P<status>[0-9]+)) \+?(?P<bytes>[0-9]+) "
    r'[!-~]+ [!-~]+ [!-~]+ [!-~]+ [!-~]+ (?:\{(?P<headers>[^}]*)\} (?:\{[^}]*\} )?)?"(?P<request>[^"]*))',
    # A host logged after the server.
    otherwise=r"^(?P<client>[!-~]+) \[(?P<time>[0-9]{2}/[0-9A-Za-z/:.]+)\] [!-9;-~]+ [!-~]+ (?P<headers>[A-Za-z0-9._:-]+) "
    r"[-+0-9]+/[-+0-9]+/[-+0-9]+/[-+0-9]+/(?:-1|\+?(?P<milliseconds>[0-9]+)) (?:-1|(?P<status>[0-9]+)) \+?(?P<bytes>[0-9]+) "
    r'[!-~]+ [!-~]+ [!-~]+ [!-~]+ [!-~]+ (?:\{[^}]*\} )*"(?P<request>[^"]*)',
    # Captured headers have no names, so only unmistakable values are used.
    made={
        "address": pl.col("client").str.replace(":[0-9]+$", ""),
        # Extracting a string as long as a user agent with a pattern takes ten times as long as splitting the line.
        "agent": _HEADERS.split("|").list.eval(_HEADER.filter(_IS_AGENT).first()).list.first(),
        "referrer": _HEADERS.extract(r"(?:^|\|)(https?://[^|]*)"),
        "host": _HEADERS.extract(r"(?:^|\|)([A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*\.[A-Za-z][A-Za-z0-9_-]*(?::[0-9]+)?)(?:\||$)"),
        "forwarded": _HEADERS.extract(r"(?:^|\|)((?:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)(?:, *[0-9a-fA-F:.]+)*)(?:\||$)"),
    },
    # HAProxy's own messages, and TCP connections that a server accepted; those that no server accepted count as comments.
    messages=r"^(?:Connect from |Proxy [!-~]+ (?:started|stopped)|(?:Stopping|Pausing|Enabling) (?:frontend|backend|proxy|listen)|"
    r"(?:Server|Backup Server) [!-~]+/[!-~]+ is |(?:backend|proxy|frontend) [!-~]+ has no server|"
    r"[!-~]+ \[[^\]]+\] [!-~]+ [!-~]+[^> ] [-+0-9]+/[-+0-9]+/[-+0-9]+ \+?[0-9]+ [^ ]{2} )",
    ignored=r"^[!-~]+ \[[^\]]+\] [!-~]+ [!-~]+/<NOSRV> [-+0-9]+/[-+0-9]+/[-+0-9]+ \+?[0-9]+ [^ ]{2} ",
    names_month=True,
)
