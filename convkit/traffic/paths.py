"""Paths, as derived from a request's target: the path that goals match, its page in reports, its query parameters, and the lists it is on.

All of this is evaluated once per distinct target, never per hit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles, patterns
from convkit.core.escapes import percent_decode

if TYPE_CHECKING:
    from convkit.core.model import Site

_ORIGIN = r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)"
_ESCAPE = r"\\x([0-9A-Fa-f]{2})"
_SESSION_ID = r"(?i);jsessionid=[^/?#]*"
_SECRET = re.compile(r"(?i)token|passw|secret|session|jwt|mail|signature|api-?key|^x-amz-|(?:^|[_.\[-])(?:key|sig|code)(?:[_.\]-]|$)")
"""Parameters whose values may grant access or identify a person; the list is deliberately broad."""
_MASK = "***"
_QUERY = pl.col("sent_query")
_MOST_DOTS = 8
"""The maximum number of `..` that are resolved in a path; browsers never send any."""


def add_paths(targets: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Add `target_host`, `bare` (the path alone), `path` (with kept parameters) and `sent_query` (raw) to distinct `target`s, all as strings."""
    plain = pl.col("target").cast(pl.String).str.replace_all(_ESCAPE, "%${1}")
    return (
        targets.with_columns(plain=plain)
        .with_columns(
            target_host=pl.col("plain").str.extract(_ORIGIN).str.to_lowercase().str.replace(r"^.*@", "").str.replace(r":\d+$", ""),
            plain=pl.col("plain").str.replace(_ORIGIN, "").str.replace(r"#.*$", ""),
        )
        .with_columns(side=pl.col("plain").str.splitn("?", 2))
        .with_columns(sent_query=pl.col("side").struct[1], bare=pl.col("side").struct[0])
        .drop("plain", "side")
        .pipe(_normalized)
        .with_columns(path=_with_query(site.keep_query))
    )


def add_lists(targets: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Add Boolean columns for the lists that a target is on: `background`, `download`, and, for what only bots request, `robots` and `scanner`."""
    listed = datafiles.lines("background")
    background_paths, scanner_paths = (
        "|".join(patterns.to_regex(line) for line in lines if not line.startswith("?")) for lines in (listed, datafiles.lines("scanners"))
    )
    background_query = _parameter_pattern("|".join(re.escape(line[1:]) for line in listed if line.startswith("?")))
    bare = pl.col("bare")
    return targets.with_columns(
        background=pl.any_horizontal(
            bare.str.contains(background_paths),
            _QUERY.str.contains(background_query),
            patterns.matches_any(bare, site.ignore_paths),
            patterns.matches_any(pl.col("path"), site.ignore_paths),
        ).fill_null(value=False),
        download=bare.str.contains(datafiles.extension_regex("downloads")).fill_null(value=False),
        robots=(bare == "/robots.txt").fill_null(value=False),
        scanner=bare.str.contains(scanner_paths).fill_null(value=False),
    )


def page(site: Site) -> pl.Expr:
    """Return the page under which reports count a path: the first pattern of `site.group` that it matches, else the path itself."""
    row = pl.col("path")
    for pattern in reversed(site.group):
        row = pl.when(patterns.matches(pl.col("path"), pattern)).then(pl.lit(pattern)).otherwise(row)
    return row


def parameter(name: str, query: pl.Expr = _QUERY) -> pl.Expr:
    """Return the decoded value of the first parameter with this name in a query: empty if it has no value, null if it is missing."""
    value = query.str.extract(_parameter_pattern(re.escape(name))).str.strip_prefix("=")
    return percent_decode(value.str.replace_all("+", " ", literal=True), slash=True)


def shown_query(site: Site, value_columns: list[str]) -> pl.Expr:
    """Return the parameters of `sent_query` that may be shown, as `name=value&...`, or null if there are none; secrets are masked.

    These are the parameters in `site.keep_query` and those that already have a column `query.NAME`.
    """
    values = {name: parameter(name) for name in site.keep_query} | {column.removeprefix("query."): pl.col(column) for column in value_columns}
    masked = {name: pl.when(value.is_not_null()).then(pl.lit(_MASK)) if _SECRET.search(name) else value for name, value in values.items()}
    shown = [pl.concat_str(pl.lit(f"{name}="), value) for name, value in masked.items()]
    # Few requests have any of these parameters, and the rest costs almost nothing on nulls.
    has_any = pl.any_horizontal(pl.lit(value=False), *(value.is_not_null() for value in values.values()))
    return pl.when(has_any).then(pl.concat_str([pl.lit(None, dtype=pl.String), *shown], separator="&", ignore_nulls=True))


def _parameter_pattern(names: str) -> str:
    """Return the regular expression for a parameter; its only group is `=` and the value, empty if the parameter has neither."""
    return f"(?:^|&)(?:{names})(=[^&]*|)(?:&|$)"


def _normalized(targets: pl.LazyFrame) -> pl.LazyFrame:
    """Normalise `bare`: decode it, compose it (NFC), and remove doubled slashes, dot segments, session IDs and trailing slashes; case is kept.

    Each rule is applied only to the few paths that need it: on nulls it costs almost nothing.
    """
    bare, affected = pl.col("bare"), pl.col("affected")
    rules = (
        (bare.str.contains("%", literal=True), percent_decode(affected)),
        (bare.str.len_bytes() != bare.str.len_chars(), affected.str.normalize("NFC")),
        (bare.str.contains("//", literal=True), affected.str.replace_all("/{2,}", "/")),
        (bare.str.contains("/.", literal=True), _without_dots(affected)),
        (bare.str.contains(";", literal=True), affected.str.replace(_SESSION_ID, "")),
        (bare.str.ends_with("/"), affected.str.strip_chars_end("/")),
    )
    for is_affected, changed in rules:
        targets = targets.with_columns(affected=pl.when(is_affected).then("bare")).with_columns(
            bare=pl.when(is_affected).then(changed).otherwise("bare")
        )
    return targets.drop("affected").with_columns(bare=pl.when(bare == "").then(pl.lit("/")).otherwise("bare"))


def _without_dots(path: pl.Expr) -> pl.Expr:
    """Resolve `.` and `..` in a path."""
    path = path.str.replace_all(r"/(?:\./)+", "/").str.replace(r"/\.$", "/")
    for _ in range(_MOST_DOTS):
        path = path.str.replace(r"^/\.\.(?:/|$)|/[^/]+/\.\.(?:/|$)", "/")
    return path


def _with_query(names: tuple[str, ...]) -> pl.Expr:
    """Return the path with the parameters of `site.keep_query`, in that order."""
    kept = [pl.when(parameter(name).is_not_null()).then(pl.format(f"{name}={{}}", parameter(name))) for name in names]
    if not kept:
        return pl.col("bare")
    text = pl.concat_str(kept, separator="&", ignore_nulls=True)
    return pl.when(text != "").then(pl.format("{}?{}", "bare", text)).otherwise("bare")
