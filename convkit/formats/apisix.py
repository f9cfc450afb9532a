"""Apache APISIX access log as JSON, as its loggers send it."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"client_ip":"203.0.113.7","start_time":1791640536123,"latency":13.0000114,"apisix_latency":2.0000114,"upstream_latency":11,"route_id":"1",'
        '"request":{"method":"GET","uri":"/cart?a=1","url":"http://shop.example:9080/cart?a=1","querystring":{"a":"1"},"size":180,"headers":{"host":'
        '"shop.example","user-agent":"Mozilla/5.0","referer":"https://www.example.org/"}},"response":{"status":200,"size":2326,"headers":{}}}'
    ),
    (
        '{"client_ip":"2001:db8::7","start_time":1791640537123,"latency":1.5,"apisix_latency":1.5,"route_id":"1","request":{"method":"GET","uri":'
        '"/logo.png","size":90,"headers":{"host":"shop.example"}},"response":{"status":304,"size":0,"headers":{}}}'
    ),
)
FORMAT = JsonLog(
    names={
        "time": "start_time",
        "address": "client_ip",
        "user": "consumer.username",
        "host": "request.headers.host",
        "method": "request.method",
        "target": "request.uri",
        "status": "response.status",
        "bytes": "response.size",
        "referrer": "request.headers.referer",
        "agent": "request.headers.user-agent",
        "forwarded": "request.headers.x-forwarded-for",
        "cookies": "request.headers.cookie",
        "purpose": "request.headers.sec-purpose request.headers.purpose",
        "destination": "request.headers.sec-fetch-dest",
        "milliseconds": "latency",
    },
    needed=("apisix_latency upstream_latency", "request.uri", "response.status"),
)
