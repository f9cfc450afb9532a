"""Logs in the form of tables with a `#Fields` line that names the columns, which may change further down: W3C, CDNs, Zeek.

Each line is read according to the header above it. A line with a different number of fields is read only if its shape identifies its columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import first_problem
from convkit.errors import InputError
from convkit.files import sampling
from convkit.formats import Layout, LogFormat
from convkit.formats.parsers.delimited import RAGGED_ROW
from convkit.formats.parsers.fields import clean_fields, parse_requests
from convkit.formats.parsers.regex import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.fields import Cleaning

ColumnNames = tuple[str, ...]
COMMENT = "#"
_HEADER_LINE = r"(?i)^#fields"
_HEADER = re.compile(r"#fields:?[ \t]+(.*)", re.IGNORECASE)
_SOFTWARE = re.compile(r"#Software:\s*(.*)", re.IGNORECASE)
_WRITES_MILLISECONDS = "Internet Information Services"
_DAY = re.compile(r"#(?:start-)?date:.*?(\d{4}-\d\d-\d\d)", re.IGNORECASE)
_CLOCKS = (("date", "time", "Z"), ("date-local", "time-local", ""))
"""The columns that make up a time, and its time zone; local times are in the site's time zone."""
_WORDS = r'"(?:[^"]|"")*"|[^ \t"][^ \t]*'
_NEEDS_CARE = r'["\t]|  '
_ALL_QUOTED = r'^"[^"]*"(?: "[^"]*")*$'
_SAMPLED, _MOST_HEADERS = 100, 200
_PLUS = "\x1f"
"""Stands for a plus within quotes, which is literal."""


@dataclass(frozen=True)
class HeaderBlock:
    """The lines under one header."""

    first: int
    """The number of its first line."""
    names: ColumnNames
    day: str | None = None
    """The day of its times, if there is no column for the day."""


