"""What the lines of AWS's load balancers have in common: the client with its port, three durations, the request."""

from __future__ import annotations

import polars as pl

_PARTS = ("until_target", "of_target", "until_client")
_SECONDS = [pl.col(name).cast(pl.Float64, strict=False) for name in _PARTS]
REQUEST = r'"(?P<request>[!#-~]*(?: (?:[a-z]+://(?P<host>[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]*\])(?:[/:? ][^"]*)?|[^a-z"][^"]*)?)?)"'
"""The pattern of the request, a URL with its host."""
DERIVED = {
    "address": pl.col("client").str.replace(":[0-9]+$", ""),
    # A time of -1 says that the target never answered.
    "seconds": pl.when(*(second >= 0 for second in _SECONDS)).then(pl.sum_horizontal(_SECONDS).round(6)).cast(pl.String),
}
"""Fields out of the groups `client`, `until_target`, `of_target` and `until_client`; an address of IPv6 has no brackets."""
