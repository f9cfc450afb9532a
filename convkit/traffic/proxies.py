"""Proxies: the client's address from X-Forwarded-For, if the connection came from a trusted proxy.

Anyone can send an X-Forwarded-For header: only the part that a trusted proxy has added is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.formats.parsers import addresses, requests

if TYPE_CHECKING:
    from collections.abc import Iterable

FORWARDED = "forwarded"
_PAIR = ["sender", FORWARDED]
_MANY = 1 << 30
"""The row count passed with a query for lines that may be on disk."""


def resolve_proxies(parsed: pl.LazyFrame, trusted: tuple[str, ...]) -> pl.LazyFrame:
    """Replace a trusted proxy's address in `sender` of PARSED with the client's, and drop `forwarded`.

    The chain is X-Forwarded-For followed by the connection's address; the client's address is the right-most one that is not in any of the
    `trusted` networks. If that entry is not an address, the chain is broken and the connection's address is used; if all are trusted, the left-most
    address is used. A socket is trusted, because only the same machine can use it. If a line has several lists of addresses, the first one with a
    public address is X-Forwarded-For.
    """
    # The order of distinct rows is not stable: they are numbered once.
    pairs = collect_frame(parsed.select(_PAIR).unique(), _MANY).with_row_index("pair").lazy()
    return (
        parsed.join(_resolved(pairs, trusted), on=_PAIR, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(sender=pl.coalesce(pl.col("client_sender").cast(parsed.collect_schema()["sender"]), "sender"))
        .drop("client_sender", FORWARDED)
    )


def _resolved(pairs: pl.LazyFrame, trusted: Iterable[str]) -> pl.LazyFrame:
    """Return `sender, forwarded, client_sender` for distinct pairs; the last is the sender with the client's address and without the others."""
    is_of_client = ~pl.col("trusted")
    address, last = pl.col("address"), pl.col("address").last()
    right_most = address.filter(is_of_client).last()
    client_address = pl.when(is_of_client.any()).then(pl.when(pl.col("is_one").filter(is_of_client).last()).then(right_most).otherwise(last))
    chain = pl.concat_list(pl.col("entries").fill_null([]), pl.col("chain"))
    return (
        requests.split_senders(pairs, with_chain=True)
        .join(_forwarded(pairs), on="pair", how="left", maintain_order="left")
        .select("pair", *_PAIR, "user", address=chain)
        .explode("address", empty_as_null=True)
        .pipe(addresses.add_address_parts)
        .with_columns(trusted=addresses.in_networks(pl.col("sorted"), tuple(trusted)) | (address == addresses.SOCKET).fill_null(value=False))
        .with_columns(is_one=addresses.is_address(pl.col("sorted")))
        .group_by("pair", maintain_order=True)
        .agg(pl.col(*_PAIR, "user").first(), client_address=client_address.otherwise(address.first()))
        .select(*_PAIR, client_sender=requests.join_sender(pl.col("client_address"), pl.col("user")))
    )


def _forwarded(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Return `pair, entries`: the list of addresses and other words in `forwarded`, or in the first of its lines that has a public address."""
    entry = pl.col("entries")
    # IIS writes a space as a plus.
    word = entry.str.strip_chars(' +"')
    clean = pl.coalesce(addresses.clean_address(word), word)
    is_public = (addresses.is_one_address(clean) & ~addresses.is_private(clean)).fill_null(value=False)
    lists = (
        pairs.select("pair", field=pl.col(FORWARDED).cast(pl.String).str.split(requests.NEXT_LIST))
        .explode("field")
        .drop_nulls("field")
        .with_row_index("list")
    )
    return (
        lists.with_columns(entries=pl.col("field").str.split(","))
        .explode("entries")
        .with_columns(entries=clean, is_public=is_public)
        .group_by("pair", "list", maintain_order=True)
        .agg("entries", pl.col("is_public").any())
        .sort("pair", ~pl.col("is_public"), "list")
        .group_by("pair", maintain_order=True)
        .agg(pl.col("entries").first())
    )
