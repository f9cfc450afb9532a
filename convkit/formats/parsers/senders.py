"""Who sent a request, as a common log line begins: `address ident user`.

It stands alone because senders repeat: a run takes each distinct one apart once, never once a line.
"""

from __future__ import annotations

import polars as pl

_FORWARDED = r"^([^ ,]+)(?:, *[^ ,]+)+"
"""The addresses of X-Forwarded-For in place of one; the first is the visitor's."""
_ADDRESS = r"^(?:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)$"
_NAMED = r"^[^ ]*[g-zG-Z][^ :]*:([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)$"
"""A name that is glued to an address: a host's, or a program's."""


def add_words(senders: pl.LazyFrame) -> pl.LazyFrame:
    """Add `address` and `user`, text, to `sender`; null where the log says nothing."""
    text = pl.col("sender").cast(pl.String)
    listed = pl.when(text.str.contains(",", literal=True)).then(text).str.replace(_FORWARDED, "$1")
    word = pl.col("word").struct
    apart = senders.with_columns(word=pl.coalesce(listed, text).str.splitn(" ", 3))
    # One word too many: a host in front of a single line, or the balancer's address behind those it forwarded.
    rest = word[2].str.strip_chars()
    is_host = rest.str.starts_with("- ") & word[1].str.contains(_ADDRESS) & ~word[0].str.contains(_ADDRESS)
    address = pl.when(is_host).then(word[1]).otherwise(word[0])
    return apart.with_columns(address=said(address.str.replace(_NAMED, "$1")), user=said(rest.str.strip_prefix("- ").str.strip_chars())).drop("word")


def whole(address: pl.Expr, user: pl.Expr) -> pl.Expr:
    """Return a sender as a common log line has it, where address and user are known apart."""
    return pl.concat_str([address.fill_null("-"), pl.lit(" - "), user.fill_null("-")])


def said(value: pl.Expr) -> pl.Expr:
    """Return a field, null where the log says nothing."""
    return pl.when(~value.is_in(["-", ""])).then(value)
