"""The sessions' first hits -> where sessions came from, and which hosts are the site's own although nobody named them.

It stands alone because it looks at all sessions that were read: of a visitor who came back, the first one may lie before the period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import is_kind
from convkit.sessions import channels, origins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.core.definitions import Site

_MOST = 0.5
"""Of the pages behind first hits, the share that the site's own host refers."""
_FEWEST = 0.01
"""The share of pages from which on the host they were asked from is the site's own, and no name that a robot has sent."""
_DIRECT = "Direct"
_HOST = origins.host_of(pl.col("referrer").cast(pl.String))


def hosts(hits: pl.LazyFrame) -> pl.LazyFrame:
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
        .group_by(host=_HOST)
        .agg(pl.col("behind", "begins").sum())
    )
    return pl.concat([pages, referred], how="diagonal").with_columns(pl.col("pages", "behind", "begins").fill_null(0))


def own_hosts(hosts: pl.DataFrame) -> tuple[str, ...]:
    """Return the hosts that are taken for the site's own, those of most pages first.

    Those are the host that refers most pages behind the first hit of their session, and more than it begins sessions; and the hosts that the log
    itself names for its pages.
    """
    is_named = (pl.col("pages") > 0) & (pl.col("pages") >= _FEWEST * pl.col("pages").sum())
    is_referrer = (pl.col("behind") > _MOST * pl.col("behind").sum()) & (pl.col("behind") > pl.col("begins"))
    found = [hosts.filter(is_named).select("host", n="pages"), hosts.filter(is_referrer).drop_nulls("host").select("host", n="behind")]
    of_host = pl.concat(found).group_by(pl.col("host").str.strip_prefix("www.")).agg(pl.col("n").max())
    return tuple(of_host.sort("n", "host", descending=[True, False])["host"])


def add(sessions: pl.LazyFrame, site: Site, own: Sequence[str]) -> pl.LazyFrame:
    """Add to the table of all sessions, in memory, `source, medium, campaign, channel` (TEXT), and leave `referrer` and `query` out.

    `first_channel` is that of the visitor's first session; `referred` tells sessions whose first hit has a referrer; `came_back` those that are
    Direct although a page of the site itself or a payment provider referred it.
    """
    return (
        channels.add_channels(sessions, site, own)
        .join(_returns(sessions), on="referrer", how="left", maintain_order="left")
        .with_columns(
            first_channel=pl.when(pl.col("number") == 1).then("channel").forward_fill(),
            referred=pl.col("referrer").is_not_null(),
            came_back=(pl.col("channel") == _DIRECT) & pl.col("names_host").fill_null(value=False),
        )
        .drop("referrer", "query", "names_host")
    )


def _returns(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return `referrer, names_host` of distinct referrers: where one that names a host is nobody else's, it is the site's own or a provider's."""
    return sessions.select(pl.col("referrer").drop_nulls().unique()).with_columns(names_host=_HOST.is_not_null())
