"""Nginx Proxy Manager: time, cache status, statuses, method, scheme, host, path, client, length, user agent, referrer."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        '[10/Oct/2026:13:55:36 +0000] - 200 200 - GET https shop.example "/cart?id=1" [Client 203.0.113.7] [Length 2326] [Gzip 3.10] '
        '[Sent-to 10.0.0.3] "Mozilla/5.0 (X11; Linux x86_64)" "https://shop.example/"'
    ),
    '[10/Oct/2026:13:55:37 +0000] HIT - 304 - GET http shop.example "/logo.svg" [Client 2001:db8::7] [Length 0] [Gzip -] [Sent-to shop] "-" "-"',
    '[10/Oct/2026:13:55:38 +0000] 400 - - http localhost "-" [Client 203.0.113.9] [Length 154] [Gzip -] "-" "-"',
)
_REST = (
    r'(?P<status>[0-9]+|-) - (?P<method>[!-~]+) [!-~]+ (?P<host>[!-~]*) "(?P<target>[^"]*)" '
    r'\[Client (?P<address>[ -\\^-~]*)\] \[Length (?P<bytes>[ -\\^-~]*)\] (?:\[[ -\\^-~]*\] )*"(?P<agent>[^"]*)" "(?P<referrer>[^"]*)"'
)
FORMAT = Template(
    rf"^\[(?P<time>[0-9A-Za-z/: +-]+)\] [!-~]+ [!-+.-~-]+(?:, [!-+.-~-]+)* {_REST}",
    otherwise=rf"^\[(?P<time>[0-9A-Za-z/: +-]+)\] {_REST}",
    names_month=True,
)
