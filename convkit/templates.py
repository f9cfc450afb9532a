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
    there: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Know the fields."""
        named = re.findall(r"\(\?P?<(\w+)>", self.pattern)
        object.__setattr__(self, "there", frozenset(named) & {*log_fields.FIELDS})

    def claims(self) -> pl.Expr:
        """Tell lines that are written so."""
        return self._line().str.contains(self.pattern).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is written so."""
        return int(lines.to_frame("line").select(self.claims().sum()).item()) / max(len(lines), 1)

    def fit(self, _source: Source, _head: pl.Series, asked: Asked) -> Template:
        """Return the format with the time zone that a run says."""
        return replace(self, timezone=asked.timezone)

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES."""
        part = pl.col("part").struct
        taken = lines.with_columns(part=self._line().str.extract_groups(f"(?P<{_WHOLE}>{self.pattern})"))
        fields = {name: part.field(name) for name in sorted(self.there)}
        rules = {
            "blank": pl.col("line").str.strip_chars().fill_null("") == "",
            "comment": pl.col("line").str.starts_with(self.comment) if self.comment else pl.lit(value=False),
            NOT_LIKE_IT: part.field(_WHOLE).is_null(),
        }
        rows = taken.select("source", "line_no", fault=pl.coalesce("fault", first_problem(rules)), **fields)
        return log_fields.cells(rows, self.there, assets, self.timezone, names_month=self.names_month)

    def _line(self) -> pl.Expr:
        """Return the line, its escaped quotes out of the way."""
        line = pl.col("line")
        if not self.escapes_quotes:
            return line
        escaped = pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(_QUOTES)
        return pl.coalesce(escaped, line)
