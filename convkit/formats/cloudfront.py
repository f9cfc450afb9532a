"""CloudFront standard log: tab-separated columns, named by a `#Fields` line or, without one, in their usual order."""

from __future__ import annotations

from convkit.formats._cloudfront import CLEAN
from convkit.formats.parsers.w3c import W3cLog

SAMPLES = (
    "#Version: 1.0",
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie)",
    "2026-10-10\t13:55:36\tFRA56-C2\t2326\t203.0.113.7\tGET\td1.cloudfront.net\t/cart\t200\thttps://shop.example/\tMozilla/5.0%20(X11)\tid=1\t-",
    "2026-10-10\t13:55:37\tFRA56-C2\t0\t2001:db8::7\tGET\td1.cloudfront.net\t/\t000\t-\tMozilla/5.0%2520(X11)\t-\tcart=1;%20id=2",
)
_NAMES = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(host)", "cs-uri-stem", "sc-status", "cs(referer)", "cs(user-agent)"),
    *("cs-uri-query", "cs(cookie)", "x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken"),
    *("x-forwarded-for", "ssl-protocol", "ssl-cipher", "x-edge-response-result-type", "cs-protocol-version"),
)
_START = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\t[0-9:]+\t[^\t]+\t[0-9]+\t[^\t]+\t[^\t]+\t[^\t]+\t[^\t]+\t[0-9]+\t[^\t]*\t[^\t]*\t[^\t]*"
FORMAT = W3cLog(
    columns={
        "address": ("c-ip",),
        "host": ("x-host-header", "cs(host)"),
        "method": ("cs-method",),
        "target": ("cs-uri-stem",),
        "query": ("cs-uri-query",),
        "protocol": ("cs-protocol-version",),
        "status": ("sc-status",),
        "bytes": ("sc-bytes",),
        "referrer": ("cs(referer)",),
        "agent": ("cs(user-agent)",),
        "forwarded": ("x-forwarded-for",),
        "cookies": ("cs(cookie)",),
        "seconds": ("time-taken",),
    },
    marks=frozenset({"x-edge-location"}),
    # The oldest lines end before x-host-header.
    usual={rf"{_START}(?:\t[^\t]*){{4}}": _NAMES, rf"{_START}(?:\t|$)": _NAMES[:15]},
    has_tabs=True,
    clean=CLEAN,
)
