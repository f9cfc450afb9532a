"""TSV, for `cut`, `awk` and `sort`: the same rows as in CSV, separated by tabs and without quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convkit.outputs import _rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.core.blocks import Screen
    from convkit.core.document import Document

ENDINGS = ("tsv",)


def render(document: Document, _: Screen) -> Iterable[str]:
    """Yield one line per row; no cell contains a tab or a line break, since control characters are made visible first."""
    for rows in _rows.document_rows(document):
        yield "".join("\t".join(row) + "\n" for row in rows)
