"""What the fields of a log's line say, told by their names: the keys of an object, or the columns of a table.

It stands alone because servers differ in the names of what they say, and in nothing else of this, whatever notation it stands in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import lists
from convkit.formats.parsers import log_fields, moments
from convkit.formats.parsers.presets import squeezed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from convkit.formats.parsers.presets import Place

_NOTHING = ["", "-"]
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
class Names:
    """Where one server's lines say what. In names neither case nor signs count; `a.b` is `b` within `a`."""

    places: Mapping[str, str]
    """By field, a `date` beside the time among them: the names that it may have, the preferred first."""
    needed: tuple[str, ...]
    """What a line has that tells of a request: of the names in each text one at least."""
    without: str = ""
    """Names that it has not, as they are another server's."""
    logger: tuple[str, str] | None = None
    """Where it is said which log a line is of, and how that begins where it is of requests; where nothing is said, it is."""
    is_loose: bool = False
    """Whether anybody may have chosen the names: then they may be within any object, and values have to look like it."""

    def compared(self, places: Iterable[Place]) -> set[str]:
        """Return names as they are compared; anybody's without those around them, too."""
        return {name for place in places for name in (_tails(place) if self.is_loose else _tails(place)[:1])}

    def tell_request(self, names: set[str]) -> bool:
        """Tell names, as they are compared, of a line that is a request."""
        return all(names.intersection(words(some)) for some in self.needed) and names.isdisjoint(words(self.without))

    def find(self, lines: Sequence[Mapping[Place, str | list[Any]]]) -> Found:
        """Return where the lines of one file say what, by what some of them hold."""
        count = len(lines)
        values: dict[Place, list[Any]] = {}
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
            found = {name: places for name, places in found.items() if name not in _IN_WHOLE}
        logger = (tuple(self.logger[0].split(".")), self.logger[1]) if self.logger else None
        return Found({name: tuple(places) for name, places in found.items() if places}, values, logger)

    def _places_of(self, name: str, values: Mapping[Place, list[Any]], most: int) -> list[Place]:
        """Return the places of a field, the preferred first, as far as they are in a file; `most` are the values that a place may have."""
        found = [place for alias in words(self.places[name]) for place in self._called(alias, values)]
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
class Found:
    """Where the lines of one file say what."""

    fields: Mapping[str, tuple[Place, ...]]
    values: Mapping[Place, list[Any]]
    """What the lines that were looked at say, by place."""
    logger: tuple[Place, str] | None

    @property
    def places(self) -> list[Place]:
        """All places that are read."""
        return list(dict.fromkeys([place for of_field in self.fields.values() for place in of_field] + ([self.logger[0]] if self.logger else [])))

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone."""
        return any(map(moments.is_local, _texts(self.values, self.fields.get("time", ()))))

    @property
    def names_month(self) -> bool:
        """Whether times may hold the name of a month."""
        return self._like(_NAMES_MONTH, "time")

    def are_lists(self, place: Place) -> bool:
        """Tell places that hold several texts, or may."""
        return place not in self.values or any(isinstance(value, list) for value in self.values[place])

    def texts(self, text: Callable[[Place], pl.Expr]) -> dict[str, pl.Expr]:
        """Return the fields of a line as `log_fields` takes them, out of the texts in places."""
        found = {name: _first_said(places, text) for name, places in self.fields.items()}
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
        return found | {name: _in_unit(found[name], log_fields.UNITS[name]) for name in log_fields.UNITS if self._like(_HAS_UNIT, name)}

    def _like(self, pattern: str, field: str) -> bool:
        """Return whether a text of a field begins so."""
        return any(re.match(pattern, text) for text in _texts(self.values, self.fields.get(field, ())))


def _first_said(places: Iterable[Place], text: Callable[[Place], pl.Expr]) -> pl.Expr:
    """Return the first text in places that says something, or what the last holds."""
    *others, last = map(text, places)
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


@cache
def usual() -> dict[str, str]:
    """Return the names that are usual, by field: `places` of anybody's lines."""
    listed = [line.partition(":") for line in lists.lines("request_fields")]
    return {field: "".join(names for name, _, names in listed if name == field).strip() for field in dict.fromkeys(name for name, _, _ in listed)}


def usual_needs() -> tuple[str, ...]:
    """Return what tells of a request where names are usual: what was asked for, what came of it, and who asked."""
    names = usual()
    return tuple(" ".join(names[field] for field in fields) for fields in (("request", "target"), ("status",), ("address", "agent", "forwarded")))


@lru_cache(maxsize=256)
def words(names: str) -> tuple[str, ...]:
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
