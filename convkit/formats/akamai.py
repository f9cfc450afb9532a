"""Akamai DataStream 2 as JSON, and its predecessor Cloud Monitor."""

from __future__ import annotations

import polars as pl

from convkit.core.escapes import percent_decode
from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"version":1,"cp":"123456","reqId":"1239f220","reqTimeSec":"1791640536.123","bytes":"4995","cliIP":"203.0.113.7","statusCode":"200","proto":'
        '"HTTPS","reqHost":"shop.example","reqMethod":"GET","reqPath":"/cart","reqPort":"443","rspContentLen":"4995","rspContentType":"text/html","UA":'
        '"Mozilla%2F5.0+%28X11%3B+Linux+x86_64%29","queryStr":"a=1","accLang":"en","cookie":"id=1","referer":"https%3A%2F%2Fwww.example.org%2F",'
        '"xForwardedFor":"-","turnAroundTimeMSec":"11","transferTimeMSec":"125"}'
    ),
    (
        '{"cp":"123456","reqId":"1239f221","reqTimeSec":"1791640537","bytes":"0","cliIP":"2001:db8::7","statusCode":"304","reqHost":"shop.example",'
        '"reqMethod":"GET","reqPath":"logo.png","UA":"Mozilla%2f5.0%20(X11;%20Linux%20x86_64)%20a+b"}'
    ),
    (
        '{"type":"cloud_monitor","format":"default","version":"1.0","id":"9437c7a7","start":"1791640538.807","cp":"123456","message":{"proto":"https",'
        '"protoVer":"1.1","status":"200","cliIP":"203.0.113.9","reqHost":"shop.example","reqMethod":"GET","reqPath":"%2fcart","reqQuery":"a%3d1",'
        '"bytes":"3278","UA":"Opera%2f12.0"}}'
    ),
)
_WITHOUT = ("", "-")


def _decoded(text: pl.Expr) -> pl.Expr:
    """Return a header that was percent-encoded; plus signs are spaces if there are no others."""
    has_plus = ~text.str.contains("(?: |%20)") & text.str.contains("+", literal=True)
    return percent_decode(pl.when(has_plus).then(text.str.replace_all("+", " ", literal=True)).otherwise(text), slash=True)


def _path(text: pl.Expr) -> pl.Expr:
    """Return a path with its slashes."""
    path = text.str.replace_all("(?i)%2f", "/")
    return pl.when(path.str.starts_with("/") | path.is_in(_WITHOUT)).then(path).otherwise(pl.concat_str([pl.lit("/"), path]))


def _query(text: pl.Expr) -> pl.Expr:
    """Return a query as it was sent."""
    return text.str.replace_all("(?i)%3d", "=").str.replace_all("(?i)%26", "&")


FORMAT = JsonLog(
    names={
        "time": "reqTimeSec start",
        "address": "cliIP message.cliIP",
        "host": "reqHost message.reqHost",
        "method": "reqMethod message.reqMethod",
        "target": "reqPath message.reqPath",
        "query": "queryStr message.reqQuery",
        "status": "statusCode message.status",
        "bytes": "bytes message.bytes",
        "referrer": "referer reqHdr.referer",
        "agent": "UA message.UA",
        "forwarded": "xForwardedFor",
        "cookies": "cookie reqHdr.cookie",
        "milliseconds": "turnAroundTimeMSec",
    },
    needed=("reqMethod message.reqMethod", "reqPath message.reqPath", "cliIP message.cliIP"),
    clean={"agent": _decoded, "referrer": _decoded, "cookies": _decoded, "target": _path, "query": _query},
)
