"""Who asked: each distinct pair of sender and agent -> a visitor, and what its agent and its address tell.

It stands alone because there are some hundred times fewer askers than hits: all that may be told of them is told once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import patterns
from convkit.core.collecting import collected
from convkit.core.definitions import BY_ADDRESS, USER
from convkit.core.schema import PROBLEM
from convkit.formats.parsers import addresses, senders
from convkit.traffic import bots, devices
from convkit.traffic import identities as known

if TYPE_CHECKING:
    from convkit.core.definitions import Site

ASKER = "asker"
_NO_TEXT = (1 << 32) - 1
(_BY_USER,) = known.columns([USER])


def asker() -> pl.Expr:
    """Return one number (`asker`, UInt64) for a sender and an agent, of their dictionary codes: it is told apart twice as fast as two texts are."""
    sender, agent = (pl.col(name).to_physical().cast(pl.UInt64).fill_null(_NO_TEXT) for name in ("sender", "user_agent"))
    return (sender * (1 << 32) + agent).alias(ASKER)


def each_once(cells: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, int]]:
    """Return CELLS with one plain asset of every asker, and by log how many more there were: most lines of a log tell nothing new."""
    is_asset = pl.col("problem").eq_missing(pl.lit("asset", dtype=PROBLEM))
    assets = cells.lazy().filter(is_asset).select("source", "problem", "sender", "user_agent")
    kept = collected(assets.group_by(asker()).first().drop(ASKER), cells.height)
    lines, rows = (dict(collected(some.group_by("source").len(), cells.height).rows()) for some in (assets, kept.lazy()))
    return pl.concat([cells.filter(~is_asset), kept], how="diagonal"), {log: count - rows.get(log, 0) for log, count in lines.items()}


def askers(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return `asker, sender, user_agent, asked` of each distinct pair of sender and agent: whether it asked for assets, null if no log tells."""
    asked = (pl.col("problem") == "asset").any()
    is_logged = pl.col("event").is_null().any() if "event" in cells.collect_schema() else pl.lit(value=True)
    texts = pl.col("sender", "user_agent").first()
    return cells.group_by(asker()).agg(texts, asked=pl.when(is_logged).then(asked))


def visitors(askers: pl.LazyFrame, site: Site, mode: str, *, with_device: bool = False, has_assets: bool | None = None) -> pl.LazyFrame:
    """Return `asker, sender, user_agent, visitor, by:user, ignored, bot, spared, has_assets` of askers in memory, and the texts of `identities`.

    `visitor` is told by address, `by:user` by user id, null where there is none; `bot` and `spared` are what the agent tells (`bots.told`);
    `has_assets` tells whether the visitor asked for assets, null where nobody did, as behind a content delivery network, or no log tells.
    `device` (DEVICE) is told only where it is asked for. Where these are not all askers, `has_assets` says whether any of all asked for assets.
    """
    is_known = pl.col("asked").any() if has_assets is None else pl.lit(has_assets)
    told_by_browser = _told_by_browser(site)
    address, agent = pl.col("address_part"), pl.col("agent_part")
    return (
        askers.join(_agents(askers, site, mode, with_device=with_device), on="user_agent", how="left", nulls_equal=True)
        .join(_senders(askers, site), on="sender", how="left", nulls_equal=True)
        .with_columns(visitor=(address ^ agent if told_by_browser else address).reinterpret(signed=True))
        .with_columns(has_assets=pl.when(is_known).then(pl.col("asked").max().over(pl.coalesce("visitor", _BY_USER))))
        .drop("asked", "address_part", "agent_part")
    )


def identities(visitors: pl.LazyFrame, cells: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `visitor, identity` of visitors, and of all whom CELLS in memory tell: what tells each as text, personal data that nothing may show."""
    agent = pl.col("user_agent").cast(pl.String) if _told_by_browser(site) else pl.lit("")
    by_address = visitors.drop_nulls("part").select("visitor", identity=pl.format("address {} {}", "part", agent.fill_null("")))
    by_user = visitors.drop_nulls("user").select(visitor=_BY_USER, identity=known.text(USER, pl.col("user")))
    return pl.concat([by_address, by_user, *known.known(cells.filter(pl.col("problem").is_null()), site)]).unique("visitor")


def _told_by_browser(site: Site) -> bool:
    """Tell whether visitors are told by address and browser, and not by the address alone."""
    return site.address_rule == BY_ADDRESS[0]


def _agents(askers: pl.LazyFrame, site: Site, mode: str, *, with_device: bool) -> pl.LazyFrame:
    """Return `user_agent, agent_part, bot, spared` of each distinct agent, and its `device` where it is asked for."""
    text = pl.col("user_agent").cast(pl.String)
    device = {"device": devices.device(text)} if with_device else {}
    return askers.select("user_agent").unique().with_columns(agent_part=text.hash(1), **bots.told(text, site, mode), **device)


def _senders(askers: pl.LazyFrame, site: Site) -> pl.LazyFrame:
    """Return `sender, part, user, address_part, ignored, by:user` of each distinct sender.

    `address_part` is null where there is no address, as in many exports.
    """
    return addresses.add_parts(senders.add_words(askers.select("sender").unique())).select(
        "sender",
        "part",
        "user",
        address_part=pl.when(pl.col("part").is_not_null()).then(pl.col("part").hash(2)),
        ignored=addresses.is_in(pl.col("sorted"), site.ignore_addresses) | patterns.matches_any(pl.col("user"), site.ignore_users),
        **{_BY_USER: known.number(USER, pl.col("user"))},
    )
