r"""Lines that one regular expression takes apart, its named groups the fields -> CELLS.

It stands alone because a line that is always written in one way needs nothing but this, be the way a server's or its owner's. Escaped quotes stand
as `\x22` before a line is taken apart, so that `"[^"]*"` is a quoted field: alternatives within quotes would take twice as long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit import log_fields
from convkit.schema import first_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.assets import Assets
    from convkit.columns import Asked
    from convkit.lines import Source

NOT_LIKE_IT = "not written like the format"
_QUOTES = {"\\\\": "\\x5C", '\\"': "\\x22"}
_WHOLE = "whole"


@dataclass(frozen=True)
class Template:
    """How the lines of a format are written."""

    pattern: str
    """In Rust's notation; a group that is called like one of `log_fields.FIELDS` is that field, others are left out."""
    comment: str | None = None
    """How lines begin that are no record."""
    escapes_quotes: bool = True
    names_month: bool = False
    """Whether times are written like `10/Oct/2026:13:55:36 +0200`."""
    timezone: str = "UTC"
    made: Mapping[str, pl.Expr] = field(default_factory=dict, compare=False)
    """Fields that are made of groups, which are columns; of groups that are no field none is read but for these."""
    slack: str = ""
    """A pattern with the same groups for lines that the first does not fit, where that would be slow for all of them."""
    there: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Know the fields."""
        object.__setattr__(self, "there", frozenset({*self._groups(), *self.made} & {*log_fields.FIELDS}))

    def _groups(self) -> set[str]:
        """Return the names of the groups."""
        return {*re.findall(r"\(\?P?<(\w+)>", self.pattern)}

    def claims(self) -> pl.Expr:
        """Tell lines that are written so."""
        return self._line().str.contains(self.slack or self.pattern).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is written so."""
        return int(lines.to_frame("line").select(self.claims().sum()).item()) / max(len(lines), 1)

    def fit(self, _source: Source, _head: pl.Series, asked: Asked) -> Template:
        """Return the format with the time zone that a run says."""
        return replace(self, timezone=asked.timezone)

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES."""
        part = pl.col("part").struct
        taken = lines.with_columns(line_=self._line()).with_columns(part=_groups_of(pl.col("line_"), self.pattern))
        if self.slack:
            odd = pl.when(part.field(_WHOLE).is_null()).then("line_")
            taken = taken.with_columns(odd=_groups_of(odd, self.slack)).with_columns(
                part=pl.when(part.field(_WHOLE).is_null()).then("odd").otherwise("part")
            )
        fields = {name: part.field(name) for name in sorted(self._groups() if self.made else self.there)}
        rules = {
            "blank": pl.col("line").str.strip_chars().fill_null("") == "",
            "comment": pl.col("line").str.starts_with(self.comment) if self.comment else pl.lit(value=False),
            NOT_LIKE_IT: part.field(_WHOLE).is_null(),
        }
        rows = taken.select("source", "line_no", fault=pl.coalesce("fault", first_problem(rules)), **fields)
        rows = rows.with_columns(**self.made) if self.made else rows
        return log_fields.cells(rows, self.there, assets, self.timezone, names_month=self.names_month)

    def _line(self) -> pl.Expr:
        """Return the line, its escaped quotes out of the way."""
        line = pl.col("line")
        if not self.escapes_quotes:
            return line
        escaped = pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(_QUOTES)
        return pl.coalesce(escaped, line)


def _groups_of(line: pl.Expr, pattern: str) -> pl.Expr:
    """Return what a pattern finds in a line, group by group."""
    return line.str.extract_groups(f"(?P<{_WHOLE}>{pattern})")
