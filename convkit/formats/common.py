"""The common log format: address, time, request, status and bytes, with no agent to tell visitors and bots by."""

from __future__ import annotations

import polars as pl

from convkit import quoted_lines
from convkit.quoted_lines import COMMENT, Lines

__all__ = ["COMMENT", "SAMPLES", "fit", "sniff"]

SAMPLES = (
    '127.0.0.1 bob frank [10/Oct/2026:13:55:36 -0700] "GET /report.html HTTP/1.0" 200 2326',
    'proxy.example - - [01/Jun/1995:00:00:59 -0600] "GET /~ann/publish.html" 200 -',
    '203.0.113.7 - - [10/Oct/2026:13:55:36 +0000] "-" 408 0 0.250',
)


def claims() -> pl.Expr:
    """Tell common lines without a host in front."""
    goes_on = pl.col("line").str.contains(quoted_lines.NO_COMMON)
    return quoted_lines.claims(host_first=False, end=quoted_lines.NOTHING_IN_QUOTES_FOLLOWS) & ~goes_on.fill_null(value=False)


def sniff(lines: pl.Series) -> float:
    """Return the share of common lines without a host in front."""
    return quoted_lines.share(lines, claims())


fit = Lines(has_agent=False).fit
