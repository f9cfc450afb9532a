"""Opening the logs that the user names: files, directories, globs, URLs, and `-` for standard input."""

from __future__ import annotations

import errno
import glob
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.core import filesystem
from convkit.errors import InputError, OtherFileError, UnreadableLogsError, UsageError
from convkit.files import archives, kinds, lines, remote, zstandard
from convkit.files.lines import Source

if TYPE_CHECKING:
    from contextlib import ExitStack


@dataclass(frozen=True)
class HeldLogs:
    """Logs that were opened once for several runs, as standard input can be read only once."""

    names: tuple[str, ...]
    """The paths that name them."""
    sources: tuple[Source, ...]
    error: InputError | None = None
    """The reason why they could not be opened, so that no run tries again: a server may be silent for a minute."""


Paths = str | Path | Iterable[str | Path] | HeldLogs
"""One or more logs."""


STANDARD_INPUT = "-"


def path_names(paths: Paths) -> list[str]:
    """Return one or more paths as a list of strings."""
    if isinstance(paths, HeldLogs):
        return [*paths.names]
    return [str(paths)] if isinstance(paths, str | Path) else [str(path) for path in paths]


def shown_names(paths: Paths) -> list[str]:
    """Return the names of logs for a command that is shown; LOG takes the place of a URL with a password or a query, which may be secret."""
    return ["LOG" if remote.is_remote(name) and remote.public_url(name) != name else name for name in path_names(paths)]


def hold(paths: Paths, stack: ExitStack, max_unpacked: int | None = None) -> HeldLogs:
    """Open logs for several runs, each of which raises the error if that fails; `stack` closes them."""
    names = path_names(paths)
    try:
        return HeldLogs(tuple(names), tuple(open_sources(names, stack, max_unpacked)))
    except InputError as error:
        return HeldLogs(tuple(names), (), error)


def open_sources(paths: Paths, stack: ExitStack, max_unpacked: int | None = None) -> list[Source]:
    """Return the logs that the paths name, each once; `max_unpacked` is the largest number of bytes that one may be decompressed to."""
    if isinstance(paths, HeldLogs):
        if paths.error is not None:
            raise paths.error
        return [*paths.sources]
    names = path_names(paths)
    if "" in names:
        raise UsageError("the name of a log is empty, perhaps from an unset shell variable; name a file, a directory, or - for standard input")
    if names.count(STANDARD_INPUT) > 1:
        raise UsageError("`-` (standard input) can be read only once; remove the others")
    opened = _open_files(names)
    sources: dict[object, Source] = {}
    for name in names:
        if name == STANDARD_INPUT:
            if sys.stdin is None:
                raise InputError("standard input is closed; pipe a log into it, as in zcat access.log.gz | convkit report -")
            spooled = stack.enter_context(lines.spool(lines.chunks_of(sys.stdin.buffer), "standard input"))
            sources[name] = replace(spooled, file=filesystem.identity(filesystem.STANDARD_INPUT))
        elif remote.is_remote(name):
            sources[name] = stack.enter_context(remote.fetch(name))
        else:
            new = {key: file for key, file in opened[name].items() if key not in sources}
            sources |= {key: _spool(file, stack) if isinstance(file, Path) else file for key, file in new.items()}
    readable = (replace(_readable(source, stack), max_unpacked=max_unpacked) for source in sources.values())
    return [log for source in readable for log in _logs_in(source)]


def _logs_in(source: Source) -> list[Source]:
    """Return the logs in a file. Raises InputError for a file that is no log, unless it is listed: then it is returned with this as its refusal."""
    try:
        logs = [source] if source.refusal else archives.logs_in(source)
    except OtherFileError as error:
        return [_refused(source, error)]
    return [log if log.refusal else _checked(log) for log in logs]


def _checked(log: Source) -> Source:
    """Return a log, with its refusal if it is none. Raises InputError for one that the user named."""
    try:
        kinds.refuse_other_files(log)
    except OtherFileError as error:
        return _refused(log, error)
    return log


def _refused(source: Source, error: OtherFileError) -> Source:
    """Return a listed file with its refusal. Raises the error if the user named it."""
    if not source.is_listed:
        raise error
    return replace(source, refusal=error)


def kept_open(source: Source, stack: ExitStack) -> Source:
    """Return a log whose file can be read even after it has been renamed or removed, if the system has paths for open files."""
    if source.file is None or not filesystem.OPEN_FILES.exists():
        return source
    try:
        file = stack.enter_context(source.path.open("rb"))
    except OSError:
        # It was removed, or too many files are open; reading says so, if need be.
        return source
    path = filesystem.OPEN_FILES / str(file.fileno())
    return replace(source, path=path) if filesystem.identity(path) == source.file else source


