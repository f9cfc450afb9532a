r"""Taking apart lines of the kind `address ident user [time] "request" status bytes "referrer" "agent" ...`.

It stands alone because combined, common and their relatives are this one line. Splitting on the quote character is the fastest way to take a line
apart; it is safe once escaped quotes (`\"`) stand as `\x22`, which is how nginx writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import CELLS, first_problem
from convkit.formats.parsers import escapes, mixtures, quoted_beginnings
from convkit.formats.parsers.moments import WEB
from convkit.formats.parsers.quoted_beginnings import IS_USUAL, SAYS_NO_ZONE
from convkit.formats.parsers.senders import said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convkit.files.lines import Source
    from convkit.formats.parsers.assets import Assets
    from convkit.formats.parsers.columns import Asked

_ADDRESS = r"(?:\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)"
_NAME = r"(?:(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]*|localhost)(?::\d+)?"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TIME = r'\[[^\]"]*\d(?::\d\d|\d{8})[^\]"]*\]'
_ANSWER = r" (?:\d{3}|-) \S+"
_TOOK = r"(?:\([0-9.]+ s\) +)?"
_BEGINNING = rf'(?:"[^"\[]*" +|")?[^\s"\[]\S*(?: .*)? +{_TIME} +{_TOOK}{_QUOTED}'
_START = rf'^(?:{_BEGINNING}|{_ADDRESS} [^ \["]+ [^ \["]+ "(?:[A-Z]+ (?:[^"\\]|\\.)*|-)"){_ANSWER}'
_HOST_FIRST = rf"^[^\s,\"]+ +(?:{_ADDRESS}(?:, *[^ ,]+)* +(?:[^ \[]+ +[^ \[]|\[)|[^ -][^ ,]* +- +[^ \[]+ +\[)"
_HOST_SECOND = rf"^[^\s,]+ +(?:{_ADDRESS}|{_NAME}) +[^ \[]+ +\["
_FORWARDED = rf'"{_ANSWER} {_QUOTED} {_QUOTED} "{_ADDRESS}(?:, *[^"]*)?"'
AGENT_FOLLOWS = rf'(?: [^" ]+){{0,4}} +{_QUOTED} +"'
"""Referrer and agent, perhaps behind a few words, as where the time that serving took stands behind the bytes."""
PROXIES = {
    "traefik": rf' (?:-|{_QUOTED}) (?:-|{_QUOTED}) \d+ (?:"[^"]*"|-) (?:"[^"]*"|-) \d+ms\s*$',
    "ingress-nginx": rf" {_QUOTED} {_QUOTED} \d+ [0-9.]+ \[[^\]]*\] ",
}
"""What follows the bytes where a proxy adds to a combined line what we read."""
NOTHING_IN_QUOTES_FOLLOWS = r'(?:$| [^"])'
NO_COMMON = rf'"{_ANSWER}(?:{AGENT_FOLLOWS}|{PROXIES["traefik"]})'
"""What else goes on so: combined lines with words behind the bytes, and proxies' without quotes."""
_OF_ENVOY = "ACCESS ["
_BARE_REFERRER, _BARE_AGENT = r'^([^"]*"[^"]*" \S+ \S+) -( )', r'^([^"]*"[^"]*" \S+ \S+ "[^"]*") -( )'
COMMENT = "#"
_MESSAGE = (
    r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d[^\]]*\] \["
    r"|^[IWEF]\d{4} \d\d:\d\d:\d\d\."
    r"|^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] \[[A-Z]+\] |^Serving HTTP on "
    r"|\] code \d{3}, message |--- last message repeated \d+ times? ---$|^-- (?:Logs begin|Journal begins|Boot) "
)
"""What is written beside requests: errors of Apache, messages of ingress-nginx, of Gunicorn and of Python's server, and syslog's and the
journal's own."""
_FIELDS = ("before", "request", "after", "referrer", "between", "agent")
_BEHIND = ("behind", "forwarded")
_TRIED, _MOSTLY = 1_000, 0.5
_USUAL_ANSWER = r"^ [1-5]\d\d "
_STATUS_DIGITS = 3
_NOT_THERE = {name: pl.lit(None, dtype=CELLS[name]) for name in ("cookies", "session_key")}
_NO_TEXT, _NO_NUMBER = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.Float64)


