"""Bunny CDN: cache status, status, time, bytes, zone, IP address, referrer, URL, edge, user agent and more, separated by vertical bars."""

from __future__ import annotations

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "HIT|200|1791640536327|2326|390|203.0.113.7|https://shop.example/|https://shop.example/cart?id=1|WA|Mozilla/5.0 (X11; Linux x86_64)|"
        "322b688bd63fb63f2babe9de30a5d262|DE"
    ),
    "MISS|404|1791640537100|0|390|2001:db8::7|-|https://shop.example/missing|WA|-|f9e5d6b1bd63fb63f2babe9de30a5d26|FR",
    "HIT|200|1791640538100|9|390|203.0.113.7|-|https://shop.example/|WA|-|322b688bd63fb63f2babe9de30a5d262|DE|123|bytes=0-123|Bearer: x",
)
_START = r"^[^|]+\|(?P<status>[0-9]+|-)\|(?P<time>[0-9]{9,13})\|(?P<bytes>[0-9]+|-)\|[^|]*\|(?P<address>[^|]*)\|(?P<referrer>[^|]*)\|"
_URL = r"(?P<target>[a-z]+://(?P<host>[^/|]*)(?:/[^|]*)?)\|[^|]*\|"
FORMAT = Template(
    # The extended log has three more columns.
    rf"{_START}{_URL}(?P<agent>[^|]*)\|[0-9a-fA-F]*\|[^|]*(?:\|[^|]*\|[^|]*\|[^|]*)?$",
    # A vertical bar within the user agent.
    otherwise=rf"{_START}{_URL}(?P<agent>.*)\|[^|]*\|[^|]*$",
    escapes_quotes=False,
)
