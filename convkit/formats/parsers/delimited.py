"""Rows of an export's table, with a header or none -> CELLS.

It stands alone because the columns of a table may be the roles of events, or hold the properties of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import InputError
from convkit.formats.parsers import columns as parsers_columns
from convkit.formats.parsers import exports, separated
from convkit.formats.parsers.separated import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from convkit.formats.parsers.assets import Assets
    from convkit.formats.parsers.columns import Asked, Columns
    from convkit.formats.parsers.presets import Place

_ENOUGH = 0.5
"""The share of lines with the same number of fields that makes them a table."""
_CLOCKS = 100
_WITH_COMMA = r"^-?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+$"


@dataclass(frozen=True)
class Table:
    """How an export is laid out: a format of lines, made for one file."""

    rows: Rows
    columns: Columns
    others: Mapping[str, int] = field(default_factory=dict)
    """The columns that have no role."""

    def scan(self, lines: pl.LazyFrame, _assets: Assets) -> pl.LazyFrame:
        """Return CELLS and EVENT_CELLS of LINES, and a `prop.NAME` for each property that is there."""
        fields = {name: self._value(name, place) for name, place in self.columns.fields.items()}
        rows = self.rows.split(lines).select("source", "line_no", "fault", props=self._props(), **fields)
        return exports.cells(rows, self.columns)

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES with records that go on over several lines joined."""
        return self.rows.mend(frames)

    def _value(self, name: str, place: Place) -> pl.Expr:
        """Return what a field says, or what stands within its text; a decimal comma, as beside semicolons, is a point to all others."""
        text = exports.text_within(self.rows.field(int(place[0])), place[1:])
        if self.rows.separator != ";" or not (name == "value" or name.startswith("prop.")):
            return text
        points = pl.when(text.str.contains(_WITH_COMMA)).then(text).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return pl.coalesce(points, text)

    def _props(self) -> pl.Expr:
        """Return the properties as JSON: the column that holds them, or all columns that say nothing else."""
        if self.columns.props:
            return self.rows.field(int(self.columns.props[0]))
        if not self.others:
            return pl.lit(None, dtype=pl.String)
        return pl.struct([self.rows.field(place).alias(name) for name, place in self.others.items()]).struct.json_encode()


def share(lines: pl.Series, separators: Sequence[str], is_wanted: Callable[[Sequence[Place]], bool] | None = None) -> float:
    """Return the share of lines that are rows of a table whose header has names that are known, or wanted."""
    return separated.share(lines, separators, lambda names: (is_wanted or _is_of_export)([(name,) for name in names]))


def alike(lines: pl.Series, separators: Sequence[str]) -> float:
    """Return the share of lines that have as many fields as the first, between the separator of which this holds most."""
    table = separated.said(lines)
    is_json = table.head(1).str.contains(r"^\s*[{\[]").any()
    return 0.0 if is_json else max(separated.likeness(table, separator) for separator in separators)


def fit(lines: pl.Series, called: str, asked: Asked, separators: Sequence[str], headless: Sequence[str] = ()) -> Table:
    """Return how a table is laid out; `headless` are the names of its columns where it never has a header, nor quotes.

    Raises InputError where its lines are no table, or it does not say what a run needs.
    """
    table = separated.said(lines)
    best = max(separators, key=lambda separator: separated.likeness(table, separator))
    if not len(table) or separated.likeness(table, best) < _ENOUGH:
        raise InputError(f"{called} is no table: its lines do not have the same number of fields between {' or '.join(map(repr, separators))}")
    first, has_header = list(headless) or separated.names_in(table[0], best), asked.has_header and not headless
    names: list[Place] = [(name,) for name in first] if has_header or headless else [(str(number),) for number in range(1, len(first) + 1)]
    rows = [separated.names_in(line, best) for line in table[has_header:_CLOCKS]]

    def values(place: Place) -> list[str]:
        return [row[names.index(place)].strip() for row in rows if len(row) == len(first)]

    found = parsers_columns.find(names, asked, called, values)
    others = {name[0]: number for number, name in enumerate(names) if name not in set(found.roles.values())}
    return Table(Rows(best, table[0] if has_header else None, len(first), not headless), _numbered(found, names), others)


def _is_of_export(names: Sequence[Place]) -> bool:
    """Tell a header whose names are known, and not those of an access log."""
    return parsers_columns.is_known(names) and not parsers_columns.is_access_log(names)


def _numbered(found: Columns, names: Sequence[Place]) -> Columns:
    """Return columns by their numbers, from 0, those that are there; behind the number the names within a column's text."""
    numbers = {name: str(number) for number, name in reversed([*enumerate(names)])}

    def numbered(places: Mapping[str, Place]) -> dict[str, Place]:
        there = {name: (place, found.column(place)) for name, place in places.items() if found.column(place) in numbers}
        return {name: (numbers[column], *place[len(column) :]) for name, (place, column) in there.items()}

    props = (numbers[found.props],) if found.props in numbers else ()
    return replace(found, roles=numbered(found.roles), properties=numbered(found.properties), props=props)
