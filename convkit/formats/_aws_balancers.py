"""What AWS's load balancers, the classic ones too, write alike: the client with its port, three times, the request.

It stands alone because their lines differ in what stands between these, and two formats may not know each other.
"""

from __future__ import annotations

import polars as pl

_PARTS = ("until_target", "of_target", "until_client")
_SECONDS = [pl.col(name).cast(pl.Float64, strict=False) for name in _PARTS]
REQUEST = r'"(?P<request>[!#-~]*(?: (?:[a-z]+://(?P<host>[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]*\])(?:[/:? ][^"]*)?|[^a-z"][^"]*)?)?)"'
"""The pattern of the request, a URL with its host."""
MADE = {
    "address": pl.col("client").str.replace(":[0-9]+$", ""),
    # A time of -1 says that the target never answered.
    "seconds": pl.when(*(second >= 0 for second in _SECONDS)).then(pl.sum_horizontal(_SECONDS).round(6)).cast(pl.String),
}
"""Fields out of the groups `client`, `until_target`, `of_target` and `until_client`; an address of IPv6 has no brackets."""
