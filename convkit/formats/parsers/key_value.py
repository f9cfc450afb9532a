"""Logs of labels and values: LTSV (`status:200` between tabs) and logfmt (`status=200` between spaces).

Servers can be configured to write any labels in any order.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.conditions import any_of
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
"""The number of lines whose labels are sampled."""
_WHOLE = "whole"


@dataclass(frozen=True)
class KeyValueLog(LogFormat):
    """A notation of labels and values."""

    line: str
    """The pattern for a line."""
    word: str
    """The pattern for a label with its value."""
    before: str
    """The pattern for what comes before a label."""
    value: str
    """The pattern for a value, without groups; for speed, no character may match in two ways."""
    sign: str
    """The separator between a label and its value."""
    labels: Mapping[str, tuple[str, ...]]
    """The usual labels of each field (`fields.FIELDS`), the best first."""
    needed: str
    """The pattern for a label that identifies a log of requests."""
    between: str
    """The separator between a value and the next label."""
    has_quotes: bool = False
    """Whether values may be quoted and then contain separators."""
    clean: Cleaning = field(default_factory=dict)
    """Functions that make the text of fields readable, by field."""

    @property
    def finds_fields(self) -> bool:
        """Whether `fit` finds fields by their names and values."""
        return True

    def claims(self) -> pl.Expr:
        """Return which lines are in this notation and contain a request."""
        line = pl.col("line")
        return (line.str.contains(self.line) & line.str.contains(self.needed)).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return the share of lines that are in this notation and contain a request."""
        return base.claimed_share(lines, self.claims())

    def late_names(self, head: pl.Series, _needs: Needs) -> str:
        """Return a pattern for the usual labels that the first lines do not have."""
        left = {label for labels in self.labels.values() for label in labels} - self._labels(head.filter(head.str.contains(self.line)))
        return rf'(?:^|[\t "])(?:{"|".join(map(re.escape, sorted(left)))}){self.sign}' if left else ""

    def _labels(self, lines: pl.Series) -> set[str]:
        """Return the labels in some lines."""
        return {*lines.str.extract_all(self.word).explode().unique().str.extract(f"^([^{re.escape(self.sign)}]*)").drop_nulls().unique()}

    def fit(self, _source: Source, head: pl.Series, needs: Needs) -> KeyValueLayout:
        """Return the layout of one log, which depends on the labels that it uses."""
        lines = head.filter(head.str.contains(self.line))
        words_of_lines = lines.gather_every(len(lines) // _SAMPLED + 1).str.extract_all(self.word)
        labels_of_lines = [tuple(word.partition(self.sign)[0] for word in words) for words in words_of_lines]
        order = Counter(labels_of_lines).most_common(1)[0][0] if labels_of_lines else tuple(labels[0] for labels in self.labels.values())
        known_labels = self._labels(lines)
        chosen: dict[str, tuple[str, ...]] = {}
        for name, labels in self.labels.items():
            taken = {label for others in chosen.values() for label in others}
            used = [label for label in labels if label in known_labels and label not in taken]
            if used:
                chosen[name] = tuple(label for label in used if label == used[0] or label not in self.ambiguous)
        return KeyValueLayout(self, chosen, order, needs.timezone)

    @property
    def ambiguous(self) -> set[str]:
        """Labels that are usual for several fields; a field uses such a label only if it has no other."""
        every = [label for labels in self.labels.values() for label in labels]
        return {label for label in every if every.count(label) > 1}

    def words(self, line: pl.Expr) -> pl.Expr:
        """Return the labels with their values, as a list."""
        return line.str.extract_all(self.word) if self.has_quotes else line.str.split(self.between)


@dataclass(frozen=True)
class KeyValueLayout(Layout):
    """The layout of one log."""

    notation: KeyValueLog
    chosen: Mapping[str, tuple[str, ...]]
    """The labels of each field, the best first."""
    order: tuple[str, ...]
    """The labels that most lines have, in the order in which they appear."""
    timezone: str

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Parse LINES into PARSED."""
        line, odd, form = pl.col("line"), pl.col("odd"), pl.col("form").struct
        matched = lines.with_columns(form=pl.when(~line.str.contains("\\", literal=True)).then(line).str.extract_groups(self._form))
        unmatched = matched.with_columns(odd=pl.when(form.field(_WHOLE).is_null()).then(line))
        rows = unmatched.with_columns(bare=requests.rewrite_escapes(odd, requests.QUOTE_ESCAPES)).with_columns(
            words=self.notation.words(pl.col("bare"))
        )
        placed = rows.with_columns(**{name: self._in_usual_place(labels) for name, labels in self.chosen.items()})
        moved = placed.with_columns(left=pl.when(any_of(pl.col(name).is_null() for name in self.chosen)).then("bare"))
        is_blank = form.field(_WHOLE).is_null() & (odd.str.strip_chars().fill_null("") == "")
        rules = {"blank": is_blank, NO_MATCH: ~odd.str.contains(self.notation.line)}
        fields = {name: self._value(name, labels) for name, labels in self.chosen.items()}
        fields["time"] = pl.coalesce(fields["time"], "outer") if "time" in fields else pl.col("outer")
        read = moved.select("source", "line_no", fault=pl.coalesce("fault", first_problem(rules)), **fields)
        return parse_requests(clean_fields(read, self.notation.clean, fields), fields, assets, self.timezone, names_month=True)

    @cached_property
    def _form(self) -> str:
        """The pattern for most lines; searching for each label would take twice as long."""
        names = {self.order.index(label): name for name in self.chosen for label in [self._usual_label(name)] if label is not None}
        value, between = self.notation.value, re.escape(self.notation.between)
        groups = [f"(?P<{names[place]}>{value})" if place in names else f"(?:{value})" for place in range(len(self.order))]
        words = between.join(f"{re.escape(label)}{self.notation.sign}{group}" for label, group in zip(self.order, groups, strict=True))
        return f"^{words}{between}?(?P<{_WHOLE}>)$"

    def _usual_label(self, name: str) -> str | None:
        """Return the label that most lines have for a field, or None if they have none."""
        return next((label for label in self.chosen[name] if label in self.order), None)

    def _in_usual_place(self, labels: tuple[str, ...]) -> pl.Expr:
        """Return the value of a field's first label if it is in its usual place, otherwise null."""
        if labels[0] not in self.order:
            return pl.lit(None, dtype=pl.String)
        word, start = pl.col("words").list.get(self.order.index(labels[0]), null_on_oob=True), f"{labels[0]}{self.notation.sign}"
        return pl.when(word.str.starts_with(start)).then(word.str.slice(len(start)))

    def _value(self, name: str, labels: tuple[str, ...]) -> pl.Expr:
        """Return the value of a field, wherever its label is, without quotes."""
        before, sign, value = self.notation.before, self.notation.sign, self.notation.value
        values = [pl.col("left").str.extract(f"{before}{label.replace('.', '[.]')}{sign}({value})") for label in labels]
        in_form = [] if self._usual_label(name) is None else [pl.col("form").struct.field(name)]
        text = pl.coalesce(*in_form, name, *values).str.strip_chars('"')
        if name == "seconds":
            return text.str.extract("^([0-9.]+)s?$")
        return text.str.extract("^([0-9.]+)(?:ms)?$") if name == "milliseconds" else text
