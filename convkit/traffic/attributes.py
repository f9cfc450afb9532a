"""Referrers and cookies of hits, as goals test them.

Both are read only where a goal or a visitor rule needs them, and dropped once they are tested; each distinct text is evaluated once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.core.model import Site
from convkit.core.schema import TEXT
from convkit.traffic import paths

if TYPE_CHECKING:
    from collections.abc import Iterable


REFERRER = "referrer"
_SCHEME = "^[A-Za-z][A-Za-z0-9+.-]*://"

COOKIES = "cookies"
COOKIE_PREFIX = "cookie."
"""Before the name of a cookie, in a goals file and as a column of hits."""
_NO_VALUE = ["", "-"]


def is_referrer_column(name: str) -> bool:
    """Tell columns that goals ask of referrers."""
    return name.startswith(f"{REFERRER}~")


def add_referrer_tests(records: pl.LazyFrame, tested: Iterable[str]) -> pl.LazyFrame:
    """Add to records in memory the columns among `tested` that goals ask of `referrer`; each distinct one is tested once."""
    tests = {name: _fits_place(patterns.split_named_column(name)[1]) for name in tested if is_referrer_column(name)}
    if not tests:
        return records
    told = _with_place(records.select(pl.col(REFERRER).drop_nulls().unique())).select(REFERRER, **tests)
    return records.join(told, on=REFERRER, how="left").with_columns(pl.col(name).fill_null(value=False) for name in tests)


def _with_place(referrers: pl.LazyFrame) -> pl.LazyFrame:
    """Add `place`: host and path, in the one notation that paths have; null where a referrer names no host."""
    text = pl.col(REFERRER).cast(pl.String)
    # Exports often hold the bare host.
    bare = pl.when(~text.str.starts_with("/")).then(pl.concat_str(pl.lit("http://"), text))
    target = pl.when(text.str.contains(_SCHEME)).then(text).otherwise(bare)
    return paths.add_paths(referrers.with_columns(target=target), Site()).with_columns(place=pl.concat_str("target_host", "bare"))


def _fits_place(pattern: str) -> pl.Expr:
    """Tell whether `place` matches; a pattern without a slash is a host with any path, one that ends in its only slash a home page."""
    place = pl.col("place")
    host, slash, path = pattern.partition("/")
    if pattern.startswith("re:"):
        return patterns.matches(place, pattern)
    if slash and not path:
        return patterns.matches(pl.when(place.str.ends_with("/")).then(place.str.strip_suffix("/")), host.lower())
    return patterns.matches(place, f"{host.lower()}/{path or '**'}")


def is_cookie_column(name: str) -> bool:
    """Tell columns that goals ask of cookies."""
    return name.startswith(COOKIE_PREFIX)


def cookie_value(name: str, cookies: pl.Expr) -> pl.Expr:
    """Return the first value of a cookie (`cookie.NAME`) in a text of cookies; null where it says nothing."""
    found = cookies.str.extract(rf'(?:^|;)[ +]*{re.escape(name.removeprefix(COOKIE_PREFIX))}="?([^;"]*)')
    said = found.str.strip_chars(" +")
    return pl.when(~said.is_in(_NO_VALUE)).then(said)


def add_cookies(records: pl.LazyFrame, asked: Iterable[str]) -> pl.LazyFrame:
    """Add to records in memory the columns among those `asked` that are cookies, `cookie.NAME` (TEXT); each distinct text is taken apart once."""
    values = {name: cookie_value(name, pl.col(COOKIES).cast(pl.String)).cast(TEXT) for name in asked if is_cookie_column(name)}
    if not values:
        return records
    told = records.select(pl.col(COOKIES).drop_nulls().unique()).with_columns(**values)
    return records.join(told, on=COOKIES, how="left", maintain_order="left")
