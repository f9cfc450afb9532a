"""The fields of a request as text, whatever notation they come from: their usual names, and how they become parsed lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import datafiles
from convkit.core.placeholders import value_or_null
from convkit.core.schema import PARSED, UNVIEWED, first_problem
from convkit.formats import Layout
from convkit.formats.parsers import addresses, requests, timestamps
from convkit.formats.parsers.presets import normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from convkit.formats.parsers.base import Assets
    from convkit.formats.parsers.presets import ColumnPath

    Cleaning = Mapping[str, Callable[[pl.Expr], pl.Expr]]
    """By field: the function that makes its text readable, for example by decoding it."""


DURATION_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""The fields for the duration of a request, and how many of each unit there are in a second."""
_PLACES = 9
_IN_ADVANCE = "(?i)prefetch|prerender|preview"
_PAGES = ["document", "-", ""]
"""The values of Sec-Fetch-Dest for pages; browsers before 2023 do not send it."""
FIELDS = (
    "time",
    "address",
    "user",
    "host",
    "request",
    "method",
    "target",
    "query",
    "protocol",
    "status",
    "bytes",
    "referrer",
    "agent",
    "forwarded",
    "cookies",
    "purpose",
    "destination",
    "repeat",
    *DURATION_UNITS,
)
"""The fields of a line. `request` is the whole of `METHOD target PROTOCOL`; if missing, it is made from its parts. `target` may lack the `query`.

`purpose` and `destination` are the headers Sec-Purpose and Sec-Fetch-Dest. Lines with the same `repeat`, time, address and request are about the same
request.
"""


def clean_fields(rows: pl.LazyFrame, clean: Cleaning, present: Collection[str]) -> pl.LazyFrame:
    """Apply the functions in `clean` to those fields of rows that are `present`."""
    return rows.with_columns(**{name: function(pl.col(name)) for name, function in clean.items() if name in present})


def parse_requests(rows: pl.LazyFrame, present: Collection[str], assets: Assets, timezone: str, *, names_month: bool = False) -> pl.LazyFrame:
    """Return PARSED for rows that have `source, line_no, fault` and, as text, those FIELDS that are `present`.

    `fault` is the reason why a row is not a record, including `blank` and `comment`; a row without a time or an address is still a record. Times
    without a time zone are in `timezone`; for `names_month`, see `timestamps.parse_times`.
    """
    absent = {name: pl.lit(None, dtype=pl.String) for name in FIELDS if name not in present}
    filled = rows.with_columns(**absent).with_columns(
        request=_request(present), address=field_or_null("address").str.replace_all(" ", "", literal=True)
    )
    filled = filled.with_columns(**assets.marks(_is_asset)).with_columns(time=pl.when(~pl.col("plain")).then("time"))
    timed = (
        timestamps.parse_times(filled, timezone, names_month=names_month)
        if "time" in present
        else filled.with_columns(time=pl.lit(None, dtype=PARSED["time"]))
    )
    plain_no_more = pl.col("plain") & pl.col("fault").is_null()
    return timed.with_columns(
        sender=requests.join_sender(addresses.clean_address(pl.col("address")), field_or_null("user")),
        host=addresses.clean_host(field_or_null("host")),
        request=pl.when(~pl.col("plain")).then("request"),
        status=pl.when(~pl.col("plain")).then("status").cast(pl.Int16, strict=False),
        bytes=pl.col("bytes").cast(pl.Int64, strict=False),
        referrer=field_or_null("referrer"),
        user_agent=pl.when(pl.col("agent") == "-").then(pl.lit("")).otherwise("agent"),
        seconds=_seconds(present),
        forwarded=field_or_null("forwarded"),
        cookies=field_or_null("cookies"),
        session_key=pl.lit(None, dtype=pl.String),
        problem=pl.coalesce("fault", first_problem({"asset": plain_no_more})),
        **(more := _unviewed(present) | _repeat(present)),
    ).select(*PARSED, *more)


