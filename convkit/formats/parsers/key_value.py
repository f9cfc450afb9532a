"""Lines of keys and values: LTSV (`status:200` between tabs) and logfmt (`status=200` between blanks).

Keys and their order are whatever a server's owner chose.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.schema import first_problem
from convkit.formats import Layout, LogFormat
from convkit.formats.parsers import base, requests
from convkit.formats.parsers.fields import clean_fields, parse_requests
from convkit.formats.parsers.regex import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.files.lines import Source
    from convkit.formats.parsers.base import Assets, Needs
    from convkit.formats.parsers.fields import Cleaning

_SAMPLED = 100
"""Lines whose labels are looked at."""
_WHOLE = "whole"


@dataclass(frozen=True)
class KeyValueLog(LogFormat):
    """How labels and values are written."""

    line: str
    """The pattern of a line."""
    word: str
    """The pattern of a label with its value."""
    before: str
    """The pattern of what stands in front of a label."""
    value: str
    """The pattern of a value, without a group; each letter leaves but one way to go on."""
    sign: str
    """What stands between a label and its value."""
    labels: Mapping[str, tuple[str, ...]]
    """By the field (`fields.FIELDS`): the labels that are usual for it, the best first."""
    needed: str
    """The pattern of a label that tells a log of requests."""
    between: str
    """What stands between a value and the next label."""
    has_quotes: bool = False
    """Whether values may be quoted, and then hold what stands between."""
    clean: Cleaning = field(default_factory=dict)

    def claims(self) -> pl.Expr:
        """Tell lines that are written so, and say what was asked for."""
        line = pl.col("line")
        return (line.str.contains(self.line) & line.str.contains(self.needed)).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is written so."""
        return base.claimed_share(lines, self.claims())

    def fit(self, _source: Source, head: pl.Series, needs: Needs) -> KeyValueLayout:
        """Return the format with the labels of one log."""
        words = head.filter(head.str.contains(self.line)).head(_SAMPLED).str.extract_all(self.word)
        found_in = [tuple(word.partition(self.sign)[0] for word in of_line) for of_line in words]
        usual = Counter(found_in).most_common(1)[0][0] if found_in else tuple(labels[0] for labels in self.labels.values())
        there = {label for of_line in found_in for label in of_line}
        chosen: dict[str, tuple[str, ...]] = {}
        for name, labels in self.labels.items():
            taken = {label for others in chosen.values() for label in others}
            found = [label for label in labels if label in there and label not in taken]
            if found:
                chosen[name] = tuple(label for label in found if label == found[0] or label not in self.ambiguous)
        return KeyValueLayout(self, chosen, usual, needs.timezone)

    @property
    def ambiguous(self) -> set[str]:
        """Labels that are usual for more than one field: one of them takes it only where it has no other."""
        every = [label for labels in self.labels.values() for label in labels]
        return {label for label in every if every.count(label) > 1}

    def words(self, line: pl.Expr) -> pl.Expr:
        """Return the labels with their values, in a list."""
        return line.str.extract_all(self.word) if self.has_quotes else line.str.split(self.between)


@dataclass(frozen=True)
class KeyValueLayout(Layout):
    """How one log is laid out."""

    notation: KeyValueLog
    chosen: Mapping[str, tuple[str, ...]]
    """By the field: its labels, the best first."""
    usual: tuple[str, ...]
    """The labels of most of its lines, in their order."""
    timezone: str

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return PARSED of LINES."""
        line, odd, form = pl.col("line"), pl.col("odd"), pl.col("form").struct
        known = lines.with_columns(form=pl.when(~line.str.contains("\\", literal=True)).then(line).str.extract_groups(self._form))
        others = known.with_columns(odd=pl.when(form.field(_WHOLE).is_null()).then(line))
        rows = others.with_columns(bare=requests.rewrite_escapes(odd, requests.QUOTE_ESCAPES)).with_columns(words=self.notation.words(pl.col("bare")))
        placed = rows.with_columns(**{name: self._at_its_place(labels) for name, labels in self.chosen.items()})
        moved = placed.with_columns(
            left=pl.when(pl.any_horizontal(pl.lit(value=False), *(pl.col(name).is_null() for name in self.chosen))).then("bare")
        )
        is_blank = form.field(_WHOLE).is_null() & (odd.str.strip_chars().fill_null("") == "")
        rules = {"blank": is_blank, NO_MATCH: ~odd.str.contains(self.notation.line)}
        fields = {name: self._said(name, labels) for name, labels in self.chosen.items()}
        fields["time"] = pl.coalesce(fields["time"], "outer") if "time" in fields else pl.col("outer")
        read = moved.select("source", "line_no", fault=pl.coalesce("fault", first_problem(rules)), **fields)
        return parse_requests(clean_fields(read, self.notation.clean, fields), fields, assets, self.timezone, names_month=True)

    @cached_property
    def _form(self) -> str:
        """The pattern of most lines: to look for one label after the other takes twice as long."""
        names = {self.usual.index(label): name for name in self.chosen for label in [self._usual_label(name)] if label is not None}
        value, between = self.notation.value, re.escape(self.notation.between)
        groups = [f"(?P<{names[place]}>{value})" if place in names else f"(?:{value})" for place in range(len(self.usual))]
        words = between.join(f"{re.escape(label)}{self.notation.sign}{group}" for label, group in zip(self.usual, groups, strict=True))
        return f"^{words}{between}?(?P<{_WHOLE}>)$"

    def _usual_label(self, name: str) -> str | None:
        """Return the label of a field in most lines, None where they have none."""
        return next((label for label in self.chosen[name] if label in self.usual), None)

    def _at_its_place(self, labels: tuple[str, ...]) -> pl.Expr:
        """Return the value of the first label where lines have it in the usual order, null where they do not."""
        if labels[0] not in self.usual:
            return pl.lit(None, dtype=pl.String)
        word, start = pl.col("words").list.get(self.usual.index(labels[0]), null_on_oob=True), f"{labels[0]}{self.notation.sign}"
        return pl.when(word.str.starts_with(start)).then(word.str.slice(len(start)))

    def _said(self, name: str, labels: tuple[str, ...]) -> pl.Expr:
        """Return the value of a label, wherever it stands, without quotes."""
        before, sign, value = self.notation.before, self.notation.sign, self.notation.value
        found = [pl.col("left").str.extract(f"{before}{label.replace('.', '[.]')}{sign}({value})") for label in labels]
        in_form = [] if self._usual_label(name) is None else [pl.col("form").struct.field(name)]
        said = pl.coalesce(*in_form, name, *found).str.strip_chars('"')
        if name == "seconds":
            return said.str.extract("^([0-9.]+)s?$")
        return said.str.extract("^([0-9.]+)(?:ms)?$") if name == "milliseconds" else said
