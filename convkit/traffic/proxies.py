"""Proxies: the client's address from X-Forwarded-For, if the connection came from a trusted proxy.

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
"""Matches the address, or the list of addresses, at the start of a sender."""
_WITH_PORT = r'^"?\[?([0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]?(?::\d+)?"?$'


def resolve_proxies(parsed: pl.LazyFrame, trusted: tuple[str, ...]) -> pl.LazyFrame:
    """Replace a trusted proxy's address in `sender` of PARSED with the client's, and drop `forwarded`.

    The chain is X-Forwarded-For followed by the connection's address; the client's address is the right-most one that is not in any of the
    `trusted` networks. If that entry is not an address, the chain is broken and the connection's address is used; if all are trusted, the left-most
    address is used.
    """
    pairs = parsed.select(_PAIR).unique()
    return (
        parsed.join(_resolved(pairs, trusted), on=_PAIR, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(sender=pl.coalesce(pl.col("client_sender").cast(parsed.collect_schema()["sender"]), "sender"))
        .drop("client_sender", FORWARDED)
    )


def _resolved(pairs: pl.LazyFrame, trusted: Iterable[str]) -> pl.LazyFrame:
    """Return `sender, forwarded, client_sender` for distinct pairs; the last is the sender with only the client's address at its start."""
    is_of_client = ~pl.col("trusted")
    address, last = pl.col("address"), pl.col("address").last()
    right_most = address.filter(is_of_client).last()
    client_address = pl.when(is_of_client.any()).then(pl.when(pl.col("is_one").filter(is_of_client).last()).then(right_most).otherwise(last))
    sender, lead = pl.col("sender").cast(pl.String), pl.col("lead")
    return (
        pairs.with_columns(lead=sender.str.extract(_LEAD))
        .with_columns(chain=pl.concat_str(pl.col(FORWARDED).cast(pl.String), lead, separator=",", ignore_nulls=True).str.split(","))
        .explode("chain")
        # IIS writes a space as a plus.
        .with_columns(address=pl.col("chain").str.strip_chars(" +"))
        .with_columns(address=pl.coalesce(address.str.extract(_WITH_PORT), address))
        .pipe(addresses.add_address_parts)
        .with_columns(trusted=addresses.in_networks(pl.col("sorted"), tuple(trusted)), is_one=addresses.is_address(pl.col("sorted")))
        .group_by(_PAIR, maintain_order=True)
        .agg(lead.first(), client_address=pl.coalesce(client_address, address.first()))
        .with_columns(client_sender=pl.concat_str("client_address", sender.str.strip_prefix(lead)))
        .drop("lead", "client_address")
    )
