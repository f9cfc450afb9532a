"""Lines of labels and values, `status:200` between tabs or `status=200` between blanks -> CELLS.

It stands alone because LTSV and logfmt are this one notation with other signs, and everybody chooses labels and their order as they like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from convkit import log_fields
from convkit.schema import first_problem
from convkit.templates import NOT_LIKE_IT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.assets import Assets
    from convkit.columns import Asked
    from convkit.lines import Source

_QUOTES = {"\\\\": "\\x5C", '\\"': "\\x22"}
_SHOWN = 100
"""Lines whose labels are looked at."""


@dataclass(frozen=True)
class Notation:
    """How labels and values are written."""

    line: str
    """The pattern of a line."""
    word: str
    """The pattern of a label with its value."""
    before: str
    """The pattern of what stands in front of a label."""
    value: str
    """The pattern of a value, without a group."""
    sign: str
    """What stands between a label and its value."""
    labels: Mapping[str, tuple[str, ...]]
    """By the field of `log_fields`: the labels that are usual for it, the best first."""
    needed: str
    """The pattern of a label that tells a log of requests."""
    between: str | None = None
    """What stands between two labels and in no value."""

    def claims(self) -> pl.Expr:
        """Tell lines that are written so, and say what was asked for."""
        line = pl.col("line")
        return (line.str.contains(self.line) & line.str.contains(self.needed)).fill_null(value=False)

    def sniff(self, lines: pl.Series) -> float:
        """Return which share of lines is written so."""
        return int(lines.to_frame("line").select(self.claims().sum()).item()) / max(len(lines), 1)

    def fit(self, _source: Source, head: pl.Series, asked: Asked) -> Labelled:
        """Return the format with the labels of one log."""
        words = head.filter(head.str.contains(self.line)).head(_SHOWN).str.extract_all(self.word)
        usual = [word.partition(self.sign)[0] for word in (words[0] if len(words) else [])]
        there = {word.partition(self.sign)[0] for word in words.explode().drop_nulls()}
        chosen: dict[str, tuple[str, ...]] = {}
        for name, labels in self.labels.items():
            taken = {label for others in chosen.values() for label in others}
            found = [label for label in labels if label in there and label not in taken]
            if found:
                chosen[name] = tuple(label for label in found if label == found[0] or label not in self.ambiguous)
        return Labelled(self, chosen, tuple(usual), asked.timezone)

    @property
    def ambiguous(self) -> set[str]:
        """Labels that are usual for more than one field: one of them takes it only where it has no other."""
        every = [label for labels in self.labels.values() for label in labels]
        return {label for label in every if every.count(label) > 1}

    def words(self, line: pl.Expr) -> pl.Expr:
        """Return the labels with their values, in a list."""
        return line.str.split(self.between) if self.between else line.str.extract_all(self.word)


@dataclass(frozen=True)
class Labelled:
    """How one log is laid out."""

    notation: Notation
    chosen: Mapping[str, tuple[str, ...]]
    """By the field: its labels, the best first."""
    usual: tuple[str, ...]
    """The labels of its first line, in their order: most logs keep it."""
    timezone: str

    def scan(self, lines: pl.LazyFrame, assets: Assets) -> pl.LazyFrame:
        """Return CELLS of LINES."""
        line = pl.col("line")
        bare = pl.coalesce(pl.when(line.str.contains("\\", literal=True)).then(line).str.replace_many(_QUOTES), line)
        rows = lines.with_columns(bare=bare, words=self.notation.words(bare))
        placed = rows.with_columns(**{name: self._at_its_place(labels) for name, labels in self.chosen.items()})
        moved = placed.with_columns(
            left=pl.when(pl.any_horizontal(pl.lit(value=False), *(pl.col(name).is_null() for name in self.chosen))).then("bare")
        )
        rules = {"blank": line.str.strip_chars().fill_null("") == "", NOT_LIKE_IT: ~line.str.contains(self.notation.line)}
        fields = {name: self._said(name, labels) for name, labels in self.chosen.items()}
        fields["time"] = pl.coalesce(fields["time"], "outer") if "time" in fields else pl.col("outer")
        read = moved.select("source", "line_no", fault=pl.coalesce("fault", first_problem(rules)), **fields)
        return log_fields.cells(read, fields, assets, self.timezone, names_month=True)

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
        said = pl.coalesce(name, *found).str.strip_chars('"')
        if name == "seconds":
            return said.str.extract("^([0-9.]+)s?$")
        return said.str.extract("^([0-9.]+)(?:ms)?$") if name == "milliseconds" else said
