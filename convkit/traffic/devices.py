"""Devices by user agent: desktop, mobile, tablet or other; the rules are in `data/devices.txt`."""

from __future__ import annotations

import polars as pl

from convkit.core import datafiles
from convkit.core.schema import DEVICE

_OTHER = "other"


def device(agent: pl.Expr) -> pl.Expr:
    """Return the device (DEVICE) of a user agent by the first matching rule; a null agent is `other`."""
    by_rule = [pl.when(_fits(agent, pattern, missing)).then(pl.lit(name, dtype=DEVICE)) for name, pattern, missing in datafiles.rules("devices")]
    return pl.coalesce(*by_rule, pl.lit(_OTHER, dtype=DEVICE))


def _fits(agent: pl.Expr, pattern: str, missing: str) -> pl.Expr:
    """Return whether a user agent matches `pattern` but not `missing`, unless that is empty."""
    matches = agent.str.contains(pattern)
    return matches & ~agent.str.contains(missing) if missing else matches
