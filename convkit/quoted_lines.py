r"""Taking apart lines of the kind `address ident user [time] "request" status bytes "referrer" "agent" ...`.

It stands alone because combined, common and their relatives are this one line. Splitting on the quote character is the fastest way to take a line
apart; it is safe once escaped quotes (`\"`) stand as `\x22`, which is how nginx writes them.
"""

from __future__ import annotations

import polars as pl

from convkit.lists import words
from convkit.schema import RECORDS, TIME

_START = r'^\S+ +\S+ +.*\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "(?:[^"\\]|\\.)*" (?:\d{3}|-) \S+'
_HOST_FIRST = r"^\S+ +(?:\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]+) +\S+ +\S[^\[]* \["
AGENT_FOLLOWS = r' "(?:[^"\\]|\\.)*" "'
NOTHING_IN_QUOTES_FOLLOWS = r'(?:$| [^"])'
_TIME = "[%d/%b/%Y:%H:%M:%S %z] "
_TIME_LENGTH = len("[10/Oct/2000:13:55:36 -0700] ")
_QUOTES = {"\\\\": "\\x5C", '\\"': "\\x22"}
_FIELDS = ("before", "request", "after", "referrer", "between", "agent")
_METHOD = "^[A-Z][A-Z-]*$"
_FORWARDED = r"^([^ ,]+)(?:, *[^ ,]+)+ "
"""The addresses of X-Forwarded-For in place of one; the first is the visitor's."""
_ODD_REQUEST = r"^([A-Z][A-Z-]*) +(.*?)(?: +(HTTP/[0-9.]+))?$"
_STATUS_DIGITS = 3


def is_asset(extensions: tuple[str, ...] | None = None) -> pl.Expr:
    """Tell lines that are plainly the request of an asset, by one pattern anchored at the request; all extensions of the list by default."""
    of_list = "|".join(words("assets") if extensions is None else extensions)
    return pl.col("line").str.contains(rf'\] "(?:GET|HEAD) [^ "?]*[^ "?/]\.(?i:{of_list})[ "?]')


def share(lines: pl.Series, *, host_first: bool, end: str = "") -> float:
    """Return which share of lines is of this kind, with or without a virtual host in front, and continues as `end` says."""
    fits = lines.str.contains(_START + end) & (lines.str.contains(_HOST_FIRST) == host_first)
    return fits.sum() / max(len(fits), 1)


def parse(lines: pl.LazyFrame, *, host_first: bool) -> pl.LazyFrame:
    """Return RECORDS, `asset` as it came, and `problem`: null, or why the line is no record.

    `host_first` says that a virtual host leads the line.
    """
    parts = pl.col("line").str.replace_many(_QUOTES).str.split_exact('"', len(_FIELDS) - 1)
    return (
        lines.with_columns(parts.struct.rename_fields(_FIELDS).alias("part"))
        .unnest("part")
        .with_columns(
            head=pl.col("before").str.head(-_TIME_LENGTH).str.strip_chars().str.replace(_FORWARDED, "$1 ").str.splitn(" ", 4 if host_first else 3),
            time=pl.col("before").str.tail(_TIME_LENGTH).str.to_datetime(_TIME, time_unit="us", time_zone="UTC", strict=False),
            word=pl.col("request").str.split_exact(" ", 3),
            number=pl.col("after").str.strip_chars().str.splitn(" ", 3),
        )
        .with_columns(**_who(host_first=host_first), **_what(), **_answer())
        .with_columns(problem=_problem())
        .select(*RECORDS, "asset", "problem")
    )


def _said(value: pl.Expr) -> pl.Expr:
    """Return a field, null where the log says nothing."""
    return pl.when(~value.is_in(["-", ""])).then(value)


def _who(*, host_first: bool) -> dict[str, pl.Expr]:
    """Return who asked, and which host."""
    head = pl.col("head").struct
    agent = pl.col("agent")
    return {
        "host": _said(head[0].str.to_lowercase().str.replace(r":\d+$", "")) if host_first else pl.lit(None, dtype=pl.String),
        "address": _said(head[int(host_first)]),
        "user": _said(head[int(host_first) + 2].str.strip_chars()),
        "user_agent": pl.when(agent == "-").then(pl.lit("")).otherwise(agent),
    }


def _what() -> dict[str, pl.Expr]:
    """Return what was asked for; a request line without a method and a target, as probes send them, has neither."""
    word = pl.col("word").struct
    is_odd = word[3].is_not_null() | ~word[2].str.starts_with("HTTP/") | (word[1] == "")
    taken = pl.when(is_odd).then("request").str.extract_groups(_ODD_REQUEST)
    is_request = word[0].str.contains(_METHOD) & word[1].is_not_null()
    return {
        "method": pl.when(is_request).then(word[0]),
        "target": pl.when(is_request).then(pl.when(is_odd).then(taken.struct[1]).otherwise(word[1])),
        "protocol": pl.when(is_request).then(pl.when(is_odd).then(taken.struct[2]).otherwise(word[2])),
    }


def _answer() -> dict[str, pl.Expr]:
    """Return what was answered."""
    number = pl.col("number").struct
    return {
        "status": pl.when(number[0].str.len_bytes() == _STATUS_DIGITS).then(number[0]).cast(pl.Int16, strict=False),
        "bytes": number[1].cast(pl.Int64, strict=False),
        "referrer": _said(pl.col("referrer")),
    }


def _problem() -> pl.Expr:
    """Return why a line is no record."""
    return (
        pl.when(pl.col("request").is_null())
        .then(pl.lit("no request in quotes"))
        .when(pl.col("time").is_null())
        .then(pl.lit("no time before the request"))
        .when(pl.col("address").is_null())
        .then(pl.lit("no address"))
        .when(pl.col("after").is_null())
        .then(pl.lit("request without an end"))
        .when(pl.col("status").is_null() & (pl.col("number").struct[0] != "-"))
        .then(pl.lit("no status behind the request"))
        .when(pl.col("between").str.strip_chars() != "")
        .then(pl.lit("a quote inside a quoted field"))
    )
