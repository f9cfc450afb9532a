"""Opening logs: from paths to logs with their format and wrappers, ready to be loaded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import InputError
from convkit.files import encodings, lines, sampling, unpacking
from convkit.files.copies import without_copies
from convkit.files.paths import Paths, open_sources
from convkit.files.wrappers import detect_wrapping
from convkit.formats import load_format, strings
from convkit.formats.parsers import json_events
from convkit.formats.parsers.base import NO_NEEDS, MixedFormat
from convkit.ingest import detection
from convkit.ingest.unwanted import without_unwanted

if TYPE_CHECKING:
    from contextlib import ExitStack

    from convkit.core.filesystem import Identity
    from convkit.files.lines import Source
    from convkit.files.reader import Frame
    from convkit.files.wrappers import Wrapping
    from convkit.formats import Layout
    from convkit.formats.parsers.base import Needs
    from convkit.formats.strings.template import StringTemplate


_MOST_LINES_OF_NOTHING = 1_000
"""The number of lines up to which an export may turn out to have no events at all."""


@dataclass(frozen=True)
class Log:
    """A source with its number and its layout."""

    source: Source
    number: int
    name: str
    """The format's name, as shown to users."""
    layout: Layout
    wrapping: Wrapping | None = None
    """The wrapping of its lines."""
    needs: Needs = NO_NEEDS
    """The data that the run needs from its lines."""
    formats: tuple[str, ...] = ()
    """The formats that were detected; none if the user named the format."""
    is_recoded: bool = False
    """Whether its text was found to be in Windows-1252."""
    blank_lines: int = 0
    """The number of blank lines that were counted when it was read, and that are not among its lines."""

    @property
    def wrappers(self) -> tuple[str, ...]:
        """The names of its wrappers, outermost first."""
        return self.wrapping.names if self.wrapping else ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how it was read that its user should know."""
        recoded = (f"{self.source.name} {encodings.REMARK}",) if self.is_recoded else ()
        return (*recoded, *(f"{self.source.name}: {remark}" for remark in self.layout.remarks))

    @property
    def has_local_times(self) -> bool:
        """Whether its times have no time zone."""
        return self.layout.has_local_times

    @property
    def has_only_days(self) -> bool:
        """Whether its times are days without a time of day."""
        return self.layout.has_only_days


@dataclass(frozen=True)
class OpenLogs:
    """Logs that have been opened but not read yet, in the order of the command line."""

    logs: tuple[Log, ...]
    copies: tuple[str, ...] = ()
    """A sentence for each log that was skipped as a copy."""
    left_out: tuple[str, ...] = ()
    """A sentence that names the files that are not logs of requests, if there are any."""
    files: frozenset[Identity] = frozenset()
    """The files that were opened, also copies and those that are not logs of requests."""


def open_logs(paths: Paths, log_format: str, stack: ExitStack, needs: Needs = NO_NEEDS, max_unpacked: int | None = None) -> OpenLogs:
    """Open the logs that the paths name (files, globs, directories, URLs and `-`), without copies and files of other kinds; `stack` closes them.

    `needs` is the data that a run needs from the lines; `max_unpacked` is the largest number of bytes that a log may be decompressed to. Raises
    InputError for a log that cannot be read or recognised, and UsageError for an unknown format.
    """
    name = strings.canonical_name(log_format)
    template = strings.parse_option(name)
    sources, copies = open_sources(paths, stack, max_unpacked), list[str]()
    files = frozenset(source.file for source in sources if source.file is not None)
    sources, left_out = without_unwanted(sources)
    if len(sources) > 1:
        sources, copies = without_copies(sources)
    logs = tuple(_open_log(source, number, template or name, needs, stack) for number, source in enumerate(sources))
    return OpenLogs(logs, tuple(copies), tuple(left_out), files)


def _open_log(source: Source, number: int, log_format: str | StringTemplate, needs: Needs, stack: ExitStack) -> Log:
    """Return a log with the given format, or the one that reads most of its lines, fitted to the file.

    If a damaged log may have false lines, these are at its end: fewer and fewer of its first lines are tried until a format reads most of them.
    """
    head = sampling.sample(source)
    if needs.encoding == encodings.WINDOWS_1252 and encodings.can_be_recoded(source):
        source = stack.enter_context(encodings.as_utf_8(source))
        head = sampling.sample(source)
    if json_events.hold_nothing(head.head(_MOST_LINES_OF_NOTHING + 1).to_list()) and len(head) <= _MOST_LINES_OF_NOTHING:
        source = stack.enter_context(lines.respool(source, ()))
        head = sampling.sample(source)
    try:
        log = _open_head(source, head, log_format, needs, stack)
    except InputError:
        if not unpacking.may_have_false_lines(source):
            raise
        while len(head) > 1:
            head = head.head(len(head) // 2)
            with suppress(InputError):
                return replace(_open_head(source, head, log_format, needs, stack), number=number)
        raise
    return replace(log, number=number)


def _open_head(source: Source, head: pl.Series, log_format: str | StringTemplate, needs: Needs, stack: ExitStack) -> Log:
    """Return a log with the given format, or the one that reads most of the lines in `head`, fitted to them."""
    is_parquet, raw = source.packing == lines.PARQUET, head
    if not isinstance(log_format, str):
        wrapping = detect_wrapping(head, source)
        wrapping = wrapping if wrapping and log_format.sniff(wrapping.unwrap_texts(head)) > log_format.sniff(head) else None
        return Log(source, 0, strings.OWN_FORMAT, log_format.fit(source, head, needs), wrapping, needs)
    wrapping = None if is_parquet else detect_wrapping(head, source)
    if wrapping:
        wrapping = wrapping.without(detection.foreign_programs(wrapping.by_program(head), log_format))
        head = wrapping.unwrap_texts(head)
    names = ["parquet"] if is_parquet else detection.detect_formats(source, head, needs) if log_format == "auto" else [log_format]
    if not is_parquet and not head.str.contains(r"\S").any():
        # An empty log can be read in any format, except those that inspect the file.
        names = [detection.USUAL_FORMAT]
    if len(names) > 1 and unpacking.may_have_false_lines(source):
        names = names[:1]
    log_formats = [load_format(name) for name in names]
    if names == ["parquet"] and not is_parquet:
        raise InputError(f"{source.name} is not a Parquet file; remove --log-format, or choose another format")
    # The odd bytes in access logs are mostly not text: they are what scanners send.
    is_export = all(map(detection.is_export, names))
    if is_export and needs.encoding == "" and encodings.is_windows_1252(source, head):
        recoded = stack.enter_context(encodings.as_utf_8(source))
        log = _open_log(recoded, 0, log_format, replace(needs, encoding=encodings.UTF_8), stack)
        return replace(log, is_recoded=True)
    opened = stack.enter_context(log_formats[0].as_lines(source))
    if opened is not source:
        source = opened
        head = raw = sampling.sample(opened)
    if any(log_format.finds_fields for log_format in log_formats):
        late_names = [pattern for log_format in log_formats if (pattern := log_format.late_names(head, needs))]
        whole = sampling.sample_throughout(source, raw, "|".join(late_names))
        head = wrapping.unwrap_texts(whole) if wrapping else whole
    layouts = tuple(log_format.fit(source, head, needs) for log_format in log_formats)
    claims = tuple(claim for log_format in log_formats[1:] if (claim := log_format.claims()) is not None)
    layout = MixedFormat(layouts, claims) if claims else layouts[0]
    detected = tuple(names) if log_format == "auto" else ()
    return Log(source, 0, " and ".join(names), layout, wrapping, needs, detected)


def unwrap(scanned: Frame, log: Log) -> Frame:
    """Return LINES of a log without wrappers, given the result of `lines.scan`."""
    wrapped = scanned.with_columns(outer=pl.lit(None, dtype=pl.String))
    return log.wrapping.unwrap(wrapped) if log.wrapping else wrapped
