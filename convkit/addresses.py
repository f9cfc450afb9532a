"""Addresses: which network they are of, and how much of one tells a visitor.

It stands alone because addresses are compared as text of fixed width, a notation that nothing else needs to know.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import polars as pl

_GROUPS = 8
_PREFIX_GROUPS = 4
_MAPPED = "::ffff:"


def add_parts(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Add to `address`, text: `sorted`, which sorts as the address's number, and `part`, what of it stays a visitor's.

    `sorted` is `203.000.113.007`, or eight groups of four hexadecimal digits. An IPv6 address changes below its /64.
    """
    plain = frame.with_columns(plain=_plain(pl.col("address").cast(pl.String)))
    is_six = pl.col("plain").str.contains(":", literal=True).fill_null(value=False)
    padded = pl.col("plain").str.split(".").list.eval(pl.element().str.zfill(3)).list.join(".")
    four = plain.filter(~is_six).with_columns(sorted=padded, part="plain")
    # The two kinds apart, because taking IPv6 apart costs much and most logs have little of it.
    six = plain.filter(is_six).with_columns(group=_groups(pl.col("plain")).list.eval(pl.element().str.zfill(4)))
    six = six.with_columns(sorted=pl.col("group").list.join(":"), part=pl.col("group").list.head(_PREFIX_GROUPS).list.join(":"))
    return pl.concat([four, six.drop("group")]).drop("plain")


def _plain(address: pl.Expr) -> pl.Expr:
    """Return an address without brackets and zone, IPv4 out of its IPv6 mapping, in lower case."""
    bare = address.str.to_lowercase().str.strip_chars("[]").str.replace(r"%.*$", "")
    return pl.when(bare.str.starts_with(_MAPPED) & bare.str.contains(".", literal=True)).then(bare.str.strip_prefix(_MAPPED)).otherwise(bare)


def is_in(sorted_text: pl.Expr, networks: tuple[str, ...]) -> pl.Expr:
    """Tell whether a sortable address is of one of the networks (CIDR, or single addresses)."""
    fits = [pl.lit(value=False)]
    for network in (ip_network(text, strict=False) for text in networks):
        first, last = str(network.network_address.exploded), str(network.broadcast_address.exploded)
        if isinstance(network, IPv4Network):
            first, last = (".".join(part.zfill(3) for part in text.split(".")) for text in (first, last))
        fits.append(sorted_text.is_between(pl.lit(first), pl.lit(last)) & (sorted_text.str.len_bytes() == len(first)))
    return pl.any_horizontal(fits).fill_null(value=False)


def _groups(address: pl.Expr) -> pl.Expr:
    """Return the eight groups of an IPv6 address, `::` filled with zeros."""
    sides = address.str.splitn("::", 2)
    left, right = (pl.when(sides.struct[side].fill_null("") != "").then(sides.struct[side]).str.split(":").fill_null([]) for side in (0, 1))
    missing = _GROUPS - left.list.len().cast(pl.Int64) - right.list.len().cast(pl.Int64)
    zeros = pl.lit(["0"] * _GROUPS).list.head(missing.clip(0, _GROUPS))
    return pl.concat_list(left, zeros, right).list.head(_GROUPS)
