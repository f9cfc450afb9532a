r"""Lines that one regular expression takes apart; its named groups are the fields.

Escaped quotes are written as `\x22` before a line is taken apart, so that `"[^"]*"` is a quoted field: alternatives within quotes would take
twice as long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import first_problem
from convkit.formats import Layout, LogFormat
from convkit.formats.parsers import base, requests, timestamps
from convkit.formats.parsers.fields import FIELDS, clean_fields, parse_requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.fields import Cleaning

NO_MATCH = "not written like the format"
_WHOLE = "whole"
_SAMPLED = 100


@dataclass(frozen=True)
class Template(LogFormat, Layout):
    """How the lines of a format are written."""

    pattern: str
    """In Rust's notation; a group that is called like one of `fields.FIELDS` is that field, others are left out.

    It is three times as fast where each letter leaves but one way to go on: `h(?:ttp|2)`, not `http|h2`, and `a(?:, a)*`, not `(?:a, )*a`; classes
    are of ASCII: `[0-9]`, not `\\d`."""
    otherwise: str | None = None
    """The pattern of lines that the first one does not read: it may look for a way."""
    comment: str | None = None
    """How lines begin that are no record."""
    messages: str | None = None
    """The pattern of what the server says of itself: records without a request, written when what is around the line says."""
    strangers: str | None = None
    """The pattern of lines of the same server that are of no visit: they count as comments."""
    made: Mapping[str, pl.Expr] = field(default_factory=dict)
    """Fields that are made of groups."""
    clean: Cleaning = field(default_factory=dict)
    escapes_quotes: bool = True
    names_month: bool = False
    """Whether times are written like `10/Oct/2026:13:55:36 +0200`."""
    timezone: str = "UTC"
    has_local_times: bool = False
    """Whether some times say no zone: then they are of `timezone`."""
    groups: tuple[str, ...] = field(init=False)
    there: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Know the fields."""
        needed = {name for made in self.made.values() for name in made.meta.root_names()}
        named = [name for name in re.findall(r"\(\?P?<(\w+)>", self.pattern) if name in needed or name in FIELDS]
        object.__setattr__(self, "groups", tuple(dict.fromkeys(named)))
        object.__setattr__(self, "there", frozenset({*named, *self.made, "time"}) & {*FIELDS})

    def claims(self) -> pl.Expr:
        """Tell lines that are written so."""
        patterns = [pattern for pattern in (self.pattern, self.otherwise, self.messages, self.strangers) if pattern]
        return pl.any_horizontal(self._line().str.contains(pattern) for pattern in patterns).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is written so."""
        return base.claimed_share(lines, self.claims())

    def fit(self, _source: Source, head: pl.Series, needs: Needs) -> Template:
        """Return the format with the time zone that a run says."""
        return replace(self, timezone=needs.timezone, has_local_times=any(map(timestamps.is_local, self._times(head))))

    def _times(self, head: pl.Series) -> pl.Series:
        """Return the times of some lines, text."""
        if "time" not in self.groups:
            return pl.Series(dtype=pl.String)
        part = self._line().str.extract_groups(self.pattern).struct
        return head.head(_SAMPLED).to_frame("line").select(part.field("time")).to_series().drop_nulls()

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return PARSED of LINES."""
        taken = self._taken(lines)
        fields = {name: pl.col(name) for name in self.groups}
        time = pl.coalesce("time", "outer") if "time" in self.groups else pl.col("outer")
        odd = taken.with_columns(odd=pl.when(pl.col(_WHOLE).is_null()).then("line"))
        rows = odd.select("source", "line_no", fault=pl.coalesce("fault", self._fault()), **fields | {"time": time})
        cleaned = clean_fields(rows.with_columns(**self.made), self.clean, self.there)
        return parse_requests(cleaned, self.there, assets, self.timezone, names_month=self.names_month)

    def _taken(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Add the groups to lines, text each, and _WHOLE, null where a line is not written so."""
        part, names = pl.col("part").struct, (*self.groups, _WHOLE)
        taken = lines.with_columns(part=self._line().str.extract_groups(f"{self.pattern}(?P<{_WHOLE}>)"))
        if not self.otherwise:
            return taken.with_columns(part.field(*names))
        left = pl.when(part.field(_WHOLE).is_null()).then(self._line())
        again = taken.with_columns(again=left.str.extract_groups(f"{self.otherwise}(?P<{_WHOLE}>)"))
        return again.with_columns(**{name: pl.coalesce(part.field(name), pl.col("again").struct.field(name)) for name in names})

    def _fault(self) -> pl.Expr:
        """Return why an odd line is no record; null where it is one all the same, or none is odd."""
        odd, none = pl.col("odd"), pl.lit(value=False)
        is_stranger = odd.str.contains(self.strangers) if self.strangers else none
        return first_problem(
            {
                "blank": pl.col(_WHOLE).is_null() & (odd.str.strip_chars().fill_null("") == ""),
                "comment": (odd.str.starts_with(self.comment) if self.comment else none) | is_stranger,
                NO_MATCH: ~odd.str.contains(self.messages) if self.messages else odd.is_not_null(),
            }
        )

    def _line(self) -> pl.Expr:
        """Return the line, its escaped quotes out of the way."""
        line = pl.col("line")
        return requests.rewrite_escapes(line, requests.QUOTE_ESCAPES) if self.escapes_quotes else line
