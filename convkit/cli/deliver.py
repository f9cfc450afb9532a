"""Delivery of reports: `-o` and `-f` choose the destination and the output format, then `--rejects` and `--strict` apply.

Destinations are checked before any log is opened. Polars and the outputs are imported when a report runs, not for `--help`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convkit import outputs
from convkit.cli import messages, progress, terminal
from convkit.core import filesystem, plugins
from convkit.core.formatting import clause
from convkit.core.text import safe
from convkit.errors import ExitCode, UsageError, gravest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from convkit.cli.options import Delivery
    from convkit.core.blocks import Block, Screen
    from convkit.core.document import Document
    from convkit.core.options import Options
    from convkit.core.progress import Progress

STANDARD_OUTPUT = "-"
_SCREEN_OUTPUT, _FOLDER_OUTPUT = "table", "csv"


def produce(make: Callable[[Progress], Document], logs: Sequence[str], options: Options, delivery: Delivery, reports: Sequence[str]) -> ExitCode:
    """Check the destinations, write the document with these reports that `make` returns, and print messages about lost input.

    Raises OutputError, UsageError, and whatever `make` raises.
    """
    if not logs:
        raise UsageError("name a log: a file, a pattern, a directory, or - for standard input")
    from convkit.cli import overwriting  # noqa: PLC0415 (Polars is imported when a report runs, not for its help)

    target = destination(delivery.path, delivery.output)
    rejects = None if delivery.rejects is None else _rejects_file(delivery.rejects)
    outputs_of_run = [*target.files(reports), *([] if rejects is None else [rejects])]
    overwriting.refuse_files(outputs_of_run, overwriting.files_to_read(logs, options.goals))
    overwriting.refuse_logs(outputs_of_run, options)
    if rejects is not None:
        overwriting.refuse_same_file(target.files(reports), rejects)
    with progress.display(is_wanted=not delivery.quiet) as display:
        document = make(display)
    overwriting.refuse_read_files(outputs_of_run, document)
    write_document(document, target, delivery.limit, verbose=options.verbose)
    if rejects is not None:
        write_rejects(document, rejects)
    loss = messages.loss_sentence(document.losses, document.reasons["unparsed_by_reason"]) if delivery.strict else ""
    is_empty = bool(document.empty) and not delivery.allow_empty
    if not delivery.quiet:
        messages.warn(
            (*document.warnings, *_goals_warning(document), *overwriting.next_input(outputs_of_run, logs)),
            messages.quality_lines(document.quality, document.input, len(document.logs)) if options.verbose else [],
        )
    messages.write(*messages.threshold_lines(document.thresholds, with_open=not delivery.quiet))
    if loss:
        messages.write_error(loss)
    if is_empty:
        messages.write_error(f"{clause(document.empty)} Exit code 3; with --allow-empty it is 0")
    is_missed = any(outcome.missed for outcome in document.thresholds)
    codes = {ExitCode.LOST: bool(loss), ExitCode.INPUT: is_empty, ExitCode.THRESHOLD: is_missed}
    return gravest([code for code, holds in codes.items() if holds])


def refuse_streams(delivery: Delivery, reports: Iterable[str], options: Mapping[str, str]) -> None:
    """Raise UsageError if a report with these options must be written to a file, and goes to a terminal, a pipe or a device."""
    from convkit.reports import reason_for_file  # noqa: PLC0415 (reports are imported when one runs, not for its help)

    reasons = [reason for name in reports if (reason := reason_for_file(name, options))]
    if reasons and (delivery.path in {None, STANDARD_OUTPUT} or filesystem.is_special(delivery.path or "")):
        raise UsageError(reasons[0])


def _rejects_file(path: str) -> str:
    """Return the path of the file for rejected lines. Raises UsageError, OutputError."""
    if path == STANDARD_OUTPUT:
        return filesystem.STANDARD_OUTPUT
    if not path:
        raise UsageError("--rejects is empty; name a file, or - for standard output")
    if path.endswith("/") or os.path.isdir(path):  # noqa: PTH112 (see `destination`)
        raise UsageError(f"--rejects {safe(path)} is a directory; name a file in it")
    filesystem.check_writable(path)
    return path


def _goals_warning(document: Document) -> list[str]:
    """Return a warning that names the goals if they are in no file and a program reads the output, and the command that writes a goals file."""
    if document.unsaved is None or terminal.is_screen():
        return []
    names, command = ", ".join(document.unsaved.names), document.unsaved.command
    if document.unsaved.are_suggested:
        return [f"no goals file was found, so goals that these logs suggest were used: {names}; save and correct them with `{command}`"]
    return [f"no goals file was found, so the built-in goals were used: {names}; write your own with `{command}`"]


def write_document(document: Document, target: Destination, limit: int | None, *, verbose: bool = False) -> None:
    """Write a document to its destination, with at most `limit` rows per report on a screen. Raises OutputError, UsageError."""
    if target.path is None:
        terminal.write_stream(_bytes(document, target.output, limit, verbose=verbose, to_screen=True))
    elif not target.is_folder:
        is_private = any(report.is_private for report in document.reports.values())
        filesystem.write_file(target.path, _bytes(document, target.output, limit, verbose=verbose), is_private=is_private)
    else:
        filesystem.make_folder(target.path)
        for name, report in document.reports.items():
            asides = {aside: extra for aside, extra in document.asides.items() if name in extra.beside}
            part = replace(document, reports={name: report}, asides=asides, findings=(), is_whole=False)
            filesystem.write_file(target.file_of(name), _bytes(part, target.output, limit, verbose=verbose), is_private=report.is_private)


def write_blocks(draw: Callable[[Screen], list[Block]]) -> None:
    """Write blocks that do not belong to a report to standard output. Raises OutputError."""
    from convkit.core.blocks import Screen  # noqa: PLC0415 (Polars is imported when a report runs, not for its help)

    screen = Screen(terminal.width(to_screen=True), colour=terminal.has_colour(to_screen=True))
    terminal.write_stream(terminal.encoded(plugins.load("outputs", "table").render_blocks(draw(screen), screen), to_screen=True))


def write_rejects(document: Document, path: str) -> None:
    """Write the rejected lines and the reasons as NDJSON, to a file that only its owner can read. Raises OutputError."""
    rows = [] if document.rejects is None else document.rejects.to_dicts()
    text = "".join(f"{json.dumps({**row, 'file': safe(row['file'], longest=None)}, ensure_ascii=False)}\n" for row in rows)
    filesystem.write_file(path, text.encode(), is_private=True)


def _bytes(document: Document, output: str, limit: int | None, *, verbose: bool = False, to_screen: bool = False) -> bytes | Iterator[bytes]:
    """Return a document in the given output format, text in pieces, with the width of the screen or of a file."""
    width, colour = terminal.width(to_screen=to_screen), terminal.has_colour(to_screen=to_screen)
    content = outputs.pieces(document, output, width=width, limit=limit, colour=colour, verbose=verbose)
    if not isinstance(content, bytes):
        return (terminal.encoded(piece, to_screen=to_screen) for piece in content)
    if to_screen and terminal.is_screen():
        raise UsageError(f"{output} cannot be shown on a terminal; name a file with -o")
    return content


@dataclass(frozen=True)
class Destination:
    """An output format, and the file or directory to write to."""

    output: str
    path: str | None
    """The file or directory; None for standard output."""
    is_folder: bool = False

    def file_of(self, report: str) -> str:
        """Return the path of a report's file in the directory."""
        return os.path.join(self.path or "", f"{report}.{outputs.endings(self.output)[0]}")  # noqa: PTH118 (the path stays as it was typed)

    def files(self, reports: Iterable[str]) -> list[str]:
        """Return the files that are written if a document has these reports."""
        if self.path is None:
            return [filesystem.STANDARD_OUTPUT]
        return [self.file_of(report) for report in reports] if self.is_folder else [self.path]


