"""Traefik's access log in lines: combined, then the number of the request, router, server, and how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit import quoted_lines
from convkit.quoted_lines import COMMENT, PROXIES, Lines

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COMMENT", "SAMPLES", "fit", "sniff"]

SAMPLES = (
    '203.0.113.7 - ann [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/2.0" 200 2326 "-" "Mozilla/5.0" 1 "shop@docker" "http://192.0.2.9:80" 12ms',
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET / HTTP/1.1" - - "-" "Mozilla/5.0" 45640 "-" "-" 0ms',
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/2.0" 200 85 - "Opera/12.0" 12 "Host-shop" "http://192.0.2.9:80" 13ms',
)


def claims() -> pl.Expr:
    """Tell lines that end as Traefik ends them."""
    return quoted_lines.claims(host_first=False, end=PROXIES["traefik"])


def sniff(lines: pl.Series) -> float:
    """Return the share of Traefik's lines."""
    return quoted_lines.share(lines, claims())


# Until its second version, what was not said stood without quotes.
fit = Lines(seconds=r" (\d+)ms\s*$", unit=1e-3, has_bare=True).fit
