"""Traefik access log as text: the combined format, then request number, router, server and duration."""

from __future__ import annotations

from convkit.formats.parsers.clf import PROXIES, CommonLog

SAMPLES = (
    '203.0.113.7 - ann [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/2.0" 200 2326 "-" "Mozilla/5.0" 1 "shop@docker" "http://192.0.2.9:80" 12ms',
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET / HTTP/1.1" - - "-" "Mozilla/5.0" 45640 "-" "-" 0ms',
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/2.0" 200 85 - "Opera/12.0" 12 "Host-shop" "http://192.0.2.9:80" 13ms',
)
# Traefik 1 wrote missing values without quotes.
FORMAT = CommonLog(end=PROXIES["traefik"], has_bare=True)
