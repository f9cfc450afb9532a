"""The fields of a log's line, text each -> CELLS, whatever notation they were taken out of.

It stands alone because lines, tables and objects of logs differ in how a field is reached, and in nothing else of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import CELLS, first_problem
from convkit.formats.parsers import moments, senders

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.formats.parsers.assets import Assets

UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""Fields of the time that serving took, and how many of their unit a second has."""
_PLACES = 9
FIELDS = (
    "time",
    "address",
    "user",
    "host",
    "request",
    "method",
    "target",
    "query",
    "protocol",
    "status",
    "bytes",
    "referrer",
    "agent",
    "forwarded",
    "cookies",
    *UNITS,
)
"""What a line may say: `request` is `METHOD target PROTOCOL` as a whole, else its parts make it; `target` may lack the `query`."""
_NOTHING = ["-", "", "- - -"]
_PORT = r"^\[?([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F:.]*::?[0-9a-fA-F:.]*\])(?::[0-9]+)?$"


def cells(rows: pl.LazyFrame, there: Collection[str], assets: Assets, timezone: str, *, names_month: bool = False) -> pl.LazyFrame:
    """Return CELLS of rows: `source, line_no, fault`, and text by the names of those FIELDS that are `there`.

    `fault` says why a row is no record, `blank` and `comment` among it; a row without a time or an address is one all the same. Times without a zone
    are of `timezone`; `names_month` says how they are written (`moments.add_time`).
    """
    absent = {name: pl.lit(None, dtype=pl.String) for name in FIELDS if name not in there}
    told = rows.with_columns(**absent).with_columns(request=_request(there), address=said("address").str.replace_all(" ", "", literal=True))
    told = told.with_columns(**assets.marks(_is_asset)).with_columns(time=pl.when(~pl.col("plain")).then("time"))
    told = moments.add_time(told, timezone, names_month=names_month) if "time" in there else told.with_columns(time=pl.lit(None, dtype=CELLS["time"]))
    plain_no_more = pl.col("plain") & pl.col("fault").is_null()
    return told.with_columns(
        sender=senders.whole(_address(), said("user")),
        host=said("host").str.to_lowercase().str.replace(":[0-9]+$", ""),
        request=pl.when(~pl.col("plain")).then("request"),
        status=pl.when(~pl.col("plain")).then("status").cast(pl.Int16, strict=False),
        bytes=pl.col("bytes").cast(pl.Int64, strict=False),
        referrer=said("referrer"),
        user_agent=pl.when(pl.col("agent") == "-").then(pl.lit("")).otherwise("agent"),
        seconds=_seconds(there),
        forwarded=said("forwarded"),
        cookies=said("cookies"),
        session_key=pl.lit(None, dtype=pl.String),
        problem=pl.coalesce("fault", first_problem({"asset": plain_no_more})),
    ).select(*CELLS)


def said(name: str) -> pl.Expr:
    """Return a field, null where it says nothing."""
    bare = pl.col(name).str.strip_chars()
    return pl.when(~bare.is_in(_NOTHING)).then(bare)


def _address() -> pl.Expr:
    """Return who asked, without a port; a list of addresses without blanks, as what is no address."""
    with_colon = pl.when(pl.col("address").str.contains(":", literal=True)).then("address")
    # A bare address of IPv6, of which there are many, has neither, and no port.
    with_port = pl.when(with_colon.str.contains(r"[\].]")).then("address").str.replace(_PORT, "$1").str.strip_chars_end("]")
    return pl.coalesce(with_port, "address")


def _request(there: Collection[str]) -> pl.Expr:
    """Return the request as a whole: as it was sent, else put together."""
    whole = said("request")
    if "target" not in there:
        return whole
    target = pl.col("target").str.strip_chars()
    if "query" in there:
        query = said("query").str.strip_prefix("?")
        target = pl.concat_str([target, pl.when(query != "").then(pl.concat_str([pl.lit("?"), query])).otherwise(pl.lit(""))])
    after = pl.concat_str([pl.lit(" "), said("protocol")]).fill_null("") if "protocol" in there else pl.lit("")
    method = said("method") if "method" in there else pl.lit("GET")
    made = pl.concat_str([method, pl.lit(" "), target, after])
    return pl.coalesce(whole, made) if "request" in there else made


def _is_asset(extensions: str) -> pl.Expr:
    """Tell requests of files with one of these extensions."""
    return pl.col("request").str.contains(rf"^(?:GET|HEAD) [^ ?]*[^ ?/]\.(?i:{extensions})(?:[ ?#;]|$)")


def _seconds(there: Collection[str]) -> pl.Expr:
    """Return how long serving took, null where that is not said."""
    number = {name: pl.col(name).str.strip_chars_end("mns ").cast(pl.Float64, strict=False) for name in UNITS if name in there}
    found = [pl.when(value >= 0).then((value / UNITS[name]).round(_PLACES)) for name, value in number.items()]
    return pl.coalesce(found) if found else pl.lit(None, dtype=pl.Float64)