@dataclass(frozen=True)
class Lines:
    """How the lines of a log are written; what is told by its lines is usual until `fit` has seen them."""

    end: str = ""
    """How a line goes on behind the bytes, a regular expression."""
    but: str = ""
    """What tells a line that goes on so and is of another format."""
    host_first: bool = False
    """Whether a virtual host leads the line."""
    has_agent: bool = True
    """Whether what is quoted behind the bytes is referrer and agent."""
    seconds: str = ""
    """A regular expression of the time that serving took, its number the one group; empty where the line does not say it."""
    unit: float = 1.0
    """Of that number, in seconds."""
    left_out: str = ""
    """What stands between address and user and is neither, a regular expression."""
    host_second: bool = False
    """Whether a host stands where the ident would, as lighttpd writes it."""
    has_forwarded: bool = False
    """Whether X-Forwarded-For follows the agent, as in nginx's own `main`."""
    timezone: str | None = None
    """Of times that say none, where the lines begin in unusual ways; None where they do not."""
    has_local_times: bool = False
    """Whether times say no zone."""
    has_bare: bool = False
    """Whether a referrer or an agent that is not said may stand without quotes."""

    def claims(self) -> pl.Expr:
        """Tell lines that are written so."""
        is_other = pl.col("line").str.contains(self.but) if self.but else pl.lit(value=False)
        return (_are_alike(host_first=self.host_first, end=self.end) & ~is_other).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is written so."""
        return mixtures.share(lines, self.claims())

    def fit(self, _source: Source, head: pl.Series, asked: Asked) -> Lines:
        """Return the format as a log has it; only where lines begin in unusual ways they are read in the slower way that knows those."""
        few, line = head.gather_every(len(head) // _TRIED + 1).to_frame("line"), pl.col("line")
        told = {"odd": ~line.str.contains(IS_USUAL), "local": line.str.contains(SAYS_NO_ZONE)}
        told |= {"second": line.str.contains(_HOST_SECOND), "forwarded": line.str.contains(_FORWARDED)}
        share = (
            few.filter(_are_alike(host_first=self.host_first))
            .select(mark.mean().fill_null(0).alias(name) for name, mark in told.items())
            .row(0, named=True)
        )
        return replace(
            self,
            timezone=asked.timezone if share["odd"] else None,
            has_local_times=share["local"] > 0,
            host_second=not self.host_first and share["second"] >= _MOSTLY,
            has_forwarded=self.has_agent and share["forwarded"] > 0,
        )

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES; of plain assets who asked, and the problem `asset`."""
        if self.has_bare:
            lines = lines.with_columns(pl.col("line").str.replace(_BARE_REFERRER, '$1 "-"$2').str.replace(_BARE_AGENT, '$1 "-"$2'))
        if self.timezone is None:
            return self._cells(_parts(lines.with_columns(**assets.marks(is_asset)), self._fields()).pipe(quoted_beginnings.usual))
        bare = lines.with_columns(line=quoted_beginnings.without_quotes_in_front(pl.col("line")))
        parts = _parts(bare.with_columns(**assets.marks(partial(is_asset, behind='^[^"]*'))), self._fields())
        return self._cells(parts.pipe(quoted_beginnings.in_any_way(self.timezone)))

    def _fields(self) -> tuple[str, ...]:
        """Return what stands between the quotes."""
        return (*_FIELDS, *_BEHIND) if self.has_forwarded else _FIELDS

    def _cells(self, begun: pl.LazyFrame) -> pl.LazyFrame:
        """Return CELLS of LINES that are split on their quotes, with what stands before the request."""
        lead, duration = pl.col("lead").str.strip_chars_end(" "), pl.col("line").str.extract(self.seconds) if self.seconds else _NO_TEXT
        return (
            begun.with_columns(
                lead=lead.str.replace(self.left_out, " - ") if self.left_out else lead,
                number=pl.when(~pl.col("after").str.contains(_USUAL_ANSWER)).then("after").str.strip_chars().str.splitn(" ", 3),
            )
            .with_columns(**self._sender(), **_answer(), **self._agent(), seconds=duration.cast(pl.Float64, strict=False) * self.unit)
            .with_columns(time=pl.when(pl.col("time").is_between(*WEB)).then("time"))
            .with_columns(is_odd=(pl.col("request").is_null() | (pl.col("time").is_null() & ~pl.col("timeless"))) & ~pl.col("plain"))
            .with_columns(odd=pl.when("is_odd").then("line"))
            .with_columns(problem=_problem(has_agent=self.has_agent), **_NOT_THERE)
            .select(*CELLS)
        )

    def _sender(self) -> dict[str, pl.Expr]:
        """Return who asked, and the virtual host, in front or second."""
        if not (self.host_first or self.host_second):
            return {"sender": pl.col("lead"), "host": _NO_TEXT}
        if self.host_first:
            word = pl.col("lead").str.splitn(" ", 2).struct
            return {"sender": word[1].str.strip_chars_start(" "), "host": _host(word[0])}
        word = pl.col("lead").str.splitn(" ", 3).struct
        return {"sender": pl.concat_str([word[0], pl.lit(" - "), word[2].fill_null("-")]), "host": _host(word[1])}

    def _agent(self) -> dict[str, pl.Expr]:
        """Return referrer, agent and X-Forwarded-For; the agent is empty where the field says nothing and null where there is none."""
        if not self.has_agent:
            return dict.fromkeys(("referrer", "user_agent", "forwarded"), _NO_TEXT)
        agent = pl.col("agent")
        forwarded = pl.when(pl.col("behind").str.strip_chars() == "").then(said(pl.col("forwarded"))) if self.has_forwarded else _NO_TEXT
        return {"referrer": said(pl.col("referrer")), "user_agent": pl.when(agent == "-").then(pl.lit("")).otherwise(agent), "forwarded": forwarded}


