"""Screens of reports that are broken down by a key: one column per value, or a sparkline over the periods.

Cells that differ clearly from the figures for the other sessions are marked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

import polars as pl

from convkit.analysis.breakdown import OTHER, PERIODS, VALUE
from convkit.analysis.marks import WIDTH, Marks
from convkit.analysis.periods import NO_MARKS, PeriodMarks
from convkit.core import formatting
from convkit.core.blocks import BlankLine, Cell, Heading, Paragraph, Row, Shown, table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from convkit.analysis.analysis import View
    from convkit.core.blocks import Block, Screen
    from convkit.core.document import Report


MOST_VALUES = 5
"""The maximum number of values that get a column of their own; the others share one."""
_MOST_PERIODS, _ROWS = 60, 20
_NAME, _NARROW_NAME, _PAIR, _RATE, _WIDEST, _GAP, _INDENT = 27, 22, 11, 6, 18, 2, 2
"""Widths: the longest name (on a wide and on a narrow screen), a count with its rate, a rate alone, the widest value, the gap and the indent."""
_LABEL, _ALL, _SESSIONS = "label", "all", "sessions"


@dataclass(frozen=True)
class Breakdown:
    """A report broken down by a key, and its values in order, as `by, sessions`. On a screen, the last value may stand for all the others."""

    values: pl.DataFrame
    report: Report
    marks: PeriodMarks = NO_MARKS
    """The marks on unfinished periods and on those with notes."""

    @property
    def rows(self) -> pl.DataFrame:
        """Return the rows of the report, including the columns of its details."""
        return self.report.frame if self.report.details is None else self.report.details


class BreakdownScreen(Protocol):
    """An object that draws a report broken down by a key."""

    def draw(self, whole: Report, fold: Callable[[int | None], Breakdown], view: View, screen: Screen) -> list[Block]:
        """Return the blocks; `whole` is the report on all sessions, and `fold(n)` keeps n values (all for None) and merges the others."""


@dataclass(frozen=True)
class Section:
    """One table of a report that is broken down: its heading, and the rows of the whole report that it shows."""

    heading: Heading
    rows: pl.DataFrame
    only: Mapping[str, str | int] = field(default_factory=dict)
    """If a report has several tables, the columns and values that select the rows of this one."""
    below: tuple[Block, ...] = ()
    widest: int = 0
    """The maximum length of a label; 0 for the usual one."""
    shorten: Callable[[str], str] = str


@dataclass(frozen=True)
class BreakdownTable:
    """The table of a report that is broken down: each row has a label and, per value, a count (`part`) out of a total (`whole`), with the rate.

    All three are columns of the report or its details (the label may also be an expression); rows without a label are left out. If there are no
    `sections`, a single table headed `heading` shows the first rows whose part is not 0, in the order of the report.
    """

    label: str | pl.Expr
    part: str
    whole: str
    heading: Heading | None = None
    sections: Callable[[Report, View, Screen], Iterable[Section]] | None = None
    with_sessions: bool = True
    """Whether the first row shows the number of sessions for each value."""
    of_sessions: bool = False
    """Whether parts and wholes are counts of sessions; if so, cells that differ clearly from the other sessions are marked."""
    given: Callable[[pl.DataFrame, View], Collection[str]] = lambda *_: ()
    """Returns the labels of rows that the key itself determines, given the cells (see `Marks`); they have no marks."""

    def draw(self, whole: Report, fold: Callable[[int | None], Breakdown], view: View, screen: Screen) -> list[Block]:
        """Return the tables, one below the other."""
        blocks: list[Block] = []
        marks = self._marks(whole, fold(None), view)
        for section in self.sections(whole, view, screen) if self.sections else self._first_rows(whole, screen):
            lines = _Lines(section, self, (*view.by,), with_notes=not blocks, marks=marks)
            if drawn := _draw(lines, fold, view.key, screen):
                blocks += [*([BlankLine()] if blocks else []), *drawn, *section.below]
        return blocks

    def _marks(self, whole: Report, split: Breakdown, view: View) -> Marks | None:
        """Return the marks on all cells of the report, shown or not; None for a table whose cells are never marked.

        Periods are judged by their trend, and goals have no marks, because a session may have several.
        """
        if not self.of_sessions or view.key in PERIODS or view.key == "goal":
            return None
        of_all = self.labelled(detailed_rows(whole)).rename({"part": "of_part", "whole": "of_whole"})
        cells = self.labelled(split.rows, view.by).join(of_all, on="label")
        cells = cells.select(family=pl.lit(self.part), item="label", value=VALUE, part="part", whole="whole", of_part="of_part", of_whole="of_whole")
        return Marks(cells.with_columns(is_given=pl.col("item").is_in(list(self.given(cells, view)))))

    def _first_rows(self, whole: Report, screen: Screen) -> list[Section]:
        rows = detailed_rows(whole).filter(pl.col(self.part) > 0)
        return [Section(self.heading or Heading(whole.name.upper()), rows.head(screen.rows(_ROWS) or rows.height))]

    def labelled(self, rows: pl.DataFrame, by: Sequence[str] = ()) -> pl.DataFrame:
        """Return `label, part, whole` of the rows that have a label, preceded by the columns in `by`."""
        return rows.select(*by, label=self.label, part=self.part, whole=self.whole).drop_nulls("label")


def detailed_rows(report: Report) -> pl.DataFrame:
    """Return the rows of a report in their order, including the columns of its details."""
    if report.details is None:
        return report.frame
    names = [column.name for column in report.naming]
    details = report.details.select(*names, pl.exclude(report.frame.columns))
    return report.frame.join(details, on=names, how="left", maintain_order="left")


@dataclass(frozen=True)
class _Lines:
    """The rows of one table, for all sessions and for each value."""

    section: Section
    table: BreakdownTable
    by: tuple[str, ...]
    with_notes: bool
    """Whether notes on the periods are shown below the table."""
    marks: Marks | None

    @property
    def of_all(self) -> pl.DataFrame:
        """Return `label, part, whole` for all sessions."""
        return self.table.labelled(self.section.rows)

    def of_values(self, split: Breakdown) -> pl.DataFrame:
        """Return `by, label, part, whole` for each value."""
        return self.table.labelled(split.rows.filter(**self.section.only), self.by)

    @property
    def mark_width(self) -> int:
        """Return the width of the column for marks."""
        return 0 if self.marks is None else WIDTH


def _draw(lines: _Lines, split: Callable[[int | None], Breakdown], key: str, screen: Screen) -> list[Block]:
    """Draw the rows with one column per value, or with sparklines over the periods; `split(n)` keeps n values and merges the others."""
    every = split(None)
    if lines.of_all.is_empty() or every.values.is_empty():
        return []
    heading = Heading(lines.section.heading.title, f"by {key}; {lines.section.heading.rest}")
    widest = lines.section.widest or (_NAME if screen.wide else _NARROW_NAME)
    name = min(max(len(label) for label in (_SESSIONS, *lines.of_all["label"])), widest)
    space, widths = screen.width - _INDENT - name - _width_of_all(lines, every) - _GAP, [*_widths_of_values(lines, every).values()]
    if key in PERIODS:
        if _fitting_columns(widths, space) < len(widths):
            return [heading, *_sparklines(lines, every, key, name, screen)]
        return [heading, *_matrix(lines, every, key, name, space), *_period_legend(lines, every, every.values[VALUE].to_list(), screen)]
    shown = split(_shown_values(widths, key, screen, space, _width_of_all(lines, every) + WIDTH))
    hidden = every.values.height - shown.values.filter(pl.col(VALUE) != OTHER).height if key == "goal" else 0
    more = [Paragraph(f"{formatting.plural(hidden, 'more goal')}: --limit 0.", style="dim")] if hidden else []
    return [heading, *_matrix(lines, shown, key, name, space), *more]


def _shown_values(widths: Sequence[int], key: str, screen: Screen, space: int, other: int) -> int | None:
    """Return how many values get a column of their own (as many as fit, or as the limit allows), or None for all."""
    if screen.limit is not None:
        return screen.limit or None
    fits = _fitting_columns(widths[:MOST_VALUES], space)
    # There is no column for all other goals, because a session that reached several of them would be counted more than once.
    if key == "goal" or fits == len(widths):
        return fits
    return max(_fitting_columns(widths[:fits], space - other - _GAP), 1)


def _fitting_columns(widths: Sequence[int], space: int) -> int:
    """Return how many columns of these widths fit, but at least one."""
    ends = accumulate(width + _GAP for width in widths)
    return max(sum(end <= space for end in ends), 1)


def _width_of_all(lines: _Lines, split: Breakdown) -> int:
    """Return the width of the column for all values together."""
    return _width_of_counts([*lines.of_all["part"], int(split.values["sessions"].sum())])


def _widths_of_values(lines: _Lines, split: Breakdown) -> dict[str, int]:
    """Return the column width for each value, in order, including room for a mark."""
    parts = defaultdict(list, lines.of_values(split).group_by(VALUE).agg("part").rows())
    mark = lines.mark_width
    return {
        value: min(max(len(split.marks.title(value)), _width_of_counts([*parts[value], sessions], mark)), _WIDEST)
        for value, sessions in split.values.select(VALUE, "sessions").rows()
    }


def _width_of_counts(counts: Sequence[int], mark: int = 0) -> int:
    """Return the width of counts with their rates and a mark."""
    return max(_PAIR, max(len(formatting.count(count)) for count in counts) + _RATE + mark)


def _matrix(lines: _Lines, split: Breakdown, key: str, name: int, space: int) -> list[Block]:
    """Return one column per value, in as many grids as are needed."""
    pairs, values = _counts_by_label(lines, split), split.values.rows()
    values = [value for value in values if key != "goal" or value[0] != OTHER]
    total = "" if key == "goal" else formatting.count(int(split.values["sessions"].sum()))
    blocks: list[Block] = []
    marks, mark, widths = lines.marks, lines.mark_width, _widths_of_values(lines, split)
    while values:
        shown, values = _split_at(values, _fitting_columns([widths[value] for value, _ in values], space))
        counts = [f"{total}{'':{_RATE}}", *(f"{formatting.count(sessions)}{'':{_RATE + mark}}" for _, sessions in shown)]
        rows: list[dict[str, str] | Row] = [Row([Cell(text, "dim") for text in (_SESSIONS, *counts)])] if lines.table.with_sessions else []
        columns = {_LABEL: Shown(most=name), _ALL: Shown(_ALL, style="bold", most=_width_of_all(lines, split))}
        columns |= {f"value {value}": Shown(shortened(split.marks.title(value), _WIDEST), most=widths[value]) for value, _ in shown}
        for label, part, whole in lines.of_all.select("label", "part", "whole").rows():
            signs = [marks.of(label, value) if marks else "" for value, _ in shown]
            counts = [
                formatting.count_and_rate(*pairs.get((label, value), (0, 0)), _RATE) + sign for (value, _), sign in zip(shown, signs, strict=True)
            ]
            rows.append(dict(zip(columns, (lines.section.shorten(label), formatting.count_and_rate(part, whole, _RATE), *counts), strict=True)))
        blocks += [*([BlankLine()] if blocks else []), replace(table(rows, columns), least=name)]
    return [*blocks, *(marks.legend((label, value) for label in lines.of_all["label"] for value, _ in split.values.rows()) if marks else [])]


def _split_at(values: list[tuple[str, int]], place: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    return values[:place], values[place:]


def shortened(text: str, most: int) -> str:
    """Shorten text that is too long by cutting out its middle, because many paths start with the same words."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - 1 - most // 2) :]}"


