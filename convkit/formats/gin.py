"""Log of the Go framework Gin: time, status, duration, client, method, target, separated by vertical bars."""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers.regex import Template

SAMPLES = (
    '[GIN] 2026/10/10 - 13:55:36 | 200 |     250.125µs |     203.0.113.7 | GET      "/cart?id=1"',
    '[GIN] 2026/10/10 - 13:55:37 | 404 |    1.250125ms |     2001:db8::7 | POST     "/cart/add"',
)
FORMAT = Template(
    r"^\[GIN\] (?P<day>[0-9/]+) - (?P<clock>[0-9:]+) \| (?P<status>[0-9]{3}) \| +[^ |]+ \| +(?P<address>[^ |]+) \| "
    r'(?P<method>[A-Z]+) +"(?P<target>[^"]*)"',
    # Gin's own messages: routes and warnings.
    ignored=r"^\[GIN-debug\] ",
    made={"time": pl.concat_str([pl.col("day").str.replace_all("/", "-", literal=True), pl.lit(" "), pl.col("clock")])},
)
