"""Goals after which another goal is reached more often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import bridging, planning, points
from convkit.core import equal_points, formatting
from convkit.core.blocks import BlankLine, Grid, Heading, Paragraph, Row, Shown, table
from convkit.core.document import Column, Report, empty_frame
from convkit.core.schema import CHANNEL_FIELD
from convkit.goals import matching

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.analysis.bridging import Bridges
    from convkit.analysis.points import Aim
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goal, Goals

PLACE = 82
IN_REPORT = False
SESSION_FIELDS = (CHANNEL_FIELD,)
OPTIONS = {
    "to": ("GOAL", "The goal to reach; default: the first macro goal."),
    "window": ("LENGTH", "Across a visitor's sessions, within this time, like 14d."),
}
COLUMNS = (
    Column("goal", "text"),
    Column("class", "text"),
    Column("reached", "count"),
    Column("arrived", "count"),
    Column("had_before", "count"),
    Column("had_before_share", "rate"),
    Column("compared", "count"),
    Column("then_converted", "count"),
    Column("then_rate", "rate"),
    Column("others_rate", "rate"),
    Column("times", "ratio"),
    Column("times_low", "ratio"),
    Column("times_high", "ratio"),
    Column("unseen", "ratio"),
    Column("months_needed", "ratio"),
    Column("orders", "count"),
    Column("order_value", "money"),
    Column("others_order_value", "money"),
    Column("order_difference", "money"),
    Column("order_difference_low", "money"),
    Column("order_difference_high", "money"),
)
_MICRO = 10_000
_ROWS, _NAMED, _PLANNED = 20, 4, 2
_TABLED = bridging.CLASSES[: bridging.CLASSES.index(bridging.NO_EQUALS)]
_MEANINGS = {
    bridging.GATE: "gate: comes before nearly every {}",
    bridging.ON_THE_WAY: "on the way: close to {}, so not judged",
    bridging.BRIDGE: "bridge: {} came later more often than for others at the same point",
    bridging.SIDE_ROAD: "side road: {} came later less often than for others at the same point",
    bridging.NO_BRIDGE: "no bridge: {} came later about as often (0.67 to 1.5 times)",
    bridging.CANNOT_TELL: "cannot tell",
}
_ORDER_VALUES = ("order_value", "others_order_value", "order_difference_low", "order_difference_high")


def parse_options(options: Mapping[str, str], goals: Goals) -> Aim:
    """Return the goal and the window that the options name. Raises UsageError if they are invalid."""
    return points.parse_aim(options, goals)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `points` (how many stood at each, and converted later), `orders` (first conversions with a value) and `units` (how many there were)."""
    aim = parse_options(analysis.options, analysis.goals)
    if aim.to is None:
        return {}
    masks = points.Masks(analysis.goals.goals)
    walked = points.walk(analysis, aim, aim.to, with_place=True)
    at = [*points.keys_of(masks, "had", "new", "on", "landed"), equal_points.band(pl.col("page")).alias("page"), "visit", "channel"]
    return {
        "points": walked.group_by(at).agg(n=pl.len().cast(pl.Int64), y=pl.col("y").sum().cast(pl.Int64)),
        "orders": _orders(walked, analysis, aim.to, masks),
        "units": analysis.sessions.select(n=pl.col(aim.unit).n_unique().cast(pl.Int64)),
    }


