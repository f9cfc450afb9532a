"""The export of a known tool, read by its preset, as lines of JSON or as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convkit.formats.parsers import delimited, json_events, presets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.delimited import TableExport
    from convkit.formats.parsers.json_events import JsonExport
    from convkit.formats.parsers.presets import ColumnPath


@dataclass(frozen=True)
class ToolExport:
    """The exports of the tool that a format is called by."""

    name: str

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that are of an export whose columns are the tool's."""
        if is_json_lines(lines):
            fits, names = json_events.object_names(lines)
            return fits if self._is_its(names) else 0.0
        return delimited.export_share(lines, delimited.ANY_SEPARATOR, self._is_its)

    def fit(self, source: Source, head: pl.Series, asked: Needs) -> TableExport | JsonExport:
        """Return the format of one export, made to fit it."""
        return json_events.fit(head, source.name, asked) if is_json_lines(head) else delimited.fit(head, source.name, asked, delimited.ANY_SEPARATOR)

    def _is_its(self, names: Sequence[ColumnPath]) -> bool:
        return presets.tool_of(names) == self.name


def is_json_lines(lines: pl.Series) -> bool:
    """Tell lines the first of which begins an object."""
    return bool(lines.filter(lines.str.strip_chars() != "").head(1).str.contains(r"^\s*\{").any())
