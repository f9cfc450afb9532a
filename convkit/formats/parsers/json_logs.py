"""Objects of JSON that a server wrote, one a request -> CELLS.

It stands alone because a line may hold an object that is a server's message and no request, and one that is none at all.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import first_problem
from convkit.formats.parsers import json_objects, log_fields, named_fields
from convkit.formats.parsers.json_objects import NO_OBJECT, Places
from convkit.formats.parsers.named_fields import Names

if TYPE_CHECKING:
    from convkit.files.lines import Source
    from convkit.formats.parsers.assets import Assets
    from convkit.formats.parsers.columns import Asked
    from convkit.formats.parsers.named_fields import Found

_SNIFFED, _FITTED = 100, 1_000
"""Lines that are looked at, spread over the head."""


@dataclass(frozen=True)
class Preset(Names):
    """Where the objects of one server say what."""

    messages: str = ""
    """Names that all of the server's own messages have, which tell of no request."""

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
        messages, names = set(named_fields.words(self.messages)), {places: self.compared(places) for places in kinds}
        requests = sum(count for places, count in kinds.items() if self.tell_request(names[places]))
        own = sum(count for places, count in kinds.items() if messages and messages <= names[places] and not self.tell_request(names[places]))
        return (requests + own) / kinds.total() if requests else 0.0

    def fit(self, _source: Source, head: pl.Series, asked: Asked) -> Layout:
        """Return how the objects of one file are laid out."""
        items = json_objects.flat(head.gather_every(len(head) // _FITTED + 1))
        return Layout(self.find([item for item in items if item]), asked.timezone)


@dataclass(frozen=True)
class Layout:
    """How the objects of one file are laid out: a format of lines."""

    found: Found
    timezone: str

    @property
    def has_local_times(self) -> bool:
        """Whether some times say no zone: then they are of `timezone`."""
        return self.found.has_local_times

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES."""
        is_none = pl.col("object").is_null()
        is_blank = is_none & (pl.when(is_none).then("line").str.strip_chars().fill_null("") == "")
        fields = self.found.texts(lambda place: self._places.field(place, "object"))
        rows = (
            lines.with_columns(object=self._places.read(pl.when(pl.col("fault").is_null()).then("line")))
            .with_columns(fault=pl.coalesce("fault", first_problem({"blank": is_blank, NO_OBJECT: is_none})))
            .select("source", "line_no", "fault", **fields)
        )
        return log_fields.cells(rows, fields.keys(), assets, self.timezone, names_month=self.found.names_month)

    @cached_property
    def _places(self) -> Places:
        """All places that are read."""
        return Places(tuple(self.found.places), tuple(filter(self.found.are_lists, self.found.places)))


def _key(name: str) -> str:
    """Return a pattern of the last part of a name as a key of JSON."""
    return r'"[^"a-z0-9]*' + '[^"a-z0-9]*'.join(re.findall("[a-z0-9]+", name.rpartition(".")[2].lower())) + r'[^"a-z0-9]*"\s*:'
