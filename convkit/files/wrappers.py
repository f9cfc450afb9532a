"""Wrappers that containers, collectors and syslog put around lines; they are removed before the format is detected.

A wrapper may contain any format, or another wrapper.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core.schema import first_problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from convkit.files.lines import Source
    from convkit.files.reader import Frame

CUT_IN_PARTS = "split by the container runtime"
_PROGRAM = 2
"""The group of a prefix pattern that holds the name of the program."""
_SYSLOG_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,+Zz-]+|[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})"


@dataclass(frozen=True)
class _Prefix:
    """Text that is put in front of a line."""

    time: str
    """The regular expression for its beginning, with the time, if any, in a group."""
    rest: str
    """The regular expression for the rest, up to the line; in the combined expression, group _PROGRAM is the name of the program, if any."""
    has_program: bool = False
    inside: str = ""
    """The regular expression for the beginning of the line itself, if the prefix alone would match too often."""
    cut: str = ""
    """The regular expression for the prefix of a line that continues on the next one."""
    name: str = "syslog"
    """Its name, as shown to users."""

    @property
    def pattern(self) -> str:
        """The regular expression for the whole prefix."""
        return self.time + self.rest


@dataclass(frozen=True)
class _JsonWrapper:
    """A JSON object around a line, with the paths to the line and its time."""

    line: str
    time: str | None
    name: str = "json"
    """Its name, as shown to users."""


@dataclass(frozen=True)
class _ColumnWrapper:
    """A table with a line in one of its columns, as search engines for logs export it."""

    separator: str
    header: str
    place: int
    """The number of the column with the line, from 0."""
    time: int | None
    """The number of the column with the time."""
    name: str = "table"
    """Its name, as shown to users."""

    def unwrap(self, lines: Frame) -> Frame:
        """Return LINES without the table; lines that are not its rows are unchanged, and its header is a comment."""
        line = pl.col("line")
        row = pl.concat_str([pl.lit(self.separator), line]).str.extract_all(f'[{self.separator}](?:"(?:[^"]|"")*"|[^"{self.separator}]*)')
        rows = lines.with_columns(row=row).with_columns(
            row=pl.when(pl.col("row").list.join("").str.len_bytes() == line.str.len_bytes() + 1).then("row")
        )
        outer = pl.col("outer") if self.time is None else pl.coalesce(self._field(self.time), "outer")
        fault = pl.coalesce("fault", first_problem({"comment": line == self.header}))
        return rows.with_columns(line=pl.coalesce(self._field(self.place), line), outer=outer, fault=fault).drop("row")

    def _field(self, place: int) -> pl.Expr:
        """Return a field of a row without its quotes."""
        text = pl.col("row").list.get(place, null_on_oob=True).str.slice(1)
        bare = pl.when(text.str.starts_with('"')).then(text.str.head(-1).str.slice(1).str.replace_all('""', '"', literal=True)).otherwise(text)
        return bare.str.strip_chars_end("\r\n")


_PREFIXES = (
    # A container runtime: time, stream, and P if the line continues in the next one.
    _Prefix(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[!-~]+) ", r"(?:stdout|stderr) [FP](?::\S*)? ", cut=r"^\S+ \S+ P", name="cri"),
    # docker compose, possibly coloured.
    _Prefix("", r"^(?:\x1b\[[0-9;]*m)*[0-9.]*[A-Za-z_-][\w.-]* +\|(?:\x1b\[0m)? ", name="compose"),
    # kubectl logs --prefix.
    _Prefix("", r"^\[pod/[^\]]+\] ", name="kubectl"),
    # docker logs --timestamps and similar.
    _Prefix(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,9}Z) ", "", inside=r"(?:\S+ (?:\S+ )+\[|\{)", name="timestamps"),
    # RFC 5424 syslog as sent by log drains, possibly after a byte count; Heroku omits the structured data.
    _Prefix(r"^(?:[0-9]+ )?<[0-9]{1,3}>[0-9] (\S+) ", r"\S+ (\S+) \S+ \S+ (?:(?:-|(?:\[[^\]]*\])+)(?: |$))?\x{feff}?", has_program=True),
    # Syslog in files and the journal; lines from a drain may lack the host.
    _Prefix(rf"^(?:<[0-9]{{1,3}}>)?{_SYSLOG_TIME} ", r"(?:[^\s\[]*[^\s\[:] )?([^\s\[:]+)(?:\[[^\]]*\])?: ", has_program=True),
)
_RAW = ("_raw", "@message")
"""Names that are only ever given to a whole line, whatever else is known about it."""
_TEXTS = (*_RAW, "log", "message", "MESSAGE", "textPayload", "line", "Line")
_TIMES = ("time", "@timestamp", "timestamp", "ts", "__REALTIME_TIMESTAMP", "_time", "Time")
_RESULT = "result"
"""The object around each row of Splunk's JSON export."""
_SEPARATORS = (",", ";", "\t")
_WORDS_OF_A_LINE = 6
_EVENT_KEYS = {"status", "method", "request", "uri", "path", "url", "httpRequest", "event", "type", "request_method", "remote_addr", "ClientIP"}
"""Keys that show that an object itself describes an event, so that its message is not a wrapped line."""
_VISITOR_KEYS = {
    "user",
    "user_id",
    "userId",
    "visitor",
    "visitor_id",
    "visitorId",
    "distinct_id",
    "anonymous_id",
    "session_id",
    "event_name",
    "action",
}
"""Columns of an export of events, whose message is a property."""
_LIKE_A_LINE = re.compile(r'\d.*["{=|\t]|^\s*\{')
_MIN_SHARE, _SAMPLE, _OBJECTS = 0.5, 1_000, 100
_MAX_LAYERS = 3
_NO_YEAR = "%b %e %H:%M:%S"
_CLOCK_TOLERANCE = timedelta(days=1)


