"""The outputs, one per file: a module with what `OutputModule` has; and `render`, which turns a document into one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from convkit.core import plugins
from convkit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from convkit.core.blocks import Screen
    from convkit.core.document import Document

FOLDER = "outputs"


class OutputModule(Protocol):
    """The module of an output."""

    ENDINGS: tuple[str, ...]
    """How the names of its files end; the first is used for files that convkit names itself."""

    def render(self, document: Document, screen: Screen, /) -> str | bytes:
        """Return the document as text, or as bytes if the output is not text."""
        ...


def load(name: str) -> OutputModule:
    """Import the output that users call `name`."""
    return cast("OutputModule", plugins.load(FOLDER, name))


def endings(name: str) -> tuple[str, ...]:
    """Return how the names of an output's files end, without importing it."""
    return tuple(plugins.constant(FOLDER, name, "ENDINGS", (name,)))


def render(document: Document, output: str = "table", *, width: int = 120, limit: int | None = None, colour: bool = False) -> str | bytes:
    """Return a document in an output: as text, but Parquet as bytes. `width` and `limit` (rows per report; 0 is all) are for the table."""
    from convkit.core.blocks import Screen  # noqa: PLC0415 (Polars loads when a report runs, not when help is shown)

    known = plugins.names(FOLDER)
    if output not in known:
        raise UsageError(f"{output!r} is no output{did_you_mean(output, known)}; known are {', '.join(known)}")
    return load(output).render(document, Screen(width, limit, colour=colour, part=document.is_whole))