def _readable(source: Source, stack: ExitStack) -> Source:
    """Return a log that can be read in chunks: without the module for Zstandard, such a log is first decompressed to a temporary file."""
    if source.packing != lines.ZSTD or zstandard.is_available():
        return source
    target = Path(stack.enter_context(filesystem.temporary_path(tempfile.gettempdir())))
    zstandard.decompress_with_polars(source.path, source.name, target)
    return replace(lines.open_source(target, source.name), is_replaced=True, file=source.file, losses=source.losses)


def identities(paths: Paths) -> set[filesystem.Identity]:
    """Return the identities of the files that the paths name at this moment, as far as they can be found."""
    found: set[filesystem.Identity | None] = set()
    for name in path_names(paths):
        if name == STANDARD_INPUT:
            found.add(filesystem.identity(filesystem.STANDARD_INPUT))
        elif name and not remote.is_remote(name):
            with suppress(InputError):
                found |= {filesystem.identity(file) for file in _files(name)}
    return {file for file in found if file is not None}


def _open_files(names: Iterable[str]) -> dict[str, dict[object, Source | Path]]:
    """Return, by argument and device and inode numbers, the files that arguments name; those that can be read only once are not opened yet.

    Raises UnreadableLogsError for all files that cannot be read.
    """
    opened: dict[str, dict[object, Source | Path]] = {}
    problems: list[str] = []
    for name in dict.fromkeys(names):
        if name == STANDARD_INPUT or remote.is_remote(name):
            continue
        opened[name] = {}
        try:
            files = _files(name)
        except InputError as error:
            problems += error.lines
            continue
        is_listed = files != [Path(name)]
        for file in files:
            try:
                opened[name].setdefault(_file_identity(file), _listed(file) if is_listed else _open_file(file))
            except InputError as error:
                problems += error.lines
    if problems:
        raise UnreadableLogsError(problems)
    return opened


def _file_identity(file: Path) -> tuple[int, int]:
    """Return the device and inode numbers, which identify a file regardless of links to it."""
    try:
        state = file.stat()
    except OSError as error:
        raise lines.read_error(file, error) from None
    return state.st_dev, state.st_ino


def _open_file(file: Path) -> Source | Path:
    """Return a file as a log, or its path if it must be copied first: pipes, and files that Polars cannot open because of an undecodable name."""
    label, name = _label(file), _label(file.name)
    return lines.open_source(file, name, label) if lines.is_regular_file(file) and label == str(file) else file


def _listed(file: Path) -> Source | Path:
    """Return a file from a directory or of a pattern like `_open_file`; with its refusal, if it is no log."""
    try:
        opened = _open_file(file)
    except OtherFileError as error:
        opened = Source(file, _label(file.name), file=filesystem.identity(file), refusal=error)
    return replace(opened, is_listed=True) if isinstance(opened, Source) else opened


def _spool(file: Path, stack: ExitStack) -> Source:
    """Return a file as a log, copied to a temporary file."""
    try:
        chunks = lines.chunks_of(stack.enter_context(file.open("rb")))
        return replace(stack.enter_context(lines.spool(chunks, _label(file.name))), file=filesystem.identity(file))
    except OSError as error:
        raise lines.read_error(file, error) from None


def _label(path: str | Path) -> str:
    """Return a path as text, even if it cannot be decoded."""
    return os.fsencode(path).decode("utf-8", "replace")


def _files(path: str) -> list[Path]:
    """Return the files that an argument names."""
    # Unlike the methods of paths, the functions of `os.path` return False for a path in a directory that the user may not enter.
    if os.path.isdir(path):  # noqa: PTH112
        files = sorted(file for file in _entries(path) if file.is_file() and not file.name.startswith("."))
        if not files:
            raise InputError(f"{path} contains no files, and its subdirectories are not searched; name the directory with the logs")
        return files
    if os.path.exists(path) or not glob.has_magic(path):  # noqa: PTH110
        return [Path(path)]
    matched = sorted(Path(name) for name in glob.glob(path) if os.path.isfile(name))  # noqa: PTH113, PTH207 (Path.glob takes no absolute pattern)
    if not matched:
        _entries(_folder_of_pattern(path))
        raise InputError(f"no file matches {path}; check the pattern and its quotes")
    return matched


def _entries(folder: str) -> list[Path]:
    """Return the entries of a directory. Raises InputError if the user may not list or enter it."""
    try:
        entries = list(Path(folder).iterdir())
        if not os.access(folder, os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise lines.read_error(folder, error) from None
    return entries


def _folder_of_pattern(pattern: str) -> str:
    """Return the directory in which the first part of a pattern that has wildcards is looked up."""
    folder = os.path.dirname(pattern)  # noqa: PTH120
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)  # noqa: PTH120
    return folder or "."