def _unviewed(present: Collection[str]) -> dict[str, pl.Expr]:
    """Return UNVIEWED if there is a header that shows it: the request was made in advance, or for something other than a page."""
    tests = {"purpose": pl.col("purpose").str.contains(_IN_ADVANCE), "destination": ~pl.col("destination").str.strip_chars().is_in(_PAGES)}
    used = [test.fill_null(value=False) for name, test in tests.items() if name in present]
    return {UNVIEWED: pl.any_horizontal(used)} if used else {}


def _repeat(present: Collection[str]) -> dict[str, pl.Expr]:
    """Return `event_number` if there is an ID of requests: it is the same in all lines about one request."""
    number = pl.col("repeat").hash(9) ^ pl.col("time").hash(8) ^ pl.col("address").hash(6) ^ pl.col("request").hash(7)
    return {"event_number": pl.when(field_or_null("repeat").is_not_null()).then(number.reinterpret(signed=True))} if "repeat" in present else {}


def field_or_null(name: str) -> pl.Expr:
    """Return a field, or null if it says nothing."""
    return value_or_null(pl.col(name))


def _request(present: Collection[str]) -> pl.Expr:
    """Return the request line as it was logged or, failing that, made from its parts."""
    whole = field_or_null("request")
    if "target" not in present:
        return whole
    target = pl.col("target").str.strip_chars()
    if "query" in present:
        query = field_or_null("query").str.strip_prefix("?")
        target = pl.concat_str([target, pl.when(query != "").then(pl.concat_str([pl.lit("?"), query])).otherwise(pl.lit(""))])
    after = pl.concat_str([pl.lit(" "), field_or_null("protocol")]).fill_null("") if "protocol" in present else pl.lit("")
    method = field_or_null("method") if "method" in present else pl.lit("GET")
    made = pl.concat_str([method, pl.lit(" "), target, after])
    return pl.coalesce(whole, made) if "request" in present else made


def _is_asset(extensions: str) -> pl.Expr:
    """Return which requests are for files with one of these extensions."""
    return pl.col("request").str.contains(rf"^(?:GET|HEAD) [^ ?]*[^ ?/]\.(?i:{extensions})(?:[ ?#;]|$)")


def _seconds(present: Collection[str]) -> pl.Expr:
    """Return the duration of requests in seconds, or null if it was not logged."""
    number = {name: pl.col(name).str.strip_chars_end("mns ").cast(pl.Float64, strict=False) for name in DURATION_UNITS if name in present}
    seconds = [pl.when(value >= 0).then((value / DURATION_UNITS[name]).round(_PLACES)) for name, value in number.items()]
    return pl.coalesce(seconds) if seconds else pl.lit(None, dtype=pl.Float64)


_NO_TEXTS = ["", "-"]
_CLOCK = r"\d{1,2}:\d\d(:\d\d([.,]\d+)?)?$"
_NAMES_MONTH = r"\[?\d\d/[A-Z][a-z]{2}/"
_HAS_UNIT = r"[\d.]+(h|m|s|ms|[nuµμ]s)"
_DURATION = r"^(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)(s|ms|us|µs|μs|ns))?$"
_ORIGIN = r"^\w+://([^/?#]+)"
_HTTP = r"^(?:HTTP/)?([0-9]+(?:\.[0-9]+)?)(?:\.0)*$"
_LIKELY = {
    "time": rf"\[?(\d{{4}}[-/]\d\d[-/]\d\d|\d\d/[A-Z][a-z]{{2}}/|\d{{9,19}}([.]\d+)?$|\d{{14}}$)|{_CLOCK}",
    "address": r"[\w.-]+$|[^ ]*[.:]",
    "request": r"[A-Z][A-Z-]* +\S",
    "method": r"[A-Za-z-]+$",
    "target": r"[/*]|\w+://",
    "protocol": r"(?i)(HTTP/)?\d",
    "status": r"\d{3}$|0+$",
    "bytes": r"\d+$",
    "seconds": r"\d+[.]\d+(e-?\d+)?s?$|0$|[\d.hm]*[hmnuµμ]?s$",
    **dict.fromkeys([name for name in DURATION_UNITS if name != "seconds"], r"[\d.]+(e-?\d+)?$"),
}
"""Patterns for the beginning of values, by field, for use if names alone are ambiguous; whole numbers may be in any unit, so they are not seconds."""
_SECONDS_IF_FRACTIONAL = {normalized("generation_time_milli")}
"""Names of milliseconds that people also fill with a server's seconds, which have a fraction: Matomo's manual does so with nginx's $request_time."""
_REQUEST_PARTS = ("method", "target", "query", "protocol")


