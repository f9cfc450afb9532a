"""Tables with separators (CSV, TSV), with or without a header: rows of fields, and event exports made up of such rows.

Tables follow RFC 4180, but with several possible separators. Each line is a record unless a quote is left open in it, so that an unclosed quote
costs one line and not the rest of the file.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import first_problem
from convkit.errors import InputError
from convkit.formats import LogFormat
from convkit.formats.parsers import columns as export_columns
from convkit.formats.parsers import exports, json_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.columns import Columns
    from convkit.formats.parsers.presets import ColumnPath


COMMA_LIKE, TAB = (",", ";", "|"), ("\t",)
ANY_SEPARATOR = (*TAB, *COMMA_LIKE)
UNCLOSED_QUOTE, RAGGED_ROW = "unclosed quote", "number of fields differs from the header"
_QUOTED = r'"[^"]*"'
_MOST_LINES = 100
"""The maximum number of lines in a record; a quote that stays open for longer counts as unclosed."""
_MENDED_AT_ONCE = 100_000
"""The number of lines in which records are joined at a time."""
MOST_COLUMNS = 10_000
"""The number of columns above which a table is refused."""
_WIDE = 40
"""The number of columns above which a single list of all fields is faster than a column for each field."""


@dataclass(frozen=True)
class Dialect:
    """The separator, quotes and width of one table."""

    separator: str
    header: str | None
    width: int
    has_quotes: bool = True
    """Whether fields may be enclosed in quotes, which are not part of them."""
    has_backslashes: bool = False
    """Whether quotes within fields follow a backslash, instead of being doubled."""

    def split(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Add to LINES the columns that `field` needs, and as `fault` the reason why a line is not a row, including `blank` and `comment`."""
        # Most lines have no quotes: the rules for quotes cost almost nothing on nulls.
        quoted, bare = pl.col("quoted"), pl.col("bare")
        return (
            lines.with_columns(line=self._doubled(pl.col("line")))
            .with_columns(has_quotes=pl.col("line").str.contains('"', literal=True) & pl.lit(self.has_quotes))
            .with_columns(quoted=pl.when("has_quotes").then("line"), bare=pl.when(~pl.col("has_quotes")).then("line"))
            .with_columns(
                part=bare.str.split(self.separator) if self.width > _WIDE else bare.str.split_exact(self.separator, self.width - 1),
                number=bare.str.count_matches(self.separator, literal=True) + 1,
                is_open=quoted.str.count_matches('"', literal=True) % 2 == 1,
                quoted=pl.concat_str([pl.lit(self.separator), quoted]),
            )
            .with_columns(texts=quoted.str.extract_all(f'[{self.separator}](?:"(?:[^"]|"")*"|[^"{self.separator}]*)'))
            .with_columns(is_whole=pl.col("texts").list.join("") == quoted)
            .with_columns(fault=self._fault())
        )

    def _doubled(self, line: pl.Expr) -> pl.Expr:
        """Return a line with quotes doubled instead of escaped."""
        return doubled_quotes(line) if self.has_backslashes else line

    def field(self, place: int) -> pl.Expr:
        """Return a field of a line, without its quotes."""
        text = pl.col("texts").list.get(place, null_on_oob=True).str.slice(1)
        is_quoted = text.str.starts_with('"')
        bare = pl.when(is_quoted).then(text.str.head(-1).str.slice(1).str.replace_all('""', '"', literal=True)).otherwise(text)
        part = pl.col("part").list.get(place, null_on_oob=True) if self.width > _WIDE else pl.col("part").struct[place]
        return pl.coalesce(part, bare)

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES with each multi-line record joined into its first line; records that never end stay as they are."""
        if not self.has_quotes:
            yield from frames
            return
        waiting = list[pl.DataFrame]()
        for frame in frames:
            waiting.append(frame)
            if sum(part.height for part in waiting) >= _MENDED_AT_ONCE:
                mended, rest = self._mended(pl.concat(waiting), is_end=False)
                yield mended
                waiting = [rest]
        if waiting:
            yield self._mended(pl.concat(waiting), is_end=True)[0]

    def _mended(self, lines: pl.DataFrame, *, is_end: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return LINES with records joined, and the lines from the last open quote on, if its record may end in lines that follow."""
        rows = lines.with_row_index("row")
        is_open = self._doubled(pl.col("line")).fill_null("").str.count_matches('"', literal=True) % 2 == 1
        places = rows.filter(is_open)["row"]
        pairs = pl.DataFrame({"row": places.head(-1), "end": places.slice(1)})
        # A record begins in a row with an open quote and ends in the next. Pairs that overlap are tried only if a quote was never closed.
        whole = self._whole_records(rows, pairs[::2])
        if whole.height < (len(places) + 1) // 2:
            whole = self._disjoint(pl.concat([whole, self._whole_records(rows, pairs[1::2])]), places)
        waits = not is_end and len(places) > 0 and places[-1] not in whole["end"] and rows.height - places[-1] < _MOST_LINES
        decided = places[-1] if waits else rows.height
        mended = rows.head(decided).join(whole, on="row", how="left", maintain_order="left")
        is_inside = (pl.col("row") <= pl.col("end").forward_fill()) & pl.col("end").is_null()
        joined = mended.filter(~is_inside.fill_null(value=False)).with_columns(line=pl.coalesce("whole", "line")).drop("row", "end", "whole")
        return joined, lines.slice(decided)

    def _whole_records(self, rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
        """Return `row, end, whole`: the records that extend from `row` to `end` and are well-formed, joined into one line."""
        short = pairs.filter(pl.col("end") - pl.col("row") < _MOST_LINES)
        spans = short.select("end", begin="row").set_sorted("begin")
        within = rows.select("row", "line").join_asof(spans, left_on="row", right_on="begin").filter(pl.col("row") <= pl.col("end"))
        joined = within.group_by("begin", "end", maintain_order=True).agg(whole=pl.col("line").fill_null("").str.join("\n"))
        word = f'(?:"(?:[^"]|"")*"|[^"{self.separator}\n][^{self.separator}\n]*|)'
        is_whole = self._doubled(pl.col("whole")).str.contains(f"^{word}(?:[{self.separator}]{word}){{{self.width - 1}}}$")
        return joined.filter(is_whole).select("end", "whole", row="begin")

    @staticmethod
    def _disjoint(records: pl.DataFrame, places: pl.Series) -> pl.DataFrame:
        """Return the records that do not overlap, from the first row with an open quote on."""
        begins, kept, number = {*records["row"]}, [], 0
        while number < len(places):
            is_record = places[number] in begins
            kept += [places[number]] if is_record else []
            number += 2 if is_record else 1
        return records.filter(pl.col("row").is_in(kept))

    def _fault(self) -> pl.Expr:
        """Return why a line is not a row."""
        line = pl.col("line")
        rules = {
            "blank": line.str.strip_chars().fill_null("") == "",
            "comment": line.str.starts_with("sep=") if self.header is None else line.str.starts_with("sep=") | (line == self.header),
            UNCLOSED_QUOTE: pl.col("is_open"),
            RAGGED_ROW: pl.col("number").ne(self.width).fill_null(value=False) | (pl.col("texts").list.len() != self.width) | ~pl.col("is_whole"),
        }
        return pl.coalesce("fault", first_problem(rules))


def header_share(lines: pl.Series, separators: Sequence[str], is_wanted: Callable[[Sequence[str]], bool]) -> float:
    """Return the share of lines that are rows of a table whose header satisfies `is_wanted`."""
    table = table_rows(lines)
    headers = {separator: split_row(table[0], separator) for separator in separators if _width(table, separator) <= MOST_COLUMNS and len(table)}
    return max((equal_width_share(table, separator) for separator, names in headers.items() if is_wanted(names)), default=0.0)


def table_rows(lines: pl.Series) -> pl.Series:
    """Return the lines that are rows, starting with the header, with quotes doubled."""
    rows = lines.filter((lines.str.strip_chars() != "") & ~lines.str.starts_with("sep="))
    return rows.to_frame("line").select(doubled_quotes(pl.col("line"))).to_series() if has_backslashes(rows) else rows


_ESCAPED_QUOTE, _WHOLE_ROW = '\\"', r'^(?:[^",;|\t]*[,;|\t]|"(?:[^"]|"")*"[,;|\t])*(?:[^",;|\t]*|"(?:[^"]|"")*")$'


def has_backslashes(rows: pl.Series) -> bool:
    """Return whether quotes within the fields of a table follow backslashes: only then are the quotes of its rows in pairs."""
    doubtful = rows.filter(rows.str.contains(_ESCAPED_QUOTE, literal=True)).to_frame("line")
    if doubtful.is_empty():
        return False
    counts = doubtful.select(
        plain=pl.col("line").str.contains(_WHOLE_ROW).sum(), doubled=doubled_quotes(pl.col("line")).str.contains(_WHOLE_ROW).sum()
    )
    plain, doubled = counts.row(0)
    return bool(doubled > plain)


def doubled_quotes(line: pl.Expr) -> pl.Expr:
    """Return a line in which quotes within fields are doubled, not escaped by a backslash."""
    escaped = pl.when(line.str.contains("\\", literal=True)).then(line)
    return pl.coalesce(escaped.str.replace_many(["\\\\", _ESCAPED_QUOTE], ["\\", '""']), line)


def equal_width_share(lines: pl.Series, separator: str) -> float:
    """Return the share of lines with as many fields as the first, or 0 if the first has only one, or too many."""
    if not 1 < _width(lines, separator) <= MOST_COLUMNS:
        return 0.0
    numbers = lines.to_frame("line").select(_separators(pl.col("line"), separator)).to_series()
    return float((numbers == numbers[0]).mean() or 0.0)


def refuse_wide_table(called: str, lines: pl.Series) -> None:
    """Raise InputError if the first row of a table has more columns than can be read in reasonable time."""
    number = max((_width(lines, separator) for separator in ANY_SEPARATOR), default=0)
    if number > MOST_COLUMNS and not _is_json(lines):
        raise InputError(f"{called} has {number:,} columns, but at most {MOST_COLUMNS:,} can be read; export only the ones you need")


def _is_json(lines: pl.Series) -> bool:
    """Return whether lines begin with JSON."""
    return bool(lines.head(1).str.contains(r"^\s*[{\[]").any())


def _width(lines: pl.Series, separator: str) -> int:
    """Return the number of columns of a table."""
    return len(lines) and lines.head(1).to_frame("line").select(_separators(pl.col("line"), separator)).item() + 1


def split_row(line: str, separator: str) -> list[str]:
    """Return the fields of a line."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _separators(line: pl.Expr, separator: str) -> pl.Expr:
    """Return the number of separators outside quotes."""
    return line.str.replace_all(_QUOTED, "").str.count_matches(separator, literal=True)


_LEAST_SHARE = 0.5
"""The minimum share of a table's lines that must have the same number of fields."""
_CLOCKS, _JSON_TEXT = 2_000, r'\{\s*[\\"]+'
_WITH_COMMA = r"^-?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+$"


@dataclass(frozen=True)
class TableExport(exports.ExportLayout):
    """The layout of one export."""

    rows: Dialect
    others: Mapping[str, int] = field(default_factory=dict)
    """The positions of the columns that have no role, by name."""

    @property
    def can_mend(self) -> bool:
        """Whether `mend` can repair lines that `scan` cannot read."""
        return True

    def scan(self, lines: pl.LazyFrame, _assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED, PARSED_EVENTS and a `prop.NAME` for each property."""
        fields = {name: self._value(name, place) for name, place in self.columns.fields.items()}
        rows = self.rows.split(lines).select("source", "line_no", "fault", props=self._props(), **fields)
        return exports.parse_events(rows, self.columns)

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES with each multi-line record joined into one line."""
        return self.rows.mend(frames)

    def _value(self, name: str, place: ColumnPath) -> pl.Expr:
        """Return a field, or the value at a path within its JSON text; between semicolons, the decimal comma of `value` becomes a point."""
        text = exports.json_text(self.rows.field(int(place[0])), place[1:])
        if self.rows.separator != ";" or name != "value":
            return text
        points = pl.when(text.str.contains(_WITH_COMMA)).then(text).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return pl.coalesce(points, text)

    def _props(self) -> pl.Expr:
        """Return the properties as JSON: the column that holds them, or all columns without a role."""
        if self.columns.props:
            return self.rows.field(int(self.columns.props[0]))
        if not self.others:
            return pl.lit(None, dtype=pl.String)
        return pl.struct([self.rows.field(place).alias(name) for name, place in self.others.items()]).struct.json_encode()


@dataclass(frozen=True)
class TableFormat(LogFormat):
    """Exports from any tool, as a table with one of several separators."""

    separators: tuple[str, ...]

    @property
    def finds_fields(self) -> bool:
        """Whether `fit` finds fields by their names and values."""
        return True

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that are rows of a table with known column names."""
        return export_share(lines, self.separators)

    def sniff_rows(self, lines: pl.Series) -> float:
        """Return the share of lines with as many fields as the first."""
        return table_share(lines, self.separators)

    def late_names(self, head: pl.Series, needs: Needs) -> str:
        """Return a pattern for the names of properties within JSON text that the first rows do not have."""
        return late_names(head, needs)

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> TableExport:
        """Return the layout of one export."""
        return fit(head, source.name, needs, self.separators)


def export_share(lines: pl.Series, separators: Sequence[str], is_wanted: Callable[[Sequence[ColumnPath]], bool] | None = None) -> float:
    """Return the share of lines that are rows of a table with known column names, or whose header satisfies `is_wanted`."""

    def is_export(names: Sequence[ColumnPath]) -> bool:
        return export_columns.names_events(names) and not (export_columns.names_requests(names) and export_columns.is_access_log(lines))

    return header_share(lines, separators, lambda names: (is_wanted or is_export)([(name,) for name in names]))


def table_share(lines: pl.Series, separators: Sequence[str]) -> float:
    """Return the largest share of lines with as many fields as the first, over all separators."""
    table = table_rows(lines)
    return 0.0 if _is_json(table) else max(equal_width_share(table, separator) for separator in separators)


def late_names(lines: pl.Series, needs: Needs) -> str:
    """Return a pattern for the names of properties, if a table holds JSON text."""
    if not lines.str.contains(_JSON_TEXT).any():
        return ""
    return json_log.pattern_for_names({name.rpartition(".")[2] for name in needs.properties}, ())


def fit(lines: pl.Series, called: str, needs: Needs, separators: Sequence[str], headless: Sequence[str] = ()) -> TableExport:
    """Return the layout of a table; `headless` gives the names of its columns if it never has a header or quotes.

    Raises InputError if the lines are not a table, or if they lack columns that a run needs.
    """
    table = table_rows(lines)
    refuse_wide_table(called, table)
    best = max(separators, key=lambda separator: equal_width_share(table, separator))
    if not len(table) or equal_width_share(table, best) < _LEAST_SHARE:
        raise InputError(f"{called} is not a table: its lines do not have the same number of fields between {' or '.join(map(repr, separators))}")
    first, has_header = list(headless) or split_row(table[0], best), needs.has_header and not headless
    names: list[ColumnPath] = [(name,) for name in first] if has_header or headless else [(str(number),) for number in range(1, len(first) + 1)]
    sampled = table.slice(int(has_header))
    rows = [split_row(line, best) for line in json_log.sampled_objects(sampled, _CLOCKS)]
    whole, places = [row for row in rows if len(row) == len(first)], {name: place for place, name in reversed([*enumerate(names)])}

    def sample(name: ColumnPath) -> list[str | None]:
        return [row[places[name]].strip() for row in whole]

    columns = export_columns.find_columns(names, needs, called, sample)
    header = table[0] if has_header else None
    others = {name[0]: number for number, name in enumerate(names) if name not in set(columns.roles.values())}
    return TableExport(_by_number(columns, names), Dialect(best, header, len(first), not headless, has_backslashes(lines)), others)


def _by_number(columns: Columns, names: Sequence[ColumnPath]) -> Columns:
    """Replace the names of columns in paths with their numbers (starting at 0), and leave out missing columns; names within JSON text stay."""
    numbers = {name: str(number) for number, name in reversed([*enumerate(names)])}

    def numbered(places: Mapping[str, ColumnPath]) -> dict[str, ColumnPath]:
        numbered = {name: (place, columns.column(place)) for name, place in places.items() if columns.column(place) in numbers}
        return {name: (numbers[column], *place[len(column) :]) for name, (place, column) in numbered.items()}

    props = (numbers[columns.props],) if columns.props in numbers else ()
    return replace(columns, roles=numbered(columns.roles), properties=numbered(columns.properties), visit=numbered(columns.visit), props=props)
