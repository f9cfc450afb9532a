"""Paths -> logs -> formats -> the cells of every line.

It stands alone because it is the only place that knows files, formats and lines together.
"""

from __future__ import annotations

import glob
import math
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import addresses, lines, plugins, requests, sampling, senders, writing
from convkit.columns import NOTHING
from convkit.copies import without_copies
from convkit.errors import InputError, UsageError, did_you_mean
from convkit.schema import RECORDS
from convkit.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

    from convkit.columns import Asked
    from convkit.lines import Source

STANDARD_INPUT = "-"
SHOWN, _TRIED, _LONGEST = 3, 1_000, 500
"""How many lines of a log that is not read are shown."""
_RECOGNISED = 0.5
"""Of the lines looked at, the share that a format must read to be taken for the log's."""
_OF_NOTHING = "combined"
_SURELY = 0.9
"""The share that must be alike to be taken for an export's, where no name of a column is known."""


@dataclass(frozen=True)
class Log:
    """A source, its number and its format: `COMMENT`, `is_asset` and `scan` of a module, or of an export's format made to fit the file."""

    source: Source
    number: int
    name: str
    """What users call the format."""
    format: Any
    texts: tuple[str, ...] = ()
    """Of CELLS, texts that this run needs and not every one does."""

    @property
    def has_local_times(self) -> bool:
        """Whether times of an export say no zone."""
        found = getattr(self.format, "columns", None)
        return found is not None and found.has_local_times


def open_logs(paths: Iterable[str | Path], log_format: str, stack: ExitStack, asked: Asked = NOTHING, said: list[str] | None = None) -> list[Log]:
    """Return the logs that the paths name: files, globs, directories (their regular files) and `-`; `stack` closes what was opened.

    `asked` is what is asked of them. Copies are left out, with a sentence for each added to `said`.

    Raises InputError for what cannot be read or is of no known format, UsageError for an unknown format.
    """
    known = plugins.names("formats")
    if log_format != "auto" and log_format not in known:
        raise UsageError(f"{log_format!r} is no log format{did_you_mean(log_format, known)}; known are auto, {', '.join(known)}")
    sources = _sources([str(path) for path in paths], stack)
    if len(sources) > 1:
        sources, copies = without_copies(sources)
        if said is not None:
            said += copies
    return [_log(source, number, log_format, asked, stack) for number, source in enumerate(sources)]


def open_files(paths: Iterable[str | Path], log_format: str) -> list[Log]:
    """Return the logs that the paths name, where they are read later, by the fast reader alone: plain, gzip and zstd files."""
    named = [str(path) for path in paths]
    if STANDARD_INPUT in named:
        raise UsageError("standard input is gone before a lazy frame is read; write it into a file first")
    with ExitStack() as stack:
        logs = open_logs(named, log_format, stack)
    for source in (log.source for log in logs):
        if not source.path.exists():
            raise UsageError(f"{source.name} is gone before a lazy frame is read; write it into a file first")
        if source.packing == lines.BZIP2:
            raise InputError(f"{source.name} is bzip2, which no lazy frame is read from; unpack it first with bzip2 -d")
    return logs


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
        for file in _files(path):
            if _state(file) not in found:
                found[_state(file)] = _source(file, stack)
    return list(found.values())


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


def _log(source: Source, number: int, wanted: str, asked: Asked, stack: ExitStack) -> Log:
    """Return a log with its format: the one wanted, or the one that reads most of its lines; an export's is made to fit the file."""
    is_file = source.packing == lines.PARQUET
    head = sampling.sample(source)
    name = "parquet" if is_file else _format(source, head, asked) if wanted == "auto" else wanted
    if not is_file and not head.str.contains(r"\S").any():
        # Nothing is in it: every format reads that, but for those that ask the file what it is.
        name = _OF_NOTHING
    module = plugins.load("formats", name)
    if name == "parquet" and not is_file:
        raise InputError(f"{source.name} is no Parquet file; leave out --log-format, or name another")
    if hasattr(module, "as_lines"):
        source = stack.enter_context(module.as_lines(source))
        head = sampling.sample(source)
    return Log(source, number, name, module.fit(source, head, asked) if hasattr(module, "fit") else module, asked.texts)


