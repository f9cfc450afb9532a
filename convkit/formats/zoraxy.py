"""Zoraxy's log: time, kind of route, host, client, user agent, method, target, status; its own messages are comments."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "2026/10/10 13:55:36 [2026-10-10 13:55:36.150624] [router:host-http] [origin:shop.example] [client: 203.0.113.7] "
        "[useragent: Mozilla/5.0 (X11; Linux x86_64)] GET /cart?a=1 200"
    ),
    "[2026-10-10 13:55:37.150624] [router:vdir-http] [origin:shop.example:8080] [client: 2001:db8::7] [useragent: Opera/12.0 [en]] POST /cart 302",
    "[2026-10-10 13:55:38.150624] [router:host-http] [origin:shop.example] [client 203.0.113.9] GET /logo.png 404",
    "[2026-10-10 13:55:39.150624] [cert-resolv] [system:info] No certificate needs to be renewed",
)
_START = r"^(?:[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8} )?\[(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+)\] "
FORMAT = Template(
    rf"{_START}\[router:[^\]]*\] \[origin:(?P<host>[^\]]*)\] \[client:? ?(?P<address>[^\]]*)\] (?:\[useragent:? ?(?P<agent>.*)\] )?"
    r"(?P<method>[A-Z]+) (?P<target>[^ ]*) (?P<status>[0-9]{3})$",
    ignored=rf"{_START}\[[^\]]*\] \[system:",
)
