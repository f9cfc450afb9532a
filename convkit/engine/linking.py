"""Visitors whom more than an address tells -> keys that go together: whoever shares a user or a cookie with somebody goes where that one goes.

It stands alone because only here lines are looked at for what they have in common, before anybody is a visitor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.model import USER_RULE
from convkit.formats.parsers import requests
from convkit.ingest.store import BUCKET_KEY
from convkit.traffic import visitors

if TYPE_CHECKING:
    from convkit.core.model import Site

_NODE = "node:"
_OF_USERS = (f"{_NODE}{USER_RULE}", f"{_NODE}anonymous")
_NOBODY = " - -"
"""The end of senders that name no user."""


def links(cells: pl.LazyFrame, site: Site, size: int) -> pl.DataFrame:
    """Return `key, group` of the keys of PARSED on disk that rules and ids link, also indirectly: those of one group go together."""
    there = cells.collect_schema().names()
    if not site.preferred_rules and "anonymous" not in there:
        return pl.DataFrame(schema={BUCKET_KEY: pl.UInt32, "group": pl.UInt32})
    # Few senders of a log name a user: on nulls it costs next to nothing to take them apart.
    named = cells.with_columns(sender=pl.when(~pl.col("sender").str.ends_with(_NOBODY)).then("sender"))
    values = visitors.visitor_numbers(site.preferred_rules, there) | {USER_RULE: visitors.visitor_number(USER_RULE, pl.col("user"))}
    values |= {"anonymous": visitors.visitor_number(USER_RULE, pl.col("anonymous"))} if "anonymous" in there else {}
    nodes = requests.split_senders(named).select(BUCKET_KEY, **{f"{_NODE}{name}": value for name, value in values.items()})
    linked = nodes.filter(pl.any_horizontal(pl.col(f"^{_NODE}.*$").is_not_null())).unique()
    return _groups(collect_frame(linked, size))


def _groups(lines: pl.DataFrame) -> pl.DataFrame:
    """Return `key, group` of lines with a `key` and nodes: lines that share a node are of one group, the lowest key that they meet.

    A user and an anonymous id are nodes of one kind: the one may be named in the place of the other.
    """
    rows = lines.with_row_index("at")
    kinds = {name: USER_RULE if name in _OF_USERS else name for name in lines.columns}
    nodes = pl.concat([rows.select("at", kind=pl.lit(kind), node=pl.col(name).cast(pl.Int64)) for name, kind in kinds.items()]).drop_nulls("node")
    group = rows.select("at", group=BUCKET_KEY)
    while True:
        lowest = nodes.join(group, on="at").with_columns(pl.col("group").min().over("kind", "node")).group_by("at").agg(pl.col("group").min())
        if lowest.sort("at").equals(group):
            return rows.join(group, on="at").select(BUCKET_KEY, "group").unique()
        group = lowest.sort("at")
