"""Kubernetes ingress-nginx access log: the combined format, then request length, duration and upstream."""

from __future__ import annotations

from convkit.formats.parsers.clf import PROXIES, CommonLog

SAMPLES = (
    '203.0.113.7 - ann [10/Oct/2026:13:55:36 +0000] "GET /cart HTTP/2.0" 200 6 "-" "Opera/12.0" 46 0.050 [shop-80] [] 192.0.2.9:80 6 0.049 200 75a7',
    '203.0.113.7 - [203.0.113.7] - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 503 197 "-" "Mozilla/5.0" 74 0.000 [default-shop-80] - - - -',
)
# Until 2019 the IP address was logged twice.
FORMAT = CommonLog(end=PROXIES["ingress-nginx"], left_out=r" - \[[^\]]*\] - ")
