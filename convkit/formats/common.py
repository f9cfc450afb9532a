"""Common log format: IP address, user, time, request, status and bytes; without user agents, visitors and bots are harder to identify."""

from __future__ import annotations

from convkit.formats.parsers.clf import NOT_COMMON, NOTHING_IN_QUOTES_FOLLOWS, CommonLog

SAMPLES = (
    '127.0.0.1 bob frank [10/Oct/2026:13:55:36 -0700] "GET /report.html HTTP/1.0" 200 2326',
    'proxy.example - - [01/Jun/1995:00:00:59 -0600] "GET /~ann/publish.html" 200 -',
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "-" 408 0 0.250',
)
FORMAT = CommonLog(end=NOTHING_IN_QUOTES_FOLLOWS, but=NOT_COMMON, has_agent=False)
