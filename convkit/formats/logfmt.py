"""logfmt: `key=value` pairs separated by spaces, as many application servers write them."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.key_value import KeyValueLog

SAMPLES = (
    (
        'time=2026-10-10T13:55:36Z level=info msg="request done" method=GET path=/cart?id=1 status=200 bytes=2326 remote_addr=203.0.113.7 '
        'user_agent="Mozilla/5.0 (X11; Linux x86_64)" duration=0.25s'
    ),
    'ts=1791640537.1 level=info method=POST uri="/a b" status=302 size=0 client_ip=2001:db8::7 host=shop.example duration_ms=12 msg="say \\"hi\\""',
)


class Logfmt(KeyValueLog):
    """logfmt, except Heroku router lines, which have a format of their own."""

    def claims(self) -> pl.Expr:
        """Return which lines are in logfmt."""
        return super().claims() & ~pl.col("line").str.contains(" dyno=", literal=True)


FORMAT = Logfmt(
    line=r'^[A-Za-z@][A-Za-z0-9_.-]*=(?:"[^"]*(?:\\"[^"]*)*"|[^ "]*)(?: [A-Za-z][A-Za-z0-9_.-]*=(?:"[^"]*(?:\\"[^"]*)*"|[^ "]*))+ ?$',
    word=r'[A-Za-z@][A-Za-z0-9_.-]*=(?:"[^"]*"|[^ ]*)',
    before="(?:^| )",
    value='"[^"]*"|[^ "]*',
    sign="=",
    between=" ",
    has_quotes=True,
    needed=r"(?:^| )(?:method|verb|request|http[._]method|request_method)=.*(?:^| )(?:status|status_code|code|http[._]status)=",
    labels={
        "time": ("time", "ts", "timestamp", "t", "@timestamp", "datetime", "date"),
        "address": ("remote_addr", "client_ip", "remote_ip", "clientip", "ip", "client", "remote", "addr", "fwd", "remote_host"),
        "user": ("user", "remote_user", "username", "user_id"),
        "host": ("host", "vhost", "http_host", "server_name", "domain", "http.host"),
        "request": ("request", "req"),
        "method": ("method", "verb", "request_method", "http.method", "http_method"),
        "target": ("uri", "request_uri", "path", "url", "target", "http.path", "http_path"),
        "protocol": ("proto", "http_version"),
        "status": ("status", "status_code", "code", "http.status", "http_status"),
        "bytes": ("bytes", "size", "bytes_sent", "bytes_out", "length", "response_size"),
        "referrer": ("referer", "referrer", "http_referer"),
        "agent": ("user_agent", "ua", "agent", "useragent", "http_user_agent"),
        "forwarded": ("xff", "x_forwarded_for", "forwarded_for"),
        "seconds": ("duration", "elapsed", "request_time", "latency", "took"),
        "milliseconds": ("duration_ms", "elapsed_ms", "latency_ms", "service"),
    },
)