def destination(path: str | None, output: str | None) -> Destination:
    """Return where a report goes; the output format is that of `-f`, or else that of the file extension. Raises UsageError, OutputError."""
    if path in {None, STANDARD_OUTPUT}:
        return Destination(output or _SCREEN_OUTPUT, None)
    if not path:
        raise UsageError("-o is empty; name a file, a directory, or - for standard output")
    # Unlike the method of paths, this function returns False for a path in a directory that the user may not enter.
    if path.endswith("/") or os.path.isdir(path):  # noqa: PTH112
        filesystem.check_folder(path)
        return Destination(output or _FOLDER_OUTPUT, path, is_folder=True)
    file = Destination(output or _output_of(path), path)
    filesystem.check_writable(path)
    return file


def _output_of(path: str) -> str:
    """Return the output format for a file extension; pipes and devices get the same format as a screen."""
    if filesystem.is_special(path):
        return _SCREEN_OUTPUT
    by_extension = {extension: output for output in plugins.names("outputs") for extension in outputs.endings(output)}
    extension = Path(path).suffix.removeprefix(".").lower()
    if extension not in by_extension:
        extensions = ", ".join(f".{name}" for name in sorted(by_extension))
        raise UsageError(f"{safe(path)} has no known file extension; use {extensions}, or choose one with -f")
    return by_extension[extension]
