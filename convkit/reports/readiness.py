"""How near to a goal sessions are, in two to four buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import buckets, points
from convkit.core import formatting
from convkit.core.blocks import BlankLine, Heading, Paragraph, Shown, table
from convkit.core.document import Column, Report, empty_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.buckets import Buckets
    from convkit.analysis.points import Aim
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goals

PLACE = 84
IN_REPORT = False
OPTIONS = {
    "to": ("GOAL", "The goal to reach; default: the first macro goal."),
    "window": ("LENGTH", "Across a visitor's sessions, within this time, like 14d."),
}
COLUMNS = (
    Column("bucket", "text"),
    Column("goals", "text"),
    Column("first_entered", "count"),
    Column("first_converted", "count"),
    Column("entered", "count"),
    Column("converted", "count"),
    Column("rate", "rate"),
    Column("rate_low", "rate"),
    Column("rate_high", "rate"),
    Column("foretold", "ratio"),
    Column("check", "text"),
    Column("stopped", "count"),
)
_NAME, _NARROW, _LONGEST = 12, 8, 40


def parse_options(options: Mapping[str, str], goals: Goals) -> Aim:
    """Return the goal and the window that the options name. Raises UsageError if they are invalid."""
    return points.parse_aim(options, goals)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `moments` (at which a unit begins or first reaches a goal, before it converts) and `ends` (what those that never convert reached)."""
    aim = parse_options(analysis.options, analysis.goals)
    if aim.to is None:
        return {}
    masks = points.Masks(analysis.goals.goals)
    walked = points.walk(analysis, aim, aim.to)
    day = pl.col("begun").dt.convert_time_zone(analysis.goals.site.timezone).dt.date().alias("day")
    number, later = pl.len().cast(pl.Int64), pl.col("y").sum().cast(pl.Int64)
    is_moment = pl.col("begins") | pl.any_horizontal(pl.col(column) != 0 for column in masks.columns("new"))
    at_end = walked.filter(~pl.col("ends_there") & (pl.col("unit").ne_missing(pl.col("unit").shift(-1)).fill_null(value=True)))
    reached = [(pl.col(had) + pl.col(new)).cast(pl.Int32).alias(had) for had, new in zip(masks.columns("had"), masks.columns("new"), strict=True)]
    return {
        "moments": walked.filter(is_moment & ~pl.col("converts"))
        .group_by(day, *points.keys_of(masks, "had", "new"), "begins")
        .agg(n=number, y=later),
        "ends": at_end.group_by(day, *reached).agg(n=number),
    }


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, with the nearest bucket first."""
    aim = parse_options(view.options, view.goals)
    if aim.to is None:
        return Report("readiness", COLUMNS, empty_frame(COLUMNS), lambda *_: [], (points.NO_AIM,))
    judged = buckets.judge(tally["moments"], tally["ends"], view.goals, aim.name)
    return Report("readiness", COLUMNS, judged.frame.select(column.name for column in COLUMNS), _Drawing(judged, aim, view).draw)


@dataclass(frozen=True)
class _Drawing:
    """The screen of the report."""

    judged: Buckets
    aim: Aim
    view: View

    def draw(self, frame: pl.DataFrame, screen: Screen) -> list[Block]:
        """Return one row per bucket and what they mean, or why there is only one."""
        if self.judged.days is None:
            return []
        first, cut, last = self.judged.days
        name, unit = self.aim.name, self.aim.unit
        of = f"how near {unit}s are to {name}{self.aim.within}"
        if frame.height == 1:
            return [Heading("READINESS", of), BlankLine(), Paragraph(self._alone())]
        rules, figures = _dates(first, cut), _dates(cut + timedelta(days=1), last)
        blocks: list[Block] = [Heading("READINESS", f"{of}; rules from {rules}, figures from {figures}"), BlankLine()]
        longest = _LONGEST if screen.wide else _NARROW

        def below(row: Mapping[str, Any]) -> list[Paragraph]:
            return [Paragraph(_goals(row), indent=4, style="dim")] if len(_goals(row)) > longest else []

        blocks.append(table(frame.rows(named=True), self._columns(longest), self.view.sort.column if self.view.sort else None, below))
        counted = f"A {unit} counts where it enters, and again where it gets nearer."
        legend = f"foretold: at the rates of {rules}; held, rose, fell: the rate since then, compared with it."
        return [*blocks, BlankLine(), Paragraph(self._stopped(frame)), Paragraph(f"{counted} {legend}", style="dim")]

    def _stopped(self, frame: pl.DataFrame) -> str:
        """Return how many got as far as each bucket but the last, and did not convert."""
        near = self.judged.frame.head(frame.height - 1).rows(named=True)
        counts = ", ".join(f"{formatting.count(row['stopped'])} {row['bucket']}" for row in near)
        return f"Furthest bucket of those without {self.aim.name} since then: {counts}."

    def _alone(self) -> str:
        """Return why there is only one bucket."""
        name, unit = self.aim.name, self.aim.unit
        if self.judged.has_enough:
            return f"No goal clearly separates {unit}s that are near to {name} from others."
        needs = f"{buckets.FEWEST_DAYS} days of logs and {buckets.FEWEST_CONVERSIONS} conversions in each of two parts of them are needed"
        return f"Too few {unit}s with {name} to tell {unit}s apart: {needs}."

    def _columns(self, longest: int) -> dict[str, Shown]:
        """Return the columns of the screen; lists of goals that are longer than this are shown below the row."""

        def named(row: Mapping[str, Any]) -> str:
            return f"{row['bucket']:{_NAME}}  {_goals(row)}" if len(_goals(row)) <= longest else str(row["bucket"])

        return {
            "bucket": Shown(text=named),
            "entered": Shown(f"{self.aim.unit}s", "count"),
            "converted": Shown(f"then {self.aim.name}", lambda row: formatting.count_and_rate(row["converted"], row["entered"])),
            "range": Shown("likely range", _range, 4),
            "foretold": Shown("foretold", lambda row: formatting.UNKNOWN if row["foretold"] is None else formatting.count(round(row["foretold"])), 3),
            "check": Shown(text=lambda row: "" if row["check"] == buckets.TOO_FEW else row["check"], rank=2, left=True),
        }


def _goals(row: Mapping[str, Any]) -> str:
    """Return the goals of a bucket."""
    return row["goals"].replace(" ", ", ") or "none"


def _range(row: Mapping[str, Any]) -> str:
    """Return the likely range of a rate."""
    return formatting.rate_interval(row["rate_low"], row["rate_high"], row["entered"])


def _dates(first: date, last: date) -> str:
    """Return the dates of a part of the log."""
    return formatting.dates(datetime.combine(first, time()), datetime.combine(last, time()))