@dataclass(frozen=True)
class FieldNames:
    """The names of fields in one server's lines. Case and punctuation are ignored; `a.b` is `b` within `a`."""

    names: Mapping[str, str]
    """The names that each field may have, the best first; `date` may accompany `time`."""
    needed: tuple[str, ...]
    """The names that identify a request: it has at least one of the names in each string."""
    without: str = ""
    """Names that a line must not have, because they belong to another server."""
    logger: tuple[str, str] | None = None
    """The field that says which log a line belongs to, and how its value begins for requests; lines without it are requests."""
    clean: Cleaning = field(default_factory=dict)
    """Functions that make the text of fields readable, by field."""
    is_loose: bool = False
    """Whether the server's owner chose the names. If so, they may be within any object, and values must look right."""

    def compared(self, paths: Iterable[ColumnPath]) -> set[str]:
        """Return names in the form used for comparison; loose ones also without the objects around them."""
        return {name for path in paths for name in (_tails(path) if self.is_loose else _tails(path)[:1])}

    def is_request(self, names: set[str]) -> bool:
        """Return whether a line with these names, in the form used for comparison, is a request."""
        return all(names.intersection(normalized_words(some)) for some in self.needed) and names.isdisjoint(normalized_words(self.without))

    def has_values(self, lines: Sequence[Mapping[ColumnPath, str | list[Any]]]) -> bool:
        """Return whether the status of lines with the names of a request is a number: if names are loose, an event may have the same names."""
        return not self.is_loose or "status" in self.find(lines).fields

    def find(self, lines: Sequence[Mapping[ColumnPath, str | list[Any]]]) -> FieldPaths:
        """Find the paths of fields in a file, given some of its lines."""
        count = len(lines)
        values: dict[ColumnPath, list[Any]] = {}
        for line in lines:
            for path, value in line.items():
                values.setdefault(path, []).append(value)
        named = self._named(values)
        fields = {field: self._paths_of(field, values, named, count) for field in self.names}
        if self.is_loose or len(_texts(values, fields["time"][:1])) == count:
            fields["time"] = fields["time"][:1]
        clocks = _texts(values, fields["time"])
        if not (fields["time"] and "date" in fields and clocks and all(re.match(_CLOCK, text) for text in clocks)):
            fields.pop("date", None)
        if fields.get("request") and len(_texts(values, fields["request"])) == count:
            fields = {field: paths for field, paths in fields.items() if field not in _REQUEST_PARTS}
        seconds = [
            path for path in fields.get("milliseconds", ()) if normalized(path[-1]) in _SECONDS_IF_FRACTIONAL and _have_fractions(values, path)
        ]
        if seconds:
            fields["milliseconds"] = [path for path in fields["milliseconds"] if path not in seconds]
            fields["seconds"] = [*fields.get("seconds", ()), *seconds]
        logger = (tuple(self.logger[0].split(".")), self.logger[1]) if self.logger else None
        return FieldPaths({field: tuple(paths) for field, paths in fields.items() if paths}, values, logger, self.clean)

    def _paths_of(self, field: str, values: Mapping[ColumnPath, list[Any]], named: Mapping[str, list[ColumnPath]], most: int) -> list[ColumnPath]:
        """Return the paths of a field in one file, the best first. No path is needed after one with `most` values: it has a value in every line."""
        paths = [path for name in normalized_words(self.names[field]) for path in named.get(name, ())]
        if self.is_loose:
            paths = [path for one in paths for path in self._beside_request(one, values)]
        if not self.is_loose:
            return paths or [path for path in self._optional(field) if any(other[:-1] == path[:-1] for other in values)]
        likely = [path for path in paths if _is_likely(field, _texts(values, [path]))]
        last = next((number for number, path in enumerate(likely) if len(_texts(values, [path])) == most), len(likely))
        return likely[: last + 1]

    def _named(self, paths: Iterable[ColumnPath]) -> dict[str, list[ColumnPath]]:
        """Return the paths with each name that are within the fewest objects, not counting objects that are part of the name."""
        by_depth: list[dict[str, list[ColumnPath]]] = [{} for _ in range(3 if self.is_loose else 1)]
        for path in paths:
            for named, name in zip(by_depth, _tails(path), strict=False):
                named.setdefault(name, []).append(path)
        return {name: alike for named in reversed(by_depth) for name, alike in named.items()}

    def _beside_request(self, path: ColumnPath, paths: Iterable[ColumnPath]) -> list[ColumnPath]:
        """Return a path, after another with the same last name that is in an object with a method and a status, if its own object lacks them."""

        def is_request(outer: ColumnPath) -> bool:
            beside = {normalized(one[-1]) for one in paths if one[:-1] == outer}
            return all(beside.intersection(normalized_words(self.names[name])) for name in ("method", "status"))

        alike = [one for one in paths if one != path and normalized(one[-1]) == normalized(path[-1])]
        better = [] if not alike or is_request(path[:-1]) else [one for one in alike if is_request(one[:-1])]
        return [*better[:1], path]

    def _optional(self, field: str) -> Iterator[ColumnPath]:
        """Yield the paths of a field that may be missing from some lines, perhaps even from all sampled ones."""
        if field in {"referrer", "agent", "forwarded", "user", "purpose", "destination"}:
            yield from (tuple(name.split(".")) for name in self.names[field].split() if "." in name)


