"""Channels: the source, medium, campaign and channel of each session, based on the referrer and query of its first hit.

Each distinct pair of referrer and query is evaluated once, and only if channels are needed. The site's own hosts are inferred from all sessions read.
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
_PAIR = ("referrer", "landing_query")
_TAGS = ("source", "medium")
_SAID = tuple(f"{schema.VISIT_PREFIX}{role}" for role in schema.ORIGIN_ROLES)
_DIRECT_NAMES = ["direct", "(direct)", "$direct"]
"""What tools call the source of visits without one."""
_NO_CODE = 2**32 - 1
"""Stands in for the code of a missing string."""

_MOST_REFERRED = 0.5
"""A host is the site's own if it is the referrer of more than this share of the pages that follow a session's first hit."""
_FEWEST_PAGES = 0.01
"""A requested host with at least this share of pages is the site's own, not a name that a bot sent."""
_DIRECT_CHANNEL = "Direct"
_REFERRER_HOST = referrers.host_of(pl.col("referrer").cast(pl.String))


def add_channels(sessions: pl.LazyFrame, site: Site, own: Sequence[str] = ()) -> pl.LazyFrame:
    """Add CHANNEL_COLUMNS (TEXT, never null) to sessions in memory, from their `referrer` and `landing_query` as logged (null or empty if missing).

    `own` are further hosts of the site, in addition to `site.hosts`; none of these hosts is a source. Rows keep their order.
    """
    columns = sessions.collect_schema().names()
    said = [name for name in _SAID if name in columns]
    sessions = sessions.with_columns(pair=_pair(said))
    pairs = sessions.select("pair", *_PAIR, *said).unique("pair")
    with_sources = _with_sources(_with_said_tags(_with_tags_and_referrers(pairs, site, own), said))
    pair_channels = with_sources.with_columns(channel=_said_channel(site, said, channel_rules.channel(site.channels)))
    joined = sessions.join(pair_channels.select("pair", pl.col(CHANNEL_COLUMNS).cast(TEXT)), on="pair", how="left", maintain_order="left")
    return _with_unknown_channels(joined).drop("pair", *said)


def _with_said_tags(pairs: pl.LazyFrame, said: Sequence[str]) -> pl.LazyFrame:
    """Replace the campaign tags by what an export itself says of the session's source, medium and campaign, where it says anything."""
    values = {
        role: pl.col(name).cast(pl.String).str.to_lowercase() for role in ("source", "medium") if (name := f"{schema.VISIT_PREFIX}{role}") in said
    }
    values = {role: pl.when(~value.is_in([*_DIRECT_NAMES, NO_VALUE])).then(value) for role, value in values.items()}
    if "source" in values:
        is_direct = pl.col(f"{schema.VISIT_PREFIX}source").cast(pl.String).str.to_lowercase().is_in(_DIRECT_NAMES)
        values["source"] = pl.when(is_direct).then(pl.lit(DIRECT_SOURCE)).otherwise(values["source"])
    if values:
        is_said = pl.any_horizontal(value.is_not_null() for value in values.values())
        tags = {f"tag_{role}": pl.when(is_said).then(values.get(role, pl.lit(None, dtype=pl.String))).otherwise(f"tag_{role}") for role in _TAGS}
        pairs = pairs.with_columns(**tags).with_columns(tag_site=referrers.listed_source(pl.col("tag_source")))
    campaign = f"{schema.VISIT_PREFIX}campaign"
    return pairs.with_columns(tag_campaign=pl.coalesce(pl.col(campaign).cast(pl.String), "tag_campaign")) if campaign in said else pairs


def _said_channel(site: Site, said: Sequence[str], by_rule: pl.Expr) -> pl.Expr:
    """Return the channel that an export says, by the name of a known one if it differs in case only, else the one by the rules."""
    name = f"{schema.VISIT_PREFIX}channel"
    if name not in said:
        return by_rule
    known = {one.lower(): one for one in channel_rules.names(site.channels)}
    text = pl.col(name).cast(pl.String)
    return pl.coalesce(text.str.to_lowercase().replace_strict(known, default=text, return_dtype=pl.String), by_rule)


