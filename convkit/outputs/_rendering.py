"""A document -> the text or the bytes of one of the outputs.

It stands alone because the command line and the library both render.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.core import plugins
from convkit.core.tables import Room
from convkit.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from convkit.core.tables import Document


def render(document: Document, output: str = "table", *, width: int = 120, limit: int | None = None, colour: bool = False) -> str | bytes:
    """Return a document in an output: as text, but Parquet as bytes. `width` and `limit` (rows a report; 0 is all) are for the table."""
    known = plugins.names("outputs")
    if output not in known:
        raise UsageError(f"{output!r} is no output{did_you_mean(output, known)}; known are {', '.join(known)}")
    rendered: str | bytes = plugins.load("outputs", output).render(document, Room(width, limit, colour=colour, part=document.is_whole))
    return rendered