def _format(source: Source, head: pl.Series, asked: Asked) -> str:
    """Return the name of the format that reads most of a log's lines."""
    formats = plugins.load_all("formats")
    told = head.filter(head.str.strip_chars().str.len_bytes() > 0)
    if told.str.contains("\r", literal=True).sum() > _RECOGNISED * len(told):
        raise InputError(f"the lines of {source.name} end in CR alone; convert them first with tr '\\r' '\\n'")
    bare = {name: told if module.COMMENT is None else told.filter(~told.str.starts_with(module.COMMENT)) for name, module in formats.items()}
    scores = {name: module.sniff(bare[name]) for name, module in formats.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] < _RECOGNISED and (export := _export_of_other_names(told, formats, _RECOGNISED if asked.told else _SURELY)):
        return export
    if all(map(len, bare.values())) and sum(scores.values()) < _RECOGNISED:
        fits = formats[best].sniff(bare[best])
        odd = [line for line in bare[best].head(_TRIED) if not formats[best].sniff(pl.Series([line]))]
        raise of_no_format(source, best, fits, [shown(line) for line in odd[:SHOWN]])
    return best


def _export_of_other_names(told: pl.Series, formats: Mapping[str, ModuleType], least: float) -> str | None:
    """Return the format of what is written like an export, at least that share of its lines: what its columns are is for its owner to tell."""
    shares = {name: module.alike(told) for name, module in formats.items() if hasattr(module, "alike")}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= least else None


def of_no_format(source: Source, best: str, fits: float, lines: list[str]) -> InputError:
    """Return the error of a log most of whose lines the best format does not read; `lines` are some of them."""
    score = f"{best} fits best, with {math.floor(fits * 100)}% of its lines"
    samples = "".join(f"\n  {line}" for line in lines)
    return InputError(f"{source.name} is of no format that is read here ({score}); name one with --log-format to try it all the same:{samples}")


def shown(line: str) -> str:
    """Return the start of a line as it may be shown: harmless, and without addresses."""
    return addresses.masked(safe(line[:_LONGEST], longest=None))


def cells(logs: Sequence[Log]) -> pl.LazyFrame:
    """Return CELLS of all lines, assets too."""
    return pl.concat([of_lines(lines.scan(log.source, log.number), log, None) for log in logs], how="diagonal")


def of_lines(read: pl.LazyFrame, log: Log, kept_assets: tuple[str, ...] | None) -> pl.LazyFrame:
    """Return CELLS of lines of one log.

    Of plain assets only who asked is read, unless their extension is among `kept_assets`, because a goal may name them; where that is None, all are.
    """
    is_kept = pl.lit(value=False) if kept_assets == () else _is_asset(log, kept_assets)
    plain = pl.lit(value=False) if kept_assets is None else _is_asset(log) & ~is_kept
    found: pl.LazyFrame = log.format.scan(read.with_columns(asset=is_kept, plain=plain))
    return found


def records(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return RECORDS, `asset` and `problem` of CELLS, senders and requests taken apart line by line."""
    no_event = pl.LazyFrame(schema={"event": pl.String})
    whole = pl.concat([cells, no_event], how="diagonal")
    return whole.pipe(senders.add_words).pipe(requests.add_words).select(*RECORDS, "asset", "problem")


def _is_asset(log: Log, extensions: tuple[str, ...] | None = None) -> pl.Expr:
    """Tell lines that are plainly requests of assets, of some extensions or all on the list."""
    told: pl.Expr = log.format.is_asset(extensions).fill_null(value=False)
    return told