@dataclass(frozen=True)
class FieldPaths:
    """The paths of fields in one file."""

    fields: Mapping[str, tuple[ColumnPath, ...]]
    values: Mapping[ColumnPath, list[Any]]
    """The values in the sampled lines, by path."""
    logger: tuple[ColumnPath, str] | None
    clean: Cleaning

    @property
    def all_paths(self) -> list[ColumnPath]:
        """All paths that are read."""
        return list(dict.fromkeys([path for paths in self.fields.values() for path in paths] + ([self.logger[0]] if self.logger else [])))

    @property
    def has_local_times(self) -> bool:
        """Whether some times have no time zone."""
        return any(map(timestamps.is_local, _texts(self.values, self.fields.get("time", ()))))

    @property
    def names_month(self) -> bool:
        """Whether times may contain the name of a month."""
        return self._like(_NAMES_MONTH, "time")

    def are_lists(self, path: ColumnPath) -> bool:
        """Return whether a path holds lists or may hold them."""
        return path not in self.values or any(isinstance(value, list) for value in self.values[path])

    def texts(self, text: Callable[[ColumnPath], pl.Expr]) -> dict[str, pl.Expr]:
        """Return the fields of a line for `parse_requests`; `text` returns the text at a path."""
        fields = {name: _first_text(paths, text) for name, paths in self.fields.items()}
        date = fields.pop("date", None)
        if date is not None:
            fields["time"] = pl.concat_str([date, fields["time"]], separator=" ")
        fields.setdefault("time", pl.col("outer"))
        if "protocol" in fields:
            fields["protocol"] = pl.concat_str([pl.lit("HTTP/"), fields["protocol"].str.extract(_HTTP)])
        if "target" in fields and "query" in fields:
            fields["query"] = pl.when(~fields["target"].str.contains("?", literal=True)).then(fields["query"])
        if self._like(_ORIGIN, "target"):
            origin = fields["target"].str.extract(_ORIGIN)
            fields["host"] = pl.coalesce(_text_or_null(fields["host"]), origin) if "host" in fields else origin
        if self.logger and "method" in fields:
            log = text(self.logger[0])
            fields["method"] = pl.when(log.is_null() | log.str.starts_with(self.logger[1])).then(fields["method"])
        if "agent" in fields and (request := fields.get("method", fields.get("request"))) is not None:
            # If a server logs user agents at all, a request logged without one was sent without one.
            fields["agent"] = pl.coalesce(fields["agent"], pl.when(request.is_not_null()).then(pl.lit("")))
        return fields | {name: _in_unit(fields[name], DURATION_UNITS[name]) for name in DURATION_UNITS if self._like(_HAS_UNIT, name)}

    def _like(self, pattern: str, field: str) -> bool:
        """Return whether a sampled value of a field matches."""
        return any(re.match(pattern, text) for text in _texts(self.values, self.fields.get(field, ())))


