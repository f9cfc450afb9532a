"""Proxies: the client's address from X-Forwarded-For, where the connection came from a trusted proxy.

Anyone can send an X-Forwarded-For header: only the part that a trusted proxy has added is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.formats.parsers import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable

FORWARDED = "forwarded"
_PAIR = ["sender", FORWARDED]
_LEAD = r"^([^ ,]*(?:, *[^ ,]+)*)"
"""The address in front of a line, or a list of them."""
_WITH_PORT = r'^"?\[?([0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]?(?::\d+)?"?$'


def resolve_proxies(cells: pl.LazyFrame, trusted: tuple[str, ...]) -> pl.LazyFrame:
    """Put the client's address in the place of a trusted proxy's: of PARSED, of which `forwarded` is dropped.

    It is the right-most address of the chain, X-Forwarded-For and the connection's, that is not in one of the `trusted` networks. Where that is no
    address the chain is broken, and the connection's counts; where all are trusted, the left-most is farthest away.
    """
    pairs = cells.select(_PAIR).unique()
    return (
        cells.join(_resolved(pairs, trusted), on=_PAIR, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(sender=pl.coalesce(pl.col("client").cast(cells.collect_schema()["sender"]), "sender"))
        .drop("client", FORWARDED)
    )


def _resolved(pairs: pl.LazyFrame, trusted: Iterable[str]) -> pl.LazyFrame:
    """Return `sender, forwarded, client` of distinct pairs: the sender with the client's address alone in front."""
    is_of_client = ~pl.col("trusted")
    address, last = pl.col("address"), pl.col("address").last()
    right_most = address.filter(is_of_client).last()
    client = pl.when(is_of_client.any()).then(pl.when(pl.col("is_one").filter(is_of_client).last()).then(right_most).otherwise(last))
    whole, lead = pl.col("sender").cast(pl.String), pl.col("lead")
    return (
        pairs.with_columns(lead=whole.str.extract(_LEAD))
        .with_columns(chain=pl.concat_str(pl.col(FORWARDED).cast(pl.String), lead, separator=",", ignore_nulls=True).str.split(","))
        .explode("chain")
        # IIS writes a blank as a plus.
        .with_columns(address=pl.col("chain").str.strip_chars(" +"))
        .with_columns(address=pl.coalesce(address.str.extract(_WITH_PORT), address))
        .pipe(addresses.add_address_parts)
        .with_columns(trusted=addresses.in_networks(pl.col("sorted"), tuple(trusted)), is_one=addresses.is_address(pl.col("sorted")))
        .group_by(_PAIR, maintain_order=True)
        .agg(lead.first(), client=pl.coalesce(client, address.first()))
        .with_columns(client=pl.concat_str("client", whole.str.strip_prefix(lead)))
        .drop("lead")
    )
