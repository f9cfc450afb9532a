"""Objects of JSON that a server wrote, one a request -> CELLS, by a table of where the server says what.

It stands alone because servers differ in the names of what they say, and in nothing else of this.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import json_objects, log_fields, moments
from convkit.json_objects import NO_OBJECT, Places
from convkit.presets import squeezed
from convkit.schema import first_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from convkit.assets import Assets
    from convkit.columns import Asked
    from convkit.lines import Source
    from convkit.presets import Place

_NOTHING = ["", "-"]
_SNIFFED, _FITTED = 100, 1_000
"""Lines that are looked at, spread over the head."""
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
    **dict.fromkeys([name for name in log_fields.UNITS if name != "seconds"], r"[\d.]+(e-?\d+)?$"),
}
"""How the values of a field begin, where names alone do not tell it: seconds are no whole numbers, which are of some unit or other."""
_IN_WHOLE = ("method", "target", "query", "protocol")


@dataclass(frozen=True)
class Preset:
    """Where the objects of one server say what. In names neither case nor signs count; `a.b` is `b` within `a`."""

    places: Mapping[str, str]
    """By field, a `date` beside the time among them: the names that it may have, the preferred first."""
    needed: tuple[str, ...]
    """What an object has that tells of a request: of the names in each text one at least."""
    without: str = ""
    """Names that it has not, as they are another server's."""
    messages: str = ""
    """Names that all of the server's own messages have, which tell of no request."""
    logger: tuple[str, str] | None = None
    """Where it is said which log a line is of, and how that begins where it is of requests; where nothing is said, it is."""
    is_loose: bool = False
    """Whether anybody may have chosen the names: then they may be within any object, and values have to look like it."""

    def claims(self) -> pl.Expr:
        """Tell lines that are this server's."""
        line = pl.col("line")
        groups = [[_key(name) for name in some.split()] for some in self.needed]
        requests = pl.all_horizontal(line.str.contains(f"(?i){'|'.join(keys)}") for keys in groups)
        messages = [line.str.contains(f"(?i){_key(name)}") for name in self.messages.split()]
        found = requests | pl.all_horizontal(messages) if messages else requests
        return (line.str.contains(r"^[^{]*\{") & found).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is this server's; its own messages count where there are requests."""
        if not lines.str.contains("{", literal=True).any():
            return 0.0
        kinds = Counter(tuple(item or ()) for item in json_objects.flat(lines.gather_every(len(lines) // _SNIFFED + 1)))
        messages, names = set(_squeezed(self.messages)), {places: self._names(places) for places in kinds}
        requests = sum(count for places, count in kinds.items() if self._tells_request(names[places]))
        own = sum(count for places, count in kinds.items() if messages and messages <= names[places] and not self._tells_request(names[places]))
        return (requests + own) / kinds.total() if requests else 0.0

    def _names(self, places: Iterable[Place]) -> set[str]:
        """Return names as they are compared; anybody's without those around them, too."""
        return {name for place in places for name in (_tails(place) if self.is_loose else _tails(place)[:1])}

    def _tells_request(self, names: set[str]) -> bool:
        return all(names.intersection(_squeezed(some)) for some in self.needed) and names.isdisjoint(_squeezed(self.without))

    def fit(self, _source: Source, head: pl.Series, asked: Asked) -> Layout:
        """Return how the objects of one file are laid out."""
        items = [item for item in json_objects.flat(head.gather_every(len(head) // _FITTED + 1)) if item]
        values: dict[Place, list[Any]] = {}
        for item in items:
            for place, value in item.items():
                values.setdefault(place, []).append(value)
        found = {name: self._places_of(name, values, len(items)) for name in self.places}
        if self.is_loose or len(_texts(values, found["time"][:1])) == len(items):
            found["time"] = found["time"][:1]
        clocks = _texts(values, found["time"])
        if not (found["time"] and "date" in found and clocks and all(re.match(_CLOCK, text) for text in clocks)):
            found.pop("date", None)
        if found.get("request") and len(_texts(values, found["request"])) == len(items):
            found = {name: places for name, places in found.items() if name not in _IN_WHOLE}
        logger = (tuple(self.logger[0].split(".")), self.logger[1]) if self.logger else None
        return Layout({name: tuple(places) for name, places in found.items() if places}, _Values(values), asked.timezone, logger)

    def _places_of(self, name: str, values: Mapping[Place, list[Any]], most: int) -> list[Place]:
        """Return the places of a field, the preferred first, as far as they are in a file; `most` are the values that a place may have."""
        found = [place for alias in _squeezed(self.places[name]) for place in self._called(alias, values)]
        if not self.is_loose:
            return found or [place for place in self._usual(name) if any(other[:-1] == place[:-1] for other in values)]
        likely = [place for place in found if _is_likely(name, _texts(values, [place]))]
        last = next((number for number, place in enumerate(likely) if len(_texts(values, [place])) == most), len(likely))
        return likely[: last + 1]

    def _called(self, alias: str, places: Iterable[Place]) -> list[Place]:
        """Return the places of a name: those within the fewest objects that it does not name."""
        most = 3 if self.is_loose else 1
        return next((found for outer in range(most) if (found := [place for place in places if _tails(place)[outer : outer + 1] == (alias,)])), [])

    def _usual(self, name: str) -> Iterator[Place]:
        """Yield where a field would be that may be missing in some lines, and so in all that are looked at."""
        if name in {"referrer", "agent", "forwarded", "user"}:
            yield from (tuple(alias.split(".")) for alias in self.places[name].split() if "." in alias)


@dataclass(frozen=True)
class _Values:
    """What the objects that were looked at say, by place."""

    by_place: Mapping[Place, list[Any]]

    def like(self, pattern: str, places: Iterable[Place]) -> bool:
        """Tell whether a text in one of the places begins so."""
        return any(re.match(pattern, text) for text in _texts(self.by_place, places))

    def are_lists(self, place: Place) -> bool:
        """Tell places that hold several texts, or may."""
        return place not in self.by_place or any(isinstance(value, list) for value in self.by_place[place])


@dataclass(frozen=True)
class Layout:
    """How the objects of one file are laid out: a format of lines."""

    fields: Mapping[str, tuple[Place, ...]]
    values: _Values
    timezone: str
    logger: tuple[Place, str] | None

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone: then they are of `timezone`."""
        return any(map(moments.is_local, _texts(self.values.by_place, self.fields.get("time", ()))))

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES."""
        is_none = pl.col("object").is_null()
        is_blank = is_none & (pl.when(is_none).then("line").str.strip_chars().fill_null("") == "")
        fields = self._fields()
        rows = (
            lines.with_columns(object=self._places.read(pl.when(pl.col("fault").is_null()).then("line")))
            .with_columns(fault=pl.coalesce("fault", first_problem({"blank": is_blank, NO_OBJECT: is_none})))
            .select("source", "line_no", "fault", **fields)
        )
        return log_fields.cells(rows, fields.keys(), assets, self.timezone, names_month=self.values.like(_NAMES_MONTH, self.fields.get("time", ())))

    @cached_property
    def _places(self) -> Places:
        """All places that are read."""
        places = dict.fromkeys([place for of_field in self.fields.values() for place in of_field] + ([self.logger[0]] if self.logger else []))
        return Places(tuple(places), tuple(place for place in places if self.values.are_lists(place)))

    def _fields(self) -> dict[str, pl.Expr]:
        """Return the fields of a line, texts."""
        found = {name: self._said(places) for name, places in self.fields.items()}
        date = found.pop("date", None)
        if date is not None:
            found["time"] = pl.concat_str([date, found["time"]], separator=" ")
        found.setdefault("time", pl.col("outer"))
        if "protocol" in found:
            found["protocol"] = pl.concat_str([pl.lit("HTTP/"), found["protocol"].str.extract(_HTTP)])
        if "target" in found and "query" in found:
            found["query"] = pl.when(~found["target"].str.contains("?", literal=True)).then(found["query"])
        if self.values.like(_ORIGIN, self.fields.get("target", ())):
            origin = found["target"].str.extract(_ORIGIN)
            found["host"] = pl.coalesce(_stated(found["host"]), origin) if "host" in found else origin
        if self.logger and "method" in found:
            log = self._said([self.logger[0]])
            found["method"] = pl.when(log.is_null() | log.str.starts_with(self.logger[1])).then(found["method"])
        if "agent" in found and (request := found.get("method", found.get("request"))) is not None:
            # Where a server says who sends such a header, a request without it is of somebody who sent none.
            found["agent"] = pl.coalesce(found["agent"], pl.when(request.is_not_null()).then(pl.lit("")))
        with_unit = [name for name in log_fields.UNITS if self.values.like(_HAS_UNIT, self.fields.get(name, ()))]
        return found | {name: _in_unit(found[name], log_fields.UNITS[name]) for name in with_unit}

    def _said(self, places: Iterable[Place]) -> pl.Expr:
        """Return the first text in places that says something, or what the last holds."""
        *others, last = (self._places.field(place, "object") for place in places)
        return pl.coalesce(*map(_stated, others), last)


def _stated(text: pl.Expr) -> pl.Expr:
    return pl.when(~text.is_in(_NOTHING)).then(text)


def _in_unit(text: pl.Expr, of_second: int) -> pl.Expr:
    """Return a duration as Go writes it, `1m2.5s`, as a number of the unit of which a second has so many, as text."""
    part = text.str.extract_groups(_DURATION).struct
    factors = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
    number = part[2].cast(pl.Float64, strict=False)
    seconds = pl.coalesce(*(pl.when(part[3] == sign).then(number * factor) for sign, factor in factors.items()), number)
    longer = [part[place].cast(pl.Float64, strict=False).fill_null(0) * size for place, size in ((0, 3600), (1, 60))]
    whole = pl.when(pl.any_horizontal(part[place].is_not_null() for place in range(3))).then(seconds.fill_null(0) + longer[0] + longer[1])
    return pl.coalesce((whole * of_second).cast(pl.String), text)


def _key(name: str) -> str:
    """Return a pattern of the last part of a name as a key of JSON."""
    return r'"[^"a-z0-9]*' + '[^"a-z0-9]*'.join(re.findall("[a-z0-9]+", name.rpartition(".")[2].lower())) + r'[^"a-z0-9]*"\s*:'


@lru_cache(maxsize=256)
def _squeezed(names: str) -> tuple[str, ...]:
    """Return names, blanks between them, as they are compared."""
    return tuple(map(squeezed, names.split()))


@lru_cache(maxsize=1024)
def _tails(place: Place) -> tuple[str, ...]:
    """Return a place's name as it is compared: as a whole, then within the outermost object, and so on."""
    return tuple(squeezed("".join(place[outer:])) for outer in range(len(place)))


def _texts(values: Mapping[Place, list[Any]], places: Iterable[Place]) -> list[str]:
    """Return the texts in places, those that say nothing left out."""
    return [value for place in places for value in values.get(place, ()) if isinstance(value, str) and value not in _NOTHING]


def _is_likely(name: str, texts: list[str]) -> bool:
    """Tell places whose texts look like a field's: most of them, or there is none."""
    return name not in _LIKELY or 2 * sum(bool(re.match(_LIKELY[name], text)) for text in texts) >= len(texts)
