"""A server's log as JSON whose owner chose the names: nginx's, Apache's, HAProxy's, Fastly's, Gunicorn's."""

from __future__ import annotations

from convkit.json_logs import Preset

COMMENT = None
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
_PLACES = {
    "date": "date",
    "time": "time_iso8601 iso8601 @timestamp time_local datetime date_time time start_time event_time log_time ts msec t epoch started_at "
    "request_time request_time_epoch date",
    "address": "remote_addr client_ip client_addr client_address ip remote_ip x_real_ip http_x_real_ip real_ip remote_address remote_host ip_address "
    "source_ip src_ip src client remote c_ip cip peer_address downstream_remote_address",
    "user": "remote_user auth_user http_user user username user_name user_id client_user",
    "host": "http_host request_headers_host host request_host server_name vhost virtual_host domain domain_name authority site",
    "request": "request request_line http_request first_line request_first_line route_key",
    "method": "request_method method verb http_method request_type req_method",
    "target": "request_uri uri path url request_path request_url target raw_path uri_path url_path http_path endpoint original_url "
    "resource_path request",
    "query": "query_string args query querystring qs request_query request_querystring request_args",
    "protocol": "server_protocol protocol request_protocol http_protocol http_version request_http_version proto req_protocol",
    "status": "status response status_code response_code response_status http_status http_status_code http_code code",
    "bytes": "body_bytes_sent bytes_sent response_size response_bytes response_length bytes size length byte_sent_nc content_length bytes_out "
    "body_size response_body_size body_bytes out_bytes resp_body_size",
    "referrer": "http_referer http_referrer referer referrer request_referer request_header_referer headers.referer",
    "agent": "http_user_agent user_agent agent request_user_agent request_header_user_agent headers.user-agent ua",
    "forwarded": "http_x_forwarded_for x_forwarded_for xff forwarded_for proxy_add_x_forwarded_for request_x_forwarded_for",
    "cookies": "http_cookie cookie cookies",
    "seconds": "request_time duration response_time elapsed_time elapsed processing_time time_taken took latency request_duration",
    "milliseconds": "duration_ms request_time_ms response_time_ms elapsed_ms latency_ms time_ms took_ms duration_in_ms generation_time_milli ta tt",
    "microseconds": "duration_us request_time_us response_time_us elapsed_us latency_us time_us duration_usec",
    "nanoseconds": "duration_ns request_time_ns response_time_ns elapsed_ns latency_ns",
}
_FORMAT = Preset(
    places=_PLACES,
    needed=(f"{_PLACES['request']} {_PLACES['target']}", _PLACES["status"], " ".join(_PLACES[name] for name in ("address", "agent", "forwarded"))),
    without="id.orig_h properties.clientIp properties.CIp request.remote_ip request.client_ip request.remote_addr httpRequest.requestUrl "
    "DownstreamStatus ClientRequestHost ClientRequestMethod response_flags cs-uri-stem url.original http.response.status_code",
    is_loose=True,
)
claims, sniff, fit = _FORMAT.claims, _FORMAT.sniff, _FORMAT.fit
