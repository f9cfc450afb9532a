r"""Taking apart lines of the kind `address ident user [time] "request" status bytes "referrer" "agent" ...`.

It stands alone because combined, common and their relatives are this one line. Splitting on the quote character is the fastest way to take a line
apart; it is safe once escaped quotes (`\"`) stand as `\x22`, which is how nginx writes them.
"""

from __future__ import annotations

import polars as pl

from convkit.lists import words
from convkit.schema import RECORDS

_START = r'^\S+ +\S+ +.*\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "(?:[^"\\]|\\.)*" (?:\d{3}|-) \S+'
_HOST_FIRST = r"^\S+ +(?:\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]+) +\S+ +\S[^\[]* \["
AGENT_FOLLOWS = r' "(?:[^"\\]|\\.)*" "'
NOTHING_IN_QUOTES_FOLLOWS = r'(?:$| [^"])'
_FARTHEST, _MINUTES = 1559, 60
_TIME_LENGTH = len("[10/Oct/2000:13:55:36 -0700] ")
COMMENT = "#"
_QUOTES = {"\\\\": "\\x5C", '\\"': "\\x22"}
_FIELDS = ("before", "request", "after", "referrer", "between", "agent")
_METHOD = "^[A-Z][A-Z-]*$"
_FORWARDED = r"^([^ ,]+)(?:, *[^ ,]+)+ "
"""The addresses of X-Forwarded-For in place of one; the first is the visitor's."""
_ODD_REQUEST = r"^([A-Z][A-Z-]*) +(.*?)(?: +(HTTP/[0-9.]+))?$"
_USUAL_ANSWER = r"^ [1-5]\d\d "
_STATUS_DIGITS = 3


def is_asset(extensions: tuple[str, ...] | None = None) -> pl.Expr:
    """Tell lines that are plainly the request of an asset, by one pattern anchored at the request; all extensions of the list by default."""
    of_list = "|".join(words("assets") if extensions is None else extensions)
    return pl.col("line").str.contains(rf'\] "(?:GET|HEAD) [^ "?]*[^ "?/]\.(?i:{of_list})[ "?]')


def share(lines: pl.Series, *, host_first: bool, end: str = "") -> float:
    """Return which share of lines is of this kind, with or without a virtual host in front, and continues as `end` says."""
    fits = lines.str.contains(_START + end) & (lines.str.contains(_HOST_FIRST) == host_first)
    return int(fits.sum()) / max(len(fits), 1)


def who(lines: pl.LazyFrame, *, host_first: bool = False, has_agent: bool = True) -> pl.LazyFrame:
    """Return `address, user_agent` of lines, as `parse` does, and read nothing else."""
    return _parts(lines).with_columns(**_asker(host_first=host_first, has_agent=has_agent)).select("address", "user_agent")


def parse(lines: pl.LazyFrame, *, host_first: bool = False, has_agent: bool = True) -> pl.LazyFrame:
    """Return RECORDS, `asset` as it came, and `problem`: null, or why the line is no record (`blank`, `comment`, or what is wrong with it).

    `host_first` says that a virtual host leads the line, `has_agent` that what is quoted behind the bytes is referrer and agent.
    """
    return (
        _parts(lines)
        .with_columns(
            clock=pl.col("before").str.tail(_TIME_LENGTH),
            word=pl.col("request").str.splitn(" ", 3),
            number=pl.when(~pl.col("after").str.contains(_USUAL_ANSWER)).then("after").str.strip_chars().str.splitn(" ", 3),
        )
        .with_columns(
            **_asker(host_first=host_first, has_agent=has_agent),
            **_person(host_first=host_first),
            **_what(),
            **_answer(has_agent=has_agent),
            time=_time(pl.col("clock")),
        )
        .with_columns(problem=_problem(has_agent=has_agent))
        .select(*RECORDS, "asset", "problem")
    )


