"""Vercel's log drain as JSON: requests with the path that the browser asked for; entries without a request are messages."""

from __future__ import annotations

from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"id":"1791640536000000000000001","deploymentId":"dpl_7","source":"lambda","host":"shop-7.vercel.app","timestamp":1791640536412,"projectId":'
        '"prj_7","level":"info","message":"","path":"/product/[slug]","requestId":"fra1::7","statusCode":200,"type":"stdout","proxy":{"timestamp":'
        '1791640536123,"method":"GET","host":"shop.example","path":"/product/lamp?a=1","userAgent":["Mozilla/5.0 (X11; Linux x86_64)"],"referer":'
        '"https://www.example.org/","region":"fra1","statusCode":200,"clientIp":"203.0.113.7","scheme":"https","vercelCache":"MISS"}}'
    ),
    (
        '{"id":"1791640537000000000000001","deploymentId":"dpl_7","source":"static","host":"shop-7.vercel.app","timestamp":1791640537123,"projectId":'
        '"prj_7","level":"info","path":"logo.png","requestId":"fra1::8","statusCode":304,"proxy":{"timestamp":1791640537123,"method":"GET","host":'
        '"shop.example","path":"/logo.png","userAgent":"Opera/12.0","statusCode":304,"clientIp":"2001:db8::7","scheme":"https"}}'
    ),
    (
        '{"id":"1791640538000000000000001","deploymentId":"dpl_7","source":"build","host":"shop-7.vercel.app","timestamp":1791640538123,"projectId":'
        '"prj_7","level":"info","message":"Build completed"}'
    ),
)
FORMAT = JsonLog(
    names={
        "time": "proxy.timestamp timestamp",
        "address": "proxy.clientIp",
        "host": "proxy.host host",
        "method": "proxy.method",
        "target": "proxy.path",
        "status": "proxy.statusCode statusCode",
        "bytes": "proxy.responseByteSize",
        "referrer": "proxy.referer",
        "agent": "proxy.userAgent",
        # What a function prints comes with the request that called it, once for each line.
        "repeat": "requestId",
    },
    needed=("proxy.method", "proxy.path", "proxy.clientIp proxy.userAgent"),
    messages="deploymentId source projectId",
)
