r"""Rows of fields between separators (CSV, TSV), line by line: RFC 4180, with any of a few separators.

It stands alone because a quote that is never closed must cost its own line and not the rest of the file, which no CSV reader promises: a line is a
record unless its quotes say otherwise.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import first_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

COMMA_AND_OTHERS, TAB = (",", ";", "|"), ("\t",)
ANY = (*TAB, *COMMA_AND_OTHERS)
OPEN_QUOTE, RAGGED = "a quote without an end", "not as many fields as the header"
_QUOTED = r'"[^"]*"'
_MOST_LINES = 100
"""Lines that a record may go on over; a quote open for longer was never closed."""
_WIDE = 40
"""Columns from which on a list of all takes less time than a column for each."""


@dataclass(frozen=True)
class Rows:
    """How the rows of one file are written."""

    separator: str
    header: str | None
    width: int
    has_quotes: bool = True
    """Whether a quote at the beginning of a field is none of its own."""

    def split(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Add what `field` looks at to LINES, and say in `fault` why a line is no row, `blank` and `comment` among it."""
        # Most lines hold no quote: on nulls the rules of quotes cost next to nothing.
        quoted, bare = pl.col("quoted"), pl.col("bare")
        return (
            lines.with_columns(has_quotes=pl.col("line").str.contains('"', literal=True) & pl.lit(self.has_quotes))
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

    def field(self, place: int) -> pl.Expr:
        """Return a field of a line, without its quotes."""
        text = pl.col("texts").list.get(place, null_on_oob=True).str.slice(1)
        is_quoted = text.str.starts_with('"')
        bare = pl.when(is_quoted).then(text.str.head(-1).str.slice(1).str.replace_all('""', '"', literal=True)).otherwise(text)
        part = pl.col("part").list.get(place, null_on_oob=True) if self.width > _WIDE else pl.col("part").struct[place]
        return pl.coalesce(part, bare)

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES with records that go on over several lines joined, each in the place of its first line; what ends nowhere stays as it is."""
        if not self.has_quotes:
            yield from frames
            return
        lines = pl.concat(frames)
        quotes = pl.col("line").fill_null("").str.count_matches('"', literal=True).cast(pl.Int64)
        is_inside = (quotes.cum_sum().shift(1, fill_value=0) % 2) == 1
        numbered = lines.with_columns(record=(~is_inside).cum_sum())
        joined = numbered.group_by("record", maintain_order=True).agg(pl.col("line").fill_null("").str.join("\n"), lines=pl.len())
        is_whole = (pl.col("lines") > 1) & (pl.col("lines") <= _MOST_LINES) & (_separators(pl.col("line"), self.separator) == self.width - 1)
        whole = joined.filter(is_whole).select("record", whole="line")
        mended = numbered.join(whole, on="record", how="left", maintain_order="left")
        is_first = pl.col("record").is_first_distinct() | pl.col("whole").is_null()
        yield mended.filter(is_first).with_columns(line=pl.coalesce("whole", "line")).drop("record", "whole")

    def _fault(self) -> pl.Expr:
        """Return why a line is no row."""
        line = pl.col("line")
        rules = {
            "blank": line.str.strip_chars().fill_null("") == "",
            "comment": line.str.starts_with("sep=") if self.header is None else line.str.starts_with("sep=") | (line == self.header),
            OPEN_QUOTE: pl.col("is_open"),
            RAGGED: pl.col("number").ne(self.width).fill_null(value=False) | (pl.col("texts").list.len() != self.width) | ~pl.col("is_whole"),
        }
        return pl.coalesce("fault", first_problem(rules))


def share(lines: pl.Series, separators: Sequence[str], is_wanted: Callable[[Sequence[str]], bool]) -> float:
    """Return the share of lines that are rows of a table whose header has names that are wanted."""
    table = said(lines)
    headers = {separator: names_in(table[0], separator) for separator in separators if len(table)}
    return max((likeness(table, separator) for separator, names in headers.items() if is_wanted(names)), default=0.0)


def said(lines: pl.Series) -> pl.Series:
    """Return the lines that are rows, the header first."""
    return lines.filter((lines.str.strip_chars() != "") & ~lines.str.starts_with("sep="))


def likeness(lines: pl.Series, separator: str) -> float:
    """Return the share of lines that have as many fields as the first, where that has several."""
    numbers = lines.to_frame("line").select(_separators(pl.col("line"), separator)).to_series()
    return float((numbers == numbers[0]).mean() or 0.0) if len(numbers) and numbers[0] else 0.0


def names_in(line: str, separator: str) -> list[str]:
    """Return the fields of a line."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _separators(line: pl.Expr, separator: str) -> pl.Expr:
    """Count the separators of a line that are not within quotes."""
    return line.str.replace_all(_QUOTED, "").str.count_matches(separator, literal=True)
