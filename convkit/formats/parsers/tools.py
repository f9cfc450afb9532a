"""The export of a known tool, in whatever notation it comes: lines of JSON or a table.

It stands alone because no format of a tool knows a notation: it says what is known of the tool (`presets`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convkit.formats.parsers import delimited, json_lines, presets, separated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.columns import Asked
    from convkit.formats.parsers.delimited import Table
    from convkit.formats.parsers.json_lines import Objects
    from convkit.formats.parsers.presets import Place


@dataclass(frozen=True)
class Tool:
    """The exports of the tool that a format is called by."""

    name: str

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that are of an export whose columns are the tool's."""
        if is_json(lines):
            fits, names = json_lines.named(lines)
            return fits if self._is_its(names) else 0.0
        return delimited.share(lines, separated.ANY, self._is_its)

    def fit(self, source: Source, head: pl.Series, asked: Asked) -> Table | Objects:
        """Return the format of one export, made to fit it."""
        return json_lines.fit(head, source.name, asked) if is_json(head) else delimited.fit(head, source.name, asked, separated.ANY)

    def _is_its(self, names: Sequence[Place]) -> bool:
        return presets.tool_of(names) == self.name


def is_json(lines: pl.Series) -> bool:
    """Tell lines the first of which begins an object."""
    return bool(lines.filter(lines.str.strip_chars() != "").head(1).str.contains(r"^\s*\{").any())