def _host(text: pl.Expr) -> pl.Expr:
    """Return a virtual host without its port, null where none is said."""
    return said(text.str.to_lowercase().str.replace(r":\d+$", ""))


def is_asset(extensions: str, behind: str = r"\] ") -> pl.Expr:
    """Tell lines that are plainly the request of an asset, of extensions like `css|js`, by one pattern anchored at what the request stands behind."""
    return pl.col("line").str.contains(rf'{behind}"(?:GET|HEAD) [^ "?]*[^ "?/]\.(?i:{extensions})[ "?;]')


def _are_alike(*, host_first: bool, end: str = "") -> pl.Expr:
    """Tell lines of this kind, with or without a virtual host in front, that go on as `end` says."""
    line = pl.col("line")
    is_alike = line.str.contains(_START + end) & ~line.str.starts_with(_OF_ENVOY)
    return is_alike & (line.str.contains(_HOST_FIRST) == host_first)


def _parts(lines: pl.LazyFrame, fields: Sequence[str]) -> pl.LazyFrame:
    """Split lines with `plain` on their quotes; plain assets are most of a log: on nulls all that follows costs next to nothing."""
    line = pl.col("line")
    parts = escapes.rewritten(line, escapes.NOTATION).str.split_exact('"', len(fields) - 1).struct.rename_fields(fields).alias("part")
    masked = {name: pl.when(~pl.col("plain")).then(name) for name in ("request", "after", "between")}
    return lines.with_columns(parts).unnest("part").with_columns(**masked)


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
        "comment": pl.col("odd").str.starts_with(COMMENT) | pl.col("odd").str.contains(_MESSAGE),
        "no request in quotes": pl.col("request").is_null(),
        "no time before the request": pl.col("time").is_null() & ~pl.col("timeless"),
        "request without an end": pl.col("after").is_null(),
        "no status behind the request": pl.col("status").is_null() & (pl.col("number").struct[0] != "-"),
        "a quote inside a quoted field": (pl.col("between").str.strip_chars() != "") if has_agent else pl.lit(value=False),
    }
    return pl.coalesce("fault", first_problem(rules))
