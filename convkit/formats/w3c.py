"""W3C extended log format, with columns named by a `#Fields` line, as IIS and other servers write it."""

from __future__ import annotations

import polars as pl

from convkit.formats._cloudfront import CLEAN
from convkit.formats.parsers.w3c import W3cLog

SAMPLES = (
    "#Software: Microsoft Internet Information Services 10.0",
    "#Date: 2026-10-10 13:55:36",
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-bytes time-taken",
    "2026-10-10 13:55:36 10.0.0.1 GET /cart id=1 443 - 203.0.113.7 Mozilla/5.0+(X11;+Linux+x86_64) https://shop.example/ 200 2326 15",
    '2026-10-10 13:55:37 10.0.0.1 POST /cart - 443 ann "2001:db8::7" "Mozilla/5.0 (X11; Linux x86_64)" - 302 0 120',
)


def _with_scheme(text: pl.Expr) -> pl.Expr:
    """Return a URL, with a scheme added if it begins with its host."""
    return text.str.replace(r"^([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+/)", "http://$1")


def _protocol(text: pl.Expr) -> pl.Expr:
    """Return the protocol of a request, or null if it is not HTTP/..."""
    return pl.when(text.str.starts_with("HTTP/")).then(text)


_START = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+ [0-9A-Fa-f:.%]+ [A-Z]+ [^ ]+ [^ ]+ [0-9]+ [^ ]+ [0-9A-Fa-f:.%]+ [^ ]+"
_FIRST = ("date", "time", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip", "cs(user-agent)")
_ANSWER = ("sc-status", "sc-substatus", "sc-win32-status")
_BYTES = ("sc-bytes", "cs-bytes", "time-taken")
_REFERRER = "(?:-|https?://[^ ]+)"
_NUMBERS = " [0-9]{3} [0-9]+ [0-9]+ [0-9]+"
_ALL_START = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+ [^ ]+ [^ ]+ [0-9A-Fa-f:.%]+ [A-Z]+ [^ ]+ [^ ]+ [0-9]+ [^ ]+ [0-9A-Fa-f:.%]+ HTTP/[^ ]+(?: [^ ]+){4}"
)
_ALL = (
    *("date", "time", "s-sitename", "s-computername", *_FIRST[2:9], "cs-version", "cs(user-agent)", "cs(cookie)", "cs(referer)", "cs-host"),
    *(*_ANSWER, *_BYTES),
)
FORMAT = W3cLog(
    columns={
        "address": ("c-ip", "cs-ip", "client-ip", "x-client-ip"),
        "user": ("cs-username", "c-username", "c-auth-id", "cs-auth-user", "x-username"),
        "host": ("cs(host)", "cs-host", "x-host-header"),
        "method": ("cs-method",),
        "target": ("cs-uri-stem", "cs-uri"),
        "query": ("cs-uri-query",),
        "protocol": ("cs-version", "cs-protocol-version"),
        "status": ("sc-status", "c-status"),
        "bytes": ("sc-bytes", "bytes"),
        "referrer": ("cs(referer)", "cs(referrer)", "cs-referer", "cs-referrer"),
        "agent": ("cs(user-agent)", "cs-user-agent"),
        "forwarded": ("x-forwarded-for", "cs(x-forwarded-for)", "cs-x-forwarded-for", "s-xff"),
        "cookies": ("cs(cookie)", "cs-cookie"),
        "purpose": ("cs(sec-purpose)", "cs(purpose)"),
        "destination": ("cs(sec-fetch-dest)",),
        "milliseconds": ("timetakenms", "time-taken"),
        "seconds": ("x-duration", "time-taken"),
    },
    marks=frozenset({"date", "time", "date-local", "time-local", "c-ip", "cs-method", "cs-uri-stem", "cs-uri"}),
    others={"x-edge-location": CLEAN},
    # The default columns of each version of IIS, and the same with X-Forwarded-For, the most common addition.
    usual={
        rf"{_START}{_NUMBERS}$": (*_FIRST, *_ANSWER, "time-taken"),
        rf"{_START} [^ ]+{_NUMBERS}$": (*_FIRST, "cs(referer)", *_ANSWER, "time-taken"),
        rf"{_START} [^ ]+{_NUMBERS} [^ ]*[^ 0-9][^ ]*$": (*_FIRST, "cs(referer)", *_ANSWER, "time-taken", "x-forwarded-for"),
        rf"{_START} {_REFERRER} [^ ]+{_NUMBERS}$": (*_FIRST, "cs(referer)", "cs-host", *_ANSWER, "time-taken"),
        rf"{_START} [^ ]*=[^ ]* {_REFERRER}{_NUMBERS} [0-9]+ [0-9]+$": (*_FIRST, "cs(cookie)", "cs(referer)", *_ANSWER, *_BYTES),
        rf"{_START} [^ ]*=[^ ]* {_REFERRER}{_NUMBERS} [0-9]+ [0-9]+ [^ ]+$": (
            *(*_FIRST, "cs(cookie)", "cs(referer)", *_ANSWER, *_BYTES, "x-forwarded-for"),
        ),
        rf"{_START} [^ ]+{_NUMBERS} [0-9]+ [0-9]+$": (*_FIRST, "cs(referer)", *_ANSWER, *_BYTES),
        rf"{_START} [^ ]+{_NUMBERS} [0-9]+ [0-9]+ [^ ]+$": (*_FIRST, "cs(referer)", *_ANSWER, *_BYTES, "x-forwarded-for"),
        rf"{_ALL_START}{_NUMBERS} [0-9]+ [0-9]+$": _ALL,
        rf"{_ALL_START}{_NUMBERS} [0-9]+ [0-9]+ [^ ]+$": (*_ALL, "x-forwarded-for"),
    },
    with_plus=frozenset({"agent", "cookies"}),
    clean={
        "target": _with_scheme,
        "protocol": _protocol,
        # IIS writes milliseconds, but the standard uses fractional seconds.
        "milliseconds": lambda text: text.str.extract("^([0-9]+)$"),
        "seconds": lambda text: text.str.extract(r"^([0-9]*\.[0-9]+)$"),
    },
)
