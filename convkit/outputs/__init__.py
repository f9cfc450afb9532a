"""The outputs, one per file, and `render`, which turns a document into one of them.

An output's module has `HOLDS_MANY` (several reports in one file) and `render(document, room)`, which returns the text, or bytes where
the output is not text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import plugins
from convkit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from convkit.core.document import Document


def render(document: Document, output: str = "table", *, width: int = 120, limit: int | None = None, colour: bool = False) -> str | bytes:
    """Return a document in an output: as text, but Parquet as bytes. `width` and `limit` (rows a report; 0 is all) are for the table."""
    from convkit.core.blocks import Screen  # noqa: PLC0415 (Polars loads when a report runs, not when help is shown)

    known = plugins.names("outputs")
    if output not in known:
        raise UsageError(f"{output!r} is no output{did_you_mean(output, known)}; known are {', '.join(known)}")
    rendered: str | bytes = plugins.load("outputs", output).render(document, Screen(width, limit, colour=colour, part=document.is_whole))
    return rendered
