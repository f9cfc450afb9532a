"""From logs to delivered reports: `-o` and `-f` decide where a document goes and in which output; `--strict` and `--rejects` follow.

Destinations are checked before a log is opened. Polars and the outputs load only when a report runs, not for `--help`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convkit.cli import messages, progress, terminal
from convkit.cli.options import GOALS_FILE
from convkit.core import filesystem, plugins
from convkit.core.text import safe
from convkit.errors import ExitCode, UsageError, gravest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from convkit.cli.options import Delivery
    from convkit.core.blocks import Block, Screen
    from convkit.core.document import Document
    from convkit.core.progress import Progress

STANDARD_OUTPUT = "-"
_ON_SCREEN, _IN_FOLDERS = "table", "csv"
_ENDINGS = {"markdown": ("md", "markdown"), "ndjson": ("ndjson", "jsonl"), "table": ("txt",)}
"""How files of an output end, where they do not end in its name; the first is the one that is written."""


def produce(make: Callable[[Progress], Document], logs: Sequence[str], goals: object, delivery: Delivery, *, verbose: bool) -> ExitCode:
    """Write the document that `make` returns, and say what was lost; destinations are checked before.

    Raises what `make` raises, OutputError, UsageError.
    """
    if not logs:
        raise UsageError("name a log: a file, a pattern, a directory, or - for standard input")
    place = destination(delivery.path, delivery.output)
    for path in (place.path, delivery.rejects):
        refuse_inputs(path, [*logs, str(goals or GOALS_FILE)])
    if delivery.rejects is not None:
        filesystem.check_writable(delivery.rejects)
    with progress.display(is_wanted=not delivery.quiet) as watching:
        document = make(watching)
    write_document(document, place, delivery.limit)
    if delivery.rejects is not None:
        write_rejects(document, delivery.rejects)
    lost = messages.loss_sentence(document.losses, document.reasons["unparsed_by_reason"]) if delivery.strict else ""
    if not delivery.quiet:
        messages.warn(document.warnings, messages.quality_lines(document.quality, document.input, len(document.logs)) if verbose else [])
    if lost:
        messages.write_error(lost)
    return gravest([ExitCode.LOST] if lost else [])


def write_document(document: Document, place: Destination, limit: int | None) -> None:
    """Write a document where it goes; `limit` is of rows on a screen. Raises OutputError, UsageError."""
    if place.path is None:
        terminal.write_stream(_bytes(document, place.output, limit, of_screen=True))
    elif not place.is_folder:
        filesystem.write_file(place.path, _bytes(document, place.output, limit))
    else:
        filesystem.make_folder(place.path)
        for name, report in document.reports.items():
            asides = {aside: found for aside, found in document.asides.items() if name in found.beside}
            part = replace(document, reports={name: report}, asides=asides, findings=(), is_whole=False)
            filesystem.write_file(place.file_of(name), _bytes(part, place.output, limit))


def write_blocks(draw: Callable[[Screen], list[Block]]) -> None:
    """Write blocks that are no report on standard output. Raises OutputError."""
    from convkit.core.blocks import Screen  # noqa: PLC0415 (Polars loads when a report runs, not when help is shown)

    room = Screen(terminal.width(of_screen=True), colour=terminal.has_colour(of_screen=True))
    terminal.write_stream(terminal.encoded(plugins.load("outputs", "table").render_blocks(draw(room), room), of_screen=True))


def write_rejects(document: Document, path: str) -> None:
    """Write the lines that were not read as NDJSON, for their owner alone. Raises OutputError."""
    rows = [] if document.rejects is None else document.rejects.to_dicts()
    text = "".join(f"{json.dumps({**row, 'file': safe(row['file'], longest=None)}, ensure_ascii=False)}\n" for row in rows)
    filesystem.write_file(path, text.encode(), is_private=True)


def _bytes(document: Document, output: str, limit: int | None, *, of_screen: bool = False) -> bytes:
    """Return a document in an output, drawn for the screen or for a file."""
    from convkit.outputs import render  # noqa: PLC0415 (Polars loads when a report runs, not when help is shown)

    width, colour = terminal.width(of_screen=of_screen), terminal.has_colour(of_screen=of_screen)
    made = render(document, output, width=width, limit=limit, colour=colour)
    if isinstance(made, str):
        return terminal.encoded(made, of_screen=of_screen)
    if of_screen and terminal.is_screen():
        raise UsageError(f"{output} is not for a screen; name a file with -o")
    return made


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
    filesystem.check_writable(path)
    return found


def refuse_inputs(path: str | None, inputs: Iterable[str | None]) -> None:
    """Raise UsageError where the file to write is one of those to read."""
    for name in inputs:
        if path and name and Path(path).is_file() and Path(name).is_file() and Path(path).samefile(name):
            raise UsageError(f"{safe(path)} is read here; name another file with -o")


def _output_of(path: str) -> str:
    """Return the output that a file's ending names; pipes and devices take what a screen would."""
    if filesystem.is_special(path):
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
