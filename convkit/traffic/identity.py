"""What the logs lack to identify visitors: user agents, and user IDs that stand for one person each."""

from __future__ import annotations

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.formatting import count, plural, share
from convkit.core.schema import TEXT
from convkit.formats.parsers import requests

LEAST_USERS, LARGEST_PART = 20, 3
"""A note names a user with a third of the rows, if there are at least this many users."""
_CUT = r"^[0-9](?:[.,][0-9]+)?[eE][+][0-9]+$"
"""Matches a long number that a spreadsheet has rounded."""
_ONLY_AN_ADDRESS = r"^(?:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[1-9a-f][0-9a-f]*:[0-9a-f]+:[0-9a-f]*:[0-9a-f:]*) [^ ]+ -$"
"""Matches a sender that is surely an IP address without a user."""
_FIRST, _AT_ONCE = 10_000, 5_000_000
_USED = pl.col("problem").is_null() | (pl.col("problem") == "asset")


def has_agents(lines: pl.LazyFrame, size: int) -> bool:
    """Return whether any line of an access log has a user agent, or true if there are no lines of access logs."""
    is_of_log = pl.col("event").is_null() if "event" in lines.collect_schema() else pl.lit(value=True)
    # As a rule, one of the first lines has one.
    for part in (lines.head(_FIRST), lines):
        logged = part.filter(_USED & is_of_log).select(any=(pl.col("user_agent") != "").any(), none=pl.len() == 0)
        has_any, is_empty = collect_frame(logged, size).row(0)
        if has_any:
            return True
    return bool(is_empty)


def without_agents(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return lines whose log has no user agents, as one whose format lacks them: a client without an agent is then no bot."""
    return lines.with_columns(user_agent=pl.lit(None, dtype=lines.collect_schema()["user_agent"]))


def count_senders(lines: pl.LazyFrame, size: int) -> tuple[pl.DataFrame, int]:
    """Return `sender, rows`: the number of records of each sender that is not just an address; and the number of all records.

    The lines are read some millions at a time.
    """
    is_other, rows = ~pl.col("sender").cast(pl.String).str.contains(_ONLY_AN_ADDRESS), pl.len().cast(pl.Int64).alias("rows")
    # In memory, counting all senders is cheaper than looking at the text of each line's; on disk, there may be too many to keep.
    is_counted = pl.lit(value=True) if lines.collect_schema()["sender"] == TEXT else is_other
    pieces = (lines.slice(start, _AT_ONCE).filter(pl.col("problem").is_null(), is_counted) for start in range(0, max(size, 1), _AT_ONCE))
    # The last filter is applied to the result: within the query, Polars would apply it to each line.
    counts = [collect_frame(piece.group_by("sender").agg(rows), min(size, _AT_ONCE)).filter(is_other) for piece in pieces]
    total = collect_frame(lines.select(pl.col("problem").null_count()), size).item()
    return pl.concat(counts).group_by("sender").agg(pl.col("rows").sum()), int(total)


def identity_notes(senders: pl.DataFrame, rows: int, *, agents: bool) -> tuple[tuple[str, str], ...]:
    """Return the codes and texts of the notes on what lines lack, given what `count_senders` returns; `agents` is whether there are user agents."""
    by_user = requests.split_senders(senders.lazy()).drop_nulls("user").group_by("user").agg(pl.col("rows").sum())
    users = collect_frame(by_user, senders.height) if senders.height else pl.DataFrame(schema={"user": pl.String, "rows": pl.Int64})
    cut = int(users.filter(pl.col("user").str.contains(_CUT))["rows"].sum())
    most = max(users["rows"].to_list(), default=0) if users.height >= LEAST_USERS else 0
    texts = {
        "no-agents": "" if agents else _NO_AGENTS,
        "one-user": _one_user(most, rows) if most and most * LARGEST_PART >= rows else "",
        "cut-ids": _cut_ids(cut) if cut else "",
    }
    return tuple((code, text) for code, text in texts.items() if text)


_NO_AGENTS = (
    "No line has a user agent, so bots cannot be recognised by it, and visitors are identified by IP address only; to change this, log it (nginx: "
    "$http_user_agent, Apache: the format combined)."
)


def _one_user(most: int, rows: int) -> str:
    """Return the text on a user with `most` of the rows."""
    held = f"One user ID holds {count(most)} of {plural(rows, 'row')} ({share(most, rows)}) and may stand for everybody who is not logged in"
    return f"{held}; if so, leave it empty in the log or the export, so that other IDs or the IP address are used."


def _cut_ids(rows: int) -> str:
    """Return the text on rows whose user IDs were rounded."""
    held = f"{plural(rows, 'row has a user ID', 'rows have user IDs')} like 1.23E+17, which a spreadsheet has rounded"
    return f"{held}, so several people may count as one; export the data again without opening it in a spreadsheet."
