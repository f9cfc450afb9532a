"""Paths, as derived from a request's target: the path that goals match, its page in reports, its query parameters, and the lists it is on.

All of this is evaluated once per distinct target, never per hit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles, patterns
from convkit.core.conditions import any_of, change_where
from convkit.core.escapes import percent_decode
from convkit.core.patterns import PARAMETER_SIGN
from convkit.core.secret_names import SECRET_MASK, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.core.model import Site

_LETTER = r"[!\"$&-\-0-:<->@-\[\]-~]"
_USUAL = rf"^(?:/|(?:/{_LETTER}(?:{_LETTER}|\.)*)+)(?:\?[^#\\]*)?$"
"""Matches the targets that need nothing but to be split at their question mark, as nearly all do."""
_ORIGIN = r"^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)"
_ROUTE = r"#!?(/[^#]*)"
_FIRST_PART = r"^([^/?#]+)"
_HOST = r"^(?:localhost|(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,24})(?::\d+)?$"
_SURE_HOST = r"^localhost|\.(?:[a-z]{2}|com|net|org|info|biz|edu|gov|app|dev|shop|store|online|example|test)(?::\d+)?$"
_ESCAPE = r"\\x([0-9A-Fa-f]{2})"
_SESSION_ID = r"(?i);jsessionid=[^/?#]*"
_PAGE_FILES = "html htm xhtml shtml php phtml asp aspx jsp jspx cfm cgi json xml txt csv"
"""The extensions of pages, with which a path without a slash is not a host; those of two letters are also countries."""
_FILE = rf"\.(?:{'|'.join((*_PAGE_FILES.split(), *datafiles.words('assets'), *(word for word in datafiles.words('downloads') if len(word) > 2)))})$"  # noqa: PLR2004
_QUERY = pl.col("sent_query")
MOST_SEARCH_WORDS = 64
"""The maximum number of search parameters."""
_MOST_DOTS = 8
"""The maximum number of `..` that are resolved in a path; browsers never send any."""


def add_paths(targets: pl.LazyFrame, site: Site, *, hash_routes: bool = False) -> pl.LazyFrame:
    """Add `target_host`, `bare` (the path alone), `path` (with kept parameters) and `sent_query` (raw) to distinct `target`s, all as strings.

    With `hash_routes`, the path of a URL with `#/` or `#!/` is what follows these characters.
    """
    is_usual = pl.col("target").str.contains(_USUAL).fill_null(value=True)
    usual = _split(targets.filter(is_usual).with_columns(target_host=pl.lit(None, dtype=pl.String), plain="target"))
    unusual = _normalized(_unusual(targets.filter(~is_usual), hash_routes=hash_routes))
    paths = pl.concat([usual, unusual]).with_columns(path=_with_query(site.keep_query))
    return paths.with_columns(pl.col("bare", "path").str.to_lowercase()) if site.ignore_case else paths


def _split(targets: pl.LazyFrame) -> pl.LazyFrame:
    """Split `plain` at its question mark into `sent_query` and `bare`."""
    side = pl.col("side").struct
    split = targets.with_columns(side=pl.col("plain").str.splitn("?", 2))
    return split.with_columns(sent_query=side[1], bare=side[0]).drop("plain", "side")


def _unusual(targets: pl.LazyFrame, *, hash_routes: bool) -> pl.LazyFrame:
    """Add `target_host`, `sent_query` and `bare` to targets that may be whole URLs, or have escapes or a fragment."""
    plain = pl.col("target").str.replace_all(_ESCAPE, "%${1}")
    with_origin = targets.with_columns(plain=plain).with_columns(plain=_with_origin(pl.col("plain")))
    split = with_origin.with_columns(
        target_host=pl.col("plain").str.extract(_ORIGIN).str.to_lowercase().str.replace(r"^.*@", "").str.replace(r":\d+$", ""),
        plain=pl.col("plain").str.replace(_ORIGIN, "").str.replace(r"#.*$", ""),
        **({"route": pl.col("plain").str.extract(_ROUTE)} if hash_routes else {}),
    ).pipe(_split)
    return _with_route(split) if hash_routes else split


def _with_origin(target: pl.Expr) -> pl.Expr:
    """Return targets with a scheme before those that begin with a host, like `shop.example/cart`; nearly all begin with a slash and cost nothing."""
    bare = pl.when(~target.str.starts_with("/")).then(target)
    first = pl.when(~bare.str.contains("://", literal=True)).then(bare).str.extract(_FIRST_PART)
    is_host = first.str.contains(_HOST) & ~first.str.contains(_FILE)
    # A name alone, like `checkout.payment`, is a host only if it ends like one.
    is_sure = bare.str.contains("/", literal=True) | first.str.contains(_SURE_HOST)
    return pl.coalesce(pl.when(is_host & is_sure).then(pl.concat_str(pl.lit("http://"), bare)), target)


def _with_route(targets: pl.LazyFrame) -> pl.LazyFrame:
    """Return targets whose `route`, if they have one, takes the place of `bare`, and whose parameters are added to `sent_query`."""
    side = pl.col("route").str.splitn("?", 2).struct
    query = pl.when(pl.col("route").is_not_null()).then(pl.concat_str("sent_query", side[1], separator="&", ignore_nulls=True))
    return targets.with_columns(
        bare=pl.coalesce(side[0], "bare"), sent_query=pl.when(query != "").then(query).when(pl.col("route").is_null()).then("sent_query")
    ).drop("route")


def has_route(target: pl.Expr) -> pl.Expr:
    """Return whether a path stands behind `#/` or `#!/` in a URL."""
    return target.str.contains(_ROUTE)


def add_lists(targets: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Add Boolean columns for the lists that a target is on.

    These are `background`, `download`, `image` (image services), `robots` and `scanner` (what only bots request), and `subrequest`: targets in the
    background by one of their parameters, so that their path names a page that was not viewed.
    """
    listed = datafiles.lines("background")
    bare = pl.col("bare")
    is_subrequest = any_of(
        _QUERY.str.contains(_parameter_pattern(names)) for names in (_names(listed), _names(site.ignore_paths)) if names
    ).fill_null(value=False)
    ignored = [pattern for pattern in site.ignore_paths if not pattern.startswith(PARAMETER_SIGN)]
    return targets.with_columns(subrequest=is_subrequest).with_columns(
        background=pl.any_horizontal(
            "subrequest",
            bare.str.contains(_any_pattern(listed)),
            patterns.matches_any(bare, ignored, ignore_case=site.ignore_case),
            patterns.matches_any(pl.col("path"), ignored, ignore_case=site.ignore_case),
        ).fill_null(value=False),
        download=bare.str.contains(datafiles.extension_regex("downloads")).fill_null(value=False),
        image=bare.str.contains(_any_pattern(datafiles.lines("image_services"))).fill_null(value=False),
        robots=(bare == "/robots.txt").fill_null(value=False),
        scanner=bare.str.contains(_any_pattern(datafiles.lines("scanners"))).fill_null(value=False),
    )


