"""Addresses that many visitors share, like a proxy's: where visitors cannot be told apart, a note says so, and behaviour makes nobody a bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.crowd import BUSY, NO_CROWD, PRIVATE, TRUSTED, Crowd
from convkit.ingest.store import BUCKET_KEY
from convkit.traffic import bots
from convkit.traffic import visitors as traffic_visitors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.core.model import Site


LEAST_AGENTS = 20
"""An address with at least this many user agents is not one visitor's."""
LEAST_ADDRESSES = 20
"""At least this many private addresses distinguish visitors, like those of an office."""
_FEW, _AT_ONCE = 10_000, 1_000_000
_PIECES, _SEED = 6, 7
"""The number of pieces in which user agents are judged if there is little memory, and the seed of the hash by which they are divided."""


def find_crowd(clients: pl.DataFrame, site: Site, mode: str) -> Crowd:
    """Return the crowd among all clients of a run, as identified by `visitors.identify`; bots by user agent are left out."""
    is_bot = _is_bot(site) if mode == "keep" else pl.col("bot").is_not_null()
    requests = clients.lazy().filter((pl.col("records") > 0) & ~is_bot)
    local, trusted, total = collect_frame(
        requests.select(pl.col("is_private").all(), pl.col("is_trusted").all(), pl.col("records").sum().cast(pl.Int64)), clients.height
    ).row(0)
    return _crowd(requests, total, is_private=local, is_trusted=trusted, size=clients.height)


def _crowd(clients: pl.LazyFrame, total: int, *, is_private: bool, is_trusted: bool, size: int) -> Crowd:
    """Return the crowd among clients that include all those of an address with half of the `total` requests.

    `clients` are `part, address_part, user_agent, records`.
    """
    if not total:
        return NO_CROWD
    with_address = clients.drop_nulls("address_part")
    by_address = collect_frame(with_address.group_by("address_part").agg(pl.col("records").sum().cast(pl.Int64)), size)
    if is_trusted or is_private:
        sources = by_address.height
        # Many private addresses are those of visitors in a private network.
        if is_trusted or sources < LEAST_ADDRESSES:
            return Crowd(TRUSTED if is_trusted else PRIVATE, total, total, sources)
    halves = by_address.lazy().filter(pl.col("records") * 2 >= total).join(with_address, on="address_part").group_by("part")
    counted = halves.agg(pl.col("records").first(), agents=pl.col("user_agent").n_unique()).filter(pl.col("agents") >= LEAST_AGENTS)
    busy = collect_frame(counted.sort("records", "part").tail(1), size)
    return Crowd(BUSY, busy["records"][0], total, 1, busy["agents"][0], busy["part"][0]) if busy.height else NO_CROWD


def _is_bot(site: Site) -> pl.Expr:
    """Return whether the user agent is a bot's."""
    return bots.judge_agents(pl.col("user_agent").cast(pl.String), site, "drop")["bot"].is_not_null()


def find_crowd_on_disk(lines: pl.LazyFrame, site: Site, size: int, *, is_memory_small: bool = False) -> Crowd:
    """Return the crowd among the clients of lines on disk, with only a few clients in memory at a time."""
    is_record = pl.col("problem").is_null() & (pl.col("event").is_null() if "event" in lines.collect_schema() else pl.lit(value=True))
    lines = lines.with_columns(is_record=is_record).select("is_record", BUCKET_KEY, "sender", "user_agent")
    records = lines.filter("is_record")
    bot_agents, total = _bot_agents(records, site, size, _PIECES if is_memory_small else 1)
    of_people = records.join(bot_agents.lazy(), on="user_agent", how="anti", nulls_equal=True)
    is_private, is_trusted = _are_all_local(lines, bot_agents, site, size)
    if not (is_private or is_trusted):
        # Most logs have no key with so many records, whoever sent them.
        busy = _busy_keys(records, total, size)
        busy = _busy_keys(of_people.join(busy.lazy(), on=BUCKET_KEY, how="semi"), total, size) if busy.height else busy
        if busy.is_empty():
            return NO_CROWD
        of_people = of_people.join(busy.lazy(), on=BUCKET_KEY, how="semi")
    few = collect_frame(of_people.group_by("sender", "user_agent").agg(records=pl.len()), size).lazy()
    known = few.join(traffic_visitors.describe_senders(few, site), on="sender", how="left", nulls_equal=True)
    return _crowd(known, total, is_private=is_private, is_trusted=is_trusted, size=size)


def _bot_agents(records: pl.LazyFrame, site: Site, size: int, pieces: int) -> tuple[pl.DataFrame, int]:
    """Return the `user_agent` of bots in records, and the number of other records; if there are pieces, only one is in memory at a time."""
    found, total = [], 0
    for piece in range(pieces):
        of_piece = records.filter(pl.col("user_agent").hash(_SEED) % pieces == piece) if pieces > 1 else records
        agents = collect_frame(of_piece.group_by("user_agent").agg(records=pl.len().cast(pl.Int64)), size)
        is_bot = agents.select(_is_bot(site)).to_series()
        total += int(agents.filter(~is_bot)["records"].sum())
        found.append(agents.filter(is_bot).select("user_agent"))
    return pl.concat(found), total


def _busy_keys(records: pl.LazyFrame, total: int, size: int) -> pl.DataFrame:
    """Return the keys with at least half of the `total` requests."""
    counts = collect_frame(records.group_by(BUCKET_KEY).agg(pl.len().cast(pl.Int64)), size)
    return counts.filter(pl.col("len") * 2 >= total).select(BUCKET_KEY)


def _are_all_local(lines: pl.LazyFrame, bot_agents: pl.DataFrame, site: Site, size: int) -> tuple[bool, bool]:
    """Return whether all addresses of people are private, and whether all are trusted proxies'.

    As a rule, the first lines show that neither is so.
    """
    is_private, is_trusted = True, True
    for part in _slices(lines, size):
        senders = part.filter("is_record").join(bot_agents.lazy(), on="user_agent", how="anti", nulls_equal=True)
        flags = traffic_visitors.describe_senders(senders, site).select(pl.col("is_private").all(), pl.col("is_trusted").all())
        private, trusted = collect_frame(flags, _AT_ONCE).row(0)
        is_private, is_trusted = is_private and private, is_trusted and trusted
        if not (is_private or is_trusted):
            break
    return is_private, is_trusted


def _slices(lines: pl.LazyFrame, size: int) -> Iterator[pl.LazyFrame]:
    """Yield a few lines, then a million at a time."""
    yield lines.head(_FEW)
    for start in range(_FEW, size, _AT_ONCE):
        yield lines.slice(start, _AT_ONCE)
