r"""Taking apart lines of the kind `address ident user [time] "request" status bytes "referrer" "agent" ...`.

It stands alone because combined, common and their relatives are this one line. Splitting on the quote character is the fastest way to take a line
apart; it is safe once escaped quotes (`\"`) stand as `\x22`, which is how nginx writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.moments import WEB
from convkit.schema import CELLS, TIME, first_problem
from convkit.senders import said

if TYPE_CHECKING:
    from convkit.assets import Assets
    from convkit.columns import Asked
    from convkit.lines import Source

_START = r'^\S+ +\S+ +.*\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "(?:[^"\\]|\\.)*" (?:\d{3}|-) \S+'
_HOST_FIRST = r"^\S+ +(?:\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]+) +\S+ +\S[^\[]* \["
AGENT_FOLLOWS = r' "(?:[^"\\]|\\.)*" "'
NOTHING_IN_QUOTES_FOLLOWS = r'(?:$| [^"])'
_FARTHEST, _MINUTES = 1559, 60
_TIME_LENGTH = len("[10/Oct/2000:13:55:36 -0700] ")
COMMENT = "#"
_QUOTES = {"\\\\": "\\x5C", '\\"': "\\x22"}
_FIELDS = ("before", "request", "after", "referrer", "between", "agent")
_NO_ADDRESS = "^-?(?: |$)"
_USUAL_ANSWER = r"^ [1-5]\d\d "
_STATUS_DIGITS = 3
_NOT_THERE = {name: pl.lit(None, dtype=CELLS[name]) for name in ("seconds", "forwarded", "cookies", "session_key")}


@dataclass(frozen=True)
class Lines:
    """How the lines of a log are written."""

    host_first: bool = False
    """Whether a virtual host leads the line."""
    has_agent: bool = True
    """Whether what is quoted behind the bytes is referrer and agent."""

    def fit(self, _source: Source, _head: pl.Series, _asked: Asked) -> Lines:
        """Return the format: it is the same in every log."""
        return self

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES; of plain assets who asked, and the problem `asset`."""
        marked = lines.with_columns(**assets.marks(is_asset))
        return _parsed(marked, host_first=self.host_first, has_agent=self.has_agent)


def is_asset(extensions: str) -> pl.Expr:
    """Tell lines that are plainly the request of an asset, of extensions like `css|js`, by one pattern anchored at the request."""
    return pl.col("line").str.contains(rf'\] "(?:GET|HEAD) [^ "?]*[^ "?/]\.(?i:{extensions})[ "?;]')


def claims(*, host_first: bool, end: str = "") -> pl.Expr:
    """Tell lines of this kind, with or without a virtual host in front, that continue as `end` says."""
    line = pl.col("line")
    return (line.str.contains(_START + end) & (line.str.contains(_HOST_FIRST) == host_first)).fill_null(value=False)


def share(lines: pl.Series, claimed: pl.Expr) -> float:
    """Return which share of lines is claimed."""
    return int(lines.to_frame("line").select(claimed.sum()).item()) / max(len(lines), 1)


def _parsed(lines: pl.LazyFrame, *, host_first: bool, has_agent: bool) -> pl.LazyFrame:
    """Return CELLS of LINES with `asset` and `plain`."""
    # Plain assets are most of a log: on nulls all that follows costs next to nothing. What is used twice is a stage, or it is computed twice.
    masked = {name: pl.when(~pl.col("plain")).then(name) for name in ("request", "after", "between")}
    return (
        _parts(lines)
        .with_columns(**masked, clock=pl.when(~pl.col("plain")).then("before").str.tail(_TIME_LENGTH))
        .with_columns(
            **_clock(),
            **_lead(host_first=host_first),
            number=pl.when(~pl.col("after").str.contains(_USUAL_ANSWER)).then("after").str.strip_chars().str.splitn(" ", 3),
        )
        .with_columns(**_sender(host_first=host_first), **_answer(), **_agent(has_agent=has_agent), time=_time())
        .with_columns(time=pl.when(pl.col("time").is_between(*WEB)).then("time"))
        .with_columns(is_odd=(pl.col("request").is_null() | pl.col("time").is_null()) & ~pl.col("plain"))
        .with_columns(odd=pl.when("is_odd").then("line"))
        .with_columns(problem=_problem(has_agent=has_agent), **_NOT_THERE)
        .select(*CELLS)
    )


