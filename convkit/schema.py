"""The columns that pass between the stages, with their types, and the order of hits.

It stands alone because every stage names these columns and none of them owns them.
"""

from __future__ import annotations

import polars as pl

TIME = pl.Datetime("us", "UTC")
TEXT = pl.Categorical()
KINDS = ("page", "event", "download", "redirect", "error", "background", "other")
KIND = pl.Enum(KINDS)

ORDER = ("time", "source", "line_no")
"""The order of hits, always: a source's number is its rank by (time of its first parsed line, name)."""

LINES = {"source": pl.UInt32(), "line_no": pl.UInt32(), "line": pl.String(), "asset": pl.Boolean()}
"""What a format is given: one row a line, null where the line is blank; assets that a goal may name are marked."""

RECORDS = {
    "source": pl.UInt32(),
    "line_no": pl.UInt32(),
    "time": TIME,
    "address": pl.String(),
    "user": pl.String(),
    "host": pl.String(),
    "method": pl.String(),
    "target": pl.String(),
    "protocol": pl.String(),
    "status": pl.Int16(),
    "bytes": pl.Int64(),
    "referrer": pl.String(),
    "user_agent": pl.String(),
}
"""What an access log says, nothing decided. Text is as logged but for `\\"` and `\\\\`, which stand as `\\x22` and `\\x5C`; `user_agent` is null
where the line has no such field and empty where the field says nothing."""

FATES = ("blank", "comment", "asset", "unparsed", "duplicate", "excluded", "bot", "other", "background", "outside", "kept")
"""What becomes of a line, in the order in which the fates apply."""

INTERACTIONS = ("page", "event")
"""The kinds that start, lengthen and un-bounce sessions."""


def is_kind(*kinds: str) -> pl.Expr:
    """Tell hits of one of these kinds."""
    return pl.col("kind").is_in(pl.Series(kinds, dtype=KIND).implode())


def interaction() -> pl.Expr:
    """Tell hits that are interactions."""
    return is_kind(*INTERACTIONS)
