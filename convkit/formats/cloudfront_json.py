"""CloudFront standard log, version 2, as JSON, with the same column names as the tab-separated log."""

from __future__ import annotations

from convkit.formats._cloudfront import CLEAN
from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"date":"2026-10-10","time":"13:55:36","x-edge-location":"SEA19","sc-bytes":"2326","c-ip":"203.0.113.7","cs-method":"GET","cs(Host)":'
        '"d111111abcdef8.cloudfront.net","cs-uri-stem":"/cart","sc-status":"200","cs(Referer)":"https://www.example.org/","cs(User-Agent)":'
        '"Mozilla/5.0%20(X11)","cs-uri-query":"a=1","cs(Cookie)":"-","x-host-header":"shop.example","time-taken":"0.004","x-forwarded-for":"-",'
        '"cs-protocol-version":"HTTP/2.0"}'
    ),
    '{"timestamp(ms)":"1791640537000","c-ip":"2001:db8::7","cs-method":"GET","cs-uri-stem":"/logo.png","sc-status":"000","cs-uri-query":"-"}',
)
FORMAT = JsonLog(
    names={
        "date": "date",
        "time": "timestamp(ms) timestamp time",
        "address": "c-ip",
        "host": "x-host-header cs(Host)",
        "method": "cs-method",
        "target": "cs-uri-stem",
        "query": "cs-uri-query",
        "protocol": "cs-protocol-version",
        "status": "sc-status",
        "bytes": "sc-bytes",
        "referrer": "cs(Referer)",
        "agent": "cs(User-Agent)",
        "forwarded": "x-forwarded-for",
        "cookies": "cs(Cookie)",
        "seconds": "time-taken",
    },
    needed=("cs-uri-stem", "sc-status", "c-ip"),
    clean=CLEAN,
)