def _parts(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Split lines on their quotes."""
    line = pl.col("line")
    escaped = pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(_QUOTES)
    parts = pl.coalesce(escaped, line).str.split_exact('"', len(_FIELDS) - 1).struct.rename_fields(_FIELDS).alias("part")
    return lines.with_columns(parts).unnest("part")


def _asker(*, host_first: bool, has_agent: bool) -> dict[str, pl.Expr]:
    """Return who asked: the address, and the agent, empty where the field says nothing and null where there is none.

    Of a list of addresses that proxies wrote, the first is the visitor's.
    """
    word, agent = pl.col("before").str.split_exact(" ", 1 + host_first).struct[int(host_first)], pl.col("agent")
    first = pl.when(word.str.contains(",", literal=True)).then(word).str.split_exact(",", 1).struct[0]
    return {
        "address": pl.coalesce(first, pl.when(word.str.len_bytes() > 1).then(word)),
        "user_agent": pl.when(agent == "-").then(pl.lit("")).otherwise(agent) if has_agent else pl.lit(None, dtype=pl.String),
    }


def _person(*, host_first: bool) -> dict[str, pl.Expr]:
    """Return the log user, which few lines have, and the host."""
    before = pl.col("before")
    unusual = pl.when(~before.str.contains(" - - [", literal=True)).then(before).str.replace(_FORWARDED, "$1 ")
    named = unusual.str.splitn(" ", 3 + host_first).struct[2 + host_first]
    host = before.str.split_exact(" ", 1).struct[0].str.to_lowercase().str.replace(r":\d+$", "")
    return {
        "user": _said(named.str.head(-_TIME_LENGTH).str.strip_chars()),
        "host": _said(host) if host_first else pl.lit(None, dtype=pl.String),
    }


def _time(clock: pl.Expr) -> pl.Expr:
    """Return the time of `[10/Oct/2000:13:55:36 -0700] ` in UTC, null where it is none.

    Polars remembers the texts it has parsed, and a month has sixty times fewer minutes than seconds: seconds and offset are added.
    """
    minute = clock.str.slice(1, len("10/Oct/2000:13:55")).str.to_datetime("%d/%b/%Y:%H:%M", time_unit="us", strict=False)
    seconds, offset = (clock.str.slice(place, length).cast(pl.Int32, strict=False) for place, length in ((19, 2), (22, 5)))
    is_clock = seconds.is_between(0, 60) & (offset.abs() <= _FARTHEST) & (offset.abs() % 100 < _MINUTES) & clock.str.ends_with("] ")
    east = offset.sign() * (offset.abs() // 100 * 3_600 + offset.abs() % 100 * 60)
    return (minute + pl.duration(seconds=pl.when(is_clock).then(seconds - east))).dt.replace_time_zone("UTC")


def _said(value: pl.Expr) -> pl.Expr:
    """Return a field, null where the log says nothing."""
    return pl.when(~value.is_in(["-", ""])).then(value)


def _what() -> dict[str, pl.Expr]:
    """Return what was asked for; a request line without a method and a target, as probes send them, has neither."""
    word = pl.col("word").struct
    is_odd = word[2].str.contains(" ", literal=True) | ~word[2].str.starts_with("HTTP/") | (word[1] == "")
    taken = pl.when(is_odd).then("request").str.extract_groups(_ODD_REQUEST)
    is_request = word[0].str.contains(_METHOD) & word[1].is_not_null()
    return {
        "method": pl.when(is_request).then(word[0]),
        "target": pl.when(is_request).then(pl.when(is_odd).then(taken.struct[1]).otherwise(word[1])),
        "protocol": pl.when(is_request).then(pl.when(is_odd).then(taken.struct[2]).otherwise(word[2])),
    }


def _answer(*, has_agent: bool) -> dict[str, pl.Expr]:
    """Return what was answered."""
    number, after = pl.col("number").struct, pl.col("after")
    status = pl.when(number[0].is_null()).then(after.str.slice(1, _STATUS_DIGITS)).when(number[0].str.len_bytes() == _STATUS_DIGITS).then(number[0])
    return {
        "status": status.cast(pl.Int16, strict=False),
        "bytes": after.str.strip_chars().str.splitn(" ", 3).struct[1].cast(pl.Int64, strict=False),
        "referrer": _said(pl.col("referrer")) if has_agent else pl.lit(None, dtype=pl.String),
    }


def _problem(*, has_agent: bool) -> pl.Expr:
    """Return why a line is no record; whether it is blank or a comment is asked of the few that have no request or no time."""
    is_suspect = pl.col("request").is_null() | pl.col("time").is_null()
    suspect = pl.when(is_suspect).then("line")
    return (
        pl.when(is_suspect & (suspect.str.strip_chars().fill_null("") == ""))
        .then(pl.lit("blank"))
        .when(suspect.str.starts_with(COMMENT))
        .then(pl.lit("comment"))
        .when(pl.col("request").is_null())
        .then(pl.lit("no request in quotes"))
        .when(pl.col("time").is_null())
        .then(pl.lit("no time before the request"))
        .when(pl.col("address").is_null())
        .then(pl.lit("no address"))
        .when(pl.col("after").is_null())
        .then(pl.lit("request without an end"))
        .when(pl.col("status").is_null() & (pl.col("number").struct[0] != "-"))
        .then(pl.lit("no status behind the request"))
        .when((pl.col("between").str.strip_chars() != "") if has_agent else pl.lit(value=False))
        .then(pl.lit("a quote inside a quoted field"))
    )
