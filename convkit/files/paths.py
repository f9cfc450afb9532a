"""Opening the logs that the user names: files, directories, globs, URLs, and `-` for standard input."""

from __future__ import annotations

import glob
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.core import filesystem
from convkit.errors import InputError, UsageError
from convkit.files import archives, kinds, lines, remote, zstandard

if TYPE_CHECKING:
    from contextlib import ExitStack

    from convkit.files.lines import Source


@dataclass(frozen=True)
class HeldLogs:
    """Logs that were opened once for several runs, as standard input can be read only once."""

    names: tuple[str, ...]
    """The paths that name them."""
    sources: tuple[Source, ...]


Paths = str | Path | Iterable[str | Path] | HeldLogs
"""One or more logs."""


STANDARD_INPUT = "-"


def path_names(paths: Paths) -> list[str]:
    """Return one or more paths as a list of strings."""
    if isinstance(paths, HeldLogs):
        return [*paths.names]
    return [str(paths)] if isinstance(paths, str | Path) else [str(path) for path in paths]


def hold(paths: Paths, stack: ExitStack, max_unpacked: int | None = None) -> HeldLogs:
    """Open logs for several runs; `stack` closes them."""
    names = path_names(paths)
    return HeldLogs(tuple(names), tuple(open_sources(names, stack, max_unpacked)))


def open_sources(paths: Paths, stack: ExitStack, max_unpacked: int | None = None) -> list[Source]:
    """Return the logs that the paths name, each once; `max_unpacked` is the largest number of bytes that one may be decompressed to."""
    if isinstance(paths, HeldLogs):
        return [*paths.sources]
    names = path_names(paths)
    if names.count(STANDARD_INPUT) > 1:
        raise UsageError("`-` (standard input) can be read only once; remove the others")
    sources: dict[object, Source] = {}
    for path in names:
        if path == STANDARD_INPUT:
            if sys.stdin is None:
                raise InputError("standard input is closed; pipe a log into it, as in zcat access.log.gz | convkit report -")
            sources[path] = stack.enter_context(lines.spool(sys.stdin.buffer, "standard input"))
            continue
        if remote.is_remote(path):
            sources[path] = stack.enter_context(remote.fetch(path))
            continue
        for file in _files(path):
            if _file_identity(file) not in sources:
                sources[_file_identity(file)] = _open_file(file, stack)
    readable = (replace(_readable(source, stack), max_unpacked=max_unpacked) for source in sources.values())
    logs = [log for source in readable for log in archives.logs_in(source)]
    for log in logs:
        kinds.refuse_other_files(log)
    return logs


def _readable(source: Source, stack: ExitStack) -> Source:
    """Return a log that can be read in chunks: without the module for Zstandard, such a log is first decompressed to a temporary file."""
    if source.packing != lines.ZSTD or zstandard.is_available():
        return source
    target = Path(stack.enter_context(filesystem.temporary_path(tempfile.gettempdir())))
    zstandard.decompress_with_polars(source.path, source.name, target)
    return replace(lines.open_source(target, source.name), is_replaced=True)


def _file_identity(file: Path) -> tuple[int, int]:
    """Return the device and inode numbers, which identify a file regardless of links to it."""
    try:
        state = file.stat()
    except OSError as error:
        raise lines.read_error(file, error) from None
    return state.st_dev, state.st_ino


def _open_file(file: Path, stack: ExitStack) -> Source:
    """Return a file as a log; pipes, and files that Polars cannot open because of an undecodable name, are first copied to a temporary file."""
    label, name = (os.fsencode(path).decode("utf-8", "replace") for path in (file, file.name))
    if lines.is_regular_file(file) and label == str(file):
        return lines.open_source(file, name, label)
    try:
        return stack.enter_context(lines.spool(stack.enter_context(file.open("rb")), name))
    except OSError as error:
        raise filesystem.disk_full_error(error) or lines.read_error(file, error) from None


def _files(path: str) -> list[Path]:
    """Return the files that an argument names."""
    place = Path(path)
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.is_file() and not file.name.startswith("."))
        if not files:
            raise InputError(f"{path} contains no files, and its subdirectories are not searched; name the directory with the logs")
        return files
    if place.exists() or not glob.has_magic(path):
        return [place]
    matched = sorted(Path(name) for name in glob.glob(path) if Path(name).is_file())  # noqa: PTH207 (Path.glob takes no absolute pattern)
    if not matched:
        raise InputError(f"no file matches {path}; check the pattern and its quotes")
    return matched
