"""AWS Network Load Balancer: TLS connections with client, host and bytes; they name no page, so they are not visits."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.regex import Template

SAMPLES = (
    (
        "tls 2.0 2026-10-10T13:55:36 net/shop/c6e77e28c25b2234 g3d4b5e8bb8464cd 203.0.113.7:51341 10.0.0.1:443 5 2 98 246 - "
        "arn:aws:acm:eu-west-1:123456789012:certificate/2a108f19-aded-46b0-8493-c63eb1ef4a99 - ECDHE-RSA-AES128-SHA tlsv12 - "
        'shop.example h2 h2 "h2","http/1.1" 2026-10-10T13:55:30'
    ),
    (
        "tls 2.0 2026-10-10T13:55:37 net/shop/c6e77e28c25b2234 g3d4b5e8bb8464cd 2001:db8::7:51341 - - - 98 0 42 "
        "arn:aws:acm:eu-west-1:123456789012:certificate/2a108f19 - - - - - - - -"
    ),
)
FORMAT = Template(
    r"^tls [0-9.]+ (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?) net/[!-~]+ [!-~]+ (?P<client>[!-~]+):[0-9]+ [!-~]+ [-0-9.]+ [-0-9.]+ [-0-9]+ "
    r"(?P<bytes>[-0-9]+) [!-~]+ [!-~]+ [!-~]+ [!-~]+ [!-~]+ [!-~]+ (?P<host>[!-~]+) ",
    made={"address": pl.col("client")},
)
