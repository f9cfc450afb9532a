"""Zeek http.log as JSON."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"ts":1791640536.452687,"uid":"CwFs1P2UcUdlSxD2La","id.orig_h":"203.0.113.7","id.orig_p":52026,"method":"GET","host":"shop.example","uri":'
        '"/cart?id=1","version":"1.1","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","request_body_len":0,"response_body_len":2326,"status_code":200}'
    ),
    (
        '{"ts":"2026-10-10T13:55:37.100000Z","uid":"CJxSUgkInyKSHiju1","id.orig_h":"2001:db8::7","id.orig_p":52030,"method":"GET","host":"shop.example",'
        '"uri":"/","referrer":"https://shop.example/","version":"1.1","user_agent":"curl/8.11.1","response_body_len":0,"status_code":304,"username":"ann"}'
    ),
)
FORMAT = JsonLog(
    names={
        "time": "ts",
        "address": "id.orig_h",
        "user": "username",
        "host": "host",
        "method": "method",
        "target": "uri",
        "protocol": "version",
        "status": "status_code",
        "bytes": "response_body_len",
        "referrer": "referrer",
        "agent": "user_agent",
    },
    needed=("id.orig_h", "response_body_len", "status_code method"),
)
