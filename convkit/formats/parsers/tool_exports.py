"""Exports of known tools as JSON lines or as a table, read by the tool's preset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convkit.formats import LogFormat
from convkit.formats.parsers import delimited, json_events, presets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Needs
    from convkit.formats.parsers.delimited import TableExport
    from convkit.formats.parsers.json_events import JsonExport
    from convkit.formats.parsers.presets import ColumnPath, Preset


@dataclass(frozen=True)
class ToolExport(LogFormat):
    """The exports of one tool."""

    tool: Preset

    @property
    def preset(self) -> Preset:
        """The preset of the tool whose exports are in this format."""
        return self.tool

    @property
    def finds_fields(self) -> bool:
        """Whether `fit` finds fields by their names and values."""
        return True

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that belong to an export with the tool's columns."""
        if is_json_lines(lines):
            share, names = json_events.object_names(lines)
            return share if self._is_tool(names) else 0.0
        return delimited.export_share(lines, delimited.ANY_SEPARATOR, self._is_tool)

    def late_names(self, head: pl.Series, needs: Needs) -> str:
        """Return a pattern for the names of columns, or of properties within JSON text, that the first lines do not have."""
        return json_events.late_names(head, needs) if is_json_lines(head) else delimited.late_names(head, needs)

    def fit(self, source: Source, head: pl.Series, needs: Needs) -> TableExport | JsonExport:
        """Return the layout of one export."""
        if is_json_lines(head):
            return json_events.fit(head, source.name, needs)
        return delimited.fit(head, source.name, needs, delimited.ANY_SEPARATOR)

    def _is_tool(self, names: Sequence[ColumnPath]) -> bool:
        return presets.preset_of(names) is self.tool


def is_json_lines(lines: pl.Series) -> bool:
    """Return whether the first line begins with a JSON object."""
    return bool(lines.filter(lines.str.strip_chars() != "").head(1).str.contains(r"^\s*\{").any())
