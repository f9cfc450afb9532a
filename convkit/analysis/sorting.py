"""Sorting (`--sort COLUMN[:asc]`): the rows of a report by one of its columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convkit.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from convkit.core.document import Column, Report

_ASCENDING, _DESCENDING = "asc", "desc"


@dataclass(frozen=True)
class Sorting:
    """A column, and whether its smallest values come first."""

    column: str
    is_ascending: bool = False

    @property
    def words(self) -> str:
        """The sort order in words, for a heading."""
        return f"by {self.column}" + (", smallest first" if self.is_ascending else "")

    def is_of(self, columns: Iterable[Column]) -> bool:
        """Return whether a report has the column."""
        return any(column.name == self.column for column in columns)


def parse_sorting(text: str, columns: Mapping[str, Iterable[Column]]) -> Sorting:
    """Return the sort order given with `--sort`. Raises UsageError if no report has the column."""
    column, _, direction = text.partition(":")
    names = list(dict.fromkeys(one.name for of_report in columns.values() for one in of_report))
    if column not in names:
        heading = f"Columns of {next(iter(columns))}" if len(columns) == 1 else "Columns"
        raise UsageError(f"--sort {text}: unknown column {column!r}{suggestion(column, names, heading)}")
    if direction not in {"", _ASCENDING, _DESCENDING} or text.endswith(":"):
        raise UsageError(f"--sort {text}: use {column} for largest first, or {column}:{_ASCENDING} for smallest first")
    return Sorting(column, direction == _ASCENDING)


def sort_report(report: Report, sorting: Sorting) -> Report:
    """Return a report sorted by the column, if it has that column; ties stay in the order of the report, and missing values come last."""
    if not sorting.is_of(report.columns):
        return report
    rows = report.rows.sort(sorting.column, descending=not sorting.is_ascending, nulls_last=True, maintain_order=True)
    return replace(report, rows=rows)
