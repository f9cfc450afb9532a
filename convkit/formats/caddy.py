"""Caddy's JSON log, before and since version 2.5; Caddy's own messages are not requests."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"level":"info","ts":1791640536.1234567,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"192.0.2.1",'
        '"remote_port":"41844","client_ip":"203.0.113.7","proto":"HTTP/2.0","method":"GET","host":"shop.example","uri":"/cart?a=1","headers":'
        '{"User-Agent":["Mozilla/5.0 (X11; Linux x86_64)"],"Referer":["https://www.example.org/"]}},"bytes_read":0,"user_id":"","duration":0.0018,'
        '"size":2326,"status":200,"resp_headers":{"Server":["Caddy"]}}'
    ),
    (
        '{"level":"info","ts":1791640537.5,"logger":"http.log.access","msg":"handled request","request":{"remote_addr":"[2001:db8::7]:60422","proto":'
        '"HTTP/1.1","method":"GET","host":"shop.example:443","uri":"/style.css","headers":{}},"duration":0.0001,"size":0,"status":304}'
    ),
    '{"level":"warn","ts":1791640538.25,"logger":"tls","msg":"storage cleaning happened too recently; skipping for now"}',
)
FORMAT = JsonLog(
    names={
        "time": "ts",
        "address": "request.client_ip request.remote_ip request.remote_addr",
        "user": "user_id",
        "host": "request.host",
        "method": "request.method",
        "target": "request.uri",
        "protocol": "request.proto",
        "status": "status",
        "bytes": "size",
        "referrer": "request.headers.Referer",
        "agent": "request.headers.User-Agent",
        "forwarded": "request.headers.X-Forwarded-For",
        "cookies": "request.headers.Cookie",
        "purpose": "request.headers.Sec-Purpose request.headers.Purpose request.headers.X-Purpose request.headers.X-Moz",
        "destination": "request.headers.Sec-Fetch-Dest",
        "seconds": "duration",
    },
    needed=("request.method", "request.uri", "request.client_ip request.remote_ip request.remote_addr"),
    messages="level ts msg",
    logger=("logger", "http.log.access"),
)
