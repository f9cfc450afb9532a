"""The log formats, one file each. The first line of a format's docstring says what the format is; its module contains

- `SAMPLES`: some lines in the format; `convkit formats` shows the first, and tests read all of them;
- `FORMAT`: a `LogFormat`, usually an instance of a parser such as `JsonLog(...)` or `Template(...)`; `parsers/__init__.py` lists the parsers.

A custom class inherits from `LogFormat` and overrides `sniff`, `fit`, and any other member whose default does not suit it.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from convkit.core import plugins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.presets import Preset


@runtime_checkable
class Layout(Protocol):
    """The layout of one log: a format that was fitted to the log."""

    @property
    def has_local_times(self) -> bool:
        """Whether some of its times have no time zone."""
        return False

    @property
    def has_only_days(self) -> bool:
        """Whether its times are days without a time of day."""
        return False

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how the log was read that its user should know, each without the log's name."""
        return ()

    @property
    def can_mend(self) -> bool:
        """Whether `mend` can repair lines that `scan` cannot read."""
        return False

    @property
    def reorders(self) -> bool:
        """Whether `scan` puts lines in order, for which it needs all of them in memory."""
        return False

    def time_texts(self, _lines: pl.Series, /) -> Sequence[str]:
        """Return the times in some lines as they are written, if this is known."""
        return ()

    @property
    def doubtful_senders(self) -> pl.Expr | None:
        """Whether a `sender` may come from a line of another format, which this one reads only in part; None if that is impossible."""
        return None

    def late_lines(self, _lines: pl.Series, /) -> Layout | None:
        """Return the layout for lines of a kind that was not among those that this one was fitted to, or None if it would be the same."""
        return None

    def scan(self, lines: pl.LazyFrame, assets: Assets, /) -> pl.LazyFrame:
        """Parse LINES into PARSED and, for an export, also PARSED_EVENTS and a `prop.NAME` for each property."""
        ...

    def mend(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield LINES that `scan` can read."""
        yield from frames


@runtime_checkable
class LogFormat(Protocol):
    """A log format."""

    @property
    def comment(self) -> str | None:
        """The beginning of header lines, which are ignored when a format is detected."""
        return None

    @property
    def preset(self) -> Preset | None:
        """The preset of the tool whose exports are in this format, if there is one."""
        return None

    @property
    def finds_fields(self) -> bool:
        """Whether `fit` finds fields by the names and values in the lines it is given, so that these must be from all over the log."""
        return False

    def late_names(self, _head: pl.Series, _needs: Needs, /) -> str:
        """Return a pattern for the names of fields that `fit` would use, but that the first lines do not have; it is empty if there are none."""
        return ""

    @property
    def names_requests(self) -> bool:
        """Whether it is an access log whose fields have names, like those of an export's columns."""
        return False

    def claims(self) -> pl.Expr | None:
        """Return an expression on `line` that is true for this format, so that a log may mix formats, or None if single lines are ambiguous."""
        return None

    def sniff(self, lines: pl.Series, /) -> float:
        """Return the share of lines that this format reads best, from 0 to 1."""
        ...

    def sniff_rows(self, _lines: pl.Series, /) -> float:
        """Return the share of lines that are rows of an export whose column names are unknown, from 0 to 1."""
        return 0.0

    def as_lines(self, source: Source) -> AbstractContextManager[Source]:
        """Open a file as a log that consists of lines. Raises InputError if it is damaged."""
        return nullcontext(source)

    def fit(self, source: Source, head: pl.Series, needs: Needs, /) -> Layout:
        """Return the layout of one log, detected from its first lines. Raises InputError if the log lacks what a run needs."""
        ...


def load_format(name: str) -> LogFormat:
    """Return the format that users call `name`."""
    log_format: LogFormat = plugins.load("formats", name).FORMAT
    return log_format


def load_formats() -> dict[str, LogFormat]:
    """Return all formats by name."""
    return {name: load_format(name) for name in plugins.names("formats")}


def sample_lines(name: str) -> tuple[str, ...]:
    """Return some lines of a format."""
    lines: tuple[str, ...] = plugins.load("formats", name).SAMPLES
    return lines
