"""The reports, one per file, each a module with the members of `ReportModule`; its docstring's first line is its help (up to 66 characters).

`analysis.sessions` and `analysis.hits` have the columns of `core.schema.SESSIONS` and `MATCHED`. Their times are in UTC; the site's time zone is
`analysis.goals.site.timezone`. For a short report to start from, see `sessions.py`, which lists rows, or `pages.py`, which counts them and can be
broken down.

A new column goes at the end of COLUMNS, because scripts rely on the order of columns in files. The screen has its own selection of columns: the
mapping of `Shown` objects that the report draws.

A report module may also have

- `BREAKDOWN`: how the report is drawn if it is broken down by a key (`analysis.breakdown_screen.BreakdownTable`); its tallies then start with the
  columns `analysis.by`, and its own columns with `view.keys`. A report without it cannot be broken down;
- `SESSION_FIELDS`: the session fields (`device`, `channel`, ...) that the report needs;
- `CAN_BE_LONG`: the names of tallies that may also be `core.long_rows.LongRows`, on disk; then the rows of its report may be, too. In a breakdown,
  all are frames;
- `OPTIONS`: the options that only this report has, as a plain dictionary from the name to the placeholder of the value and the help text; and
  `parse_options(options, goals)`, which returns what they mean or raises UsageError. `analysis.options` and `view.options` hold the options as given.
  If a placeholder ends in `...`, the option may be repeated, and its values are joined with commas;
- `reason_for_file(options)`: why a report with these options may be written to a file only, or an empty string if it may be shown.
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
    """The interface of a report module."""

    PLACE: int
    """Its position in the list of commands and on the screen of `convkit report`: smallest first, ties broken by name."""
    IN_REPORT: bool
    """Whether it is part of `convkit report`."""
    COLUMNS: tuple[Column, ...]
    """Its columns, in the order in which files have them."""

    def tally(self, analysis: Analysis, /) -> dict[str, pl.LazyFrame]:
        """Return additive rows by name: columns of Int64, and of Int128 for money, are summed.

        All others are keys, including `visitor`, which becomes visitor IDs, and the other columns of `visitor_ids.ID_COLUMNS`.
        """
        ...

    def present(self, tally: dict[str, pl.DataFrame], view: View, /) -> Report:
        """Return the finished report, from tallies that may have been summed over several parts of the visitors.

        Frames may be taken out of `tally`, so that they need not be in memory together with the report.
        """
        ...


def load(name: str) -> ReportModule:
    """Import the report that users call `name`."""
    return cast("ReportModule", plugins.load(FOLDER, name))


def names_in_report() -> list[str]:
    """Return the names of the reports that make up `convkit report`, in the order of its screen."""
    return [name for name in plugins.names_in_order(FOLDER) if load(name).IN_REPORT]


def breakdown_of(name: str) -> BreakdownScreen | None:
    """Return how a report is drawn if it is broken down, or None if it cannot be broken down."""
    return getattr(load(name), "BREAKDOWN", None)


def session_fields(name: str) -> tuple[str, ...]:
    """Return the session fields that a report needs."""
    return getattr(load(name), "SESSION_FIELDS", ())


def reason_for_file(name: str, options: Mapping[str, str]) -> str:
    """Return why a report with these options may be written to a file only, or an empty string if it may be shown."""
    reason: str = getattr(load(name), "reason_for_file", lambda _: "")(options)
    return reason


def can_be_long(report: str, tally: str) -> bool:
    """Return whether a tally may be on disk when a report, if it is one, is made from it."""
    return report in plugins.names(FOLDER) and tally in getattr(load(report), "CAN_BE_LONG", ())


def check_options(name: str, options: Mapping[str, str], goals: Goals) -> None:
    """Raise UsageError if the values of a report's own options are invalid."""
    if plugins.options(FOLDER, name):
        plugins.load(FOLDER, name).parse_options(options, goals)
