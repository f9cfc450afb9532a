"""The outputs, one per file, each a module with the members of `OutputModule`; and `render`, which writes a document in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack, cast

from convkit.core import plugins
from convkit.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.core.blocks import Screen
    from convkit.core.document import Document

FOLDER = "outputs"


class OutputModule(Protocol):
    """The interface of an output module."""

    ENDINGS: tuple[str, ...]
    """The file extensions of the output; the first is used for files that convkit names itself."""

    def render(self, document: Document, screen: Screen, /) -> Iterable[str] | bytes:
        """Return the document as pieces of text, or as bytes if the output is not text."""
        ...


class ScreenOptions(TypedDict, total=False):
    """Options of the screen that a table is drawn for."""

    width: int
    limit: int | None
    """Rows per report; None for the usual number, 0 for all."""
    colour: bool
    verbose: bool
    """Whether the definitions are shown."""


def load(name: str) -> OutputModule:
    """Import the output that users call `name`."""
    return cast("OutputModule", plugins.load(FOLDER, name))


def endings(name: str) -> tuple[str, ...]:
    """Return the file extensions of an output, without importing it."""
    return tuple(plugins.constant(FOLDER, name, "ENDINGS", (name,)))


def render(document: Document, output: str = "table", **options: Unpack[ScreenOptions]) -> str | bytes:
    """Return a document in an output: bytes for Parquet, text for all others. The options apply only to `table`. Raises UsageError."""
    content = pieces(document, output, **options)
    return content if isinstance(content, bytes) else "".join(content)


def pieces(document: Document, output: str, **options: Unpack[ScreenOptions]) -> Iterable[str] | bytes:
    """Return what `render` returns, but text in pieces, so that a large report is never in memory as one text. Raises UsageError."""
    from convkit.core.blocks import Screen  # noqa: PLC0415 (Polars is loaded when a report runs, not when help is shown)

    names = plugins.names(FOLDER)
    if output not in names:
        raise UsageError(f"unknown output {output!r}{suggestion(output, names, 'Outputs')}")
    return load(output).render(document, Screen(part=document.is_whole, **options))
