"""Where hits came from: each distinct referrer -> its host and path, and what goals ask of them.

It stands alone because referrers are carried only where a goal asks for them, and are left behind as soon as they are tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.core.definitions import Site
from convkit.traffic import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMN = "referrer"
_SCHEME = "^[A-Za-z][A-Za-z0-9+.-]*://"


def is_of_referrers(name: str) -> bool:
    """Tell columns that goals ask of referrers."""
    return name.startswith(f"{COLUMN}~")


def add_tests(records: pl.LazyFrame, tested: Iterable[str]) -> pl.LazyFrame:
    """Add to records in memory the columns among `tested` that goals ask of `referrer`; each distinct one is tested once."""
    tests = {name: _fits(patterns.split_name(name)[1]) for name in tested if is_of_referrers(name)}
    if not tests:
        return records
    told = _with_place(records.select(pl.col(COLUMN).drop_nulls().unique())).select(COLUMN, **tests)
    return records.join(told, on=COLUMN, how="left").with_columns(pl.col(name).fill_null(value=False) for name in tests)


def _with_place(referrers: pl.LazyFrame) -> pl.LazyFrame:
    """Add `place`: host and path, in the one notation that paths have; null where a referrer names no host."""
    text = pl.col(COLUMN).cast(pl.String)
    # Exports often hold the bare host.
    bare = pl.when(~text.str.starts_with("/")).then(pl.concat_str(pl.lit("http://"), text))
    target = pl.when(text.str.contains(_SCHEME)).then(text).otherwise(bare)
    return paths.add_paths(referrers.with_columns(target=target), Site()).with_columns(place=pl.concat_str("target_host", "bare"))


def _fits(pattern: str) -> pl.Expr:
    """Tell whether `place` matches; a pattern without a slash is a host with any path, one that ends in its only slash a home page."""
    place = pl.col("place")
    host, slash, path = pattern.partition("/")
    if pattern.startswith("re:"):
        return patterns.matches(place, pattern)
    if slash and not path:
        return patterns.matches(pl.when(place.str.ends_with("/")).then(place.str.strip_suffix("/")), host.lower())
    return patterns.matches(place, f"{host.lower()}/{path or '**'}")
