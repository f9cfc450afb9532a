r"""Logs parsed by a regular expression, whose named groups are the fields.

Escaped quotes are first rewritten as `\x22`, so that `"[^"]*"` matches a quoted field: alternatives within quotes would take twice as long.
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
    from collections.abc import Mapping, Sequence

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.fields import Cleaning

NO_MATCH = "does not match the format"
_WHOLE = "whole"
_SAMPLED = 100


@dataclass(frozen=True)
class Template(LogFormat, Layout):
    """A format described by a regular expression."""

    pattern: str
    """The pattern, in Rust's syntax; groups named after one of `fields.FIELDS` are fields, others are ignored.

    A pattern is three times as fast if no character can match in two ways (`h(?:ttp|2)` instead of `http|h2`, `a(?:, a)*` instead of `(?:a, )*a`) and
    if classes are ASCII (`[0-9]` instead of `\\d`)."""
    otherwise: str | None = None
    """A second, slower pattern for lines that the first does not match."""
    comment: str | None = None
    """What comment lines begin with."""
    messages: str | None = None
    """The pattern for the server's own messages, which become records without a request, with the time from their wrapper."""
    ignored: str | None = None
    """The pattern for lines from the same server that do not belong to any visit and count as comments."""
    made: Mapping[str, pl.Expr] = field(default_factory=dict)
    """Fields computed from groups."""
    clean: Cleaning = field(default_factory=dict)
    """Functions that make the text of fields readable, by field."""
    escapes_quotes: bool = True
    names_month: bool = False
    """Whether times look like `10/Oct/2026:13:55:36 +0200`."""
    timezone: str = "UTC"
    has_local_times: bool = False
    """Whether some times have no time zone; they are in `timezone`."""
    groups: tuple[str, ...] = field(init=False)
    field_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Derive the groups and fields from the pattern."""
        needed = {name for made in self.made.values() for name in made.meta.root_names()}
        named = [name for name in re.findall(r"\(\?P?<(\w+)>", self.pattern) if name in needed or name in FIELDS]
        object.__setattr__(self, "groups", tuple(dict.fromkeys(named)))
        object.__setattr__(self, "field_names", frozenset({*named, *self.made, "time"}) & {*FIELDS})

    def claims(self) -> pl.Expr:
        """Return which lines match."""
        patterns = [pattern for pattern in (self.pattern, self.otherwise, self.messages, self.ignored) if pattern]
        return pl.any_horizontal(self._line().str.contains(pattern) for pattern in patterns).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that match."""
        return base.claimed_share(lines, self.claims())

    def fit(self, _source: Source, head: pl.Series, needs: Needs) -> Template:
        """Return the format with the run's time zone."""
        return replace(self, timezone=needs.timezone, has_local_times=any(map(timestamps.is_local, self._times(head))))

    def time_texts(self, lines: pl.Series) -> Sequence[str]:
        """Return the times in some lines as they are written."""
        return self._times(lines).to_list()

    def _times(self, head: pl.Series) -> pl.Series:
        """Return the times of the first lines, as text."""
        if "time" not in self.groups:
            return pl.Series(dtype=pl.String)
        part = self._line().str.extract_groups(self.pattern).struct
        return head.head(_SAMPLED).to_frame("line").select(part.field("time")).to_series().drop_nulls()

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED."""
        matched = self._with_groups(lines)
        fields = {name: pl.col(name) for name in self.groups}
        time = pl.coalesce("time", "outer") if "time" in self.groups else pl.col("outer")
        odd = matched.with_columns(odd=pl.when(pl.col(_WHOLE).is_null()).then("line"))
        rows = odd.select("source", "line_no", fault=pl.coalesce("fault", self._fault()), **fields | {"time": time})
        cleaned = clean_fields(rows.with_columns(**self.made), self.clean, self.field_names)
        return parse_requests(cleaned, self.field_names, assets, self.timezone, names_month=self.names_month)

    def _with_groups(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Add the groups to lines as text, and _WHOLE, which is null if a line does not match."""
        part, names = pl.col("part").struct, (*self.groups, _WHOLE)
        matched = lines.with_columns(part=self._line().str.extract_groups(f"{self.pattern}(?P<{_WHOLE}>)"))
        if not self.otherwise:
            return matched.with_columns(part.field(*names))
        left = pl.when(part.field(_WHOLE).is_null()).then(self._line())
        retried = matched.with_columns(again=left.str.extract_groups(f"{self.otherwise}(?P<{_WHOLE}>)"))
        return retried.with_columns(**{name: pl.coalesce(part.field(name), pl.col("again").struct.field(name)) for name in names})

    def _fault(self) -> pl.Expr:
        """Return why a line that does not match is not a record, or null if it is one (a message) or if the line matches."""
        odd, none = pl.col("odd"), pl.lit(value=False)
        is_foreign = odd.str.contains(self.ignored) if self.ignored else none
        return first_problem(
            {
                "blank": pl.col(_WHOLE).is_null() & (odd.str.strip_chars().fill_null("") == ""),
                "comment": (odd.str.starts_with(self.comment) if self.comment else none) | is_foreign,
                NO_MATCH: ~odd.str.contains(self.messages) if self.messages else odd.is_not_null(),
            }
        )

    def _line(self) -> pl.Expr:
        """Return the line with its escaped quotes rewritten."""
        line = pl.col("line")
        return requests.rewrite_escapes(line, requests.QUOTE_ESCAPES) if self.escapes_quotes else line
