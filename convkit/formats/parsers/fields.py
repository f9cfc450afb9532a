"""The fields of a request, as text, whatever notation they come from: how they are named, and how they become parsed lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import datafiles
from convkit.core.schema import PARSED, first_problem
from convkit.formats.parsers import requests, timestamps
from convkit.formats.parsers.presets import normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from convkit.formats.parsers.base import Assets
    from convkit.formats.parsers.presets import ColumnPath

    Cleaning = Mapping[str, Callable[[pl.Expr], pl.Expr]]
    """By field: the function that makes its text readable, for example by decoding it."""


DURATION_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""Fields of the time that serving took, and how many of their unit a second has."""
_PLACES = 9
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
    *DURATION_UNITS,
)
"""What a line may say: `request` is `METHOD target PROTOCOL` as a whole, else its parts make it; `target` may lack the `query`."""
_EMPTY = ["-", "", "- - -"]
_PORT = r"^\[?([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F:.]*::?[0-9a-fA-F:.]*\])(?::[0-9]+)?$"


def clean_fields(rows: pl.LazyFrame, clean: Cleaning, there: Collection[str]) -> pl.LazyFrame:
    """Return rows with those of the fields that are `there` as their functions make them."""
    return rows.with_columns(**{name: function(pl.col(name)) for name, function in clean.items() if name in there})


def parse_requests(rows: pl.LazyFrame, there: Collection[str], assets: Assets, timezone: str, *, names_month: bool = False) -> pl.LazyFrame:
    """Return PARSED of rows: `source, line_no, fault`, and text by the names of those FIELDS that are `there`.

    `fault` says why a row is no record, `blank` and `comment` among it; a row without a time or an address is one all the same. Times without a zone
    are of `timezone`; `names_month` says how they are written (`timestamps.parse_times`).
    """
    absent = {name: pl.lit(None, dtype=pl.String) for name in FIELDS if name not in there}
    told = rows.with_columns(**absent).with_columns(request=_request(there), address=field_or_null("address").str.replace_all(" ", "", literal=True))
    told = told.with_columns(**assets.marks(_is_asset)).with_columns(time=pl.when(~pl.col("plain")).then("time"))
    told = (
        timestamps.parse_times(told, timezone, names_month=names_month)
        if "time" in there
        else told.with_columns(time=pl.lit(None, dtype=PARSED["time"]))
    )
    plain_no_more = pl.col("plain") & pl.col("fault").is_null()
    return told.with_columns(
        sender=requests.join_sender(_address(), field_or_null("user")),
        host=field_or_null("host").str.to_lowercase().str.replace(":[0-9]+$", ""),
        request=pl.when(~pl.col("plain")).then("request"),
        status=pl.when(~pl.col("plain")).then("status").cast(pl.Int16, strict=False),
        bytes=pl.col("bytes").cast(pl.Int64, strict=False),
        referrer=field_or_null("referrer"),
        user_agent=pl.when(pl.col("agent") == "-").then(pl.lit("")).otherwise("agent"),
        seconds=_seconds(there),
        forwarded=field_or_null("forwarded"),
        cookies=field_or_null("cookies"),
        session_key=pl.lit(None, dtype=pl.String),
        problem=pl.coalesce("fault", first_problem({"asset": plain_no_more})),
    ).select(*PARSED)


def field_or_null(name: str) -> pl.Expr:
    """Return a field, null where it says nothing."""
    bare = pl.col(name).str.strip_chars()
    return pl.when(~bare.is_in(_EMPTY)).then(bare)


def _address() -> pl.Expr:
    """Return who asked, without a port; a list of addresses without blanks, as what is no address."""
    with_colon = pl.when(pl.col("address").str.contains(":", literal=True)).then("address")
    # A bare address of IPv6, of which there are many, has neither, and no port.
    with_port = pl.when(with_colon.str.contains(r"[\].]")).then("address").str.replace(_PORT, "$1").str.strip_chars_end("]")
    return pl.coalesce(with_port, "address")


def _request(there: Collection[str]) -> pl.Expr:
    """Return the request as a whole: as it was sent, else put together."""
    whole = field_or_null("request")
    if "target" not in there:
        return whole
    target = pl.col("target").str.strip_chars()
    if "query" in there:
        query = field_or_null("query").str.strip_prefix("?")
        target = pl.concat_str([target, pl.when(query != "").then(pl.concat_str([pl.lit("?"), query])).otherwise(pl.lit(""))])
    after = pl.concat_str([pl.lit(" "), field_or_null("protocol")]).fill_null("") if "protocol" in there else pl.lit("")
    method = field_or_null("method") if "method" in there else pl.lit("GET")
    made = pl.concat_str([method, pl.lit(" "), target, after])
    return pl.coalesce(whole, made) if "request" in there else made


def _is_asset(extensions: str) -> pl.Expr:
    """Tell requests of files with one of these extensions."""
    return pl.col("request").str.contains(rf"^(?:GET|HEAD) [^ ?]*[^ ?/]\.(?i:{extensions})(?:[ ?#;]|$)")


