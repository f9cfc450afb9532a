"""To which bucket a line goes, so that all lines of a visitor go to the same.

It stands alone because lines are dealt while they are read, before anybody knows their visitors: what a bucket is told by must be the same wherever
visitors are, and must cost next to nothing.
"""

from __future__ import annotations

import polars as pl

from convkit.formats.parsers import addresses, senders

MANY = 256
"""Buckets: a part of the visitors are those of as many of them as fit into memory."""
KEY = "key"
"""The column of a number (UInt32) that all lines of a visitor share, and other visitors may have too."""
_FOUR = r"^([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+) - "
_SIX = r"^([1-9a-f][0-9a-f]{0,3}:[1-9a-f][0-9a-f]{0,3}):[0-9a-f:]* - "
_NETWORK, _FIRST_TWO = r"^0*([0-9a-f]*):0*([0-9a-f]*):[0-9a-f:]*$", "${1}:${2}"
_SEED = 5


def bucket(key: pl.Expr) -> pl.Expr:
    """Return the bucket of a key."""
    return key % MANY


def add_key(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Add `key` to CELLS, text.

    It is told by what of an address stays a visitor's, of IPv6 by its first two groups, and by the user where there is no address.
    """
    sender = pl.col("sender")
    # Nearly all senders are one of the two, and it takes seven times as long to take them apart as people's notations need it: the rest is null.
    easy = pl.coalesce(sender.str.extract(_FOUR), sender.str.extract(_SIX))
    known = cells.with_columns(whole=sender, easy=easy).with_columns(sender=pl.when(pl.col("easy").is_null()).then("sender"))
    told = addresses.add_parts(senders.add_words(known))
    text = pl.coalesce("easy", pl.col("part").str.replace(_NETWORK, _FIRST_TWO), "user", pl.lit(""))
    key = (text.hash(_SEED) % (1 << 32)).cast(pl.UInt32)
    return told.with_columns(sender="whole", key=key).drop("whole", "easy", "address", "user", "part", "sorted")
