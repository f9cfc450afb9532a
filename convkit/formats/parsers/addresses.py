"""IP addresses: a sortable form of fixed width, the part that identifies a visitor, membership in networks, and masking."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, ip_network

import polars as pl

_ANY = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_CLOCK = re.compile(r"(?:\d{4}:)?\d\d?:\d\d(?::\d\d)?")
_MASK = "x.x.x.x"
_GROUPS, _DIGITS = 8, 4
_PREFIX_GROUPS = 4
_SORTED = r"^(?:(?:(?:[01]\d\d|2[0-4]\d|25[0-5])(?:\.|$)){4}|(?:[0-9a-f]{4}(?::|$)){8})$"
_MAPPED = "::ffff:"
_ZEROS = ":" + _GROUPS * "0:"


def add_address_parts(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Add to `address` two text columns: `sorted`, which sorts like the address, and `part`, which identifies a visitor.

    `sorted` is `203.000.113.007`, or eight groups of four hexadecimal digits. The `part` of an IPv6 address is its /64, because the rest changes.
    """
    plain, six, group = pl.col("plain"), pl.col("six"), pl.col("group").struct
    groups = [group[number].str.zfill(_DIGITS) for number in range(_GROUPS)]
    four = pl.when(six.is_null()).then(plain)
    # The rules for IPv6 cost almost nothing on nulls.
    return (
        frame.with_columns(plain=pl.col("address").cast(pl.String).str.to_lowercase())
        .with_columns(plain=pl.coalesce(_bare(_with_colon(plain)), plain))
        .with_columns(six=_with_colon(plain))
        .with_columns(group=_whole(six).str.splitn(":", _GROUPS))
        .with_columns(
            sorted=pl.coalesce(four.str.split(".").list.eval(pl.element().str.zfill(3)).list.join("."), pl.concat_str(groups, separator=":")),
            part=pl.coalesce(four, pl.concat_str(groups[:_PREFIX_GROUPS], separator=":"), plain),
        )
        .drop("plain", "six", "group")
    )


def _with_colon(address: pl.Expr) -> pl.Expr:
    """Return the address if it is IPv6, otherwise null."""
    return pl.when(address.str.contains(":", literal=True)).then(address)


def _bare(address: pl.Expr) -> pl.Expr:
    """Return an IPv6 address without brackets or zone, or the IPv4 address that is mapped into it."""
    bare = address.str.strip_chars("[]").str.replace(r"%.*$", "")
    return pl.when(bare.str.starts_with(_MAPPED) & bare.str.contains(".", literal=True)).then(bare.str.strip_prefix(_MAPPED)).otherwise(bare)


def _whole(address: pl.Expr) -> pl.Expr:
    """Return an IPv6 address with all eight groups, `::` being filled with zeros; an empty group at either end is also zero."""
    short = pl.when(address.str.contains("::", literal=True)).then(address)
    missing = (_GROUPS - short.str.count_matches(":", literal=True).cast(pl.Int64)).clip(0, _GROUPS)
    return pl.coalesce(short.str.replace("::", pl.lit(_ZEROS).str.head(1 + 2 * missing), literal=True), address)


def in_networks(sorted_text: pl.Expr, networks: tuple[str, ...]) -> pl.Expr:
    """Return whether a sortable address is in one of the networks (CIDR, or single addresses)."""
    fits = [pl.lit(value=False)]
    for network in (ip_network(text, strict=False) for text in networks):
        first, last = str(network.network_address.exploded), str(network.broadcast_address.exploded)
        if isinstance(network, IPv4Network):
            first, last = (".".join(part.zfill(3) for part in text.split(".")) for text in (first, last))
        fits.append(sorted_text.is_between(pl.lit(first), pl.lit(last)) & (sorted_text.str.len_bytes() == len(first)))
    return pl.any_horizontal(fits).fill_null(value=False)


def is_address(sorted_text: pl.Expr) -> pl.Expr:
    """Return whether a string is a sortable address."""
    return sorted_text.str.contains(_SORTED).fill_null(value=False)


def mask_addresses(text: str) -> str:
    """Replace everything in a string that looks like an IPv4 or IPv6 address with `x.x.x.x`."""
    return _ANY.sub(lambda match: match[0] if _CLOCK.fullmatch(match[0]) else _MASK, text)