def _any_pattern(lines: Iterable[str]) -> str:
    """Return a regular expression for paths that match one of the patterns in a list."""
    return "|".join(patterns.to_regex(line) for line in lines if not line.startswith(PARAMETER_SIGN))


def _names(lines: Iterable[str]) -> str:
    """Return a regular expression for the names of the parameters in a list, or an empty string if it has none."""
    return "|".join(re.escape(line.removeprefix(PARAMETER_SIGN)) for line in lines if line.startswith(PARAMETER_SIGN))


def page(site: Site) -> pl.Expr:
    """Return the page under which reports count a path: the first pattern of `site.group` that it matches, else the path itself."""
    row = pl.col("path")
    for pattern in reversed(site.group):
        row = pl.when(patterns.matches(pl.col("path"), pattern, ignore_case=site.ignore_case)).then(pl.lit(pattern)).otherwise(row)
    return row


def parameter(name: str, query: pl.Expr = _QUERY) -> pl.Expr:
    """Return the decoded value of the first parameter with this name in a query: empty if it has no value, null if it is missing."""
    value = query.str.extract(_parameter_pattern(re.escape(name))).str.strip_prefix("=")
    return change_where(value, lambda text: text.str.contains_any(["+", "%"]), _decoded)


def target_number() -> pl.Expr:
    """Return one number (UInt64) per path and query."""
    return pl.when(pl.col("bare").is_not_null()).then(pl.col("bare").hash(1) ^ _QUERY.hash(2))


