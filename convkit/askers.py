"""Who asked: each distinct pair of sender and agent -> a visitor, and what its agent and its address tell.

It stands alone because there are some hundred times fewer askers than hits: all that may be told of them is told once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit import addresses, bots, devices, patterns, senders

if TYPE_CHECKING:
    from convkit.definitions import Site

ASKER = ("sender", "user_agent")


def askers(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return `sender, user_agent, asked` of each distinct pair of sender and agent: whether it asked for plain assets."""
    return cells.group_by(ASKER).agg(asked=(pl.col("problem") == "asset").any())


def visitors(askers: pl.LazyFrame, site: Site, mode: str, *, with_device: bool = False) -> pl.LazyFrame:
    """Return `sender, user_agent, visitor, user_visitor, ignored, bot, spared, has_assets` of askers in memory, and the texts of `identities`.

    `visitor` is told by address, `user_visitor` by user id, null where there is none; `bot` and `spared` are what the agent tells (`bots.told`);
    `has_assets` tells whether the visitor asked for assets, null where nobody did, as behind a content delivery network.
    `device` (DEVICE) is told only where it is asked for.
    """
    told_by_browser = _told_by_browser(site)
    address, agent = pl.col("address_part"), pl.col("agent_part")
    return (
        askers.join(_agents(askers, site, mode, with_device=with_device), on="user_agent", how="left", nulls_equal=True)
        .join(_senders(askers, site), on="sender", how="left", nulls_equal=True)
        .with_columns(visitor=pl.coalesce((address ^ agent if told_by_browser else address).reinterpret(signed=True), "user_visitor", "by_user"))
        .with_columns(has_assets=pl.when(pl.col("asked").any()).then(pl.col("asked").any().over("visitor")))
        .drop("asked", "address_part", "agent_part")
    )


def identities(visitors: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `visitor, identity` of visitors: what tells each one as text, personal data that nothing may show."""
    agent = pl.col("user_agent").cast(pl.String) if _told_by_browser(site) else pl.lit("")
    by_address = visitors.drop_nulls("part").select("visitor", identity=pl.format("address {} {}", "part", agent.fill_null("")))
    by_user = visitors.drop_nulls("user").select(visitor="by_user", identity=pl.format("user {}", "user"))
    return pl.concat([by_address, by_user]).unique("visitor")


def _told_by_browser(site: Site) -> bool:
    """Tell whether visitors without a user id are told by address and browser, and not by the address alone."""
    return site.visitor_rule == "address+browser"


def _agents(askers: pl.LazyFrame, site: Site, mode: str, *, with_device: bool) -> pl.LazyFrame:
    """Return `user_agent, agent_part, bot, spared` of each distinct agent, and its `device` where it is asked for."""
    text = pl.col("user_agent").cast(pl.String)
    device = {"device": devices.device(text)} if with_device else {}
    return askers.select("user_agent").unique().with_columns(agent_part=text.hash(1), **bots.told(text, site, mode), **device)


def _senders(askers: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `sender, part, user, address_part, ignored, user_visitor, by_user` of each distinct sender; the first rule may be the user.

    `address_part` is null where there is no address, as in many exports: `by_user` tells who it was all the same.
    """
    user = pl.when(pl.col("user").is_not_null()).then(pl.col("user").hash(3).reinterpret(signed=True))
    return addresses.add_parts(senders.add_words(askers.select("sender").unique())).select(
        "sender",
        "part",
        "user",
        address_part=pl.when(pl.col("part").is_not_null()).then(pl.col("part").hash(2)),
        ignored=addresses.is_in(pl.col("sorted"), site.ignore_addresses) | patterns.matches_any(pl.col("user"), site.ignore_users),
        user_visitor=pl.when(pl.lit(site.visitor[:1] == ("user",))).then(user),
        by_user=user,
    )
