"""Files that are never overwritten: those that a run reads, and all logs; only what convkit itself wrote is replaced without a question."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.core import filesystem, plugins
from convkit.core.options import Options
from convkit.core.text import safe
from convkit.errors import ConvkitError, UsageError
from convkit.files import lines, paths
from convkit.traffic import visitor_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from convkit.core.document import Document
    from convkit.core.filesystem import Identity

_OTHER_FILE = "write to another file"
_PACKINGS = {lines.GZIP, lines.ZSTD, lines.BZIP2, lines.ZIP}
_START = 1 << 12
_OWN_JSON = re.compile(r'\{\s*"version": \d+,\s*"convkit": |\{"report": "|\{"file": .*"reason": ')
"""The beginning of a JSON or NDJSON file that convkit wrote, or of rejected lines."""
_OTHER_HEADERS = (("report", "item", "metric", "value"), ("metric", "value"))


def files_to_read(logs: Iterable[str], goals: object) -> set[Identity]:
    """Return the identities of the files that a run is going to read: its logs, its goals file and the key of visitor IDs."""
    others = (goals, visitor_ids.key_file())
    return {*paths.identities(logs), *(file for path in others if path and (file := filesystem.identity(str(path))) is not None)}


def refuse_files(targets: Iterable[str], read: Collection[Identity | None]) -> None:
    """Raise UsageError if a file to write is among those that are read."""
    for path in targets:
        if (file := filesystem.identity(path)) is not None and file in read:
            raise UsageError(f"{_shown(path)} is one of the files to read; {_OTHER_FILE}")


def refuse_standard_output(logs: Iterable[str], goals: object) -> None:
    """Raise UsageError if standard output is among the files that a run is going to read."""
    refuse_files([filesystem.STANDARD_OUTPUT], files_to_read(logs, goals))


def refuse_read_files(targets: Iterable[str], document: Document) -> None:
    """Raise UsageError if a file to write is among those that were read for a document; what their names lead to may have changed since."""
    goals_file = None if document.goals_file is None else filesystem.identity(document.goals_file)
    refuse_files(targets, {*document.files, goals_file})


def refuse_same_file(targets: Iterable[str], rejects: str) -> None:
    """Raise UsageError if a report and the rejected lines would be written to the same place, unless it is a device like /dev/null."""
    for path in targets:
        file = filesystem.identity(path)
        is_same = filesystem.identity(rejects) == file if file is not None else os.path.realpath(path) == os.path.realpath(rejects)
        if is_same and (filesystem.STANDARD_OUTPUT in {path, rejects} or not _is_device(path)):
            raise UsageError(f"the report and --rejects would both go to {_shown(path)}; name a different file with -o or --rejects")


def refuse_logs(targets: Iterable[str], options: Options) -> None:
    """Raise UsageError if an existing file to write is a log, in the format of the run or any other."""
    for path in targets:
        if not filesystem.is_descriptor(path) and filesystem.identity(path) is not None and (kind := _kind_of_log(path, options)):
            raise UsageError(f"{_shown(path)} is {kind}, and logs are never overwritten; {_OTHER_FILE}, or delete this one first")


def next_input(targets: Iterable[str], logs: Sequence[str]) -> list[str]:
    """Return a sentence for each file that the next run on the same logs would read, as it was written into a directory that is read."""
    read = paths.identities(logs)
    return [
        f"the next run will read {safe(path)} as a log, as it is among the files that {safe(' '.join(logs))} names; write it to another directory"
        for path in targets
        if filesystem.identity(path) in read
    ]


def _shown(path: str) -> str:
    return "standard output" if path == filesystem.STANDARD_OUTPUT else safe(path)


def _is_device(path: str) -> bool:
    """Return whether a path is a device, to which several things can be written."""
    try:
        return stat.S_ISCHR(Path(path).stat().st_mode)
    except OSError:
        return False


def _kind_of_log(path: str, options: Options) -> str:
    """Return what kind of log a file is, or an empty string if it is none, or something that convkit wrote."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(_START)
    except OSError:
        return ""
    if lines.packing_of(start) in _PACKINGS or lines.unsupported_kind(start):
        return "a compressed file"
    if not start.strip() or _is_own(path, start):
        return ""
    from convkit.diagnosis import formats  # noqa: PLC0415 (only needed if a file would be replaced)
    from convkit.engine.plan import read_goals  # noqa: PLC0415 (as above)

    # A pipe can be read only once: goals from one are left to the run.
    can_read_goals = isinstance(options.goals, str) and filesystem.identity(options.goals) is not None
    own = read_goals(replace(options, goals=options.goals if can_read_goals else None))
    for log_format, goals in ((options.log_format, own), ("auto", read_goals(Options()))):
        try:
            guesses = formats.guess([path], log_format, goals)
        except ConvkitError:
            continue
        if any(guess.is_read and guess.is_usable for guess in guesses):
            return "a log of requests"
    return ""


def _is_own(path: str, start: bytes) -> bool:
    """Return whether a file begins like a report that convkit wrote."""
    if lines.packing_of(start) == lines.PARQUET:
        return _is_own_header(_parquet_columns(path))
    first = start.decode("utf-8-sig", "replace").lstrip()
    header = first.partition("\n")[0].rstrip("\r")
    return bool(_OWN_JSON.match(first)) or any(_is_own_header(header.split(separator)) for separator in ",\t")


def _is_own_header(names: Sequence[str]) -> bool:
    """Return whether columns are those of a report, perhaps of a version with fewer or more of them, or of one that is broken down by a key."""
    from convkit.engine.plan import columns_of  # noqa: PLC0415 (as above)

    headers = [*([column.name for column in columns] for columns in columns_of(plugins.names("reports")).values()), *_OTHER_HEADERS]
    return any(_begin_alike(own, header) for header in headers for own in (names, names[1:]))


def _begin_alike(names: Sequence[str], header: Sequence[str]) -> bool:
    """Return whether one list of columns is the beginning of the other."""
    shorter = min(len(names), len(header))
    return shorter > 1 and [*names[:shorter]] == [*header[:shorter]]


def _parquet_columns(path: str) -> list[str]:
    """Return the names of the columns of a Parquet file, or none if it is damaged."""
    import polars as pl  # noqa: PLC0415 (as above)

    try:
        with lines.parquet_damage_as_error(path):
            return list(pl.read_parquet_schema(path))
    except ConvkitError:
        return []