def _with_unknown_channels(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Replace Direct by Unknown in sessions of exports in which nothing shows where visitors came from."""
    if schema.NO_ORIGIN not in sessions.collect_schema():
        return sessions
    is_unknown = pl.col(schema.NO_ORIGIN).fill_null(value=False) & (pl.col("source") == DIRECT_SOURCE) & (pl.col("medium") == NO_VALUE)
    unknown = {"source": NO_VALUE, "channel": channel_rules.UNKNOWN}
    return sessions.with_columns(
        pl.when(is_unknown).then(pl.lit(text, dtype=TEXT)).otherwise(name).alias(name) for name, text in unknown.items()
    ).drop(schema.NO_ORIGIN)


def _pair(said: Sequence[str]) -> pl.Expr:
    """Return a number for each pair: joining on one number takes a tenth of the time of joining on two strings that may be null.

    What an export itself says of the session is part of the pair.
    """
    if said:
        return pl.struct(pl.col(name).cast(pl.String) for name in (*_PAIR, *said)).hash()
    referrer, query = (pl.col(name).cast(pl.Categorical).to_physical().cast(pl.UInt64).fill_null(_NO_CODE) for name in _PAIR)
    return referrer * (_NO_CODE + 1) + query


def _with_tags_and_referrers(pairs: pl.LazyFrame, site: Site, own: Sequence[str]) -> pl.LazyFrame:
    """Add columns for campaign tags, click IDs and referrers to pairs, including the entry of each source in the list of sources."""
    text = {f"{name}_text": pl.col(name).cast(pl.String) for name in _PAIR}
    pairs = pairs.with_columns(**text)
    queries, referrer_texts = (pairs.select(pl.col(f"{name}_text").drop_nulls().unique().alias(name)) for name in ("landing_query", "referrer"))
    tags = campaigns.tags_of_queries(queries).with_columns(
        tag_site=referrers.listed_source(pl.col("tag_source")), click_site=referrers.listed_source(pl.col("click_source"))
    )
    sources = referrers.sources_of_referrers(referrer_texts, site, own)
    return pairs.join(tags, left_on="landing_query_text", right_on="landing_query", how="left").join(
        sources, left_on="referrer_text", right_on="referrer", how="left"
    )


def _with_sources(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Add `source, medium, campaign, category` from the tags, else the click ID, else the referrer; a medium is used only with its own source."""
    with_source = pairs.with_columns(
        source=pl.coalesce("tag_source", "click_source", "referrer_source"),
        listed_source=pl.when(pl.col("tag_source").is_not_null())
        .then("tag_site")
        .when(pl.col("click_source").is_not_null())
        .then("click_site")
        .otherwise("referrer_site"),
    )
    return with_source.with_columns(medium=pl.coalesce("tag_medium", _medium_of_source("click"), _medium_of_source("referrer"))).with_columns(
        source=pl.coalesce("source", pl.when(pl.col("medium").is_null()).then(pl.lit(DIRECT_SOURCE)).otherwise(pl.lit(NO_VALUE))),
        medium=pl.col("medium").fill_null(NO_VALUE),
        campaign=pl.col("tag_campaign").fill_null(NO_VALUE),
        category=referrers.category("listed_source"),
    )


def _medium_of_source(origin: str) -> pl.Expr:
    """Return the medium of an origin (`click` or `referrer`) if its source is also the session's, or has the same entry in the list of sources."""
    is_same = (pl.col(f"{origin}_source") == pl.col("source")) | (pl.col(f"{origin}_site") == pl.col("listed_source"))
    return pl.when(is_same.fill_null(value=False)).then(f"{origin}_medium")


def tally_hosts(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return a tally of hosts, from hits with `referrer`, sorted by visitor and ORDER: `host, pages, referred_pages, referred_sessions`.

    `pages` is the number of pages requested from the host. The other two count the hits for which it is the referrer: `referred_sessions` the first
    hits of sessions, `referred_pages` the pages after them.
    """
    in_sessions = hits.filter(pl.col("session").is_not_null() & (pl.col("fate") == "kept"))
    is_first = pl.col("session").ne_missing(pl.col("session").shift(1)).fill_null(value=True)
    pages = (
        in_sessions.filter(is_kind("page") & pl.col("host").is_not_null())
        .group_by(host=pl.col("host").cast(pl.String))
        .agg(pages=pl.len().cast(pl.Int64))
    )
    referred = (
        in_sessions.select("referrer", referred_pages=is_kind("page") & ~is_first, referred_sessions=is_first)
        .drop_nulls("referrer")
        .group_by("referrer")
        .agg(pl.col("referred_pages", "referred_sessions").sum().cast(pl.Int64))
        .group_by(host=_REFERRER_HOST)
        .agg(pl.col("referred_pages", "referred_sessions").sum())
    )
    return pl.concat([pages, referred], how="diagonal").with_columns(pl.col("pages", "referred_pages", "referred_sessions").fill_null(0))


def own_hosts(hosts: pl.DataFrame) -> tuple[str, ...]:
    """Return the hosts that are assumed to be the site's own, those with the most pages first, from a tally of `tally_hosts`.

    These are the hosts that the log itself gives for its pages, and the host that is the referrer of most pages after the first hit of a session,
    provided that it is the referrer of fewer first hits.
    """
    is_named = (pl.col("pages") > 0) & (pl.col("pages") >= _FEWEST_PAGES * pl.col("pages").sum())
    pages = pl.col("referred_pages")
    is_referrer = (pages > _MOST_REFERRED * pages.sum()) & (pages > pl.col("referred_sessions"))
    named = hosts.filter(is_named).select("host", n="pages")
    referring = hosts.filter(is_referrer).drop_nulls("host").select("host", n="referred_pages")
    own = pl.concat([named, referring]).group_by(pl.col("host").str.strip_prefix("www.")).agg(pl.col("n").max())
    return tuple(own.sort("n", "host", descending=[True, False])["host"])


def add_acquisition(sessions: pl.LazyFrame, site: Site, own: Sequence[str]) -> pl.LazyFrame:
    """Add `source, medium, campaign, channel` (TEXT) to rows of the table of sessions, in memory, and drop `referrer` and `landing_query`.

    Also adds `referred`, whether the first hit has a referrer; and `resumed`, whether the session is Direct although a page of the site itself or of
    a payment provider referred it.
    """
    return (
        add_channels(sessions, site, own)
        .join(_referrers_with_host(sessions), on="referrer", how="left", maintain_order="left")
        .with_columns(
            referred=pl.col("referrer").is_not_null(),
            resumed=(pl.col("channel") == _DIRECT_CHANNEL) & pl.col("names_host").fill_null(value=False),
        )
        .drop("referrer", "landing_query", "names_host")
    )


def add_first_channel(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Add `first_channel`, the channel of the visitor's first session, to the table of all sessions, in memory."""
    return sessions.with_columns(first_channel=pl.when(pl.col("number") == 1).then("channel").forward_fill())


def _referrers_with_host(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return `referrer, names_host` for distinct referrers: a host named in a Direct session is the site's own or a payment provider's."""
    return sessions.select(pl.col("referrer").drop_nulls().unique()).with_columns(names_host=_REFERRER_HOST.is_not_null())