@dataclass(frozen=True)
class NamedFieldsLayout(Layout):
    """The layout of one log whose fields have names; its format adds `scan`."""

    paths: FieldPaths
    timezone: str

    @property
    def has_local_times(self) -> bool:
        """Whether some times have no time zone; they are in `timezone`."""
        return self.paths.has_local_times

    def time_texts(self, _lines: pl.Series) -> Sequence[str]:
        """Return the sampled times as they are written."""
        return _texts(self.paths.values, self.paths.fields.get("time", ()))

    def parse(self, rows: pl.LazyFrame, present: Collection[str], assets: Assets) -> pl.LazyFrame:
        """Return PARSED for rows that have `source, line_no, fault` and, as text, those fields that are `present`."""
        cleaned = clean_fields(rows, self.paths.clean, present)
        return parse_requests(cleaned, present, assets, self.timezone, names_month=self.paths.names_month)


def _first_text(paths: Iterable[ColumnPath], text: Callable[[ColumnPath], pl.Expr]) -> pl.Expr:
    """Return the first non-empty value at these paths, or the value at the last path."""
    *others, last = map(text, paths)
    return pl.coalesce(*map(_text_or_null, others), last)


def _text_or_null(text: pl.Expr) -> pl.Expr:
    return value_or_null(text)


def _in_unit(text: pl.Expr, of_second: int) -> pl.Expr:
    """Convert a duration in Go's notation, `1m2.5s`, to a number of units, as text; there are `of_second` units in a second."""
    part = text.str.extract_groups(_DURATION).struct
    factors = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
    number = part[2].cast(pl.Float64, strict=False)
    seconds = pl.coalesce(*(pl.when(part[3] == sign).then(number * factor) for sign, factor in factors.items()), number)
    longer = [part[path].cast(pl.Float64, strict=False).fill_null(0) * size for path, size in ((0, 3600), (1, 60))]
    whole = pl.when(pl.any_horizontal(part[path].is_not_null() for path in range(3))).then(seconds.fill_null(0) + longer[0] + longer[1])
    return pl.coalesce((whole * of_second).cast(pl.String), text)


@cache
def usual_names() -> dict[str, str]:
    """Return the usual names of each field, to be used as `names` of loose formats."""
    listed = [line.partition(":") for line in datafiles.lines("request_fields")]
    return {field: "".join(names for name, _, names in listed if name == field).strip() for field in dict.fromkeys(name for name, _, _ in listed)}


def request_names() -> tuple[str, ...]:
    """Return the usual names that identify a request: those of its target, its status and its client."""
    names = usual_names()
    return tuple(" ".join(names[field] for field in fields) for fields in (("request", "target"), ("status",), ("address", "agent", "forwarded")))


@lru_cache(maxsize=256)
def normalized_words(names: str) -> tuple[str, ...]:
    """Split space-separated names and return them in the form used for comparison."""
    return tuple(map(normalized, names.split()))


@lru_cache(maxsize=1024)
def _tails(path: ColumnPath) -> tuple[str, ...]:
    """Return a path's name in the form used for comparison: in full, then without the outermost object, and so on."""
    return tuple(normalized("".join(path[outer:])) for outer in range(len(path)))


def _texts(values: Mapping[ColumnPath, list[Any]], paths: Iterable[ColumnPath]) -> list[str]:
    """Return the strings at these paths, without empty ones."""
    return [value for path in paths for value in values.get(path, ()) if isinstance(value, str) and value not in _NO_TEXTS]


def _have_fractions(values: Mapping[ColumnPath, list[Any]], path: ColumnPath) -> bool:
    """Return whether any sampled number at a path has a fraction."""
    return any("." in text for text in _texts(values, [path]))


def _is_likely(name: str, texts: list[str]) -> bool:
    """Return whether at least half of the values look like those of a field; true if there are no values."""
    return name not in _LIKELY or 2 * sum(bool(re.match(_LIKELY[name], text)) for text in texts) >= len(texts)
