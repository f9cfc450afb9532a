"""From the paths that users name to logs: files, directories, globs, URLs, and `-` for standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.core import filesystem
from convkit.errors import InputError, UsageError
from convkit.files import archives, lines, remote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from convkit.files.lines import Source


Paths = str | Path | Iterable[str | Path]
"""One log, or several."""


STANDARD_INPUT = "-"


def path_names(paths: Paths) -> list[str]:
    """Return paths as texts, be it one alone."""
    return [str(paths)] if isinstance(paths, str | Path) else [str(path) for path in paths]


def open_sources(paths: Sequence[str], stack: ExitStack) -> list[Source]:
    """Return each log that the paths name, once."""
    if paths.count(STANDARD_INPUT) > 1:
        raise UsageError("`-` is standard input and can be read once; name it once")
    found: dict[object, Source] = {}
    for path in paths:
        if path == STANDARD_INPUT:
            if sys.stdin is None:
                raise InputError("standard input is closed; give it a log, as in zcat access.log.gz | convkit report -")
            found[path] = stack.enter_context(lines.spool(sys.stdin.buffer, "standard input"))
            continue
        if remote.is_remote(path):
            found[path] = stack.enter_context(remote.fetch(path))
            continue
        for file in _files(path):
            if _file_identity(file) not in found:
                found[_file_identity(file)] = _open_file(file, stack)
    return [log for source in found.values() for log in archives.logs_in(source)]


def _file_identity(file: Path) -> tuple[int, int]:
    """Return what tells a file from others, whatever link names it."""
    try:
        state = file.stat()
    except OSError as error:
        raise lines.read_error(file, error) from None
    return state.st_dev, state.st_ino


def _open_file(file: Path, stack: ExitStack) -> Source:
    """Return a file as a log; what can be read once, like a pipe, or has a name that is no text, which Polars cannot open, is put aside first."""
    called, name = (os.fsencode(path).decode("utf-8", "replace") for path in (file, file.name))
    if lines.is_regular_file(file) and called == str(file):
        return lines.open_source(file, name, called)
    try:
        return stack.enter_context(lines.spool(stack.enter_context(file.open("rb")), name))
    except OSError as error:
        raise filesystem.disk_full_error(error) or lines.read_error(file, error) from None


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
