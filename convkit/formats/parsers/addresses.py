"""IP addresses: cleaning, a sortable form of fixed width, the part that identifies a visitor, and membership in networks."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import polars as pl

from convkit.core.conditions import any_of, change_where

_GROUPS, _DIGITS = 8, 4
_PREFIX_GROUPS = 4
_SORTED = r"^(?:(?:(?:[01]\d\d|2[0-4]\d|25[0-5])(?:\.|$)){4}|(?:[0-9a-f]{4}(?::|$)){8})$"
_ZEROS = ":" + _GROUPS * "0:"

PLAIN_SIX = "(?:[0-9A-Fa-f:]*::[0-9A-Fa-f:]*|(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]+)"
"""Matches an IPv6 address that needs no cleaning."""
_FOUR = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_WHOLE_SIX = r"(?:[0-9A-Fa-f:.]*::[0-9A-Fa-f:.]*|(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f.]+)"
_ATTACHED = r"(?:[^ ,]*[g-zG-Z][^ ,:]*:)?"
ADDRESS_WORD = rf'"?{_ATTACHED}(?:\[{_WHOLE_SIX}(?:%[^\]]*)?\]|{_WHOLE_SIX}(?:%[^ ,]*)?|{_FOUR})(?::[0-9]+)?"?'
"""Matches a word that is an IP address, perhaps with a port, a zone, brackets, or the name of a program before it; a time of day does not match."""
_PORT = rf'^"?{_ATTACHED}(?:\[([^\]%]*)(?:%[^\]]*)?\](?::[0-9]+)?|({_FOUR})(?::[0-9]+)?|([^:\[\]"]*[A-Za-z.-][^:\[\]"]*)(?::[0-9]+)?)"?$'
_BARE_SIX = rf"^{_WHOLE_SIX}(?:%.*)?$"
_MAPPED = rf"(?i)^(?:0{{0,4}}:){{1,5}}:?(?:0{{0,4}}:)?ffff:({_FOUR})$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T_].*)?$"
_PRIVATE_FOUR = (
    r"(?:0|10|127|169\.254|172\.(?:1[6-9]|2[0-9]|3[01])|192\.168|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])|198\.1[89]|2(?:2[4-9]|[345][0-9]))\."
)
SOCKET = "unix:"
_PRIVATE = rf"(?i)^(?:{SOCKET}|{_PRIVATE_FOUR}|::1?$|0000:0000:0000:0000$|f[cd][0-9a-f]{{2}}:|fe[89ab][0-9a-f]:|ff[0-9a-f]{{2}}:)"
_IS_ONE = rf"^(?:{_FOUR}|{_WHOLE_SIX})$"


def clean_address(text: pl.Expr) -> pl.Expr:
    """Return an IP address or a host name without its port, brackets and zone, or null where the text is neither, like a date or a time of day.

    A connection from the same machine may be logged as SOCKET instead of an address.

    An IPv4 address that is mapped into IPv6 becomes IPv4. Words without a colon are not tested further, because names of hosts may be anything.
    """
    odd = pl.when(_is_odd(text)).then(text)
    return pl.when(odd.is_null()).then(text).otherwise(_clean(odd))


def _is_odd(text: pl.Expr) -> pl.Expr:
    """Return whether an address needs cleaning, unlike plain IPv6 addresses and those without a colon, a bracket or a dash."""
    return text.str.contains(r'[:\[\]"-]') & ~text.str.contains(f"^{PLAIN_SIX}$")


def _clean(odd: pl.Expr) -> pl.Expr:
    """Return addresses that need cleaning as `clean_address` does."""
    groups = odd.str.extract_groups(_PORT).struct
    bare = pl.coalesce(
        pl.when(odd == SOCKET).then(odd), groups[0], groups[1], groups[2], pl.when(odd.str.contains(_BARE_SIX)).then(odd).str.replace("%.*$", "")
    )
    known = pl.when(~bare.str.contains(_DATE)).then(bare)
    return pl.coalesce(known.str.extract(_MAPPED), known)


def clean_host(text: pl.Expr) -> pl.Expr:
    """Return a host in lower case and without its port, or null where there is none: where the text is empty, `-`, a date or a time of day."""
    host = text.str.to_lowercase().str.replace(r":\d+$", "")
    return pl.when(~host.str.contains(r"^(?:-?|\d{4}-\d\d-\d\d|\d\d?:\d\d)$")).then(host)


def is_one_address(text: pl.Expr) -> pl.Expr:
    """Return whether a string that `clean_address` returned is an IP address and not the name of a host."""
    return text.str.contains(_IS_ONE)


def is_private(text: pl.Expr) -> pl.Expr:
    """Return whether a clean address cannot be a client's on the internet: private, loopback, link-local, shared (CGNAT), multicast or reserved.

    The source is IANA's registries of special-purpose addresses (2026-10); networks for documentation count as public, because examples use them.
    """
    return text.str.contains(_PRIVATE)


def first_public(chain: pl.Expr) -> pl.Expr:
    """Return the first public address of a list of clean addresses, or the first address if all are private."""
    public = chain.list.eval(pl.element().filter(~is_private(pl.element())))
    return pl.coalesce(public.list.first(), chain.list.first())


def add_address_parts(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Add to `address` two text columns: `sorted`, which sorts like the address, and `part`, which identifies a visitor.

    `sorted` is `203.000.113.007`, or eight groups of four hexadecimal digits. The `part` of an IPv6 address is its /64, because the rest changes.
    """
    plain, six, group = pl.col("plain"), pl.col("six"), pl.col("group").struct
    groups = [group[number].str.zfill(_DIGITS) for number in range(_GROUPS)]
    four = pl.when(six.is_null()).then(plain)
    # The rules for IPv6 cost almost nothing on nulls.
    return (
        frame.with_columns(plain=change_where(pl.col("address").cast(pl.String), _is_odd, _clean).str.to_lowercase())
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


def _whole(address: pl.Expr) -> pl.Expr:
    """Return an IPv6 address with all eight groups, `::` being filled with zeros; an empty group at either end is also zero."""
    short = pl.when(address.str.contains("::", literal=True)).then(address)
    missing = (_GROUPS - short.str.count_matches(":", literal=True).cast(pl.Int64)).clip(0, _GROUPS)
    return pl.coalesce(short.str.replace("::", pl.lit(_ZEROS).str.head(1 + 2 * missing), literal=True), address)


def in_networks(sorted_text: pl.Expr, networks: tuple[str, ...]) -> pl.Expr:
    """Return whether a sortable address is in one of the networks (CIDR, or single addresses)."""
    fits = []
    for network in (ip_network(text, strict=False) for text in networks):
        first, last = str(network.network_address.exploded), str(network.broadcast_address.exploded)
        if isinstance(network, IPv4Network):
            first, last = (".".join(part.zfill(3) for part in text.split(".")) for text in (first, last))
        is_within = sorted_text.is_between(pl.lit(first), pl.lit(last)) & (sorted_text.str.len_bytes() == len(first))
        fits.append(is_within.fill_null(value=False))
    return any_of(fits)


def is_address(sorted_text: pl.Expr) -> pl.Expr:
    """Return whether a string is a sortable address."""
    return sorted_text.str.contains(_SORTED).fill_null(value=False)
