"""What containers, collectors and syslog put around a line: it is peeled off before anybody asks for the format.

It stands alone because any format may be wrapped in any of these, one in another, and none of them says a thing about a visit but, at times, when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from typing import TypeVar

    from convkit.lines import Source

    Frame = TypeVar("Frame", pl.LazyFrame, pl.DataFrame)

_SYSLOG_TIME = r"(?P<time>\d{4}-\d\d-\d\d[T ]\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
_PATTERNS = (
    # A cluster's runtime: time, stream, whether the line is whole.
    r"^(?P<time>\d{4}-\d\d-\d\dT\S+) (?:stdout|stderr) F (?P<line>.*)$",
    # docker compose.
    r"^[\w.-]+ +\| (?P<line>.*)$",
    # kubectl logs --prefix.
    r"^\[pod/[^\]]+\] (?P<line>.*)$",
    # Syslog of RFC 5424, as log drains send it, perhaps behind a count of bytes.
    r"^(?:\d+ )?<\d{1,3}>\d (?P<time>\S+) \S+ \S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+) ?(?P<line>.*)$",
    # Syslog as files and the journal have it; a drain's line may lack the host.
    rf"^(?:<\d{{1,3}}>)?{_SYSLOG_TIME} (?:[^\s\[:]+ )?[^\s\[:]+(?:\[[^\]]*\])?: (?P<line>.*)$",
)
_NAMES = ("cri", "compose", "kubectl", "syslog", "syslog")
"""What users call the patterns, in their order."""
_AS_JSON = r'^\s*\{(?:"[^"]*"\s*:\s*"[^"]*"\s*,\s*)*"(?:log|message)"\s*:\s*"'
_SURELY = 0.9
_DEEPEST = 3
_NO_YEAR = "%b %e %H:%M:%S"
_LATER = timedelta(days=1)


@dataclass(frozen=True)
class Wrapping:
    """The layers around the lines of a log, the outermost first, each a regular expression, or empty for JSON."""

    layers: tuple[str, ...]
    written: datetime
    """When the log was written last: where a time says no year, the latest that is not after it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what users call the layers, the outermost first."""
        known = {"": "json", **dict(zip(_PATTERNS, _NAMES, strict=True))}
        return tuple(known[layer] for layer in self.layers)

    def peeled(self, lines: Frame) -> Frame:
        """Put what is inside in the place of `line` of LINES; `outer` is the time that the innermost layer says, if any does."""
        for layer in self.layers:
            lines = self._without(lines, layer)
        return lines

    def of(self, head: pl.Series) -> pl.Series:
        """Return what is inside of some lines."""
        return self.peeled(head.to_frame("line").with_columns(outer=pl.lit(None, dtype=pl.String)))["line"].fill_null("")

    def _without(self, lines: Frame, layer: str) -> Frame:
        """Take one layer off; a line without it stays as it is."""
        line, part = pl.col("line"), pl.col("part").struct
        if not layer:
            inside = pl.coalesce(line.str.json_path_match("$.log"), line.str.json_path_match("$.message")).str.strip_chars_end("\r\n")
            return lines.with_columns(line=pl.coalesce(inside, line), outer=pl.coalesce(line.str.json_path_match("$.time"), "outer"))
        taken = lines.with_columns(part=line.str.extract_groups(layer))
        said = self._with_year(part.field("time")) if "<time>" in layer else pl.lit(None, dtype=pl.String)
        return taken.with_columns(line=pl.coalesce(part.field("line"), "line"), outer=pl.coalesce(said, "outer")).drop("part")

    def _with_year(self, time: pl.Expr) -> pl.Expr:
        """Return a time of syslog as ISO 8601 writes it."""
        year = self.written.year
        when = pl.concat_str([pl.lit(f"{year} "), pl.when(time.str.contains("^[A-Z]")).then(time)])
        moment = when.str.to_datetime(f"%Y {_NO_YEAR}", time_unit="us", strict=False)
        before = when.str.replace(f"^{year}", f"{year - 1}").str.to_datetime(f"%Y {_NO_YEAR}", time_unit="us", strict=False)
        latest = pl.lit((self.written + _LATER).replace(tzinfo=None), dtype=pl.Datetime("us"))
        return pl.coalesce(pl.when(moment <= latest).then(moment).otherwise(before).dt.strftime("%Y-%m-%d %H:%M:%S"), time)


def around(head: pl.Series, source: Source) -> Wrapping | None:
    """Return what is around the lines of a log, None where nothing is."""
    layers: list[str] = []
    said = head.filter(head.str.strip_chars() != "")
    written = datetime.fromtimestamp(source.path.stat().st_mtime, UTC)
    while len(layers) < _DEEPEST and (layer := _layer(said)) is not None:
        layers.append(layer)
        said = Wrapping((layer,), written).of(said)
    return Wrapping(tuple(layers), written) if layers else None


def _layer(lines: pl.Series) -> str | None:
    """Return the layer around most of some lines: empty for JSON, None where there is none."""
    patterns = {"": _AS_JSON, **{layer: layer for layer in _PATTERNS}}
    return next((layer for layer, pattern in patterns.items() if lines.str.contains(pattern).sum() >= _SURELY * max(len(lines), 1)), None)
