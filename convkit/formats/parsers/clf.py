r"""Lines of the common log format and its relatives: `address ident user [time] "request" status bytes "referrer" "agent" ...`.

Splitting lines at their quotes is the fastest way to parse them, and safe once escaped quotes (`\"`) are rewritten as `\x22`, nginx's notation.
Lines that begin in the usual way are parsed by fast rules; slower rules for all other beginnings only run if a log needs them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import PARSED, TIME, first_problem
from convkit.formats import Layout, LogFormat
from convkit.formats.parsers import base, requests, timestamps
from convkit.formats.parsers.addresses import ADDRESS_WORD, clean_host
from convkit.formats.parsers.fields import clean_fields
from convkit.formats.parsers.requests import text_or_null
from convkit.formats.parsers.timestamps import NEVER, WEB_ERA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.fields import Cleaning


_FARTHEST, _MINUTES = 1559, 60
_TIME_LENGTH = len("[10/Oct/2000:13:55:36 -0700] ")
USUAL_BEGINNING = r'^[^"]*[^" ] +\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "'
"""Matches lines that `add_usual_beginning` can parse."""
HAS_NO_ZONE = r'\d:\d\d(?:[.,]\d+)?\] "'
_LEAD_AND_CLOCK = r"^(?P<lead>[^\[]*(?:\[[^\]]*\][^\[]*)*?) *(?:\[(?P<clock>[^\[\]]*)\](?: *\([0-9.]+ s\))?)? *$"
_THREE_WORDS = r"^[^ \[]+ +[^ ]+ +[^ \[]+ +$"
_QUOTED_ADDRESSES = {r'^"(?:-|)" +': "", r'^"([^"\[]+)" +[^ ]+ ': "${1} ", r'^"': ""}
"""What may follow a leading quote: no forwarded address; several, of which the first is the visitor's; or the whole line."""
_EMPTY_USER, _QUOTED_USER = r'^([^"\[]*) "" \[', r'^([^"\[]*) "([^"\[]*)" \['
NO_TIME = (r"^(?:[A-Z]+ |-$)", _THREE_WORDS)
"""Patterns for the request and the beginning of a line without a time, which syslog has already written."""


