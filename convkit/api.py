"""The Python API: reports and comparisons as results; records, hits and sessions from logs as frames."""

from __future__ import annotations

import html
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import polars as pl

from convkit.authoring import suggest
from convkit.comparison import report as comparison
from convkit.core.options import CompareOptions, Options
from convkit.engine import plan, run
from convkit.errors import UsageError, suggestion
from convkit.goals.loader import load_goals
from convkit.outputs import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from convkit.core.document import Document, Finding, Note, Period, Report
    from convkit.core.model import Goals
    from convkit.files.paths import Paths

__all__ = ["CompareKeywords", "Keywords", "Result", "compare", "load_goals", "read_hits", "read_records", "read_sessions", "report"]


class Keywords(TypedDict, total=False):
    """The options of a run, named as on the command line (`core.options.Options`)."""

    goals: Goals | str | Path | None
    log_format: str
    timezone: str | None
    since: str | None
    until: str | None
    last: str | None
    bots: str
    where: Sequence[str]
    by: str | None
    sort: str | None
    settings: Sequence[str]
    fail_if: Sequence[str]
    alerts: bool
    rejects: bool
    memory: str | None
    max_unpacked: str | None
    verbose: bool


class CompareKeywords(Keywords, total=False):
    """The options of a comparison (`core.options.CompareOptions`); `against` is `--with`."""

    against: str | None
    variant: str | None
    at: str | None


