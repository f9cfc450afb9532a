"""Referrers: the site that a referrer names, the name of that source, and its category (search, social, mail, ...).

The lists are `data/sources.txt`, `data/apps.txt` and `data/payment.txt`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from convkit.core.model import Site

_APP = r"(?i)^\s*android-app://([a-z0-9_.]+)"
_URL = r"(?i)^\s*https?://(?:[^/?#@]*@)?([^/?#:]+)"
# Exports often contain only the host.
_BARE = r"^\s*([^/?#:@\s]+\.\pL[^/?#:@\s]*)(?::\d+)?(?:[/?#]|\s*$)"
_HOST = r"^[\pL\pN_](?:[\pL\pN._-]*[\pL\pN_])?$"
_WWW = r"^www\."
_COUNTRY = r"\.(?:(?:com?|org|net|ne|edu|gob?|gov|ac|or)\.[a-z]{2}|[a-z]{2}|com|net|org)$"
_MOST_PARENTS = 4
"""The maximum number of labels that are removed from a host to find the site that it belongs to."""
_MEDIUMS = {"search": "organic", "mail": "email"}
"""The medium of sources in these categories; all others are referrals."""


def sources_of_referrers(referrers: pl.LazyFrame, site: Site, own: Iterable[str]) -> pl.LazyFrame:
    """Return `referrer, referrer_source, referrer_medium, referrer_site` for the distinct referrers that are other sites, all as strings."""
    apps = pl.LazyFrame([line.split() for line in datafiles.lines("apps")], schema=["name", "app_source", "app_medium"], orient="row")
    host = pl.col("host")
    is_ours = is_own_host(host, site, own)
    is_provider = host.str.contains(_host_pattern(_bare_host(name) for name in (*datafiles.lines("payment"), *site.payment)))
    return (
        referrers.with_columns(host=host_of(pl.col("referrer")), app=pl.col("referrer").str.extract(_APP).str.to_lowercase())
        .with_columns(name=pl.coalesce("app", pl.when(~is_ours & ~is_provider).then(host)))
        .filter(pl.col("name").is_not_null())
        .with_columns(listed=listed_source(pl.col("name")))
        .join(apps.with_columns(app_site=listed_source(pl.col("app_source"))), on="name", how="left", maintain_order="left")
        .with_columns(listed_medium=category("listed").replace_strict(_MEDIUMS, default=None, return_dtype=pl.String))
        .select(
            "referrer",
            referrer_source=pl.coalesce("app_source", pl.when(pl.col("listed_medium").is_not_null()).then(_name("listed")), "name"),
            referrer_medium=pl.coalesce("app_medium", "listed_medium", pl.lit("referral")),
            referrer_site=pl.coalesce("app_site", "listed"),
        )
    )


def is_own_host(host: pl.Expr, site: Site, own: Iterable[str]) -> pl.Expr:
    """Return whether a host, as `host_of` returns it, is one of the site's own; `own` are those that are assumed to be."""
    return host.is_in([_bare_host(name) for name in (*site.hosts, *own)])


def listed_source(source: pl.Expr) -> pl.Expr:
    """Return the entry (`category name`) of a lower-case source, either a host or a name, in the list of sources; null if it is not listed."""
    exact, domains = _source_list()
    plain = source.str.replace(_WWW, "").str.replace_all(" ", "-", literal=True)
    parents = [plain.str.replace(rf"^(?:[^.]+\.){{{number}}}", "") for number in range(1, _MOST_PARENTS + 1)]
    candidates = [(plain, exact), *((parent, domains) for parent in (plain, *parents))]
    return pl.coalesce(
        spelling.replace_strict(entries, default=None, return_dtype=pl.String)
        for candidate, entries in candidates
        for spelling in (candidate, candidate.str.replace(_COUNTRY, ".*"))
    )


def category(column: str) -> pl.Expr:
    """Return the category from a column of entries (see `listed_source`)."""
    return pl.col(column).str.extract(r"^(\S+)")


def _name(column: str) -> pl.Expr:
    """Return the name from a column of entries (see `listed_source`)."""
    return pl.col(column).str.extract(r"(\S+)$")


@cache
def _source_list() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the list of sources as two mappings: exact names and hosts, and domains that include all their subdomains."""
    exact: dict[str, str] = {}
    domains: dict[str, str] = {}
    for line in datafiles.lines("sources"):
        kind, *names = line.split()
        for name in names:
            entries = domains if "." in name and not name.startswith("=") else exact
            entries[name.removeprefix("=")] = f"{kind} {names[0].removeprefix('=')}"
    return exact, domains


def host_of(referrer: pl.Expr) -> pl.Expr:
    """Return the host of a referrer in lower case, without `www.` and port, or null if there is none."""
    host = pl.coalesce(referrer.str.extract(_URL), referrer.str.extract(_BARE)).str.to_lowercase().str.strip_chars_end(".").str.replace(_WWW, "")
    return pl.when(host.str.contains(_HOST)).then(host)


def _bare_host(host: str) -> str:
    """Return a host in lower case without `www.`, port and trailing dot."""
    return re.sub(r":\d+$", "", host.lower()).rstrip(".").removeprefix("www.")


def _host_pattern(hosts: Iterable[str]) -> str:
    """Return a regular expression that matches these hosts and their subdomains."""
    return rf"(?:^|\.)(?:{'|'.join(map(re.escape, hosts))})$"
