"""Requests as CSV or TSV, a header that names the columns: Cloudflare's, Cloud Storage's usage logs, or what a query of a warehouse gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convkit.formats.parsers import columns as parsers_columns
from convkit.formats.parsers import log_fields, named_fields, separated
from convkit.formats.parsers.named_fields import Names
from convkit.formats.parsers.separated import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.assets import Assets
    from convkit.formats.parsers.columns import Asked
    from convkit.formats.parsers.named_fields import Found

COMMENT = None
SAMPLES = (
    "ClientIP,ClientRequestHost,ClientRequestMethod,ClientRequestURI,ClientRequestUserAgent,EdgeResponseBytes,EdgeResponseStatus,EdgeStartTimestamp",
    '203.0.113.7,shop.example,GET,/cart?a=1,"Mozilla/5.0 (KHTML, like Gecko)",2326,200,1791640536100000000',
    "2001:db8::7,shop.example,GET,/logo.png,,0,304,1791640537100000000",
)
_NAMES = Names(named_fields.usual(), named_fields.usual_needs(), is_loose=True)
_FITTED = 1_000
"""Lines that are looked at, spread over the head."""


@dataclass(frozen=True)
class Layout:
    """How the table of one file is laid out: a format of lines."""

    rows: Rows
    columns: tuple[str, ...]
    found: Found
    timezone: str

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone: then they are of `timezone`."""
        return self.found.has_local_times

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES."""
        fields = self.found.texts(lambda place: self.rows.field(self.columns.index(place[0])))
        rows = self.rows.split(lines).select("source", "line_no", "fault", **fields)
        return log_fields.cells(rows, fields.keys(), assets, self.timezone, names_month=self.found.names_month)

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES with records that go on over several lines joined."""
        return self.rows.mend(frames)


def sniff(lines: pl.Series) -> float:
    """Return the share of lines that are rows of a table whose header names what a request has."""
    return separated.share(lines, separated.ANY, _are_of_requests)


def fit(_source: Source, head: pl.Series, asked: Asked) -> Layout:
    """Return how one table is laid out."""
    table = separated.said(head)
    separator = max(separated.ANY, key=lambda one: separated.likeness(table, one))
    header, lines = table[0], table.slice(1).gather_every(len(table) // _FITTED + 1)
    names = separated.names_in(header, separator)
    rows = [row for line in lines if len(row := separated.names_in(line, separator)) == len(names)]
    found = _NAMES.find([{(name,): text for name, text in zip(names, row, strict=True)} for row in rows])
    return Layout(Rows(separator, header, len(names)), tuple(names), found, asked.timezone)


def _are_of_requests(names: Sequence[str]) -> bool:
    """Tell the header of a log, and none of events."""
    places = [(name,) for name in names]
    return parsers_columns.is_access_log(places) and _NAMES.tell_request(_NAMES.compared(places))
