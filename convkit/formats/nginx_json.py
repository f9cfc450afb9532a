"""JSON access log with custom field names, from nginx, Apache, HAProxy, Fastly, Gunicorn and others."""

from __future__ import annotations

from convkit.formats.parsers import fields
from convkit.formats.parsers.json_log import JsonLog

SAMPLES = (
    (
        '{"time_iso8601":"2026-10-10T13:55:36+02:00","remote_addr":"203.0.113.7","remote_user":"","request":"GET /cart?a=1 HTTP/1.1","status":"200",'
        '"body_bytes_sent":"2326","request_time":"0.012","http_referer":"https://www.example.org/","http_user_agent":"Mozilla/5.0","http_host":'
        '"shop.example","http_x_forwarded_for":""}'
    ),
    (
        '{"time_iso8601":"2026-10-10T13:55:37+02:00","remote_addr":"2001:db8::7","remote_user":"","request":"GET /caf\\xC3\\xA9/logo.png HTTP/1.1",'
        '"status":"304","body_bytes_sent":"0","request_time":"0.000","http_referer":"","http_user_agent":"","http_host":"shop.example","http_x_forwarded_for":""}'
    ),
)
FORMAT = JsonLog(
    names=fields.usual_names(),
    needed=fields.request_names(),
    without="apisix_latency controller id.orig_h properties.clientIp properties.CIp request.remote_ip request.client_ip request.remote_addr "
    "httpRequest.requestUrl "
    "DownstreamStatus ClientRequestHost ClientRequestMethod response_flags cs-uri-stem url.original http.response.status_code",
    is_loose=True,
    is_fallback=True,
)
