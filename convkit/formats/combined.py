"""Combined log format of Apache and nginx: IP address, user, time, request, status, bytes, referrer, user agent, and any further fields."""

from __future__ import annotations

from convkit.formats.parsers.clf import AGENT_FOLLOWS, PROXIES, CommonLog

SAMPLES = (
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/1.1" 200 2326 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64)"',
    '2001:db8::7 - ann [10/Oct/2026:13:55:36 -0700] "POST /cart/add HTTP/2.0" 302 0 "-" "Opera/12.0" "203.0.113.9" 0.012',
    r'203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "GET /?q=\"x\" HTTP/1.1" 200 1 "-" "An agent with a 10\" screen"',
)
FORMAT = CommonLog(end=AGENT_FOLLOWS, but="|".join(PROXIES.values()))
