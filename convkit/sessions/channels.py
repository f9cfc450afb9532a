"""Channels: the source, medium, campaign and channel of each session, by referrer and query of its first hit.

Each distinct pair of referrer and query is evaluated once, and only where channels are needed. Hosts that are the site's own are found from all
sessions that were read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import schema
from convkit.core.schema import TEXT, is_kind
from convkit.goals import channel_rules
from convkit.sessions import campaigns, referrers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.core.model import Site


CHANNEL_COLUMNS = schema.CHANNEL_COLUMNS
NO_VALUE, DIRECT_SOURCE = "(none)", "(direct)"
_PAIR = ("referrer", "query")
_NO_CODE = 2**32 - 1
"""In place of the code of a text that is missing."""

_MOST_REFERRED = 0.5
"""Of the pages behind first hits, the share that the site's own host refers."""
_FEWEST_PAGES = 0.01
"""The share of pages from which on the host they were asked from is the site's own, and no name that a robot has sent."""
_DIRECT_CHANNEL = "Direct"
_REFERRER_HOST = referrers.host_of(pl.col("referrer").cast(pl.String))


def add_channels(sessions: pl.LazyFrame, site: Site, own: Sequence[str] = ()) -> pl.LazyFrame:
    """Add CHANNEL_COLUMNS, TEXT, never null, to sessions in memory with `referrer` and `query` of their first hit, as logged, null or empty without.

    `own` are hosts of ours beside `site.hosts`: coming from them is no source. Rows keep their order. Rules: SEMANTICS.md 6.
    """
    sessions = sessions.with_columns(pair=_pair())
    pairs = sessions.select("pair", *_PAIR).unique("pair")
    told = _with_sources(_with_tags_and_referrers(pairs, site, own)).with_columns(channel=channel_rules.channel(site.channels))
    return sessions.join(told.select("pair", pl.col(CHANNEL_COLUMNS).cast(TEXT)), on="pair", how="left", maintain_order="left").drop("pair")


def _pair() -> pl.Expr:
    """Return a number for each pair: a join on one number takes a tenth of the time of one on two texts that may be null."""
    referrer, query = (pl.col(name).cast(pl.Categorical).to_physical().cast(pl.UInt64).fill_null(_NO_CODE) for name in _PAIR)
    return referrer * (_NO_CODE + 1) + query


def _with_tags_and_referrers(pairs: pl.LazyFrame, site: Site, own: Sequence[str]) -> pl.LazyFrame:
    """Add to pairs what each half of them says, with how its source is known."""
    text = {f"{name}_text": pl.col(name).cast(pl.String) for name in _PAIR}
    pairs = pairs.with_columns(**text)
    queries, referrer_texts = (pairs.select(pl.col(f"{name}_text").drop_nulls().unique().alias(name)) for name in ("query", "referrer"))
    tags = campaigns.tags_of_queries(queries).with_columns(
        tag_site=referrers.listed_source(pl.col("tag_source")), click_site=referrers.listed_source(pl.col("click_source"))
    )
    linked = referrers.sources_of_referrers(referrer_texts, site, own)
    return pairs.join(tags, left_on="query_text", right_on="query", how="left").join(linked, left_on="referrer_text", right_on="referrer", how="left")


def _with_sources(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Add `source, medium, campaign` and `category`, of tags, else of the click id, else of the referrer; a medium only with its source."""
    found = pairs.with_columns(
        source=pl.coalesce("tag_source", "click_source", "referrer_source"),
        known=pl.when(pl.col("tag_source").is_not_null())
        .then("tag_site")
        .when(pl.col("click_source").is_not_null())
        .then("click_site")
        .otherwise("referrer_site"),
    )
    return found.with_columns(medium=pl.coalesce("tag_medium", _medium_of_source("click"), _medium_of_source("referrer"))).with_columns(
        source=pl.coalesce("source", pl.when(pl.col("medium").is_null()).then(pl.lit(DIRECT_SOURCE)).otherwise(pl.lit(NO_VALUE))),
        medium=pl.col("medium").fill_null(NO_VALUE),
        campaign=pl.col("tag_campaign").fill_null(NO_VALUE),
        category=referrers.category("known"),
    )


def _medium_of_source(origin: str) -> pl.Expr:
    """Return the medium of an origin whose source is the source, or is known by the same name."""
    is_same = (pl.col(f"{origin}_source") == pl.col("source")) | (pl.col(f"{origin}_site") == pl.col("known"))
    return pl.when(is_same.fill_null(value=False)).then(f"{origin}_medium")


def tally_hosts(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return a tally of hosts, of hits sorted by visitor and ORDER, with `referrer`: `host, pages` that were asked from it.

    And `behind, begins`: pages that it refers behind the first hit of their session, and sessions that it begins.
    """
    seen = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept"))
    is_first = pl.col("session").ne_missing(pl.col("session").shift(1)).fill_null(value=True)
    pages = (
        seen.filter(is_kind("page") & pl.col("host").is_not_null()).group_by(host=pl.col("host").cast(pl.String)).agg(pages=pl.len().cast(pl.Int64))
    )
    referred = (
        seen.select("referrer", behind=is_kind("page") & ~is_first, begins=is_first)
        .drop_nulls("referrer")
        .group_by("referrer")
        .agg(pl.col("behind", "begins").sum().cast(pl.Int64))
        .group_by(host=_REFERRER_HOST)
        .agg(pl.col("behind", "begins").sum())
    )
    return pl.concat([pages, referred], how="diagonal").with_columns(pl.col("pages", "behind", "begins").fill_null(0))


def own_hosts(hosts: pl.DataFrame) -> tuple[str, ...]:
    """Return the hosts that are taken for the site's own, those of most pages first.

    Those are the host that refers most pages behind the first hit of their session, and more than it begins sessions; and the hosts that the log
    itself names for its pages.
    """
    is_named = (pl.col("pages") > 0) & (pl.col("pages") >= _FEWEST_PAGES * pl.col("pages").sum())
    is_referrer = (pl.col("behind") > _MOST_REFERRED * pl.col("behind").sum()) & (pl.col("behind") > pl.col("begins"))
    found = [hosts.filter(is_named).select("host", n="pages"), hosts.filter(is_referrer).drop_nulls("host").select("host", n="behind")]
    of_host = pl.concat(found).group_by(pl.col("host").str.strip_prefix("www.")).agg(pl.col("n").max())
    return tuple(of_host.sort("n", "host", descending=[True, False])["host"])


def add_acquisition(sessions: pl.LazyFrame, site: Site, own: Sequence[str]) -> pl.LazyFrame:
    """Add to the table of all sessions, in memory, `source, medium, campaign, channel` (TEXT), and leave `referrer` and `query` out.

    `first_channel` is that of the visitor's first session; `referred` tells sessions whose first hit has a referrer; `came_back` those that are
    Direct although a page of the site itself or a payment provider referred it.
    """
    return (
        add_channels(sessions, site, own)
        .join(_referrers_with_host(sessions), on="referrer", how="left", maintain_order="left")
        .with_columns(
            first_channel=pl.when(pl.col("number") == 1).then("channel").forward_fill(),
            referred=pl.col("referrer").is_not_null(),
            came_back=(pl.col("channel") == _DIRECT_CHANNEL) & pl.col("names_host").fill_null(value=False),
        )
        .drop("referrer", "query", "names_host")
    )


def _referrers_with_host(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return `referrer, names_host` of distinct referrers: where one that names a host is nobody else's, it is the site's own or a provider's."""
    return sessions.select(pl.col("referrer").drop_nulls().unique()).with_columns(names_host=_REFERRER_HOST.is_not_null())
