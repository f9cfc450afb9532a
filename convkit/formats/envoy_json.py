"""Envoy and Istio access log as JSON."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"authority":"shop.example","bytes_received":0,"bytes_sent":2326,"downstream_remote_address":"192.0.2.1:41844","duration":12,"method":"GET",'
        '"path":"/cart?a=1","protocol":"HTTP/1.1","request_id":"c219f6da-2b7f","response_code":200,"response_flags":"-","start_time":'
        '"2026-10-10T13:55:36.931Z","upstream_cluster":"shop","user_agent":"Mozilla/5.0","x_forwarded_for":"203.0.113.7"}'
    ),
    (
        '{"authority":"shop.example","bytes_received":0,"bytes_sent":0,"downstream_remote_address":"[2001:db8::7]:41844","duration":4,"method":"GET","path":'
        '"/logo.png","protocol":"HTTP/2","response_code":0,"response_flags":"DC","start_time":"2026-10-10T13:55:37.000Z","user_agent":null}'
    ),
    (
        '{"bytes_received":0,"bytes_sent":0,"downstream_remote_address":"203.0.113.7:41846","duration":1,"method":null,"path":null,"protocol":null,'
        '"response_code":0,"response_flags":"UH","start_time":"2026-10-10T13:55:38.000Z"}'
    ),
)
FORMAT = JsonLog(
    names={
        "time": "start_time timestamp",
        "address": "downstream_remote_address downstream_direct_remote_address",
        "host": ":authority requested_server_name",
        "method": "method",
        "target": "x-envoy-original-path x-envoy-origin-path path",
        "protocol": "protocol",
        "status": "response_code",
        "bytes": "bytes_sent",
        "referrer": "referer",
        "agent": "user_agent",
        "forwarded": "x_forwarded_for",
        "cookies": "cookie",
        "milliseconds": "duration",
    },
    needed=("response_code", "response_flags upstream_cluster upstream_host", "start_time", "bytes_sent duration"),
)