def add_usual_beginning(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Add to `before` and `plain`: `lead`, the text before the time; `time` in UTC, or null if it is invalid; and `timeless`."""
    clock = pl.when(~pl.col("plain")).then("before").str.tail(_TIME_LENGTH)
    return (
        lines.with_columns(clock=clock, timeless=pl.lit(value=False))
        .with_columns(**_clock(), lead=pl.col("before").str.head(-_TIME_LENGTH))
        .with_columns(time=_time())
    )


def _clock() -> dict[str, pl.Expr]:
    """Return the parts of `[10/Oct/2000:13:55:36 -0700] `, or null if invalid: `minute`, a time; `second`; and `offset`, here -700.

    Polars caches the times that it parses, and minutes repeat sixty times more often than seconds.
    """
    clock = pl.col("clock")
    second, offset = (clock.str.slice(place, length).cast(pl.Int32, strict=False) for place, length in ((19, 2), (22, 5)))
    return {
        "minute": clock.str.slice(1, len("10/Oct/2000:13:55")).str.to_datetime("%d/%b/%Y:%H:%M", time_unit="us", strict=False),
        "second": second,
        "offset": pl.when(clock.str.ends_with("] ")).then(offset),
    }


def _time() -> pl.Expr:
    """Return the time in UTC, or null if it is invalid."""
    second, offset = pl.col("second"), pl.col("offset")
    is_time = second.is_between(0, 60) & (offset.abs() <= _FARTHEST) & (offset.abs() % 100 < _MINUTES)
    east = offset.sign() * (offset.abs() // 100 * 3_600 + offset.abs() % 100 * 60)
    past_minute = pl.when(is_time).then(second - east).cast(pl.Int64) * 1_000_000
    return (pl.col("minute").dt.epoch("us") + past_minute).cast(TIME)


def unusual_beginning(timezone: str) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Return a function that adds the same columns for other times: with a fraction, in ISO 8601, or, without a time zone, in `timezone`.

    Lines without a time (`timeless`) take the time of their wrapper.
    """

    def begun(lines: pl.LazyFrame) -> pl.LazyFrame:
        part = pl.col("part").struct
        request, before = NO_TIME
        is_timeless = pl.col("request").str.contains(request) & pl.col("before").str.contains(before)
        apart = lines.with_columns(part=pl.col("before").str.extract_groups(_LEAD_AND_CLOCK), timeless=is_timeless.fill_null(value=False))
        clock = pl.when("timeless").then("outer").when(~pl.col("plain")).then(part.field("clock"))
        return (
            apart.with_columns(lead=part.field("lead"), time=clock, clock=clock)
            .pipe(timestamps.parse_times, timezone, names_month=True)
            .with_columns(named=pl.col("time"), time=pl.when(pl.col("time").is_null()).then("clock"))
            .pipe(timestamps.parse_times, timezone)
            .with_columns(time=pl.coalesce("named", "time"))
            .drop("part", "named", "clock")
        )

    return begun


def strip_leading_quotes(line: pl.Expr) -> pl.Expr:
    """Return lines without quotes before the request; Apache writes an empty user as `""`."""
    quoted: pl.Expr = pl.when(line.str.starts_with('"')).then(line)
    for pattern, instead in _QUOTED_ADDRESSES.items():
        quoted = quoted.str.replace(pattern, instead)
    bare = pl.coalesce(quoted, line)
    user = pl.when(bare.str.contains(_QUOTED_USER)).then(bare)
    return pl.coalesce(user.str.replace(_EMPTY_USER, "${1} - [").str.replace(_QUOTED_USER, "${1} ${2} ["), bare)


_ADDRESS = r"(?:\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)"
_NAME = r"(?:(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]*|localhost)(?::\d+)?"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TIME = r'\[[^\]"]*\d(?::\d\d|\d{8})[^\]"]*\]'
_STATUS_AND_BYTES = r" (?:\d{3}|-) \S+"
_TOOK = r"(?:\([0-9.]+ s\) +)?"
_BEGINNING = rf'(?:"[^"\[]*" +|")?(?:[^\s"\[]|\[[0-9a-fA-F:.%]+\])\S*(?: .*)? +{_TIME} +{_TOOK}{_QUOTED}'
_START = rf'^(?:{_BEGINNING}|{_ADDRESS} [^ \["]+ [^ \["]+ "(?:[A-Z]+ (?:[^"\\]|\\.)*|-)"){_STATUS_AND_BYTES}'
_HOST_FIRST = rf"^[^\s,\"]+ +(?:{_ADDRESS}(?:, *[^ ,]+)* +(?:[^ \[]+ +[^ \[]|\[)|[^ -][^ ,]* +- +[^ \[]+ +\[)"
_HOST_SECOND = rf"^[^\s,]+ +(?:{_ADDRESS}|{_NAME}) +[^ \[]+ +\["
_FORWARDED = rf'"(?:[^", ]+, *)*{ADDRESS_WORD}"(?:\s|$)'
"""Matches a quoted field that ends with an address, like X-Forwarded-For: an address, or a list of words of which the last is one."""
AGENT_FOLLOWS = rf'(?: [^" ]+){{0,4}} +{_QUOTED} +"'
"""Matches referrer and user agent, possibly after a few words such as the duration."""
PROXIES = {
    "traefik": rf' (?:-|{_QUOTED}) (?:-|{_QUOTED}) \d+ (?:"[^"]*"|-) (?:"[^"]*"|-) \d+ms\s*$',
    "ingress-nginx": rf" {_QUOTED} {_QUOTED} \d+ [0-9.]+ \[[^\]]*\] ",
}
"""For proxies that add fields worth reading to combined lines: the pattern for what follows the bytes."""
_SECONDS = {r'\d+ (?:"[^"]*"|-) (?:"[^"]*"|-) (\d+)ms\s*$': 1e-3, r'" \d+ ([0-9.]+) \[[^\]]*\] ': 1.0}
"""For the same proxies, the pattern for the duration, which is its only group, and its unit in seconds."""
NOTHING_IN_QUOTES_FOLLOWS = r'(?:$| [^"])'
NOT_COMMON = rf'"{_STATUS_AND_BYTES}(?:{AGENT_FOLLOWS}|{PROXIES["traefik"]})'
"""Matches other lines that continue like common ones: combined lines with words after the bytes, and proxies' lines without quotes."""
_UNQUOTED_AGENT = r'" (?:\d{3}|-) \S+ +(-|[^"]*[A-Za-z][^"]*)$'
_UNQUOTED_BROWSER = r'" (?:\d{3}|-) \S+ +(?:Mozilla|Opera)/\d[^"]*$'
"""Matches what follows the bytes in lines whose user agent has no quotes; such a log is recognised by its browsers."""
_BROWSER = r"(?:Mozilla|Opera)/\d"
_ENVOY = "ACCESS ["
_BARE_REFERRER, _BARE_AGENT = r'^([^"]*"[^"]*" \S+ \S+) -( )', r'^([^"]*"[^"]*" \S+ \S+ "[^"]*") -( )'
COMMENT = "#"
_MESSAGE = (
    r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d[^\]]*\] \["
    r"|^[IWEF]\d{4} \d\d:\d\d:\d\d\."
    r"|^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] \[[A-Z]+\] |^Serving HTTP on "
    r"|\] code \d{3}, message |--- last message repeated \d+ times? ---$|^-- (?:Logs begin|Journal begins|Boot) "
)
"""Matches other messages in access logs: Apache's errors, and messages from ingress-nginx, Gunicorn, Python's server, syslog and the journal."""
FORWARDED = "forwarded"
_USUAL_SENDER = r"^[^ ,]+(?:, *[^ ,]+)* - |^[^ ]+ [^ .:]+ [^ ]+$"
"""Matches IP addresses, ident and user."""
_FIELDS = ("before", "request", "after", "referrer", "between", "agent")
_TRIED, _MOSTLY = 1_000, 0.5
_USUAL_STATUS = r"^ [1-5]\d\d "
_STATUS_DIGITS = 3
_ABSENT = {name: pl.lit(None, dtype=PARSED[name]) for name in ("cookies", "session_key")}
_NO_TEXT, _NO_NUMBER = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.Float64)