def _orders(walked: pl.LazyFrame, analysis: Analysis, to: Goal, masks: points.Masks) -> pl.LazyFrame:
    """Return the tally of the first conversions with a value: how many, and sums of their `worth` (millionths) and its `squares` (hundredths²)."""
    amounts = matching.counted_hits(analysis.hits, to).select("row", "amount").drop_nulls("amount")
    amount = pl.col("amount").cast(pl.Int128)
    return (
        walked.filter("converts")
        .join(amounts, on="row", how="inner")
        .group_by(*points.keys_of(masks, "had"), equal_points.band(pl.col("places")).alias("page"), "visit", "channel")
        .agg(n=pl.len().cast(pl.Int64), worth=amount.sum(), squares=((amount // _MICRO) * (amount // _MICRO)).sum())
    )


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report, by class, then by how many conversions had the goal before."""
    aim = parse_options(view.options, view.goals)
    if aim.to is None:
        return Report("bridges", COLUMNS, empty_frame(COLUMNS), lambda *_: [], (points.NO_AIM,))
    judged = bridging.judge(tally["points"], tally["orders"], view.goals, aim.name, view.period.days)
    screen_of = _Drawing(judged, aim, view, int(tally["units"]["n"].sum()))
    shown = judged.frame.select(column.name for column in COLUMNS)
    return Report("bridges", COLUMNS, shown, screen_of.draw, details=judged.frame)


@dataclass(frozen=True)
class _Drawing:
    """The screen of the report: goals by class, and what can be said about them."""

    judged: Bridges
    aim: Aim
    view: View
    units: int
    """The number of sessions, or of visitors."""

    def draw(self, frame: pl.DataFrame, screen: Screen) -> list[Block]:
        """Return the goals that are shown in a table, and sentences about all others."""
        if not self.units:
            return []
        rows = frame.select("goal").join(self.judged.frame, on="goal", maintain_order="left")
        tabled = rows.filter(pl.col("class").is_in(_TABLED))
        shown = tabled.head(screen.rows(_ROWS) or tabled.height)
        some = f"; {shown.height} of {formatting.plural(tabled.height, 'goal')}" if shown.height < tabled.height else ""
        blocks: list[Block] = [self._heading(some)]
        if not shown.is_empty():
            blocks += [BlankLine(), self._table(shown, screen)]
        sentences = [sentence for sentence in self._sentences(rows) if sentence]
        return [*blocks, BlankLine(), *(Paragraph(sentence) for sentence in sentences), *self._legend(shown, screen)]

    def _heading(self, some: str) -> Heading:
        """Return the heading: what is compared, and how many reached the goal."""
        name, unit = self.aim.name, self.aim.unit
        first = ", the first macro goal" if self.aim.is_default and len(self.view.goals.macros) > 1 else ""
        who = "visitors who" if self.aim.window else "sessions that"
        reached = f"{formatting.count(self.judged.conversions)} of {formatting.plural(self.units, unit)} reached {name}"
        return Heading("BRIDGES", f"to {name}{self.aim.within}{first}: {who} had just reached a goal, and others at the same point; {reached}{some}")

    def _table(self, rows: pl.DataFrame, screen: Screen) -> Grid:
        """Return the table, with a heading above each class unless the user chose another order."""
        columns = self._columns(screen)
        if self.view.sort:
            columns.pop("goal")
            return table(rows.rows(named=True), {"goal": Shown(), "class": Shown("class", left=True), **columns}, self.view.sort.column)
        records: list[Mapping[str, Any] | Row] = []
        for name, of_class in rows.group_by("class", maintain_order=True):
            records.append(Row([], [Paragraph(_MEANINGS[str(name[0])].format(self.aim.name), style="dim")]))
            records += of_class.rows(named=True)
        return table(records, columns)

    def _columns(self, screen: Screen) -> dict[str, Shown]:
        """Return the columns of the screen."""
        total = self.judged.conversions
        columns = {
            "goal": Shown(text=lambda row: f"  {row['goal']}"),
            "had_before": Shown("came before", lambda row: f"{formatting.count(row['had_before'])} of {formatting.count(total)}"),
            "reached": Shown("reached", lambda row: _unless_gate(row, formatting.count(row["reached"])), 1),
            "compared": Shown("compared", lambda row: _unless_gate(row, formatting.count(row["compared"])), 3),
            "then_rate": Shown("then", lambda row: _rate(row, "then_rate", "compared"), 4),
            "others_rate": Shown("others", lambda row: _rate(row, "others_rate", "others"), 4),
            "times": Shown("times", lambda row: _unless_gate(row, formatting.times(row["times"]))),
            "range": Shown("likely range", lambda row: _unless_gate(row, formatting.times_interval(row["times_low"], row["times_high"])), 6),
            "months_needed": Shown("needs", lambda row: "" if row["months_needed"] is None else _length(row["months_needed"]), 2),
        }
        return columns if screen.wide else {name: column for name, column in columns.items() if name not in {"reached", "months_needed"}}

    def _sentences(self, rows: pl.DataFrame) -> Iterator[str]:
        """Yield what is said about goals: bridges first, then orders, then what the log is too short for."""
        name, total = self.aim.name, self.judged.conversions
        if rows.is_empty():
            yield f"No goal but {name} is defined, so there is nothing to compare."
        elif total < bridging.FEWEST_CONVERSIONS:
            reached = f"{_sentence_start(total, self.aim)} reached {name}"
            yield f"{reached}, which is too few to compare anything ({bridging.FEWEST_CONVERSIONS} are needed)."
        else:
            by_class = {str(key[0]): of_class for key, of_class in rows.group_by("class", maintain_order=True)}
            for row in rows.filter(pl.col("class").is_in([bridging.BRIDGE, bridging.SIDE_ROAD])).rows(named=True):
                yield self._of_bridge(row)
            yield from self._of_orders(rows)
            few = by_class.get(bridging.TOO_FEW, rows.clear())["goal"].to_list()
            yield f"Too few to judge: {_names(few)}." if few else ""
            yield from _without_equals(by_class.get(bridging.NO_EQUALS, rows.clear()))
            yield self._needed(rows.drop_nulls("months_needed"))
        if total < planning.FEW_CONVERSIONS:
            yield self._nearer(rows)

    def _of_bridge(self, row: Mapping[str, Any]) -> str:
        """Return the counts behind a bridge or a side road, and how strong something that the log does not show would have to be."""
        is_bridge = row["class"] == bridging.BRIDGE
        counts = f"{formatting.count(row['then_converted'])} of {formatting.plural(row['compared'], self.aim.unit)} reached {self.aim.name} after it"
        rates = f"weighted alike, {formatting.percent(row['then_rate'])} against {formatting.percent(row['others_rate'])} of others at the same point"
        bound = f"at least {formatting.times(row['times_low'])}" if is_bridge else f"at most {formatting.times(row['times_high'])}"
        words = f"{row['goal']}: {counts}; {rates}, so {bound} times as often."
        if row["unseen"] is None:
            return words
        factor = formatting.times(row["unseen"])
        both = f"both {factor} times as likely" if is_bridge else f"one {factor} times as likely and the other that much less likely"
        return f"{words} Something that the log does not show, such as wanting it anyway, would explain that if it made {both}."

    def _of_orders(self, rows: pl.DataFrame) -> Iterator[str]:
        """Yield how the values of orders differ."""
        currency = self.view.goals.site.currency
        for row in rows.filter(pl.col("is_more") | pl.col("is_less")).rows(named=True):
            amount, other, low, high = (formatting.money(row[name], currency) for name in _ORDER_VALUES)
            own = f"{formatting.plural(row['orders'], 'order')} after it were worth {amount} on average"
            others = f"others with as many pages, the same visit and channel {other}"
            yield f"{row['goal']}: {own}, {others}; the difference is likely between {low} and {high}."
        alike = rows.filter(pl.col("order_difference").is_not_null(), ~pl.col("is_more"), ~pl.col("is_less"))["goal"].to_list()
        if alike:
            yield f"Order values show no clear difference after {_names(alike)}."

    def _needed(self, rows: pl.DataFrame) -> str:
        """Return how long logs must be to show that the goal comes half as often again after another one, for those that need least."""
        if rows.is_empty():
            return ""
        nearest = rows.sort("months_needed", "goal").head(_PLANNED).rows(named=True)
        lengths = ", and ".join(
            f"{_length(row['months_needed'])}{'' if place else ' of logs to show'} for {row['goal']}" for place, row in enumerate(nearest)
        )
        return f"A ratio of {bridging.MARGIN} would take about {lengths}."

    def _nearer(self, rows: pl.DataFrame) -> str:
        """Return which goal on the way more can be said about."""
        is_passed = pl.col("had_before") * 2 >= max(self.judged.conversions, 1)
        nearer = rows.filter(is_passed, pl.col("all_reached") >= planning.FEW_CONVERSIONS).sort("all_reached", "goal")
        if nearer.is_empty():
            return ""
        goal = nearer["goal"][0]
        return f"More {self.aim.unit}s reach {goal}, so more can be said about what comes before it: --to {goal}."

    def _legend(self, shown: pl.DataFrame, screen: Screen) -> list[Block]:
        """Return the explanation of the table."""
        if shown.is_empty():
            return []
        later = f"reached {self.aim.name} later{self.aim.within}"
        words = f"came before: those that reached {self.aim.name} after the goal. then, others: share of each side that {later}. "
        equal = "Same point: as far on the way, on as many pages, with the same landing, visit and channel."
        needs = " needs: the length of logs that would show a ratio of 1.5." if screen.wide and shown["months_needed"].count() else ""
        chance = " By chance alone, fewer than 1 in 20 such tables would show a bridge or side road." if self.judged.tests else ""
        return [Paragraph(f"{words}{equal}{needs}{chance}", style="dim")]


def _unless_gate(row: Mapping[str, Any], text: str) -> str:
    """Return the text of a cell, which is empty for gates."""
    return "" if row["class"] == bridging.GATE else text


def _rate(row: Mapping[str, Any], name: str, base: str) -> str:
    """Return a rate, or a dot if too few were compared."""
    if row[name] is None:
        return _unless_gate(row, formatting.UNKNOWN)
    return formatting.percent(row[name]) if row[base] >= formatting.MIN_BASE else formatting.TOO_FEW


def _length(months: float) -> str:
    """Return the length of a log in words."""
    return formatting.months(months) if months >= 1 else formatting.plural(max(round(months * 30), 1), "day")


def _names(goals: list[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = len(goals) - _NAMED
    return f"{', '.join(goals[:_NAMED])} and {more} more" if more > 0 else ", ".join(goals)


def _without_equals(rows: pl.DataFrame) -> Iterator[str]:
    """Yield the goals that are compared with nobody, and why."""
    is_on_arrival = pl.col("arrived") == pl.col("reached")
    for fits, why in (
        (is_on_arrival, "Reached on arrival, so not compared (see convkit channels)"),
        (~is_on_arrival, "Nobody else at the same point"),
    ):
        names = rows.filter(fits)["goal"].to_list()
        if names:
            yield f"{why}: {_names(names)}."


def _sentence_start(total: int, aim: Aim) -> str:
    """Return how many units reached the goal, as the beginning of a sentence."""
    return f"Only {formatting.plural(total, aim.unit)}" if total else f"No {aim.unit}"
