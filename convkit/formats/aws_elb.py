"""Classic load balancers of AWS: time, client, three times, two statuses, request, and in newer ones the agent."""

from __future__ import annotations

import polars as pl

from convkit.templates import Template

COMMENT = None
SAMPLES = (
    (
        "2026-10-10T13:55:36.945958Z shop 203.0.113.7:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "
        '"GET http://shop.example:80/ HTTP/1.1" "curl/8.11.1" - -'
    ),
    '2026-10-10T13:55:37.865823Z shop 203.0.113.9:55128 - -1 -1 -1 408 - 1294336 0 "PUT https://shop.example:443/videos/F4 HTTP/1.1"',
    '2026-10-10T13:55:38.945958Z shop 2001:db8::7:2817 10.0.0.1:80 0.001069 0.000028 0.000041 - - 82 305 "- - - " "-" - -',
)
_PARTS = ("until_target", "of_target", "until_client")
_SECONDS = [pl.col(name).cast(pl.Float64, strict=False) for name in _PARTS]
_FORMAT = Template(
    r"^(?P<time>[0-9]{4}-[!-~]+) [!-~]+ (?P<client>[!-~]+) [!-~]+ "
    r"(?P<until_target>[-.0-9]+) (?P<of_target>[-.0-9]+) (?P<until_client>[-.0-9]+) (?P<status>[0-9]+|-) [!-~]+ [0-9]+ (?P<bytes>[0-9]+|-) "
    r'"(?P<request>[!#-~]*(?: (?:[a-z]+://(?P<host>[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]*\])(?:[/:? ][^"]*)?|[^a-z"][^"]*)?)?)"(?: "(?P<agent>[^"]*)")?',
    made={
        "address": pl.col("client").str.replace(":[0-9]+$", ""),
        "seconds": pl.when(*(second >= 0 for second in _SECONDS)).then(pl.sum_horizontal(_SECONDS).round(6)).cast(pl.String),
    },
)
claims, sniff, fit = _FORMAT.claims, _FORMAT.sniff, _FORMAT.fit