@dataclass(frozen=True)
class CommonLog(LogFormat, Layout):
    """The common log format or one of its relatives; `fit` sets the attributes that depend on the log."""

    end: str = ""
    """A regular expression for what follows the bytes."""
    but: str = ""
    """A regular expression that identifies lines of another format that continue in the same way."""
    host_first: bool = False
    """Whether lines begin with a virtual host."""
    has_agent: bool = True
    """Whether the quoted fields after the bytes are referrer and user agent."""
    left_out: str = ""
    """A regular expression for whatever is between the address and the user, which is ignored."""
    host_second: bool = False
    """Whether a virtual host takes the place of the ident, as in lighttpd's logs."""
    has_forwarded: bool = False
    """Whether the run needs X-Forwarded-For, which may be in any quoted field after the user agent (in nginx's default `main`, in the first)."""
    timezone: str | None = None
    """The time zone of times without one, if some lines have an unusual beginning; None if all are usual."""
    has_local_times: bool = False
    """Whether some times have no time zone."""
    has_bare: bool = False
    """Whether a missing referrer or user agent may lack quotes."""
    has_unquoted_agent: bool = False
    """Whether the user agent follows the bytes without quotes, in a format that has none."""
    late_timezone: str | None = None
    """The time zone of times without one in lines that `late_lines` reads."""
    clean: Cleaning = field(default_factory=dict)
    """Functions that make `request`, `referrer`, `agent` and `forwarded` readable, by field."""

    @property
    def comment(self) -> str:
        """The beginning of header lines, which are ignored when a format is detected."""
        return COMMENT

    def claims(self) -> pl.Expr:
        """Return which lines are in this format."""
        is_other = pl.col("line").str.contains(self.but) if self.but else pl.lit(value=False)
        return (_is_quoted_line(host_first=self.host_first, end=self.end) & ~is_other).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that are in this format."""
        return base.claimed_share(lines, self.claims())

    def fit(self, _source: Source, head: pl.Series, needs: Needs) -> CommonLog:
        """Return the layout of one log; the slower rules are only used if some lines have an unusual beginning."""
        few, line = head.gather_every(len(head) // _TRIED + 1).to_frame("line"), pl.col("line")
        marks = {"odd": ~line.str.contains(USUAL_BEGINNING), "local": line.str.contains(HAS_NO_ZONE)}
        marks |= {"agent": line.str.contains(_UNQUOTED_BROWSER), "second": line.str.contains(_HOST_SECOND)}
        share = (
            few.filter(_is_quoted_line(host_first=self.host_first))
            .select(mark.mean().fill_null(0).alias(name) for name, mark in marks.items())
            .row(0, named=True)
        )
        return replace(
            self,
            timezone=needs.timezone if share["odd"] else None,
            late_timezone=needs.timezone,
            has_local_times=share["local"] > 0,
            host_second=self._is_host_second(share["second"]),
            has_forwarded=self.has_agent and FORWARDED in needs.texts,
            has_unquoted_agent=not self.has_agent and share["agent"] > 0,
        )

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED; plain assets get only the client and the problem `asset`."""
        if self.has_bare:
            lines = lines.with_columns(pl.col("line").str.replace(_BARE_REFERRER, '$1 "-"$2').str.replace(_BARE_AGENT, '$1 "-"$2'))
        if self.timezone is None:
            return self._parsed(self._parts(lines.with_columns(**assets.marks(is_asset))).pipe(add_usual_beginning))
        bare = lines.with_columns(line=strip_leading_quotes(pl.col("line")))
        parts = self._parts(bare.with_columns(**assets.marks(partial(is_asset, behind='^[^"]*'))))
        return self._parsed(parts.pipe(unusual_beginning(self.timezone)))

    @property
    def doubtful_senders(self) -> pl.Expr:
        """Whether a `sender` has an unusual form: a virtual host or a wrapper's prefix may be read as part of it, or the IP address as a host."""
        return ~pl.col("sender").str.contains(_USUAL_SENDER) | pl.col("sender").str.contains(" - [", literal=True)

    def late_lines(self, lines: pl.Series) -> CommonLog | None:
        """Return the layout for lines with an unusual beginning, or with a virtual host in the second place."""
        if self.late_timezone is None:
            return None
        own = lines.filter(lines.to_frame("line").select(self.claims()).to_series())
        late = replace(
            self,
            timezone=self.late_timezone,
            host_second=self.host_second or self._is_host_second(int(own.str.contains(_HOST_SECOND).sum()) / max(len(own), 1)),
            has_local_times=self.has_local_times or bool(lines.str.contains(HAS_NO_ZONE).any()),
        )
        return None if late == self else late

    def _is_host_second(self, share: float) -> bool:
        """Return whether lines have a virtual host in the second place, given the share of lines that look like it."""
        return not self.host_first and share >= _MOSTLY

    def _parts(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Return lines split at their quotes."""
        fields = (*_FIELDS, FORWARDED) if self.has_forwarded else _FIELDS
        return clean_fields(_parts(lines, fields), self.clean, fields)

    def _parsed(self, begun: pl.LazyFrame) -> pl.LazyFrame:
        """Return PARSED for LINES that have been split at their quotes and whose beginning has been parsed."""
        lead = pl.col("lead").str.strip_chars_end(" ")
        return (
            begun.with_columns(
                lead=lead.str.replace(self.left_out, " - ") if self.left_out else lead,
                number=pl.when(~pl.col("after").str.contains(_USUAL_STATUS)).then("after").str.strip_chars().str.splitn(" ", 3),
            )
            .with_columns(**self._sender(), **_status_and_bytes(), **self._agent(), seconds=_duration())
            .with_columns(time=pl.when(self._is_possible()).then("time"))
            .with_columns(is_odd=(pl.col("request").is_null() | (pl.col("time").is_null() & ~pl.col("timeless"))) & ~pl.col("plain"))
            .with_columns(odd=pl.when("is_odd").then("line"))
            .with_columns(problem=_problem(has_agent=self.has_agent), **_ABSENT)
            .select(*PARSED)
        )

    def _is_possible(self) -> pl.Expr:
        """Return whether a time is one that the web can have, or one that clocks skipped, which times with a zone cannot be."""
        in_era = pl.col("time").is_between(*WEB_ERA)
        return in_era if self.timezone is None else in_era | (pl.col("time") == NEVER)

    def _sender(self) -> dict[str, pl.Expr]:
        """Return the sender, and the virtual host from the first or second place."""
        if not (self.host_first or self.host_second):
            return {"sender": pl.col("lead"), "host": _NO_TEXT}
        if self.host_first:
            word = pl.col("lead").str.splitn(" ", 2).struct
            return {"sender": word[1].str.strip_chars_start(" "), "host": clean_host(word[0])}
        word = pl.col("lead").str.splitn(" ", 3).struct
        return {"sender": pl.concat_str([word[0], pl.lit(" - "), word[2].fill_null("-")]), "host": clean_host(word[1])}

    def _agent(self) -> dict[str, pl.Expr]:
        """Return referrer, user agent and X-Forwarded-For; the user agent is empty if it is `-` and null if the format has none."""
        if not self.has_agent:
            # Servers may start to log it after the first lines.
            line = pl.col("line") if self.has_unquoted_agent else pl.when(pl.col("after").str.contains(_BROWSER)).then("line")
            unquoted = line.str.extract(_UNQUOTED_AGENT).str.strip_chars()
            is_agent = pl.col("between").str.strip_chars() == ""
            quoted = {name: pl.when(is_agent).then(name) for name in ("referrer", "agent")}
            agent = _agent_or_empty(pl.coalesce(quoted["agent"], unquoted))
            return {"referrer": text_or_null(quoted["referrer"]), "forwarded": _NO_TEXT, "user_agent": agent}
        agent, lists = pl.col("agent"), pl.col(FORWARDED).str.extract_all(_FORWARDED) if self.has_forwarded else None
        # Lines without a list are the rule in some logs, and nulls cost almost nothing.
        forwarded = (
            _NO_TEXT
            if lists is None
            else pl.when(lists.list.len() > 0).then(lists.list.eval(pl.element().str.strip_chars('" '))).list.join(requests.NEXT_LIST)
        )
        return {
            "referrer": text_or_null(pl.col("referrer")),
            "user_agent": _agent_or_empty(agent),
            "forwarded": forwarded,
        }


def _duration() -> pl.Expr:
    """Return the duration in seconds that proxies log; their lines, which may be in a log of another format, do not end with a quote."""
    line = pl.col("line")
    unquoted = pl.when(~pl.col("plain") & ~line.str.ends_with('"')).then(line)
    return pl.coalesce(unquoted.str.extract(pattern).cast(pl.Float64, strict=False) * unit for pattern, unit in _SECONDS.items())


def _agent_or_empty(agent: pl.Expr) -> pl.Expr:
    """Return a user agent, which is empty if it is `-`."""
    return pl.when(agent == "-").then(pl.lit("")).otherwise(agent)


def is_asset(extensions: str, behind: str = r"\] ") -> pl.Expr:
    """Return which lines request a plain asset with one of the extensions `css|js`; `behind` is what precedes the request."""
    return pl.col("line").str.contains(rf'{behind}"(?:GET|HEAD) [^ "?]*[^ "?/]\.(?i:{extensions})[ "?;]')


def _is_quoted_line(*, host_first: bool, end: str = "") -> pl.Expr:
    """Return which lines are in a format of this family, with or without a virtual host first, and continue with `end`."""
    line = pl.col("line")
    is_alike = line.str.contains(_START + end) & ~line.str.starts_with(_ENVOY)
    return is_alike & (line.str.contains(_HOST_FIRST) == host_first)


def _parts(lines: pl.LazyFrame, fields: Sequence[str]) -> pl.LazyFrame:
    """Split lines at their quotes. Plain assets, which make up most of a log, become null, because nulls cost almost nothing later."""
    line = requests.rewrite_escapes(pl.col("line"), requests.APACHE_ESCAPES)
    split = line.str.splitn('"', len(fields)) if FORWARDED in fields else line.str.split_exact('"', len(fields) - 1)
    parts = split.struct.rename_fields(fields).alias("part")
    masked = {name: pl.when(~pl.col("plain")).then(name) for name in ("request", "after", "between")}
    return lines.with_columns(parts).unnest("part").with_columns(**masked)


def _status_and_bytes() -> dict[str, pl.Expr]:
    """Return `status` and `bytes`."""
    number, after = pl.col("number").struct, pl.col("after")
    status = pl.when(number[0].is_null()).then(after.str.slice(1, _STATUS_DIGITS)).when(number[0].str.len_bytes() == _STATUS_DIGITS).then(number[0])
    return {
        "status": status.cast(pl.Int16, strict=False),
        "bytes": after.str.strip_chars().str.splitn(" ", 3).struct[1].cast(pl.Int64, strict=False),
    }


def _problem(*, has_agent: bool) -> pl.Expr:
    """Return why a line is not a record; only the few lines without a request or a time are tested for blanks and comments."""
    rules = {
        "asset": pl.col("plain"),
        "blank": pl.col("is_odd") & (pl.col("odd").str.strip_chars().fill_null("") == ""),
        "comment": pl.col("odd").str.starts_with(COMMENT) | pl.col("odd").str.contains(_MESSAGE),
        "no request in quotes": pl.col("request").is_null(),
        "no time before the request": pl.col("time").is_null() & ~pl.col("timeless"),
        "request without a closing quote": pl.col("after").is_null(),
        "no status after the request": pl.col("status").is_null() & (pl.col("number").struct[0] != "-"),
        "a quote inside a quoted field": (pl.col("between").str.strip_chars() != "") if has_agent else pl.lit(value=False),
    }
    return pl.coalesce("fault", first_problem(rules))
