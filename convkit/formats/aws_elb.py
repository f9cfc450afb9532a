"""AWS Classic Load Balancer: time, client, three durations, two statuses, request, and in newer logs the user agent."""

from __future__ import annotations

from convkit.formats._aws import DERIVED, REQUEST
from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "2026-10-10T13:55:36.945958Z shop 203.0.113.7:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "
        '"GET http://shop.example:80/ HTTP/1.1" "curl/8.11.1" - -'
    ),
    '2026-10-10T13:55:37.865823Z shop 203.0.113.9:55128 - -1 -1 -1 408 - 1294336 0 "PUT https://shop.example:443/videos/F4 HTTP/1.1"',
    '2026-10-10T13:55:38.945958Z shop 2001:db8::7:2817 10.0.0.1:80 0.001069 0.000028 0.000041 - - 82 305 "- - - " "-" - -',
)
FORMAT = Template(
    r"^(?P<time>[0-9]{4}-[!-~]+) [!-~]+ (?P<client>[!-~]+) [!-~]+ "
    r"(?P<until_target>[-.0-9]+) (?P<of_target>[-.0-9]+) (?P<until_client>[-.0-9]+) (?P<status>[0-9]+|-) [!-~]+ [0-9]+ (?P<bytes>[0-9]+|-) "
    rf'{REQUEST}(?: "(?P<agent>[^"]*)")?',
    made=DERIVED,
)
