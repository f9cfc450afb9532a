"""Cloudflare HTTP requests as JSON lines from Logpush."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"ClientIP":"203.0.113.7","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestURI":"/cart?a=1","ClientRequestUserAgent":'
        '"Mozilla/5.0","ClientRequestReferer":"https://www.example.org/","EdgeEndTimestamp":1791640536123000000,"EdgeResponseBytes":2326,'
        '"EdgeResponseStatus":200,"EdgeStartTimestamp":1791640536100000000,"RayID":"87a1b2c3d4e5f001","ClientRequestProtocol":"HTTP/2"}'
    ),
    (
        '{"ClientIP":"2001:db8::7","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestURI":"/logo.png","ClientRequestUserAgent":'
        '"","ClientRequestReferer":"","EdgeResponseBytes":0,"EdgeResponseStatus":304,"EdgeStartTimestamp":1791640537100000000,"RayID":"87a1b2c3d4e5f002"}'
    ),
)
FORMAT = JsonLog(
    names={
        "time": "EdgeStartTimestamp EdgeEndTimestamp",
        "address": "ClientIP",
        "host": "ClientRequestHost",
        "method": "ClientRequestMethod",
        "target": "ClientRequestURI ClientRequestPath",
        "protocol": "ClientRequestProtocol",
        "status": "EdgeResponseStatus OriginResponseStatus",
        "bytes": "EdgeResponseBytes",
        "referrer": "ClientRequestReferer",
        "agent": "ClientRequestUserAgent",
        "cookies": "Cookies.Cookie RequestHeaders.cookie",
        "purpose": "RequestHeaders.sec-purpose RequestHeaders.purpose",
        "destination": "RequestHeaders.sec-fetch-dest",
        "forwarded": "ClientXForwardedFor RequestHeaders.x-forwarded-for",
        "milliseconds": "EdgeTimeToFirstByteMs",
    },
    needed=(
        "ClientRequestURI ClientRequestPath ClientRequestHost ClientRequestMethod",
        "EdgeStartTimestamp EdgeEndTimestamp EdgeResponseStatus RayID",
    ),
)
