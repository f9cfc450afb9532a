"""Default log of Envoy and Istio: time, request, status, flags, bytes, duration, forwarded IP address, user agent, host."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        '[2026-10-10T13:55:36.931Z] "GET /cart?id=1 HTTP/1.1" 200 - 0 89 5 4 "203.0.113.7" "Mozilla/5.0 (X11; Linux x86_64)" '
        '"c219f6da-2b7f-483e-9ced-ec323d9330a9" "shop.example" "10.0.0.3:80"'
    ),
    (
        'ACCESS [2026-10-10T13:55:37.310Z] "POST /cart HTTP/2" 503 UF via_upstream - "-" 154 0 226 - "203.0.113.7, 10.0.0.9" "curl/8.11.1" '
        '"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "shop.example" "-" outbound|80||shop - 10.0.0.4:80 10.0.0.9:41234 - default'
    ),
    '[2026-10-10T13:55:38.533Z] "- - -" 0 - 87 254 4 - "-" "-" "-" "-" "10.0.0.2:80"',
)
FORMAT = Template(
    r'^(?:ACCESS )?\[(?P<time>[0-9]{4}-[0-9A-Z:.+-]+)\] "(?P<request>[^"]*)" (?P<status>[0-9]+) [!-~]+ (?:[!#-/:-~][!#-~]* )*(?:"[ !#-~]*" )*'
    r'[0-9]+ (?P<bytes>[0-9]+) (?P<milliseconds>[0-9]+) [!-~]+ "(?P<forwarded>[^"]*)" "(?P<agent>[^"]*)" "[ !#-~]*" "(?P<host>[ !#-~]*)" "[ !#-~]*"'
    r"(?: [!-~]+ [!-~]+ [!-~]+ (?P<remote>[!-~]+))?",
    # In Envoy's default format, only this field has the client.
    made={"address": pl.coalesce(pl.when(~pl.col("forwarded").is_in(["-", ""])).then("forwarded"), "remote")},
)
