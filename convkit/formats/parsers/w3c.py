"""Logs as tables whose `#Fields` line names the columns, and may name others further down: W3C, CDNs, Zeek.

Each line is read by the header above it. A line with another number of fields is read only if its form tells what they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import first_problem
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
_DAY = re.compile(r"#(?:start-)?date:.*?(\d{4}-\d\d-\d\d)", re.IGNORECASE)
_CLOCKS = (("date", "time", "Z"), ("date-local", "time-local", ""))
"""The columns of the time, and its zone: what is local is of the site's."""
_WORDS = r'"(?:[^"]|"")*"|[^ \t"][^ \t]*'
_NEEDS_CARE = r'["\t]|  '
_ALL_QUOTED = r'^"[^"]*"(?: "[^"]*")*$'
_PLUS = "\x1f"
"""A plus within quotes, where it is one."""


@dataclass(frozen=True)
class HeaderBlock:
    """Lines under one header."""

    first: int
    """The number of the line that opens it."""
    names: ColumnNames
    day: str | None = None
    """The day of its times, where no column says it."""


@dataclass(frozen=True)
class W3cLog(LogFormat):
    """What the columns of a kind of tables are called."""

    columns: Mapping[str, ColumnNames]
    """Which column says a field of `fields.FIELDS`, the best first; their names in lower case."""
    marks: frozenset[str]
    """Columns one of which tells a header of this kind."""
    usual: Mapping[str, ColumnNames]
    """The columns of lines that no header fits, by their pattern."""
    others: frozenset[str] = frozenset()
    """Columns each of which tells a header of another kind."""
    has_tabs: bool = False
    with_plus: frozenset[str] = frozenset()
    """Fields in which a plus stands for a blank, where they are not quoted."""
    clean: Cleaning = field(default_factory=dict)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines are of such a table, its headers among them."""
        headers = [names for line in lines.filter(lines.str.contains(_HEADER_LINE)) if (names := _header_names(line))]
        if headers and not any(self.marks & {*names} and not self.others & {*names} for names in headers):
            return 0.0
        words = self.words(pl.col("line")).list.len()
        fits = pl.any_horizontal(*(pl.col("line").str.contains(pattern) for pattern in self.usual), words.is_in({*map(len, headers)}))
        told = lines.to_frame("line").select(fits=fits.fill_null(value=False), is_comment=pl.col("line").str.starts_with(COMMENT))
        read = told.filter("fits", ~pl.col("is_comment")).height
        return (read + (int(told["is_comment"].sum()) if read or headers else 0)) / max(len(lines), 1)

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> W3cLayout:
        """Return the table of one log, with all of its headers."""
        blocks = _blocks(sampling.lines_starting_with(source, COMMENT)) or _blocks(enumerate(head.filter(head.str.starts_with(COMMENT))))
        return W3cLayout(self, blocks, needs.timezone)

    def words(self, line: pl.Expr) -> pl.Expr:
        """Return the fields of lines, in a list: between single tabs; or between blanks, quoted where they hold some."""
        if self.has_tabs:
            return line.str.split("\t")
        is_odd, is_quoted = line.str.contains(_NEEDS_CARE), line.str.contains(_ALL_QUOTED)
        plain = pl.when(~is_odd).then(line).str.strip_chars_end(" ").str.split(" ")
        # Where all are quoted, splitting takes a quarter of the time.
        quoted = pl.when(is_quoted).then(line).str.slice(1).str.strip_suffix('"').str.replace_all("+", _PLUS, literal=True).str.split('" "')
        word = pl.element()
        bare = pl.when(word.str.starts_with('"')).then(word.str.strip_chars('"').str.replace_many({'""': '"', "+": _PLUS}))
        return pl.coalesce(plain, quoted, pl.when(is_odd & ~is_quoted).then(line).str.extract_all(_WORDS).list.eval(pl.coalesce(bare, word)))


@dataclass(frozen=True)
class W3cLayout(Layout):
    """How one log is laid out."""

    kind: W3cLog
    blocks: tuple[HeaderBlock, ...]
    timezone: str

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone: then they are of `timezone`."""
        return any("date-local" in block.names for block in self.blocks)

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return PARSED of LINES."""
        line = pl.col("line")
        told = lines.with_columns(told=pl.when(~line.str.starts_with(COMMENT)).then(line))
        rows = self._with_layout(self._with_blocks(told).with_columns(words=self.kind.words(pl.col("told"))))
        rules = {
            "blank": line.str.strip_chars().fill_null("") == "",
            "comment": pl.col("told").is_null(),
            RAGGED_ROW if self.blocks else NO_MATCH: pl.col("layout").is_null(),
        }
        fields = {name: said for name in self.kind.columns if (said := self._said(name)) is not None} | {"time": self._time()}
        read = rows.select("source", "line_no", fault=pl.coalesce("fault", first_problem(rules)), **fields)
        return parse_requests(clean_fields(read, self.kind.clean, fields), fields, assets, self.timezone)

    def layouts(self) -> list[ColumnNames]:
        """Return the columns of all kinds of lines: of the headers', then of those that no header fits."""
        return [*dict.fromkeys(block.names for block in self.blocks), *self.usual.values()]

    @property
    def usual(self) -> Mapping[str, ColumnNames]:
        """What is usual, where no header says who asked."""
        asked = {*self.kind.columns["address"]}
        return {} if self.blocks and all(asked & {*block.names} for block in self.blocks) else self.kind.usual

    def _with_blocks(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Add `block`, the layout of the header above, and `day`."""
        layouts = self.layouts()
        rows = [(block.first, layouts.index(block.names), block.day) for block in self.blocks]
        if len(rows) <= 1:
            _, number, day = rows[0] if rows else (0, None, None)
            return lines.with_columns(block=pl.lit(number, dtype=pl.UInt32), day=pl.lit(day, dtype=pl.String))
        opened = pl.LazyFrame(rows, schema={"line_no": pl.UInt32, "block": pl.UInt32, "day": pl.String}, orient="row")
        return lines.sort("line_no").join_asof(opened.set_sorted("line_no"), on="line_no")

    def _with_layout(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Add the layout of lines: the header's where they have as many fields, else the one whose form they have."""
        layouts, count = self.layouts(), pl.col("words").list.len()
        first = len(layouts) - len(self.usual)
        lengths = pl.coalesce(*(pl.when(block=number).then(len(layouts[number])) for number in range(first)), pl.lit(None, dtype=pl.Int32))
        found = rows.with_columns(layout=pl.when(count == lengths).then("block"))
        if not self.usual:
            return found
        left = found.with_columns(left=pl.when(pl.col("layout").is_null()).then("told"))
        # What is null costs nothing to look at, and between blanks a form has its number of words; with tabs, lines may go on.
        may_be = {names: pl.lit(value=True) if self.kind.has_tabs else count == len(names) for names in self.usual.values()}
        alike = [pl.when(may_be[names]).then("left").str.contains(pattern) for pattern, names in self.usual.items()]
        forms = [pl.when(fits).then(number) for number, fits in enumerate(alike, start=first)]
        return left.with_columns(layout=pl.coalesce("layout", *forms))

    def _said(self, name: str) -> pl.Expr | None:
        """Return what a field says, None where no layout has it."""
        places = [next((names.index(column) for column in self.kind.columns[name] if column in names), None) for names in self.layouts()]
        word = self._word(places)
        if word is None:
            return None
        if name in self.kind.with_plus:
            # A plus of the agent's own mostly stands behind a blank: `;++http://`.
            word = word.str.replace_many({"++": " +", "+": " ", _PLUS: "+"}, leftmost=True)
        return word

    def _word(self, places: list[int | None]) -> pl.Expr | None:
        """Return the word of lines at the place that their layout says."""
        there = {place for place in places if place is not None}
        if not there:
            return None
        words = pl.col("words")
        if len(there) == 1 and None not in places:
            return words.list.get(there.pop(), null_on_oob=True)
        chosen = [pl.when(pl.col("layout") == number).then(place) for number, place in enumerate(places) if place is not None]
        return words.list.get(pl.coalesce(chosen), null_on_oob=True)

    def _time(self) -> pl.Expr:
        """Return when it was, as ISO 8601 writes it, or as the table's one column says it."""
        if "time" in self.kind.columns:
            said = self._said("time")
            return pl.lit(None, dtype=pl.String) if said is None else said
        found = []
        for date, clock, zone in _CLOCKS:
            days, clocks = (self._word([names.index(name) if name in names else None for names in self.layouts()]) for name in (date, clock))
            if clocks is not None:
                day = pl.col("day") if days is None else pl.coalesce(days, pl.col("day"))
                found.append(pl.concat_str([day, pl.lit(" "), clocks, pl.lit(zone)]))
        return pl.coalesce(*found, pl.lit(None, dtype=pl.String))


def _header_names(line: str) -> ColumnNames | None:
    """Return the columns that a header names."""
    found = _HEADER.match(line)
    return tuple(name.strip('"').lower() for name in found[1].split()) if found else None


def _blocks(directives: Iterable[tuple[int, str]]) -> tuple[HeaderBlock, ...]:
    """Return where the header changes, out of the lines that are none of the table, with their numbers."""
    found: list[HeaderBlock] = []
    names, day = None, None
    for number, line in directives:
        names = _header_names(line) or names
        day = said[1] if (said := _DAY.match(line)) else day
        if names:
            block = HeaderBlock(number if found else 0, names, None if {"date", "date-local", "ts"} & {*names} else day)
            if not found or (found[-1].names, found[-1].day) != (block.names, block.day):
                found.append(block)
    return tuple(found)
