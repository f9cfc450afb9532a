"""A virtual host in front of a combined or common line, as Debian's Apache writes other_vhosts_access.log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit import quoted_lines
from convkit.quoted_lines import COMMENT, Lines

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COMMENT", "SAMPLES", "fit", "sniff"]

SAMPLES = (
    'shop.example:443 203.0.113.7 - - [10/Oct/2026:13:55:36 +0200] "GET / HTTP/2.0" 200 2326 "-" "Mozilla/5.0"',
    'shop.example 2001:db8::7 - ann [10/Oct/2026:13:55:36 +0200] "GET /cart HTTP/1.1" 200 -',
)


def claims() -> pl.Expr:
    """Tell lines with a host in front."""
    return quoted_lines.claims(host_first=True)


def sniff(lines: pl.Series) -> float:
    """Return the share of lines with a host in front."""
    return quoted_lines.share(lines, claims())


fit = Lines(host_first=True).fit
