"""A document -> bytes in the places that were asked for: standard output, a file, or a file a report in a directory.

It stands alone because the command line must not load outputs before it runs a report, and outputs know no places.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from convkit.cli import terminal
from convkit.core import plugins, writing
from convkit.core.tables import Room
from convkit.core.text import safe
from convkit.errors import UsageError
from convkit.outputs._rendering import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.cli.destinations import Destination
    from convkit.core.tables import Block, Document


def deliver(document: Document, place: Destination, limit: int | None) -> None:
    """Write a document where it goes; `limit` is of rows on a screen. Raises OutputError, UsageError."""
    if place.path is None:
        writing.write_stream(_bytes(document, place.output, limit, of_screen=True))
    elif not place.is_folder:
        writing.write_file(place.path, _bytes(document, place.output, limit))
    else:
        writing.make_folder(place.path)
        for name, report in document.reports.items():
            asides = {aside: found for aside, found in document.asides.items() if name in found.beside}
            part = replace(document, reports={name: report}, asides=asides, findings=(), is_whole=False)
            writing.write_file(place.file_of(name), _bytes(part, place.output, limit))


def show(draw: Callable[[Room], list[Block]]) -> None:
    """Write blocks that are no report on standard output. Raises OutputError."""
    room = Room(terminal.width(of_screen=True), colour=terminal.has_colour(of_screen=True))
    writing.write_stream(terminal.encoded(plugins.load("outputs", "table").drawn(draw(room), room), of_screen=True))


def deliver_rejects(document: Document, path: str) -> None:
    """Write the lines that were not read as NDJSON, for their owner alone. Raises OutputError."""
    rows = [] if document.rejects is None else document.rejects.to_dicts()
    text = "".join(f"{json.dumps({**row, 'file': safe(row['file'], longest=None)}, ensure_ascii=False)}\n" for row in rows)
    writing.write_file(path, text.encode(), is_private=True)


def _bytes(document: Document, output: str, limit: int | None, *, of_screen: bool = False) -> bytes:
    """Return a document in an output, drawn for the screen or for a file."""
    width, colour = terminal.width(of_screen=of_screen), terminal.has_colour(of_screen=of_screen)
    made = render(document, output, width=width, limit=limit, colour=colour)
    if isinstance(made, str):
        return terminal.encoded(made, of_screen=of_screen)
    if of_screen and terminal.is_screen():
        raise UsageError(f"{output} is not for a screen; name a file with -o")
    return made
