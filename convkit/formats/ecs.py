"""Requests with the field names of the Elastic Common Schema, such as `source.ip`, nested or flat."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"@timestamp":"2026-10-10T13:55:36.123Z","source":{"ip":"203.0.113.7"},"user":{"name":"ann"},"url":{"domain":"shop.example","original":"/cart?a=1"},'
        '"http":{"version":"1.1","request":{"method":"GET","referrer":"https://www.example.org/"},"response":{"status_code":200,"body":{"bytes":2326}}},'
        '"user_agent":{"original":"Mozilla/5.0"},"event":{"duration":12000000}}'
    ),
    (
        '{"@timestamp":"2026-10-10T13:55:37Z","source":{"ip":"2001:db8::7"},"url":{"domain":"shop.example","original":"/logo.png"},'
        '"http":{"request":{"method":"GET"},"response":{"status_code":304}}}'
    ),
)
FORMAT = JsonLog(
    names={
        "time": "@timestamp",
        "address": "source.ip source.address client.ip client.address",
        "user": "user.name source.user.name client.user.name user.id",
        "host": "url.domain destination.domain server.domain",
        "method": "http.request.method",
        "target": "url.original url.full url.path",
        "query": "url.query",
        "protocol": "http.version",
        "status": "http.response.status_code",
        "bytes": "http.response.body.bytes http.response.bytes",
        "referrer": "http.request.referrer",
        "agent": "user_agent.original",
        "nanoseconds": "event.duration",
    },
    needed=("http.request.method http.response.status_code", "url.original url.path url.full"),
)
