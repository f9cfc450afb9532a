"""`-o` and `-f` -> where a report goes and in which output.

It stands alone because this is decided, and a mistake told, before a log is opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.core import plugins, writing
from convkit.core.text import safe
from convkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD_OUTPUT = "-"
_ON_SCREEN, _IN_FOLDERS = "table", "csv"
_ENDINGS = {"markdown": ("md", "markdown"), "ndjson": ("ndjson", "jsonl"), "table": ("txt",)}
"""How files of an output end, where they do not end in its name; the first is the one that is written."""


@dataclass(frozen=True)
class Destination:
    """An output, and where it goes."""

    output: str
    path: str | None
    """None is standard output."""
    is_folder: bool = False

    def file_of(self, report: str) -> str:
        """Return the file of one report in the directory."""
        return os.path.join(self.path or "", f"{report}.{_endings(self.output)[0]}")  # noqa: PTH118 (the path stays as it was typed)


def destination(path: str | None, output: str | None) -> Destination:
    """Return where a report goes: `-f` decides the output, else the file's ending. Raises UsageError, OutputError."""
    if path in {None, STANDARD_OUTPUT}:
        return Destination(output or _ON_SCREEN, None)
    if not path:
        raise UsageError("-o is empty; name a file, a directory, or - for standard output")
    if path.endswith("/") or Path(path).is_dir():
        return Destination(output or _IN_FOLDERS, path, is_folder=True)
    found = Destination(output or _output_of(path), path)
    writing.check_file(path)
    return found


def refuse_inputs(path: str | None, inputs: Iterable[str | None]) -> None:
    """Raise UsageError where the file to write is one of those to read."""
    for name in inputs:
        if path and name and Path(path).is_file() and Path(name).is_file() and Path(path).samefile(name):
            raise UsageError(f"{safe(path)} is read here; name another file with -o")


def _output_of(path: str) -> str:
    """Return the output that a file's ending names; pipes and devices take what a screen would."""
    if writing.is_special(path):
        return _ON_SCREEN
    known = {ending: output for output in plugins.names("outputs") for ending in _endings(output)}
    ending = Path(path).suffix.removeprefix(".").lower()
    if ending not in known:
        raise UsageError(
            f"the ending of {safe(path)} names no output; end it in {', '.join(f'.{name}' for name in sorted(known))}, or name one with -f"
        )
    return known[ending]


def _endings(output: str) -> tuple[str, ...]:
    """Return how the files of an output end."""
    return _ENDINGS.get(output, (output,))
