"""From paths to open logs: each with its format and wrappers, ready to be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit.errors import InputError
from convkit.files import lines, sampling
from convkit.files.copies import without_copies
from convkit.files.paths import Paths, open_sources, path_names
from convkit.files.wrappers import detect_wrapping
from convkit.formats import load_format, strings
from convkit.formats.parsers.base import NO_NEEDS, MixedFormat
from convkit.ingest import detection

if TYPE_CHECKING:
    from contextlib import ExitStack

    from convkit.files.lines import Frame, Source
    from convkit.files.wrappers import Wrapping
    from convkit.formats import Layout
    from convkit.formats.parsers.base import Needs
    from convkit.formats.strings.template import StringTemplate


@dataclass(frozen=True)
class Log:
    """A source, its number, and its layout."""

    source: Source
    number: int
    name: str
    """What users call the format."""
    layout: Layout
    around: Wrapping | None = None
    """What stands around its lines."""
    texts: tuple[str, ...] = ()
    """Of PARSED, texts that this run needs and not every one does."""
    visitor: tuple[str, ...] = ()
    """The rules that tell visitors."""

    @property
    def wrappers(self) -> tuple[str, ...]:
        """What stands around its lines, the outermost first."""
        return self.around.names if self.around else ()

    @property
    def has_local_times(self) -> bool:
        """Whether times say no zone."""
        return self.layout.has_local_times


@dataclass(frozen=True)
class OpenLogs:
    """Logs that were opened and not read yet, in the order of the command line."""

    logs: tuple[Log, ...]
    copies: tuple[str, ...] = ()
    """A sentence for each log that was left out because others hold all of it."""


def open_logs(paths: Paths, log_format: str, stack: ExitStack, needs: Needs = NO_NEEDS) -> OpenLogs:
    """Open the logs that the paths name: files, globs, directories (their regular files) and `-`; `stack` closes them.

    `needs` is what a run needs of their lines. Copies are left out.

    Raises InputError for what cannot be read or is of no known format, UsageError for an unknown format.
    """
    wanted = strings.canonical_name(log_format)
    own = strings.parse_option(wanted)
    sources, copies = open_sources(path_names(paths), stack), list[str]()
    if len(sources) > 1:
        sources, copies = without_copies(sources)
    logs = tuple(_open_log(source, number, own or wanted, needs, stack) for number, source in enumerate(sources))
    return OpenLogs(logs, tuple(copies))


def _open_log(source: Source, number: int, wanted: str | StringTemplate, needs: Needs, stack: ExitStack) -> Log:
    """Return a log with its format: the one wanted, or the one that reads most of its lines, made to fit the file."""
    is_file = source.packing == lines.PARQUET
    head = sampling.sample(source)
    if not isinstance(wanted, str):
        around = detect_wrapping(head, source)
        around = around if around and wanted.sniff(around.of(head)) > wanted.sniff(head) else None
        return Log(source, number, strings.OWN_FORMAT, wanted.fit(source, head, needs), around, needs.texts, needs.visitor)
    around = None if is_file else detect_wrapping(head, source)
    if around:
        around = around.without(detection.foreign_programs(around.by_program(head), wanted))
        head = around.of(head)
    names = ["parquet"] if is_file else detection.detect_formats(source, head, needs) if wanted == "auto" else [wanted]
    if not is_file and not head.str.contains(r"\S").any():
        # Nothing is in it: every format reads that, but for those that ask the file what it is.
        names = [detection.USUAL_FORMAT]
    log_formats = [load_format(name) for name in names]
    if names == ["parquet"] and not is_file:
        raise InputError(f"{source.name} is no Parquet file; leave out --log-format, or name another")
    opened = stack.enter_context(log_formats[0].as_lines(source))
    if opened is not source:
        source, head = opened, sampling.sample(opened)
    layouts = tuple(log_format.fit(source, head, needs) for log_format in log_formats)
    claims = tuple(claim for log_format in log_formats[1:] if (claim := log_format.claims()) is not None)
    layout = MixedFormat(layouts, claims) if claims else layouts[0]
    return Log(source, number, " and ".join(names), layout, around, needs.texts, needs.visitor)


def unwrap(read: Frame, log: Log) -> Frame:
    """Return LINES of one log, of what `lines.scan` returns: what is around them is taken off."""
    bare = read.with_columns(outer=pl.lit(None, dtype=pl.String))
    return log.around.peeled(bare) if log.around else bare
