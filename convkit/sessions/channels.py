"""Where sessions came from: referrer and query of their first hit -> source, medium, campaign and channel.

It stands alone because it is evaluated once a distinct pair of them, and only where somebody asks for channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import facts
from convkit.core.schema import TEXT
from convkit.goals import channel_rules
from convkit.sessions import campaigns, origins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.core.definitions import Site

COLUMNS = facts.ORIGIN
NONE, DIRECT = "(none)", "(direct)"
_PAIR = ("referrer", "query")
_NO_CODE = 2**32 - 1
"""In place of the code of a text that is missing."""


def add_channels(sessions: pl.LazyFrame, site: Site, own: Sequence[str] = ()) -> pl.LazyFrame:
    """Add COLUMNS, TEXT and never null, to sessions in memory with `referrer` and `query` of their first hit, as logged, null or empty without.

    `own` are hosts of ours beside `site.hosts`: coming from them is no source. Rows keep their order. Rules: SEMANTICS.md 6.
    """
    sessions = sessions.with_columns(pair=_pair())
    pairs = sessions.select("pair", *_PAIR).unique("pair")
    told = _with_sources(_beside(pairs, site, own)).with_columns(channel=channel_rules.channel(site.channels))
    return sessions.join(told.select("pair", pl.col(COLUMNS).cast(TEXT)), on="pair", how="left", maintain_order="left").drop("pair")


def _pair() -> pl.Expr:
    """Return a number for each pair: a join on one number takes a tenth of the time of one on two texts that may be null."""
    referrer, query = (pl.col(name).cast(pl.Categorical).to_physical().cast(pl.UInt64).fill_null(_NO_CODE) for name in _PAIR)
    return referrer * (_NO_CODE + 1) + query


def _beside(pairs: pl.LazyFrame, site: Site, own: Sequence[str]) -> pl.LazyFrame:
    """Add to pairs what each half of them says, with how its source is known."""
    text = {f"{name}_text": pl.col(name).cast(pl.String) for name in _PAIR}
    pairs = pairs.with_columns(**text)
    queries, referrers = (pairs.select(pl.col(f"{name}_text").drop_nulls().unique().alias(name)) for name in ("query", "referrer"))
    tags = campaigns.of_queries(queries).with_columns(tag_site=origins.known(pl.col("tag_source")), click_site=origins.known(pl.col("click_source")))
    linked = origins.of_referrers(referrers, site, own)
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
    return found.with_columns(medium=pl.coalesce("tag_medium", _if_same("click"), _if_same("referrer"))).with_columns(
        source=pl.coalesce("source", pl.when(pl.col("medium").is_null()).then(pl.lit(DIRECT)).otherwise(pl.lit(NONE))),
        medium=pl.col("medium").fill_null(NONE),
        campaign=pl.col("tag_campaign").fill_null(NONE),
        category=origins.category("known"),
    )


def _if_same(origin: str) -> pl.Expr:
    """Return the medium of an origin whose source is the source, or is known by the same name."""
    is_same = (pl.col(f"{origin}_source") == pl.col("source")) | (pl.col(f"{origin}_site") == pl.col("known"))
    return pl.when(is_same.fill_null(value=False)).then(f"{origin}_medium")
