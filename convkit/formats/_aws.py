"""Fields that the logs of AWS load balancers share: the client with its port, three durations, the request."""

from __future__ import annotations

import polars as pl

_PARTS = ("until_target", "of_target", "until_client")
_SECONDS = [pl.col(name).cast(pl.Float64, strict=False) for name in _PARTS]
REQUEST = r'"(?P<request>[!#-~]*(?: (?:[a-z]+://(?P<host>[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]*\])(?:[/:? ][^"]*)?|[^a-z"][^"]*)?)?)"'
"""The pattern for a request with a full URL."""
DERIVED = {
    "address": pl.col("client").str.replace(":[0-9]+$", ""),
    # A time of -1 means that the target never answered.
    "seconds": pl.when(*(second >= 0 for second in _SECONDS)).then(pl.sum_horizontal(_SECONDS).round(6)).cast(pl.String),
}
"""Fields made from the groups `client`, `until_target`, `of_target` and `until_client`; IPv6 addresses are not in brackets."""
