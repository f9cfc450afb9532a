"""AWS Application Load Balancer: protocol, time, client, three durations, two statuses, request, user agent; later fields are ignored."""

from __future__ import annotations

from convkit.formats._aws import DERIVED, REQUEST
from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "https 2026-10-10T13:55:36.186641Z app/shop/50dc6c495c0c9188 203.0.113.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 34 366 "
        '"GET https://shop.example:443/cart?id=1 HTTP/1.1" "Mozilla/5.0 (X11; Linux x86_64)" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
        'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" '
        '"shop.example" "arn:aws:acm:eu-west-1:123456789012:certificate/shop" 1 2026-10-10T13:55:36.364000Z "forward" "-" "-" "10.0.0.1:80" "200" '
        '"-" "-" TID_dc57cebed65b444ebc8177bb698fe166'
    ),
    (
        "h2 2026-10-10T13:55:37.361692Z app/shop/50dc6c495c0c9188 2001:db8::bf:7:50718 - -1 -1 -1 504 - 29 0 "
        '"GET https://[2001:db8::1]:443/a b HTTP/2.0" "-" - - - "Root=1-64fe5754-33ecd7461b3736944677bb97" "-" "-"'
    ),
    (
        "http 2026-10-10T13:55:38.216357Z app/shop/50dc6c495c0c9188 203.0.113.9:15070 - -1 -1 -1 400 - 0 272 "
        '"- http://shop-640112591.eu-west-1.elb.amazonaws.com:80- -" "-" - - - "-" "-" "-" - 2026-10-10T13:55:37.967000Z "-" "-" "-" "-" "-" "-" "-"'
    ),
)
FORMAT = Template(
    r"^(?:h(?:ttps?|2)|grpcs?|wss?) (?P<time>[!-~]+) [!-~]+ (?P<client>[!-~]+) [!-~]+ "
    r"(?P<until_target>[!-~]+) (?P<of_target>[!-~]+) (?P<until_client>[!-~]+) (?P<status>[0-9]+|-) [!-~]+ [!-~]+ (?P<bytes>[0-9]+|-) "
    rf'{REQUEST} "(?P<agent>[^"]*)"',
    made=DERIVED,
)
