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
# Exports often hold the bare host.
_BARE = r"^\s*([^/?#:@\s]+\.\pL[^/?#:@\s]*)(?::\d+)?(?:[/?#]|\s*$)"
_HOST = r"^[\pL\pN_](?:[\pL\pN._-]*[\pL\pN_])?$"
_WWW = r"^www\."
_COUNTRY = r"\.(?:(?:com?|org|net|ne|edu|gob?|gov|ac|or)\.[a-z]{2}|[a-z]{2}|com|net|org)$"
_MOST_PARENTS = 4
"""How many labels of a host are taken away to find the site that it is a part of."""
_MEDIUMS = {"search": "organic", "mail": "email"}
"""What those do who come from a site of these kinds; all others follow a link."""


def sources_of_referrers(referrers: pl.LazyFrame, site: Site, own: Iterable[str]) -> pl.LazyFrame:
    """Return of distinct `referrer`s, text, those that name a site of others, with `referrer_source, referrer_medium, referrer_site`, text."""
    apps = pl.LazyFrame([line.split() for line in datafiles.lines("apps")], schema=["place", "app_source", "app_medium"], orient="row")
    host = pl.col("host")
    is_ours = host.is_in([_bare_host(name) for name in (*site.hosts, *own)])
    is_provider = host.str.contains(_host_pattern(_bare_host(name) for name in (*datafiles.lines("payment"), *site.payment)))
    return (
        referrers.with_columns(host=host_of(pl.col("referrer")), app=pl.col("referrer").str.extract(_APP).str.to_lowercase())
        .with_columns(place=pl.coalesce("app", pl.when(~is_ours & ~is_provider).then(host)))
        .filter(pl.col("place").is_not_null())
        .with_columns(known=listed_source(pl.col("place")))
        .join(apps.with_columns(app_site=listed_source(pl.col("app_source"))), on="place", how="left", maintain_order="left")
        .with_columns(known_medium=category("known").replace_strict(_MEDIUMS, default=None, return_dtype=pl.String))
        .select(
            "referrer",
            referrer_source=pl.coalesce("app_source", pl.when(pl.col("known_medium").is_not_null()).then(_name("known")), "place"),
            referrer_medium=pl.coalesce("app_medium", "known_medium", pl.lit("referral")),
            referrer_site=pl.coalesce("app_site", "known"),
        )
    )


def listed_source(source: pl.Expr) -> pl.Expr:
    """Return how a source in small letters, a host or a name, stands in the list of sources: `category name`, or null."""
    alone, whole = _source_list()
    plain = source.str.replace(_WWW, "").str.replace_all(" ", "-", literal=True)
    parents = [plain.str.replace(rf"^(?:[^.]+\.){{{number}}}", "") for number in range(1, _MOST_PARENTS + 1)]
    places = [(plain, alone), *((parent, whole) for parent in (plain, *parents))]
    return pl.coalesce(
        asked.replace_strict(listed, default=None, return_dtype=pl.String)
        for place, listed in places
        for asked in (place, place.str.replace(_COUNTRY, ".*"))
    )


def category(column: str) -> pl.Expr:
    """Return the category of a source in the list (`listed_source`)."""
    return pl.col(column).str.extract(r"^(\S+)")


def _name(column: str) -> pl.Expr:
    return pl.col(column).str.extract(r"(\S+)$")


@cache
def _source_list() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the list of sources: those that are meant alone, which names are too, and hosts with all that is below them."""
    alone: dict[str, str] = {}
    whole: dict[str, str] = {}
    for line in datafiles.lines("sources"):
        kind, *places = line.split()
        for place in places:
            listed = whole if "." in place and not place.startswith("=") else alone
            listed[place.removeprefix("=")] = f"{kind} {places[0].removeprefix('=')}"
    return alone, whole


def host_of(referrer: pl.Expr) -> pl.Expr:
    """Return the host that a referrer names, without `www.`, port and case, or null."""
    host = pl.coalesce(referrer.str.extract(_URL), referrer.str.extract(_BARE)).str.to_lowercase().str.strip_chars_end(".").str.replace(_WWW, "")
    return pl.when(host.str.contains(_HOST)).then(host)


def _bare_host(host: str) -> str:
    return re.sub(r":\d+$", "", host.lower()).rstrip(".").removeprefix("www.")


def _host_pattern(hosts: Iterable[str]) -> str:
    """Return the regular expression of these hosts and all below them."""
    return rf"(?:^|\.)(?:{'|'.join(map(re.escape, hosts))})$"