def _parts(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Split lines on their quotes."""
    line = pl.col("line")
    escaped = pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(_QUOTES)
    parts = pl.coalesce(escaped, line).str.split_exact('"', len(_FIELDS) - 1).struct.rename_fields(_FIELDS).alias("part")
    return lines.with_columns(parts).unnest("part")


def _lead(*, host_first: bool) -> dict[str, pl.Expr]:
    """Return what stands before the time: `lead`, the virtual host apart where there is one."""
    whole = pl.col("before").str.head(-_TIME_LENGTH)
    return {"lead": whole.str.splitn(" ", 2) if host_first else whole}


def _sender(*, host_first: bool) -> dict[str, pl.Expr]:
    """Return who asked, and the virtual host in front."""
    if not host_first:
        return {"sender": pl.col("lead"), "host": pl.lit(None, dtype=pl.String)}
    word = pl.col("lead").struct
    return {"sender": word[1], "host": said(word[0].str.to_lowercase().str.replace(r":\d+$", ""))}


def _agent(*, has_agent: bool) -> dict[str, pl.Expr]:
    """Return referrer and agent, this one empty where the field says nothing and null where there is none."""
    if not has_agent:
        return {"referrer": pl.lit(None, dtype=pl.String), "user_agent": pl.lit(None, dtype=pl.String)}
    agent = pl.col("agent")
    return {"referrer": said(pl.col("referrer")), "user_agent": pl.when(agent == "-").then(pl.lit("")).otherwise(agent)}


def _clock() -> dict[str, pl.Expr]:
    """Return the parts of `[10/Oct/2000:13:55:36 -0700] `, null where they are none: `minute`, a time; `second`, `offset` (700 for seven hours).

    Polars remembers the texts it has parsed, and a month has sixty times fewer minutes than seconds.
    """
    clock = pl.col("clock")
    second, offset = (clock.str.slice(place, length).cast(pl.Int32, strict=False) for place, length in ((19, 2), (22, 5)))
    return {
        "minute": clock.str.slice(1, len("10/Oct/2000:13:55")).str.to_datetime("%d/%b/%Y:%H:%M", time_unit="us", strict=False),
        "second": second,
        "offset": pl.when(clock.str.ends_with("] ")).then(offset),
    }


def _time() -> pl.Expr:
    """Return the time in UTC, null where it is none."""
    second, offset = pl.col("second"), pl.col("offset")
    is_time = second.is_between(0, 60) & (offset.abs() <= _FARTHEST) & (offset.abs() % 100 < _MINUTES)
    east = offset.sign() * (offset.abs() // 100 * 3_600 + offset.abs() % 100 * 60)
    past_minute = pl.when(is_time).then(second - east).cast(pl.Int64) * 1_000_000
    return (pl.col("minute").dt.epoch("us") + past_minute).cast(TIME)


def _answer() -> dict[str, pl.Expr]:
    """Return what was answered."""
    number, after = pl.col("number").struct, pl.col("after")
    status = pl.when(number[0].is_null()).then(after.str.slice(1, _STATUS_DIGITS)).when(number[0].str.len_bytes() == _STATUS_DIGITS).then(number[0])
    return {
        "status": status.cast(pl.Int16, strict=False),
        "bytes": after.str.strip_chars().str.splitn(" ", 3).struct[1].cast(pl.Int64, strict=False),
    }


def _problem(*, has_agent: bool) -> pl.Expr:
    """Return why a line is no record; whether it is blank or a comment is asked of the few that have no request or no time."""
    rules = {
        "asset": pl.col("plain"),
        "blank": pl.col("is_odd") & (pl.col("odd").str.strip_chars().fill_null("") == ""),
        "comment": pl.col("odd").str.starts_with(COMMENT),
        "no request in quotes": pl.col("request").is_null(),
        "no time before the request": pl.col("time").is_null(),
        "no address": pl.col("sender").str.contains(_NO_ADDRESS),
        "request without an end": pl.col("after").is_null(),
        "no status behind the request": pl.col("status").is_null() & (pl.col("number").struct[0] != "-"),
        "a quote inside a quoted field": (pl.col("between").str.strip_chars() != "") if has_agent else pl.lit(value=False),
    }
    return pl.coalesce("fault", first_problem(rules))
