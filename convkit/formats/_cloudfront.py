"""How to decode percent-encoded fields in CloudFront's logs, in any notation."""

from __future__ import annotations

import polars as pl

from convkit.core.escapes import percent_decode

_IS_TWICE = "%25[0-9A-Fa-f]{2}"


def _decoded(text: pl.Expr) -> pl.Expr:
    """Return text that was percent-encoded once or, as in old logs, twice."""
    once = percent_decode(text, slash=True)
    return pl.coalesce(percent_decode(pl.when(text.str.contains(_IS_TWICE)).then(once), slash=True), once)


def _sent(text: pl.Expr) -> pl.Expr:
    """Return a query as it was sent: its own percent-encoding is kept."""
    return text.str.replace_all("%25([0-9A-Fa-f]{2})", "%$1")


CLEAN = {"agent": _decoded, "referrer": _decoded, "cookies": _decoded, "query": _sent}
