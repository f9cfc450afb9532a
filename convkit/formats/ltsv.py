"""LTSV: tab-separated `label:value` pairs in any order, with the labels of ltsv.org or a server's variable names."""

from __future__ import annotations

from convkit.formats.parsers.key_value import KeyValueLog

SAMPLES = (
    "time:[10/Oct/2026:13:55:36 +0200]\thost:203.0.113.7\treq:GET /cart?id=1 HTTP/1.1\tstatus:200\tsize:9\treferer:-\tua:Opera/12.0\treqtime:0.25",
    "host:2001:db8::7\ttime:2026-10-10T13:55:37+02:00\treq:POST /cart HTTP/2.0\tstatus:302\tsize:0\treferer:https://shop.example/\tua:curl/8.11.1",
)
FORMAT = KeyValueLog(
    line=r"^[A-Za-z@][A-Za-z0-9_.-]*:[^\t]*(?:\t[A-Za-z][A-Za-z0-9_.-]*:[^\t]*)+\t?$",
    word=r"[^\t]+",
    before=r"(?:^|\t)",
    value=r"[^\t]*",
    sign=":",
    between="\t",
    needed=r"(?:^|\t)(?:req|request|uri|request_uri|path|url|status):",
    labels={
        "time": ("time", "datetime", "timestamp", "time_iso8601", "time_local", "@timestamp", "date", "ts", "msec", "local_time"),
        # According to ltsv.org, `host` is the client, but in logs with another label for the client it is the virtual host.
        "address": ("remote_addr", "remote_host", "client_ip", "clientip", "remote_ip", "ip", "addr", "client", "host"),
        "user": ("user", "remote_user", "username"),
        "host": ("vhost", "http_host", "server_name", "domain", "host"),
        "request": ("req", "request"),
        "method": ("method", "request_method", "verb"),
        "target": ("uri", "request_uri", "url", "path"),
        "protocol": ("protocol", "server_protocol", "proto"),
        "status": ("status", "status_code", "code"),
        "bytes": ("size", "body_bytes_sent", "bytes_sent", "bytes", "res_size"),
        "referrer": ("referer", "referrer", "http_referer"),
        "agent": ("ua", "user_agent", "useragent", "http_user_agent", "agent"),
        "forwarded": ("forwardedfor", "xff", "x_forwarded_for", "http_x_forwarded_for", "forwarded_for"),
        "cookies": ("cookie", "http_cookie"),
        "purpose": ("sec_purpose", "http_sec_purpose", "http_purpose"),
        "destination": ("sec_fetch_dest", "http_sec_fetch_dest"),
        "seconds": ("reqtime", "request_time", "taken_sec", "response_time", "apptime"),
        "milliseconds": ("reqtime_msec", "duration_ms"),
        "microseconds": ("reqtime_microsec", "reqtime_usec"),
    },
)
