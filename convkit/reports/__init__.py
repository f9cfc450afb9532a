"""The reports, one per file: a module with what `ReportModule` has; the first line of its docstring is its help, at most 66 characters.

`analysis.sessions` and `analysis.hits` have the columns of `core.schema.SESSIONS` and `MATCHED`. Their times are in UTC; the site's time zone is
`analysis.goals.site.timezone`. Short reports to start from are `sessions.py`, which lists rows, and `pages.py`, which counts them and can be broken
down.

A new column goes at the end of COLUMNS, because scripts rely on the order of columns in files. A screen has its own selection of columns: the mapping
of `Shown` that the report draws.

It may also have

- `BREAKDOWN`: how it is drawn if it is broken down by a key (`analysis.breakdown_screen.BreakdownTable`); its tallies then begin with the columns
  `analysis.by`, and what it presents begins with `view.keys`. A report without it cannot be broken down;
- `SESSION_FIELDS`: the fields of sessions (`device`, `channel`, ...) that it needs;
- `OPTIONS`, a plain dictionary: the options that only this report has, by name the placeholder of the value and the help; and `parse_options(options,
  goals)`, which returns their meaning or raises UsageError. `analysis.options` and `view.options` hold the given texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from convkit.core import plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.breakdown_screen import BreakdownScreen
    from convkit.core.document import Column, Report
    from convkit.core.model import Goals

FOLDER = "reports"


class ReportModule(Protocol):
    """The module of a report."""

    PLACE: int
    """Its position in the list of commands and on the screen of `convkit report`: smallest first, ties by name."""
    IN_REPORT: bool
    """Whether it is part of `convkit report`."""
    COLUMNS: tuple[Column, ...]
    """Its columns, in the order of files."""

    def tally(self, analysis: Analysis, /) -> dict[str, pl.LazyFrame]:
        """Return additive rows by name: Int64 columns are summed, all others are keys; a column `visitor` becomes visitor IDs, which are keys."""
        ...

    def present(self, tally: Mapping[str, pl.DataFrame], view: View, /) -> Report:
        """Return the finished report, from tallies that may be sums of several parts of the visitors."""
        ...


def load(name: str) -> ReportModule:
    """Import the report that users call `name`."""
    return cast("ReportModule", plugins.load(FOLDER, name))


def names_in_report() -> list[str]:
    """Return the reports that `convkit report` consists of, in the order of its screen."""
    return [name for name in plugins.names_in_order(FOLDER) if load(name).IN_REPORT]


def breakdown_of(name: str) -> BreakdownScreen | None:
    """Return how a report is drawn if it is broken down, None if it cannot be."""
    return getattr(load(name), "BREAKDOWN", None)


def session_fields(name: str) -> tuple[str, ...]:
    """Return the fields of sessions that a report needs."""
    return getattr(load(name), "SESSION_FIELDS", ())


def check_options(name: str, options: Mapping[str, str], goals: Goals) -> None:
    """Raise UsageError if the values of a report's own options are invalid."""
    if plugins.options(FOLDER, name):
        plugins.load(FOLDER, name).parse_options(options, goals)