def _seconds(there: Collection[str]) -> pl.Expr:
    """Return how long serving took, null where that is not said."""
    number = {name: pl.col(name).str.strip_chars_end("mns ").cast(pl.Float64, strict=False) for name in DURATION_UNITS if name in there}
    found = [pl.when(value >= 0).then((value / DURATION_UNITS[name]).round(_PLACES)) for name, value in number.items()]
    return pl.coalesce(found) if found else pl.lit(None, dtype=pl.Float64)


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
"""How the values of a field begin, where names alone do not tell it: seconds are no whole numbers, which are of some unit or other."""
_REQUEST_PARTS = ("method", "target", "query", "protocol")


@dataclass(frozen=True)
class FieldNames:
    """Where one server's lines say what. In names neither case nor signs count; `a.b` is `b` within `a`."""

    places: Mapping[str, str]
    """By field, a `date` beside the time among them: the names that it may have, the preferred first."""
    needed: tuple[str, ...]
    """What a line has that tells of a request: of the names in each text one at least."""
    without: str = ""
    """Names that it has not, as they are another server's."""
    logger: tuple[str, str] | None = None
    """Where it is said which log a line is of, and how that begins where it is of requests; where nothing is said, it is."""
    clean: Cleaning = field(default_factory=dict)
    is_loose: bool = False
    """Whether anybody may have chosen the names: then they may be within any object, and values have to look like it."""

    def compared(self, places: Iterable[ColumnPath]) -> set[str]:
        """Return names as they are compared; anybody's without those around them, too."""
        return {name for place in places for name in (_tails(place) if self.is_loose else _tails(place)[:1])}

    def tell_request(self, names: set[str]) -> bool:
        """Tell names, as they are compared, of a line that is a request."""
        return all(names.intersection(normalized_words(some)) for some in self.needed) and names.isdisjoint(normalized_words(self.without))

    def find(self, lines: Sequence[Mapping[ColumnPath, str | list[Any]]]) -> FieldPaths:
        """Return where the lines of one file say what, by what some of them hold."""
        count = len(lines)
        values: dict[ColumnPath, list[Any]] = {}
        for line in lines:
            for place, value in line.items():
                values.setdefault(place, []).append(value)
        found = {name: self._places_of(name, values, count) for name in self.places}
        if self.is_loose or len(_texts(values, found["time"][:1])) == count:
            found["time"] = found["time"][:1]
        clocks = _texts(values, found["time"])
        if not (found["time"] and "date" in found and clocks and all(re.match(_CLOCK, text) for text in clocks)):
            found.pop("date", None)
        if found.get("request") and len(_texts(values, found["request"])) == count:
            found = {name: places for name, places in found.items() if name not in _REQUEST_PARTS}
        logger = (tuple(self.logger[0].split(".")), self.logger[1]) if self.logger else None
        return FieldPaths({name: tuple(places) for name, places in found.items() if places}, values, logger, self.clean)

    def _places_of(self, name: str, values: Mapping[ColumnPath, list[Any]], most: int) -> list[ColumnPath]:
        """Return the places of a field, the preferred first, as far as they are in a file; `most` are the values that a place may have."""
        found = [place for alias in normalized_words(self.places[name]) for place in self._called(alias, values)]
        if not self.is_loose:
            return found or [place for place in self._usual(name) if any(other[:-1] == place[:-1] for other in values)]
        likely = [place for place in found if _is_likely(name, _texts(values, [place]))]
        last = next((number for number, place in enumerate(likely) if len(_texts(values, [place])) == most), len(likely))
        return likely[: last + 1]

    def _called(self, alias: str, places: Iterable[ColumnPath]) -> list[ColumnPath]:
        """Return the places of a name: those within the fewest objects that it does not name."""
        most = 3 if self.is_loose else 1
        return next((found for outer in range(most) if (found := [place for place in places if _tails(place)[outer : outer + 1] == (alias,)])), [])

    def _usual(self, name: str) -> Iterator[ColumnPath]:
        """Yield where a field would be that may be missing in some lines, and so in all that are looked at."""
        if name in {"referrer", "agent", "forwarded", "user"}:
            yield from (tuple(alias.split(".")) for alias in self.places[name].split() if "." in alias)


