"""Traefik access log as JSON."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"ClientAddr":"203.0.113.7:39496","ClientHost":"203.0.113.7","ClientPort":"39496","ClientUsername":"-","DownstreamContentSize":2326,'
        '"DownstreamStatus":200,"Duration":357313,"OriginStatus":200,"RequestAddr":"shop.example","RequestCount":190,"RequestHost":"shop.example",'
        '"RequestMethod":"GET","RequestPath":"/cart","RequestPort":"-","RequestProtocol":"HTTP/1.1","RequestScheme":"http","RouterName":"shop@docker",'
        '"ServiceURL":{"Scheme":"http","User":null,"Host":"192.0.2.9:80"},"StartUTC":"2026-10-10T13:55:36.587782192Z","entryPointName":"web","level":'
        '"info","msg":"","request_Referer":"https://www.example.org/","request_User-Agent":"Mozilla/5.0","time":"2026-10-10T13:55:36Z"}'
    ),
    (
        '{"ClientHost":"2001:db8::7","ClientUsername":"ann","DownstreamContentSize":0,"DownstreamStatus":404,"Duration":21000,"RequestHost":'
        '"shop.example","RequestMethod":"GET","RequestPath":"/logo.png","RequestProtocol":"HTTP/2.0","StartUTC":"2026-10-10T13:55:37Z"}'
    ),
    '{"level":"info","msg":"Configuration loaded from file: /etc/traefik/traefik.yml","time":"2026-10-10T13:55:38Z"}',
)
FORMAT = JsonLog(
    names={
        "time": "StartUTC StartLocal time",
        "address": "ClientHost ClientAddr",
        "user": "ClientUsername",
        "host": "RequestHost RequestAddr",
        "method": "RequestMethod",
        "target": "RequestPath",
        "protocol": "RequestProtocol",
        "status": "DownstreamStatus OriginStatus",
        "bytes": "DownstreamContentSize OriginContentSize",
        "referrer": "request_Referer request.headers.Referer",
        "agent": "request_User-Agent request.headers.User-Agent",
        "forwarded": "request_X-Forwarded-For request.headers.X-Forwarded-For",
        "cookies": "request_Cookie",
        "purpose": "request_Sec-Purpose request_Purpose",
        "destination": "request_Sec-Fetch-Dest",
        "nanoseconds": "Duration",
    },
    needed=("RequestMethod", "RequestPath", "ClientHost ClientAddr", "DownstreamStatus OriginStatus"),
    messages="level msg time",
)
