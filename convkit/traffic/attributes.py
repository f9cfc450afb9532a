"""The referrers and cookies of hits that goals test.

Both are read only where a goal or a visitor rule needs them, and dropped once they have been tested; each distinct value is evaluated once.
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
    from collections.abc import Collection, Iterable


REFERRER = "referrer"
_SCHEME = "^[A-Za-z][A-Za-z0-9+.-]*://"

COOKIES = "cookies"
COOKIE_PREFIX = "cookie."
"""Prefix of a cookie's name, in a goals file and as a column of hits."""
_NO_VALUE = ["", "-"]


def is_referrer_column(name: str) -> bool:
    """Return whether a column holds a goal's test of referrers."""
    return name.startswith(f"{REFERRER}~")


def add_referrer_tests(records: pl.LazyFrame, tested: Iterable[str]) -> pl.LazyFrame:
    """Add the columns among `tested` that test `referrer` to records in memory; each distinct referrer is tested once."""
    tests = {name: _matches_location(patterns.split_named_column(name)[1]) for name in tested if is_referrer_column(name)}
    if not tests:
        return records
    tested_referrers = _with_location(records.select(pl.col(REFERRER).drop_nulls().unique())).select(REFERRER, **tests)
    return records.join(tested_referrers, on=REFERRER, how="left").with_columns(pl.col(name).fill_null(value=False) for name in tests)


def _with_location(referrers: pl.LazyFrame) -> pl.LazyFrame:
    """Add `location`: host and path, normalised like all paths; null where a referrer names no host."""
    text = pl.col(REFERRER).cast(pl.String)
    # Exports often contain only the host.
    bare = pl.when(~text.str.starts_with("/")).then(pl.concat_str(pl.lit("http://"), text))
    target = pl.when(text.str.contains(_SCHEME)).then(text).otherwise(bare)
    return paths.add_paths(referrers.with_columns(target=target), Site()).with_columns(location=pl.concat_str("target_host", "bare"))


def _matches_location(pattern: str) -> pl.Expr:
    """Return whether `location` matches; a pattern without a slash is a host with any path, and `host/` is its home page."""
    location = pl.col("location")
    host, slash, path = pattern.partition("/")
    if pattern.startswith("re:"):
        return patterns.matches(location, pattern)
    if slash and not path:
        return patterns.matches(pl.when(location.str.ends_with("/")).then(location.str.strip_suffix("/")), host.lower())
    return patterns.matches(location, f"{host.lower()}/{path or '**'}")


def is_cookie_column(name: str) -> bool:
    """Return whether a column holds a cookie's value."""
    return name.startswith(COOKIE_PREFIX)


def cookie_value(name: str, cookies: pl.Expr) -> pl.Expr:
    """Return the first value of a cookie (`cookie.NAME`) in a Cookie header, or null if it is missing or empty."""
    quoted = cookies.str.extract(rf'(?:^|;)[ +]*{re.escape(name.removeprefix(COOKIE_PREFIX))}="?([^;"]*)')
    value = quoted.str.strip_chars(" +")
    return pl.when(~value.is_in(_NO_VALUE)).then(value)


def add_cookies(records: pl.LazyFrame, tested: Iterable[str]) -> pl.LazyFrame:
    """Add the cookies among the `tested` columns, `cookie.NAME` (TEXT), to records in memory; each distinct header is parsed once."""
    values = {name: cookie_value(name, pl.col(COOKIES).cast(pl.String)).cast(TEXT) for name in tested if is_cookie_column(name)}
    if not values:
        return records
    cookies = records.select(pl.col(COOKIES).drop_nulls().unique()).with_columns(**values)
    return records.join(cookies, on=COOKIES, how="left", maintain_order="left")


def may_have(value: str, columns: Collection[str]) -> pl.Expr:
    """Return whether rows with these columns may have a value of hits (`path`, `query.NAME`, ...), as far as a quick look shows."""
    if value.startswith("prop."):
        return pl.col(value).is_not_null() if value in columns else pl.lit(value=False)
    if value == "path":
        return pl.lit(value=True)
    return (
        pl.col(COOKIES if is_cookie_column(value) else "request")
        .cast(pl.String)
        .str.contains(value.partition(".")[2], literal=True)
        .fill_null(value=False)
    )