@dataclass(frozen=True)
class FieldPaths:
    """Where the lines of one file say what."""

    fields: Mapping[str, tuple[ColumnPath, ...]]
    values: Mapping[ColumnPath, list[Any]]
    """What the lines that were looked at say, by place."""
    logger: tuple[ColumnPath, str] | None
    clean: Cleaning

    @property
    def places(self) -> list[ColumnPath]:
        """All places that are read."""
        return list(dict.fromkeys([place for of_field in self.fields.values() for place in of_field] + ([self.logger[0]] if self.logger else [])))

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone."""
        return any(map(timestamps.is_local, _texts(self.values, self.fields.get("time", ()))))

    @property
    def names_month(self) -> bool:
        """Whether times may hold the name of a month."""
        return self._like(_NAMES_MONTH, "time")

    def are_lists(self, place: ColumnPath) -> bool:
        """Tell places that hold several texts, or may."""
        return place not in self.values or any(isinstance(value, list) for value in self.values[place])

    def texts(self, text: Callable[[ColumnPath], pl.Expr]) -> dict[str, pl.Expr]:
        """Return the fields of a line as `parse_requests` takes them, out of the texts in places."""
        found = {name: _first_stated(places, text) for name, places in self.fields.items()}
        date = found.pop("date", None)
        if date is not None:
            found["time"] = pl.concat_str([date, found["time"]], separator=" ")
        found.setdefault("time", pl.col("outer"))
        if "protocol" in found:
            found["protocol"] = pl.concat_str([pl.lit("HTTP/"), found["protocol"].str.extract(_HTTP)])
        if "target" in found and "query" in found:
            found["query"] = pl.when(~found["target"].str.contains("?", literal=True)).then(found["query"])
        if self._like(_ORIGIN, "target"):
            origin = found["target"].str.extract(_ORIGIN)
            found["host"] = pl.coalesce(_stated(found["host"]), origin) if "host" in found else origin
        if self.logger and "method" in found:
            log = text(self.logger[0])
            found["method"] = pl.when(log.is_null() | log.str.starts_with(self.logger[1])).then(found["method"])
        if "agent" in found and (request := found.get("method", found.get("request"))) is not None:
            # Where a server says who sends such a header, a request without it is of somebody who sent none.
            found["agent"] = pl.coalesce(found["agent"], pl.when(request.is_not_null()).then(pl.lit("")))
        return found | {name: _in_unit(found[name], DURATION_UNITS[name]) for name in DURATION_UNITS if self._like(_HAS_UNIT, name)}

    def _like(self, pattern: str, field: str) -> bool:
        """Return whether a text of a field begins so."""
        return any(re.match(pattern, text) for text in _texts(self.values, self.fields.get(field, ())))


def _first_stated(places: Iterable[ColumnPath], text: Callable[[ColumnPath], pl.Expr]) -> pl.Expr:
    """Return the first text in places that says something, or what the last holds."""
    *others, last = map(text, places)
    return pl.coalesce(*map(_stated, others), last)


def _stated(text: pl.Expr) -> pl.Expr:
    return pl.when(~text.is_in(_NO_TEXTS)).then(text)


def _in_unit(text: pl.Expr, of_second: int) -> pl.Expr:
    """Return a duration as Go writes it, `1m2.5s`, as a number of the unit of which a second has so many, as text."""
    part = text.str.extract_groups(_DURATION).struct
    factors = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
    number = part[2].cast(pl.Float64, strict=False)
    seconds = pl.coalesce(*(pl.when(part[3] == sign).then(number * factor) for sign, factor in factors.items()), number)
    longer = [part[place].cast(pl.Float64, strict=False).fill_null(0) * size for place, size in ((0, 3600), (1, 60))]
    whole = pl.when(pl.any_horizontal(part[place].is_not_null() for place in range(3))).then(seconds.fill_null(0) + longer[0] + longer[1])
    return pl.coalesce((whole * of_second).cast(pl.String), text)


@cache
def usual_names() -> dict[str, str]:
    """Return the names that are usual, by field: `places` of anybody's lines."""
    listed = [line.partition(":") for line in datafiles.lines("request_fields")]
    return {field: "".join(names for name, _, names in listed if name == field).strip() for field in dict.fromkeys(name for name, _, _ in listed)}


def request_names() -> tuple[str, ...]:
    """Return what tells of a request where names are usual: what was asked for, what came of it, and who asked."""
    names = usual_names()
    return tuple(" ".join(names[field] for field in fields) for fields in (("request", "target"), ("status",), ("address", "agent", "forwarded")))


@lru_cache(maxsize=256)
def normalized_words(names: str) -> tuple[str, ...]:
    """Return names, blanks between them, as they are compared."""
    return tuple(map(normalized, names.split()))


@lru_cache(maxsize=1024)
def _tails(place: ColumnPath) -> tuple[str, ...]:
    """Return a place's name as it is compared: as a whole, then within the outermost object, and so on."""
    return tuple(normalized("".join(place[outer:])) for outer in range(len(place)))


def _texts(values: Mapping[ColumnPath, list[Any]], places: Iterable[ColumnPath]) -> list[str]:
    """Return the texts in places, those that say nothing left out."""
    return [value for place in places for value in values.get(place, ()) if isinstance(value, str) and value not in _NO_TEXTS]


def _is_likely(name: str, texts: list[str]) -> bool:
    """Tell places whose texts look like a field's: most of them, or there is none."""
    return name not in _LIKELY or 2 * sum(bool(re.match(_LIKELY[name], text)) for text in texts) >= len(texts)