@dataclass(frozen=True)
class W3cLog(LogFormat):
    """Tables whose columns are named by a `#Fields` line."""

    columns: Mapping[str, ColumnNames]
    """The columns of each field (`fields.FIELDS`), the best first, in lower case."""
    marks: frozenset[str]
    """Columns, each of which identifies a header of this format."""
    usual: Mapping[str, ColumnNames]
    """The columns of lines that fit no header, by the pattern for such lines."""
    others: Mapping[str, Cleaning] = field(default_factory=dict)
    """Columns, each of which identifies a header of another format, if there are tabs between fields; and how its fields become readable if not."""
    has_tabs: bool = False
    with_plus: frozenset[str] = frozenset()
    """Fields in which a plus means a space, unless they are quoted."""
    clean: Cleaning = field(default_factory=dict)
    """Functions that make the text of fields readable, by field."""

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that belong to such a table, including headers."""
        headers = [names for line in lines.filter(lines.str.contains(_HEADER_LINE)) if (names := _header_names(line))]
        has_tabs = lines.filter(~lines.str.starts_with(COMMENT)).head(_SAMPLED).str.contains("\t", literal=True).any()
        others = self.others.keys() if has_tabs else set()
        if headers and not any(self.marks & {*names} and not others & {*names} for names in headers):
            return 0.0
        words = self.words(pl.col("line")).list.len()
        fits = pl.any_horizontal(*(pl.col("line").str.contains(pattern) for pattern in self.usual), words.is_in({*map(len, headers)}))
        rows = lines.to_frame("line").select(fits=fits.fill_null(value=False), is_comment=pl.col("line").str.starts_with(COMMENT))
        read = rows.filter("fits", ~pl.col("is_comment")).height
        return (read + (int(rows["is_comment"].sum()) if read or headers else 0)) / max(len(lines), 1)

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> W3cLayout:
        """Return the layout of one log, with all of its headers."""
        directives = sampling.lines_starting_with(source, COMMENT) or [*enumerate(head.filter(head.str.starts_with(COMMENT)))]
        software = [match[1] for _, line in directives if (match := _SOFTWARE.match(line))]
        has_whole_seconds = bool(software) and not any(_WRITES_MILLISECONDS in name for name in software)
        blocks = _blocks(directives)
        headers = len({block.names for block in blocks})
        if headers > _MOST_HEADERS:
            raise InputError(f"{source.name} has {headers:,} different #Fields lines, but at most {_MOST_HEADERS} can be read; split it")
        clean = [clean for column, clean in self.others.items() if any(column in block.names for block in blocks)]
        kind = replace(self, clean={**self.clean, **clean[0]}) if clean else self
        return W3cLayout(kind, blocks, needs.timezone, has_whole_seconds=has_whole_seconds)

    def words(self, line: pl.Expr) -> pl.Expr:
        """Return the fields of lines as a list: separated by single tabs, or by spaces and quoted if they contain any."""
        if self.has_tabs:
            return line.str.split("\t")
        is_odd, is_quoted = line.str.contains(_NEEDS_CARE), line.str.contains(_ALL_QUOTED)
        plain = pl.when(~is_odd).then(line).str.strip_chars_end(" ").str.split(" ")
        # If all fields are quoted, splitting takes a quarter of the time that extracting would take.
        quoted = pl.when(is_quoted).then(line).str.slice(1).str.strip_suffix('"').str.replace_all("+", _PLUS, literal=True).str.split('" "')
        word = pl.element()
        bare = pl.when(word.str.starts_with('"')).then(word.str.strip_chars('"').str.replace_many({'""': '"', "+": _PLUS}))
        return pl.coalesce(plain, quoted, pl.when(is_odd & ~is_quoted).then(line).str.extract_all(_WORDS).list.eval(pl.coalesce(bare, word)))


@dataclass(frozen=True)
class W3cLayout(Layout):
    """The layout of one log."""

    kind: W3cLog
    blocks: tuple[HeaderBlock, ...]
    timezone: str
    has_whole_seconds: bool = False
    """Whether whole numbers in `time-taken` are seconds, as in the standard; only IIS writes milliseconds."""

    @property
    def has_local_times(self) -> bool:
        """Whether some times have no time zone; they are in `timezone`."""
        return any("date-local" in block.names for block in self.blocks)

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED."""
        line = pl.col("line")
        records = lines.with_columns(record=pl.when(~line.str.starts_with(COMMENT)).then(line))
        rows = self._with_layout(self._with_blocks(records).with_columns(words=self.kind.words(pl.col("record"))))
        rules = {
            "blank": line.str.strip_chars().fill_null("") == "",
            "comment": pl.col("record").is_null(),
            RAGGED_ROW if self.blocks else NO_MATCH: pl.col("layout").is_null(),
        }
        fields = {name: text for name in self.kind.columns if (text := self._field(name)) is not None} | {"time": self._time()}
        clean = dict(self.kind.clean)
        if self.has_whole_seconds:
            fields.pop("milliseconds", None)
            clean.pop("seconds", None)
        read = rows.select("source", "line_no", fault=pl.coalesce("fault", first_problem(rules)), **fields)
        return parse_requests(clean_fields(read, clean, fields), fields, assets, self.timezone)

    def layouts(self) -> list[ColumnNames]:
        """Return the columns of each header, then those of lines that fit no header."""
        return [*dict.fromkeys(block.names for block in self.blocks), *self.usual.values()]

    @property
    def usual(self) -> Mapping[str, ColumnNames]:
        """The usual columns, if there is no header or if one of the headers names no IP address."""
        addresses = {*self.kind.columns["address"]}
        return {} if self.blocks and all(addresses & {*block.names} for block in self.blocks) else self.kind.usual

    def _with_blocks(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Add `block`, the number of the layout given by the header above a line, and `day`."""
        layouts = self.layouts()
        rows = [(block.first, layouts.index(block.names), block.day) for block in self.blocks]
        if len(rows) <= 1:
            _, number, day = rows[0] if rows else (0, None, None)
            return lines.with_columns(block=pl.lit(number, dtype=pl.UInt32), day=pl.lit(day, dtype=pl.String))
        opened = pl.LazyFrame(rows, schema={"line_no": pl.UInt32, "block": pl.UInt32, "day": pl.String}, orient="row")
        return lines.sort("line_no").join_asof(opened.set_sorted("line_no"), on="line_no")

    def _with_layout(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Add `layout`, the number of a row's layout: its header's if the number of fields agrees, otherwise the one whose pattern matches."""
        layouts, count = self.layouts(), pl.col("words").list.len()
        first = len(layouts) - len(self.usual)
        lengths = pl.coalesce(*(pl.when(block=number).then(len(layouts[number])) for number in range(first)), pl.lit(None, dtype=pl.Int32))
        fitted = rows.with_columns(layout=pl.when(count == lengths).then("block"))
        if not self.usual:
            return fitted
        left = fitted.with_columns(left=pl.when(pl.col("layout").is_null()).then("record"))
        # Nulls cost nothing. If fields are separated by spaces, a pattern implies their number; if by tabs, a line may have more.
        may_be = {names: pl.lit(value=True) if self.kind.has_tabs else count == len(names) for names in self.usual.values()}
        alike = [pl.when(may_be[names]).then("left").str.contains(pattern) for pattern, names in self.usual.items()]
        forms = [pl.when(fits).then(number) for number, fits in enumerate(alike, start=first)]
        return left.with_columns(layout=pl.coalesce("layout", *forms))

    def _field(self, name: str) -> pl.Expr | None:
        """Return a field, or None if no layout has it."""
        places = [next((names.index(column) for column in self.kind.columns[name] if column in names), None) for names in self.layouts()]
        word = self._word(places)
        if word is None:
            return None
        if name in self.kind.with_plus:
            # A literal plus in a user agent usually follows a space: `;++http://`.
            word = word.str.replace_many({"++": " +", "+": " ", _PLUS: "+"}, leftmost=True)
        return word

    def _word(self, places: list[int | None]) -> pl.Expr | None:
        """Return the field at the position that each line's layout gives."""
        distinct = {place for place in places if place is not None}
        if not distinct:
            return None
        words = pl.col("words")
        if len(distinct) == 1 and None not in places:
            return words.list.get(distinct.pop(), null_on_oob=True)
        chosen = [pl.when(pl.col("layout") == number).then(place) for number, place in enumerate(places) if place is not None]
        return words.list.get(pl.coalesce(chosen), null_on_oob=True)

    def _time(self) -> pl.Expr:
        """Return the time, in ISO 8601 or, if there is a single time column, as written there."""
        if "time" in self.kind.columns:
            text = self._field("time")
            return pl.lit(None, dtype=pl.String) if text is None else text
        times = []
        for date, clock, zone in _CLOCKS:
            days, clocks = (self._word([names.index(name) if name in names else None for names in self.layouts()]) for name in (date, clock))
            if clocks is not None:
                day = pl.col("day") if days is None else pl.coalesce(days, pl.col("day"))
                times.append(pl.concat_str([day, pl.lit(" "), clocks, pl.lit(zone)]))
        return pl.coalesce(*times, pl.lit(None, dtype=pl.String))


def _header_names(line: str) -> ColumnNames | None:
    """Return the columns that a header names, or None for other lines."""
    match = _HEADER.match(line)
    return tuple(name.strip('"').lower() for name in match[1].split()) if match else None


def _blocks(directives: Iterable[tuple[int, str]]) -> tuple[HeaderBlock, ...]:
    """Return the blocks of lines under each new header, given numbered directive lines."""
    blocks: list[HeaderBlock] = []
    names, day = None, None
    for number, line in directives:
        names = _header_names(line) or names
        day = match[1] if (match := _DAY.match(line)) else day
        if names:
            block = HeaderBlock(number if blocks else 0, names, None if {"date", "date-local", "ts"} & {*names} else day)
            if not blocks or (blocks[-1].names, blocks[-1].day) != (block.names, block.day):
                blocks.append(block)
    return tuple(blocks)