_Layer = _Prefix | _JsonWrapper | _ColumnWrapper


@dataclass(frozen=True)
class Wrapping:
    """The layers around the lines of a log, outermost first."""

    layers: tuple[_Layer, ...]
    written: datetime
    """When the log was last written; a time without a year is given the latest year that does not put it after this."""
    foreign: tuple[str, ...] = ()
    """Programs whose lines are not part of the log, because syslog may write the output of all programs to one file."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the layers, outermost first."""
        return tuple(layer.name for layer in self.layers)

    def unwrap(self, lines: Frame) -> Frame:
        """Unwrap the `line` column of LINES; `outer` becomes the time of the innermost layer that has one."""
        for layer in self.layers:
            if isinstance(layer, _ColumnWrapper):
                lines = layer.unwrap(lines)
            else:
                lines = lines.with_columns(**_without_json(layer)) if isinstance(layer, _JsonWrapper) else self._without(layer, lines)
        return lines

    def unwrap_texts(self, head: pl.Series) -> pl.Series:
        """Unwrap some lines, and leave out those from foreign programs."""
        empty = {"outer": pl.lit(None, dtype=pl.String), "fault": first_problem({"comment": pl.lit(value=False)})}
        unwrapped = self.unwrap(head.to_frame("line").with_columns(**empty))
        return unwrapped.filter(pl.col("fault").is_null())["line"].fill_null("")

    def by_program(self, head: pl.Series) -> dict[str, pl.Series]:
        """Unwrap some lines and group them by program, if the outermost layer is syslog."""
        layer = self.layers[0]
        if not isinstance(layer, _Prefix) or not layer.has_program:
            return {}
        lines = head.gather_every(len(head) // _SAMPLE + 1).to_frame("line").with_columns(program=pl.col("line").str.extract(layer.pattern, _PROGRAM))
        return {
            part["program"][0]: self.unwrap_texts(part["line"].head(_OBJECTS))
            for part in lines.drop_nulls().partition_by("program", maintain_order=True)
        }

    def without(self, programs: Collection[str]) -> Wrapping:
        """Return the wrapping with these programs treated as foreign."""
        return replace(self, foreign=tuple(programs))

    def _without(self, layer: _Prefix, lines: Frame) -> Frame:
        """Return LINES without a prefix; lines that lack it are unchanged."""
        line, faults = pl.col("line"), {}
        if layer.cut:
            faults[CUT_IN_PARTS] = line.str.contains(layer.cut)
        if layer.has_program and self.foreign:
            faults["comment"] = line.str.extract(layer.pattern, _PROGRAM).is_in(self.foreign)
        rows = lines.with_columns(unwrapped=line.str.replace(layer.pattern, ""))
        if layer.time:
            has_prefix = pl.col("unwrapped").str.len_bytes() < line.str.len_bytes()
            with_time = rows.with_columns(prefix_time=pl.when(has_prefix).then(line).str.extract(layer.time))
            rows = self._with_year(with_time).with_columns(outer=pl.coalesce("prefix_time", "outer"))
        fault = pl.coalesce("fault", first_problem(faults)) if faults else pl.col("fault")
        return rows.with_columns(line="unwrapped", fault=fault).drop("unwrapped", "prefix_time", strict=False)

    def _with_year(self, lines: Frame) -> Frame:
        """Convert times in `prefix_time` from syslog notation to ISO 8601."""
        year, latest = self.written.year, pl.lit((self.written + _CLOCK_TOLERANCE).replace(tzinfo=None), dtype=pl.Datetime("us"))
        is_later = ~(pl.col("moment") <= latest).fill_null(value=False)
        this_year, last_year = (pl.concat_str([pl.lit(f"{number} "), "yearless"]) for number in (year, year - 1))
        moment, earlier = (
            text.str.to_datetime(f"%Y {_NO_YEAR}", time_unit="us", strict=False) for text in (this_year, pl.when(is_later).then(last_year))
        )
        return (
            lines.with_columns(yearless=pl.when(pl.col("prefix_time").str.contains("^[A-Z]")).then("prefix_time"))
            .with_columns(moment=moment)
            .with_columns(moment=pl.when(is_later).then(earlier).otherwise("moment"))
            .with_columns(prefix_time=pl.coalesce(pl.col("moment").dt.strftime("%Y-%m-%d %H:%M:%S"), "prefix_time"))
            .drop("yearless", "moment")
        )


def _without_json(layer: _JsonWrapper) -> dict[str, pl.Expr]:
    """Return the columns of LINES without a JSON wrapper; lines that lack it are unchanged."""
    line = pl.col("line")
    columns = {"line": pl.coalesce(line.str.json_path_match(layer.line).str.strip_chars_end("\r\n"), line)}
    return columns | ({} if layer.time is None else {"outer": pl.coalesce(line.str.json_path_match(layer.time), "outer")})


def detect_wrapping(head: pl.Series, source: Source) -> Wrapping | None:
    """Return the wrapping of a log's lines, or None if there is none."""
    layers: list[_Layer] = []
    filled = head.filter(head.str.strip_chars() != "")
    lines = filled.gather_every(len(filled) // _SAMPLE + 1)
    written = datetime.fromtimestamp(source.path.stat().st_mtime, UTC)
    while len(layers) < _MAX_LAYERS and (layer := _layer(lines)) is not None:
        layers.append(layer)
        lines = Wrapping((layer,), written).unwrap_texts(lines)
    return Wrapping(tuple(layers), written) if layers else None


def _layer(lines: pl.Series) -> _Layer | None:
    """Return the layer around most of these lines, or None if there is none."""
    enough = _MIN_SHARE * max(len(lines), 1)
    if lines.str.contains(r"^\s*\{").sum() >= enough:
        return _json_wrapper(lines.gather_every(len(lines) // _OBJECTS + 1).to_list())
    prefix = next((prefix for prefix in _PREFIXES if lines.str.contains(prefix.pattern + prefix.inside).sum() >= enough), None)
    return prefix or _column_wrapper(lines.head(1).to_list() + lines.slice(1).gather_every(len(lines) // _OBJECTS + 1).to_list())


def _column_wrapper(lines: list[str]) -> _ColumnWrapper | None:
    """Return where the rows of a table hold the line, or None if they do not; the first line may be a header."""
    for separator in _SEPARATORS:
        header = _split(lines[0], separator) if lines else []
        usual = _TEXTS if _EVENT_KEYS.isdisjoint(header) and _VISITOR_KEYS.isdisjoint(header) else _RAW
        name = next((name for name in usual if name in header and len(header) > 1), None)
        rows = [row for line in lines[1:] if name and len(row := _split(line, separator)) == len(header)]
        likely = [row for row in rows if _is_like_a_line(row[header.index(name or "")])]
        if name and rows and len(rows) >= _MIN_SHARE * (len(lines) - 1) and len(likely) >= _MIN_SHARE * len(rows):
            time = next((header.index(key) for key in _TIMES if key in header), None)
            return _ColumnWrapper(separator, lines[0], header.index(name), time)
    return None


def _split(line: str, separator: str) -> list[str]:
    """Return the fields of a row, or none if it cannot be split."""
    try:
        return next(csv.reader([line.replace("\0", "")], delimiter=separator), [])
    except csv.Error:
        return []


def _is_like_a_line(text: str) -> bool:
    """Return whether a text may be the line of a log."""
    return bool(_LIKE_A_LINE.search(text)) or (text[:1].isdigit() and len(text.split(" ")) >= _WORDS_OF_A_LINE)


def _json_wrapper(lines: list[str]) -> _JsonWrapper | None:
    """Return where these JSON objects hold the line, or None if they do not wrap lines."""
    objects = [parsed for parsed in map(_parse_object, lines) if parsed]
    within = ""
    if all(isinstance(parsed.get(_RESULT), dict) for parsed in objects):
        objects, within = [parsed[_RESULT] for parsed in objects], f"['{_RESULT}']"
    plain = [parsed for parsed in objects if not any(isinstance(parsed.get(key), str | int) for key in _EVENT_KEYS)]
    for name in _TEXTS:
        wrappers = objects if name in _RAW else plain
        texts = [parsed[name] for parsed in wrappers if isinstance(parsed.get(name), str)]
        if texts and len(texts) >= _MIN_SHARE * len(lines) and sum(bool(_LIKE_A_LINE.search(text)) for text in texts) >= _MIN_SHARE * len(texts):
            time = next((key for key in _TIMES if key in wrappers[0]), None)
            return _JsonWrapper(f"${within}['{name}']", None if time is None else f"${within}['{time}']")
    return None


def _parse_object(line: str) -> dict[str, Any] | None:
    """Return the JSON object in a line, or None if there is none."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
