"""Devices (desktop, mobile, tablet or other) and browsers, by user agent or by what a tool calls them.

The rules are in `data/devices.txt`, `data/device_names.txt` and `data/browser_names.txt`.
"""

from __future__ import annotations

import polars as pl

from convkit.core import datafiles
from convkit.core.schema import DEVICE, TEXT
from convkit.formats.parsers.roles import DEVICE_WORDS

_OTHER = "other"


def device(agent: pl.Expr) -> pl.Expr:
    """Return the device (DEVICE) of a user agent by the first matching rule; a null agent is `other`."""
    by_rule = [pl.when(_fits(agent, pattern, missing)).then(pl.lit(name, dtype=DEVICE)) for name, pattern, missing in datafiles.rules("devices")]
    return pl.coalesce(*by_rule, pl.lit(_OTHER, dtype=DEVICE))


def named_device(name: pl.Expr) -> pl.Expr:
    """Return the device (DEVICE) that a tool's name for one means, like `Smartphone` or `iPhone 15`, or null if nothing shows it."""
    by_word = name.str.to_lowercase().replace_strict(DEVICE_WORDS, default=None, return_dtype=pl.String).cast(DEVICE)
    by_rule = device(name)
    return pl.coalesce(by_word, pl.when(by_rule != _OTHER).then(by_rule))


def browser(agent: pl.Expr) -> pl.Expr:
    """Return the browser (TEXT) of a user agent, or of a tool's name for one, by the first matching rule; a null agent is `other`."""
    by_rule = [pl.when(_fits(agent, pattern, missing)).then(pl.lit(name)) for name, pattern, missing in datafiles.rules("browser_names")]
    return pl.coalesce(*by_rule, pl.lit(_OTHER)).cast(TEXT)


def _fits(agent: pl.Expr, pattern: str, missing: str) -> pl.Expr:
    """Return whether a user agent matches `pattern` but not `missing`, unless that is empty."""
    matches = agent.str.contains(pattern)
    return matches & ~agent.str.contains(missing) if missing else matches
