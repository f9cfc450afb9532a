"""Zeek http.log: tab-separated columns, named by a `#fields` line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.formats.parsers.w3c import W3cLog

if TYPE_CHECKING:
    import polars as pl

SAMPLES = (
    "#separator \\x09",
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tmethod\thost\turi\treferrer\tversion\tuser_agent\tresponse_body_len\tstatus_code\tusername",
    "1791640536.452687\tCwFs1P2UcUdlSxD2La\t203.0.113.7\t52026\tGET\tshop.example\t/cart?id=1\t-\t1.1\tMozilla/5.0 (X11; Linux x86_64)\t2326\t200\t-",
    "1791640537.100000\tCJxSUgkInyKSHiju1\t2001:db8::7\t52030\tGET\tshop.example\t/\thttps://shop.example/\t1.1\tcurl/8.11.1\t0\t304\tann",
)


def _protocol(text: pl.Expr) -> pl.Expr:
    """Return a version number as HTTP/..."""
    return text.str.replace("^([0-9])", "HTTP/$1")


FORMAT = W3cLog(
    columns={
        "time": ("ts",),
        "address": ("id.orig_h",),
        "user": ("username",),
        "host": ("host",),
        "method": ("method",),
        "target": ("uri",),
        "protocol": ("version",),
        "status": ("status_code",),
        "bytes": ("response_body_len",),
        "referrer": ("referrer",),
        "agent": ("user_agent",),
    },
    marks=frozenset({"uri"}),
    usual={},
    has_tabs=True,
    clean={"protocol": _protocol},
)
