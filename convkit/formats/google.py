"""Google Cloud load balancer and Cloud Run logs: entries with an `httpRequest`; other entries are not requests."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"httpRequest":{"latency":"0.012s","protocol":"HTTP/2.0","referer":"https://www.example.org/","remoteIp":"203.0.113.7:9989","requestMethod":"GET",'
        '"requestSize":"577","requestUrl":"https://shop.example/cart?a=1","responseSize":"2326","status":200,"userAgent":"Mozilla/5.0"},"insertId":'
        '"1oek5rg3l3fxj7","logName":"projects/shop/logs/requests","resource":{"type":"http_load_balancer"},"severity":"INFO","timestamp":'
        '"2026-10-10T13:55:36.078651Z"}'
    ),
    (
        '{"httpRequest":{"remoteIp":"2001:db8::7","requestMethod":"GET","requestUrl":"https://shop.example/logo.png","status":304},"insertId":"a1",'
        '"logName":"projects/shop/logs/requests","severity":"INFO","timestamp":"2026-10-10T13:55:37Z"}'
    ),
    '{"insertId":"a2","logName":"projects/shop/logs/run.googleapis.com%2Fstdout","textPayload":"ready","timestamp":"2026-10-10T13:55:38Z"}',
)
FORMAT = JsonLog(
    names={
        "time": "timestamp receiveTimestamp",
        "address": "httpRequest.remoteIp",
        "method": "httpRequest.requestMethod",
        "target": "httpRequest.requestUrl",
        "protocol": "httpRequest.protocol",
        "status": "httpRequest.status",
        "bytes": "httpRequest.responseSize",
        "referrer": "httpRequest.referer",
        "agent": "httpRequest.userAgent",
        "seconds": "httpRequest.latency",
    },
    needed=("httpRequest.requestMethod", "httpRequest.requestUrl"),
    messages="logName timestamp",
)
