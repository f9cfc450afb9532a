"""Access log as CSV or TSV with a header: from Cloudflare, Cloud Storage usage logs, or a data warehouse query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convkit.formats import LogFormat
from convkit.formats.parsers import delimited
from convkit.formats.parsers.columns import names_requests
from convkit.formats.parsers.delimited import Dialect
from convkit.formats.parsers.fields import FieldNames, NamedFieldsLayout, request_names, usual_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.presets import ColumnPath

SAMPLES = (
    "ClientIP,ClientRequestHost,ClientRequestMethod,ClientRequestURI,ClientRequestUserAgent,EdgeResponseBytes,EdgeResponseStatus,EdgeStartTimestamp",
    '203.0.113.7,shop.example,GET,/cart?a=1,"Mozilla/5.0 (KHTML, like Gecko)",2326,200,1791640536100000000',
    "2001:db8::7,shop.example,GET,/logo.png,,0,304,1791640537100000000",
)
_NAMES = FieldNames(usual_names(), request_names(), is_loose=True)
_FITTED = 1_000
"""The number of sampled lines."""


@dataclass(frozen=True)
class CsvLogLayout(NamedFieldsLayout):
    """The layout of one table."""

    rows: Dialect
    columns: tuple[str, ...]

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED."""
        fields = self.paths.texts(lambda path: self.rows.field(self.columns.index(path[0])))
        rows = self.rows.split(lines).select("source", "line_no", "fault", **fields)
        return self.parse(rows, fields, assets)

    @property
    def can_mend(self) -> bool:
        """Whether `mend` can repair lines that `scan` cannot read."""
        return True

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES with each multi-line record joined into one line."""
        return self.rows.mend(frames)


def _names_requests(names: Sequence[str]) -> bool:
    """Return whether a header is that of an access log, not of an event export."""
    paths = [(name,) for name in names]
    return names_requests(paths) and _NAMES.is_request(_NAMES.compared(paths))


class CsvLog(LogFormat):
    """Access logs as a table."""

    @property
    def names_requests(self) -> bool:
        """Whether it is an access log whose fields have names."""
        return True

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that are rows of a table whose header has the fields of a request, if their values look like them."""
        share = delimited.header_share(lines, delimited.ANY_SEPARATOR, _names_requests)
        return share if share and _NAMES.has_values(_rows(lines)[2]) else 0.0

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> CsvLogLayout:
        """Return the layout of one table."""
        delimited.refuse_wide_table(source.name, head)
        header, separator, rows = _rows(head)
        names = delimited.split_row(header, separator)
        dialect = Dialect(separator, header, len(names), has_backslashes=delimited.has_backslashes(head))
        return CsvLogLayout(_NAMES.find(rows), needs.timezone, dialect, tuple(names))


def _rows(lines: pl.Series) -> tuple[str, str, list[Mapping[ColumnPath, str | list[Any]]]]:
    """Return the header of a table, its separator, and some of its rows."""
    table = delimited.table_rows(lines)
    separator = max(delimited.ANY_SEPARATOR, key=lambda one: delimited.equal_width_share(table, one))
    names = delimited.split_row(table[0], separator)
    sampled = table.slice(1).gather_every(len(table) // _FITTED + 1)
    rows = [row for line in sampled if len(row := delimited.split_row(line, separator)) == len(names)]
    return table[0], separator, [{(name,): text for name, text in zip(names, row, strict=True)} for row in rows]


FORMAT = CsvLog()
