"""Apache's ssl_request_log: time, client, TLS protocol and cipher, request, bytes."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    '[10/Oct/2026:13:55:36 +0200] 203.0.113.7 TLSv1.3 TLS_AES_256_GCM_SHA384 "GET /cart?id=1 HTTP/1.1" 2326',
    '[10/Oct/2026:13:55:37 +0200] 2001:db8::7 - - "POST /cart/add HTTP/1.1" -',
)
FORMAT = Template(
    r'^\[(?P<time>[0-9]{2}/[A-Za-z]{3}/[^\]]+)\] (?P<address>[!-~]+) [!-~]+ [!-~]+ "(?P<request>[^"]*)" (?P<bytes>[0-9]+|-)$',
    names_month=True,
)
