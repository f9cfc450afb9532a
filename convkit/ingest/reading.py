"""Paths -> logs -> formats -> the cells of every line.

It stands alone because it is the only place that knows files, formats and lines together.
"""

from __future__ import annotations

import glob
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import plugins, writing
from convkit.core.schema import EVENT_CELLS, RECORDS
from convkit.errors import InputError, UsageError
from convkit.files import archives, lines, remote, sampling
from convkit.files import wrappers as files_wrappers
from convkit.files.copies import without_copies
from convkit.formats.parsers import escapes, requests, senders
from convkit.formats.parsers.columns import NOTHING
from convkit.formats.parsers.mixtures import Mixture
from convkit.formats.strings import own_formats
from convkit.ingest import recognizing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import ExitStack

    from convkit.files.lines import Frame, Source
    from convkit.files.wrappers import Wrapping
    from convkit.formats.parsers.columns import Asked
    from convkit.formats.strings.log_strings import OwnTemplate

    Paths = str | Path | Iterable[str | Path]
    """One log, or several."""

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Log:
    """A source, its number, and its format made to fit it: an object that has `scan`, and perhaps `mend`."""

    source: Source
    number: int
    name: str
    """What users call the format."""
    format: Any
    around: Wrapping | None = None
    """What stands around its lines."""
    texts: tuple[str, ...] = ()
    """Of CELLS, texts that this run needs and not every one does."""
    visitor: tuple[str, ...] = ()
    """The rules that tell visitors."""

    @property
    def wrappers(self) -> tuple[str, ...]:
        """What stands around its lines, the outermost first."""
        return self.around.names if self.around else ()

    @property
    def has_local_times(self) -> bool:
        """Whether times say no zone."""
        return bool(getattr(getattr(self.format, "columns", self.format), "has_local_times", False))


def open_logs(paths: Paths, log_format: str, stack: ExitStack, asked: Asked = NOTHING, said: list[str] | None = None) -> list[Log]:
    """Return the logs that the paths name: files, globs, directories (their regular files) and `-`; `stack` closes what was opened.

    `asked` is what is asked of them. Copies are left out, with a sentence for each added to `said`.

    Raises InputError for what cannot be read or is of no known format, UsageError for an unknown format.
    """
    wanted = own_formats.named(log_format)
    own = own_formats.of_option(wanted)
    sources = _sources(listed(paths), stack)
    if len(sources) > 1:
        sources, copies = without_copies(sources)
        if said is not None:
            said += copies
    return [_log(source, number, own or wanted, asked, stack) for number, source in enumerate(sources)]


def listed(paths: Paths) -> list[str]:
    """Return paths as texts, be it one alone."""
    return [str(paths)] if isinstance(paths, str | Path) else [str(path) for path in paths]


def _sources(paths: Sequence[str], stack: ExitStack) -> list[Source]:
    """Return each log that the paths name, once."""
    if paths.count(STANDARD_INPUT) > 1:
        raise UsageError("`-` is standard input and can be read once; name it once")
    found: dict[object, Source] = {}
    for path in paths:
        if path == STANDARD_INPUT:
            if sys.stdin is None:
                raise InputError("standard input is closed; give it a log, as in zcat access.log.gz | convkit report -")
            found[path] = stack.enter_context(lines.spooled(sys.stdin.buffer, "standard input"))
            continue
        if remote.is_remote(path):
            found[path] = stack.enter_context(remote.fetched(path))
            continue
        for file in _files(path):
            if _state(file) not in found:
                found[_state(file)] = _source(file, stack)
    return [log for source in found.values() for log in archives.logs_of(source)]


def _state(file: Path) -> tuple[int, int]:
    """Return what tells a file from others, whatever link names it."""
    try:
        state = file.stat()
    except OSError as error:
        raise lines.cannot_be_read(file, error) from None
    return state.st_dev, state.st_ino


def _source(file: Path, stack: ExitStack) -> Source:
    """Return a file as a log; what can be read once, like a pipe, or has a name that is no text, which Polars cannot open, is put aside first."""
    called, name = (os.fsencode(path).decode("utf-8", "replace") for path in (file, file.name))
    if lines.is_regular(file) and called == str(file):
        return lines.open_source(file, name, called)
    try:
        return stack.enter_context(lines.spooled(stack.enter_context(file.open("rb")), name))
    except OSError as error:
        raise writing.no_room(error) or lines.cannot_be_read(file, error) from None


def _files(path: str) -> list[Path]:
    """Return the files that one argument names."""
    place = Path(path)
    if place.is_dir():
        inside = sorted(file for file in place.iterdir() if file.is_file() and not file.name.startswith("."))
        if not inside:
            raise InputError(f"{path} holds no files; directories are not searched further down")
        return inside
    if place.exists() or not glob.has_magic(path):
        return [place]
    matched = sorted(Path(name) for name in glob.glob(path) if Path(name).is_file())  # noqa: PTH207 (a pattern of any path, also an absolute one)
    if not matched:
        raise InputError(f"no file matches {path}; check the pattern, and quote it or not as the shell needs it")
    return matched


def _log(source: Source, number: int, wanted: str | OwnTemplate, asked: Asked, stack: ExitStack) -> Log:
    """Return a log with its format: the one wanted, or the one that reads most of its lines, made to fit the file."""
    is_file = source.packing == lines.PARQUET
    head = sampling.sample(source)
    if not isinstance(wanted, str):
        around = files_wrappers.around(head, source)
        around = around if around and wanted.sniff(around.of(head)) > wanted.sniff(head) else None
        return Log(source, number, own_formats.NAME, wanted.fit(source, head, asked), around, asked.texts, asked.visitor)
    around = None if is_file else files_wrappers.around(head, source)
    if around:
        around = around.without(recognizing.unread(around.by_program(head), wanted))
        head = around.of(head)
    names = ["parquet"] if is_file else recognizing.names_of(source, head, asked) if wanted == "auto" else [wanted]
    if not is_file and not head.str.contains(r"\S").any():
        # Nothing is in it: every format reads that, but for those that ask the file what it is.
        names = [recognizing.USUAL]
    modules = [plugins.load("formats", name) for name in names]
    if names == ["parquet"] and not is_file:
        raise InputError(f"{source.name} is no Parquet file; leave out --log-format, or name another")
    if hasattr(modules[0], "as_lines"):
        source = stack.enter_context(modules[0].as_lines(source))
        head = sampling.sample(source)
    layouts = tuple(module.fit(source, head, asked) for module in modules)
    layout = layouts[0] if len(modules) == 1 else Mixture(layouts, tuple(module.claims() for module in modules[1:]))
    return Log(source, number, " and ".join(names), layout, around, asked.texts, asked.visitor)


def peeled(read: Frame, log: Log) -> Frame:
    """Return LINES of one log, of what `lines.scan` returns: what is around them is taken off."""
    bare = read.with_columns(outer=pl.lit(None, dtype=pl.String))
    return log.around.peeled(bare) if log.around else bare


def records(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return RECORDS, `asset` and `problem` of CELLS, senders and requests taken apart line by line, escapes undone."""
    nothing = pl.LazyFrame(schema=EVENT_CELLS)
    whole = pl.concat([cells, nothing], how="diagonal")
    apart = whole.pipe(senders.add_words).pipe(requests.add_words).with_columns(target=pl.coalesce("target", requests.sent_by_probe()))
    return apart.with_columns(**{name: escapes.undone(name) for name in escapes.KEPT}).select(*RECORDS, "asset", "problem")
