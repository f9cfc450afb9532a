"""Squid's native access log: time, duration, client, result and status, bytes, method, URL, user."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    "1791640536.327   2864 203.0.113.7 TCP_MISS/200 10182 GET http://shop.example/ ann HIER_DIRECT/192.0.2.9 text/html",
    "1791640537.100     12 203.0.113.7 TCP_TUNNEL/200 6256 CONNECT shop.example:443 - HIER_NONE/- -",
    '1791640538.391 104 203.0.113.7 58938 TCP_MISS/200 904 123 364 GET http://shop.example/ 1.1 - HIER_NONE/- - text/html "-" "curl/8.14.1"',
)
FORMAT = Template(
    r"^(?P<time>[0-9]+\.[0-9]+) +(?P<milliseconds>-?[0-9]+) (?P<address>[!-~]+) [A-Z_]+/(?P<status>[0-9]{3}) (?P<bytes>[0-9]+) "
    r"(?P<method>[!-~]+) (?P<target>[!-~]+) (?P<user>[!-~]+) [^ /]+/[!-~]+ +[!-~]+",
    # With ports, sizes, protocol and headers, as Squid's documentation suggests.
    otherwise=r"^(?P<time>[0-9]+\.[0-9]+) +(?P<milliseconds>-?[0-9]+) (?P<address>[!-~]+) (?:[0-9]+ )?[A-Z_]+/(?P<status>[0-9]{3}) (?P<bytes>[0-9]+) "
    r"(?:[-0-9]+ )*(?P<method>[A-Z]+) (?P<target>[!-~]+) (?:[0-9.]+ )?(?P<user>[!-~]+) [^ /]+/[!-~]+ +[!-~]+",
)