class Result:
    """The reports of a run. Each is available as an attribute and as an item: a Polars DataFrame with the columns of `convkit REPORT -f csv`."""

    def __init__(self, document: Document, *, verbose: bool = False) -> None:
        """Wrap a document; if `verbose`, its screen also shows the definitions."""
        self.document = document
        self._verbose = verbose
        self._frames: dict[str, pl.DataFrame] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the reports as on the command line; reports appended to another one come last."""
        return (*self.document.reports, *self.document.asides)

    def __getitem__(self, name: str) -> pl.DataFrame:
        """Return the frame of a report. Raises KeyError."""
        if name not in self._frames:
            self._frames[name] = _with_plain_money(self._report(name))
        return self._frames[name]

    def __getattr__(self, name: str) -> pl.DataFrame:
        """Return the frame of a report, with `_` instead of `-` in its name. Raises AttributeError."""
        if name.startswith("_") or name == "document":  # Copying asks for these attributes before there is a document.
            raise AttributeError(name)
        reports = {report.replace("-", "_"): report for report in self.names}
        if name not in reports:
            raise AttributeError(f"this result has no report {name!r}{suggestion(name, reports, 'Reports')}")
        return self[reports[name]]

    def __dir__(self) -> list[str]:
        """Return the names of the attributes, including the reports."""
        return sorted({*super().__dir__(), *(name.replace("-", "_") for name in self.names)})

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes that qualify the figures of all reports; each has a `code` and a `text`."""
        return self.document.notes

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of `convkit report`; each has a `text` and a `command` that shows more."""
        return self.document.findings

    @property
    def input(self) -> Mapping[str, int]:
        """The number of `lines`, and how many were `kept`, `asset`, `bot` and so on, which add up to `lines`."""
        return self.document.input

    @property
    def period(self) -> Period:
        """The period of the figures: `begin` and `end`, both included, and `timezone`."""
        return self.document.period

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about input that was lost or damaged."""
        return self.document.warnings

    @property
    def rejects(self) -> pl.DataFrame | None:
        """The lines that could not be read, with columns `file, line, reason, text`; None without `rejects=True`."""
        return self.document.rejects

    def render(self, output: str = "table", *, width: int = 120, limit: int | None = None, verbose: bool | None = None) -> str | bytes:
        """Return all reports in an output: bytes for Parquet, text for all others.

        `width`, `limit` (rows per report, 0 for all) and `verbose` (with definitions; by default as in the run) apply to `table`. Raises UsageError.
        """
        return render(self.document, output, width=width, limit=limit, verbose=self._verbose if verbose is None else verbose)

    def write(self, path: str | Path, output: str | None = None) -> None:
        """Write a file whose extension decides the output, or one file per report into a directory (a path without an extension).

        Raises OutputError, UsageError.
        """
        from convkit.cli.deliver import destination, write_document  # noqa: PLC0415 (the command line loads only where files are written)
        from convkit.cli.overwriting import refuse_logs, refuse_read_files  # noqa: PLC0415 (as above)

        is_folder = not PurePath(path).suffix and output is None
        target = destination(f"{path}/" if is_folder else str(path), output)
        refuse_read_files(target.files(self.document.reports), self.document)
        refuse_logs(target.files(self.document.reports), Options())
        write_document(self.document, target, None)

    def __repr__(self) -> str:
        """Return the period and the names of the reports on one line."""
        begin, end = self.period.begin, self.period.end
        days = f" {begin:%Y-%m-%d} to {end:%Y-%m-%d}" if begin and end else ""
        return f"<convkit.Result{days}: {', '.join(self.names)}>"

    def __str__(self) -> str:
        """Return the reports as `convkit` prints them."""
        return str(self.render())

    def _repr_html_(self) -> str:
        """Return the reports as HTML, for notebooks."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def _report(self, name: str) -> Report:
        """Return a report by name. Raises KeyError."""
        reports = {**self.document.reports, **self.document.asides}
        if name not in reports:
            raise KeyError(f"no report {name!r} in this result{suggestion(name, reports, 'Reports')}")
        return reports[name]


def _with_plain_money(report: Report) -> pl.DataFrame:
    """Return the frame of a report with money as Int64, which NumPy knows, unlike the Int128 that only totals of trillions need."""
    frame = report.frame
    as_int64 = {column.name: frame[column.name].cast(pl.Int64, strict=False) for column in report.columns if column.unit == "money"}
    return frame.with_columns(values for name, values in as_int64.items() if values.null_count() == frame[name].null_count())


def report(logs: Paths, reports: Sequence[str] | None = None, *, options: Mapping[str, object] | None = None, **keywords: Unpack[Keywords]) -> Result:
    """Read logs and return reports, by default those of `convkit report`.

    `options` are the options that a single report has, like `{"to": "cart"}` for `paths`; keywords are the other command-line options.

    Raises GoalsFileError, InputError, OutputError, UsageError.
    """
    if isinstance(reports, str):
        raise UsageError(f"reports={reports!r} is a string; pass a list, like reports=[{reports!r}]")
    run_options = _options(Options, keywords)
    with suggest.with_goals(logs, run_options) as (paths, with_goals):
        return Result(run.report(paths, plan.plan_reports(with_goals, reports, options)), verbose=run_options.verbose)


def compare(logs: Paths, **keywords: Unpack[CompareKeywords]) -> Result:
    """Read logs and compare a period with the one before it, or two groups of sessions; the result has one report, `compare`.

    Raises GoalsFileError, InputError, OutputError, UsageError.
    """
    run_options = _options(CompareOptions, keywords)
    with suggest.with_goals(logs, run_options) as (paths, with_goals):
        return Result(comparison.compare(paths, with_goals), verbose=run_options.verbose)


def read_records(logs: Paths, log_format: str = "auto") -> pl.LazyFrame:
    """Return the parsed lines of logs (RECORDS), including static files and bots, before they are classified. Raises InputError, UsageError.

    A plain log of more than 256 MB is read when the frame is collected, and only in the formats of its sampled lines: unlike in reports, lines of a
    kind that appears only between these are left out.
    """
    return run.read_records(logs, log_format)


def read_hits(logs: Paths, goals: Goals | str | Path | None = None, log_format: str = "auto") -> pl.LazyFrame:
    """Return the hits made by people (HITS), sorted by visitor and time, with a Boolean column `names:GOAL` for each goal.

    Raises GoalsFileError, InputError, UsageError.
    """
    with suggest.with_goals(logs, Options(goals=goals, log_format=log_format)) as (paths, options):
        return run.read_hits(paths, options)


def read_sessions(logs: Paths, **keywords: Unpack[Keywords]) -> pl.LazyFrame:
    """Return one row per session (SESSIONS), sorted by start, with its device, its channel and a Boolean column `goal:GOAL` for each goal.

    Raises GoalsFileError, InputError, UsageError.
    """
    with suggest.with_goals(logs, _options(Options, keywords)) as (paths, options):
        return run.read_sessions(paths, options)


def _options(kind: Any, keywords: Mapping[str, Any]) -> Any:  # noqa: ANN401 (options of that class)
    """Return an instance of an options class; raises TypeError for an unknown keyword."""
    return kind(**keywords)