def _sparklines(lines: _Lines, split: Breakdown, key: str, name: int, screen: Screen) -> list[Block]:
    """Return the totals, each with a sparkline over as many periods as fit."""
    pairs, periods = _counts_by_label(lines, split), split.values[VALUE].to_list()
    last = max((len(formatting.count(part)) for part in lines.of_all["part"]), default=0)
    fits = min(_MOST_PERIODS, max(screen.width - _INDENT - name - 3 * _GAP - _PAIR - max(last, 5), _PAIR))
    shown = periods[-fits:]
    columns = {
        _LABEL: Shown(),
        _ALL: Shown(_ALL, style="bold"),
        "line": Shown(_period_range(shown), style="bar", left=True, most=max(len(shown), len(_period_range(shown)))),
        "last": Shown(split.marks.last(periods[-1])),
    }
    rows: list[dict[str, str] | Row] = []
    for label, part, whole in lines.of_all.select("label", "part", "whole").rows():
        parts = [pairs.get((label, period), (0, 0))[0] for period in shown]
        texts = lines.section.shorten(label), formatting.count_and_rate(part, whole, _RATE), formatting.sparkline(parts), formatting.count(parts[-1])
        rows.append(dict(zip(columns, texts, strict=True)))
    rows += [Row([Cell(), Cell(), Cell(split.marks.line(shown), "dim", left=True)])] if split.marks.notes_of(shown) else []
    some = f"The last {len(shown)} of {len(periods)} {key}s." if len(shown) < len(periods) else ""
    grid = replace(table(rows, columns), least=name)
    return [grid, *([Paragraph(some, style="dim")] if some else []), *_period_legend(lines, split, shown, screen)]


def _period_legend(lines: _Lines, split: Breakdown, periods: Sequence[str], screen: Screen) -> list[Block]:
    """Return the notes on the periods shown, except in `convkit report`, where they are part of the headline."""
    return split.marks.legend(periods) if lines.with_notes and not screen.part else []


def _period_range(periods: Sequence[str]) -> str:
    """Return the first and last period, or only the last one if the sparkline is too short for both."""
    words = f"{periods[0]} … {periods[-1]}"
    return words if len(words) <= len(periods) else periods[-1] if len(periods) == 1 else f"… {periods[-1]}"


def _counts_by_label(lines: _Lines, split: Breakdown) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the part and the whole for each label that is shown and each value."""
    shown = lines.of_values(split).join(lines.of_all.select("label"), on="label", how="semi")
    return {(label, value): (part, whole) for label, value, part, whole in shown.select("label", VALUE, "part", "whole").rows()}