def search_number() -> pl.Expr:
    """Return one number (UInt64) per search parameter and its value, or null without one; the remainder by MOST_SEARCH_WORDS is the parameter's."""
    words = datafiles.words("search_words")
    names, of_start = [name for name in words if not name.startswith("/")], [name[1:] for name in words if name.startswith("/")]
    query = {_search_pattern(names): _QUERY, _search_pattern([*names, *of_start]): pl.when(pl.col("bare") == "/").then(_QUERY)}
    name, value = (pl.coalesce(*(text.str.extract(pattern, group) for pattern, text in query.items())) for group in (1, 2))
    places = {name: place for place, name in enumerate([*names, *of_start])}
    place = name.replace_strict(places, default=None, return_dtype=pl.UInt64)
    text = change_where(value, lambda text: text.str.contains_any(["+", "%"]), _decoded)
    return text.hash(3) // MOST_SEARCH_WORDS * MOST_SEARCH_WORDS + place


def _search_pattern(names: Iterable[str]) -> str:
    """Return a regular expression whose groups are the name and the value of a parameter with one of these names."""
    return f"(?:^|&)({'|'.join(map(re.escape, names))})=([^&]+)"


def _decoded(value: pl.Expr) -> pl.Expr:
    """Return values of parameters as people read them."""
    return percent_decode(value.str.replace_all("+", " ", literal=True), slash=True)


def parameter_names() -> pl.Expr:
    """Return the names of the parameters in `sent_query`, as sent, separated by `&`, or null if there is no query."""
    several = change_where(_QUERY, lambda query: query.str.contains("&", literal=True), lambda query: query.str.replace_all("=[^&]*", ""))
    return several.str.splitn("=", 2).struct[0]


def shown_query(site: Site, value_columns: list[str]) -> pl.Expr:
    """Return the parameters of `sent_query` that may be shown, as `name=value&...`, or null if there are none; secrets are masked.

    These are the parameters in `site.keep_query` and those that already have a column `query.NAME`.
    """
    values = {name: parameter(name) for name in site.keep_query} | {column.removeprefix("query."): pl.col(column) for column in value_columns}
    shown = [pl.concat_str(pl.lit(f"{name}="), _shown(name, value)) for name, value in values.items()]
    # Few requests have any of these parameters, and the rest costs almost nothing on nulls.
    has_any = any_of(value.is_not_null() for value in values.values())
    return pl.when(has_any).then(pl.concat_str([pl.lit(None, dtype=pl.String), *shown], separator="&", ignore_nulls=True))


def _shown(name: str, value: pl.Expr) -> pl.Expr:
    """Return the value of a parameter as it is shown: masked if the parameter may hold a secret."""
    return pl.when(value.is_not_null()).then(pl.lit(SECRET_MASK)) if is_secret(name) else value


def _parameter_pattern(names: str) -> str:
    """Return the regular expression for a parameter; its only group is `=` and the value, empty if the parameter has neither."""
    return f"(?:^|&)(?:{names})(=[^&]*|)(?:&|$)"


def _normalized(targets: pl.LazyFrame) -> pl.LazyFrame:
    """Normalise `bare`: decode it, compose it (NFC), and remove doubled slashes, dot segments, session IDs and trailing slashes; add a leading one.

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
        (~bare.str.starts_with("/") & ~bare.is_in(["", "*"]), pl.concat_str(pl.lit("/"), affected)),
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
    """Return the path with the parameters of `site.keep_query`, in that order; secrets are masked, as paths are shown everywhere."""
    kept = [pl.concat_str(pl.lit(f"{name}="), _shown(name, parameter(name))) for name in names]
    if not kept:
        return pl.col("bare")
    text = pl.concat_str([pl.lit(None, dtype=pl.String), *kept], separator="&", ignore_nulls=True)
    return pl.when(text != "").then(pl.format("{}?{}", "bare", text)).otherwise("bare")
