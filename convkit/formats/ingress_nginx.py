"""The access log of Kubernetes' ingress-nginx: combined, then lengths, times, and what was answered behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit import quoted_lines
from convkit.quoted_lines import COMMENT, PROXIES, Lines

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COMMENT", "SAMPLES", "fit", "sniff"]

SAMPLES = (
    '203.0.113.7 - ann [10/Oct/2026:13:55:36 +0000] "GET /cart HTTP/2.0" 200 6 "-" "Opera/12.0" 46 0.050 [shop-80] [] 192.0.2.9:80 6 0.049 200 75a7',
    '203.0.113.7 - [203.0.113.7] - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 503 197 "-" "Mozilla/5.0" 74 0.000 [default-shop-80] - - - -',
)


def claims() -> pl.Expr:
    """Tell lines that go on as ingress-nginx goes on behind the agent."""
    return quoted_lines.claims(host_first=False, end=PROXIES["ingress-nginx"])


def sniff(lines: pl.Series) -> float:
    """Return the share of lines of ingress-nginx."""
    return quoted_lines.share(lines, claims())


# Until 2019 the address stood twice.
fit = Lines(seconds=r'" \d+ ([0-9.]+) \[', left_out=r" - \[[^\]]*\] - ").fit
