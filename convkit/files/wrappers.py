"""Wrappers that containers, collectors and syslog put around a line; they are removed before the format is detected.

Any format may be inside any of these, and these inside each other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core.schema import first_problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.files.lines import Frame, Source

CUT_IN_PARTS = "cut in parts by the container's runtime"
_PROGRAM = 2
"""Of what stands in front, the group that says of which program the line is."""
_SYSLOG_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][!-~]+|[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})"


@dataclass(frozen=True)
class _Prefix:
    """Text in front of a line."""

    time: str
    """The regular expression of its beginning, up to the time in a group, if there is one."""
    rest: str
    """That of the rest, up to the line; of a program, its name is the group _PROGRAM of both together."""
    has_program: bool = False
    inside: str = ""
    """How what is inside begins, where the front alone would be taken for one too often."""
    cut: str = ""
    """How the front is written where the line goes on in the next."""
    name: str = "syslog"
    """What users call it."""

    @property
    def pattern(self) -> str:
        """The regular expression of all of it."""
        return self.time + self.rest


@dataclass(frozen=True)
class _JsonWrapper:
    """An object of JSON around a line: where in it the line and its time are."""

    line: str
    time: str | None
    name: str = "json"
    """What users call it."""


_PREFIXES = (
    # A cluster's runtime: time, stream, and P where the line goes on in the next.
    _Prefix(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[!-~]+) ", r"(?:stdout|stderr) [FP](?::\S*)? ", cut=r"^\S+ \S+ P", name="cri"),
    # docker compose, also in colour.
    _Prefix("", r"^(?:\x1b\[[0-9;]*m)*[0-9.]*[A-Za-z_-][\w.-]* +\|(?:\x1b\[0m)? ", name="compose"),
    # kubectl logs --prefix.
    _Prefix("", r"^\[pod/[^\]]+\] ", name="kubectl"),
    # docker logs --timestamps and the like.
    _Prefix(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,9}Z) ", "", inside=r"(?:\S+ (?:\S+ )+\[|\{)", name="timestamps"),
    # Syslog of RFC 5424, as log drains send it, perhaps behind a count of bytes; Heroku's leave out the structured data.
    _Prefix(r"^(?:[0-9]+ )?<[0-9]{1,3}>[0-9] (\S+) ", r"\S+ (\S+) \S+ \S+ (?:(?:-|(?:\[[^\]]*\])+)(?: |$))?\x{feff}?", has_program=True),
    # Syslog as files and the journal have it; a drain's line may lack the host.
    _Prefix(rf"^(?:<[0-9]{{1,3}}>)?{_SYSLOG_TIME} ", r"(?:[^\s\[]*[^\s\[:] )?([^\s\[:]+)(?:\[[^\]]*\])?: ", has_program=True),
)
_TEXTS = ("log", "message", "MESSAGE", "textPayload", "line")
_TIMES = ("time", "@timestamp", "timestamp", "ts", "__REALTIME_TIMESTAMP")
_EVENT_KEYS = {"status", "method", "request", "uri", "path", "url", "httpRequest", "event", "type", "request_method", "remote_addr", "ClientIP"}
"""Keys of an object that says itself what happened: whatever its message is, no line is inside."""
_LIKE_A_LINE = re.compile(r'\d.*["{=|\t]|^\s*\{')
_MOSTLY, _TRIED, _OBJECTS = 0.5, 1_000, 100
_MAX_LAYERS = 3
_NO_YEAR = "%b %e %H:%M:%S"
_CLOCK_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True)
class Wrapping:
    """The layers around the lines of a log, the outermost first."""

    layers: tuple[_Prefix | _JsonWrapper, ...]
    written: datetime
    """When the log was written last: where a time says no year, the latest that is not after it."""
    foreign: tuple[str, ...] = ()
    """Programs whose lines are no part of the log, as where syslog puts all into one file."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what users call the layers, the outermost first."""
        return tuple(layer.name for layer in self.layers)

    def peeled(self, lines: Frame) -> Frame:
        """Put what is inside in the place of `line` of LINES; `outer` is the time that the innermost layer says, if any does."""
        for layer in self.layers:
            lines = lines.with_columns(**_without_json(layer)) if isinstance(layer, _JsonWrapper) else self._without(layer, lines)
        return lines

    def of(self, head: pl.Series) -> pl.Series:
        """Return what is inside of some lines, but for those of other programs."""
        nothing = {"outer": pl.lit(None, dtype=pl.String), "fault": first_problem({"comment": pl.lit(value=False)})}
        inside = self.peeled(head.to_frame("line").with_columns(**nothing))
        return inside.filter(pl.col("fault").is_null())["line"].fill_null("")

    def by_program(self, head: pl.Series) -> dict[str, pl.Series]:
        """Return what is inside of some lines by the programs that the lines are of, where syslog stands outermost."""
        layer = self.layers[0]
        if not isinstance(layer, _Prefix) or not layer.has_program:
            return {}
        told = head.gather_every(len(head) // _TRIED + 1).to_frame("line").with_columns(program=pl.col("line").str.extract(layer.pattern, _PROGRAM))
        return {part["program"][0]: self.of(part["line"].head(_OBJECTS)) for part in told.drop_nulls().partition_by("program", maintain_order=True)}

    def without(self, programs: Collection[str]) -> Wrapping:
        """Return the same, the lines of some programs left out."""
        return replace(self, foreign=tuple(programs))

    def _without(self, layer: _Prefix, lines: Frame) -> Frame:
        """Return LINES without text in front; a line without it stays as it is."""
        line, faults = pl.col("line"), {}
        if layer.cut:
            faults[CUT_IN_PARTS] = line.str.contains(layer.cut)
        if layer.has_program and self.foreign:
            faults["comment"] = line.str.extract(layer.pattern, _PROGRAM).is_in(self.foreign)
        told = lines.with_columns(inside=line.str.replace(layer.pattern, ""))
        if layer.time:
            is_there = pl.col("inside").str.len_bytes() < line.str.len_bytes()
            said = told.with_columns(said=pl.when(is_there).then(line).str.extract(layer.time))
            told = self._with_year(said).with_columns(outer=pl.coalesce("said", "outer"))
        fault = pl.coalesce("fault", first_problem(faults)) if faults else pl.col("fault")
        return told.with_columns(line="inside", fault=fault).drop("inside", "said", strict=False)

    def _with_year(self, lines: Frame) -> Frame:
        """Write a time of syslog in `said` as ISO 8601 does."""
        year, latest = self.written.year, pl.lit((self.written + _CLOCK_TOLERANCE).replace(tzinfo=None), dtype=pl.Datetime("us"))
        is_later = ~(pl.col("moment") <= latest).fill_null(value=False)
        now, before = (pl.concat_str([pl.lit(f"{number} "), "yearless"]) for number in (year, year - 1))
        moment, earlier = (when.str.to_datetime(f"%Y {_NO_YEAR}", time_unit="us", strict=False) for when in (now, pl.when(is_later).then(before)))
        return (
            lines.with_columns(yearless=pl.when(pl.col("said").str.contains("^[A-Z]")).then("said"))
            .with_columns(moment=moment)
            .with_columns(moment=pl.when(is_later).then(earlier).otherwise("moment"))
            .with_columns(said=pl.coalesce(pl.col("moment").dt.strftime("%Y-%m-%d %H:%M:%S"), "said"))
            .drop("yearless", "moment")
        )


def _without_json(layer: _JsonWrapper) -> dict[str, pl.Expr]:
    """Return LINES without an object around; a line without it stays as it is."""
    line = pl.col("line")
    told = {"line": pl.coalesce(line.str.json_path_match(layer.line).str.strip_chars_end("\r\n"), line)}
    return told | ({} if layer.time is None else {"outer": pl.coalesce(line.str.json_path_match(layer.time), "outer")})


def detect_wrapping(head: pl.Series, source: Source) -> Wrapping | None:
    """Return what is around the lines of a log, None where nothing is."""
    layers: list[_Prefix | _JsonWrapper] = []
    told = head.filter(head.str.strip_chars() != "")
    said = told.gather_every(len(told) // _TRIED + 1)
    written = datetime.fromtimestamp(source.path.stat().st_mtime, UTC)
    while len(layers) < _MAX_LAYERS and (layer := _layer(said)) is not None:
        layers.append(layer)
        said = Wrapping((layer,), written).of(said)
    return Wrapping(tuple(layers), written) if layers else None


def _layer(lines: pl.Series) -> _Prefix | _JsonWrapper | None:
    """Return the layer around most of some lines, None where there is none."""
    most = _MOSTLY * max(len(lines), 1)
    if lines.str.contains(r"^\s*\{").sum() >= most:
        return _json_wrapper(lines.gather_every(len(lines) // _OBJECTS + 1).to_list())
    return next((front for front in _PREFIXES if lines.str.contains(front.pattern + front.inside).sum() >= most), None)


def _json_wrapper(lines: list[str]) -> _JsonWrapper | None:
    """Return where the line is inside of objects, None where they are no wrapping."""
    objects = [found for found in map(_parse_object, lines) if found]
    said = [found for found in objects if not any(isinstance(found.get(key), str | int) for key in _EVENT_KEYS)]
    for name in _TEXTS:
        texts = [found[name] for found in said if isinstance(found.get(name), str)]
        if texts and len(texts) >= _MOSTLY * len(lines) and sum(bool(_LIKE_A_LINE.search(text)) for text in texts) >= _MOSTLY * len(texts):
            time = next((key for key in _TIMES if key in said[0]), None)
            return _JsonWrapper(f"$['{name}']", None if time is None else f"$['{time}']")
    return None


def _parse_object(line: str) -> dict[str, Any] | None:
    """Return a line's object, None where it holds none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
