"""Trends of goals and funnel steps over the periods of `--by day`, `week` or `month`: the table, its screen and its notes.

Only complete periods count. A goal or step that depends on the length of the log has no trend.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import periods as analysis_periods
from convkit.analysis import planning
from convkit.analysis.breakdown import PERIODS, VALUE
from convkit.core import formatting, stats, verdicts
from convkit.core.blocks import BlankLine, Cell, Heading, Paragraph, Row, Shown, table
from convkit.core.conditions import any_of
from convkit.core.document import Column, Note, Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from convkit.analysis.analysis import View
    from convkit.analysis.periods import PeriodMarks
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Funnel, Goals

NAME = "trend"
COLUMNS = (
    Column("report", "text"),
    Column("item", "text"),
    Column("periods", "count"),
    Column("reached", "count"),
    Column("base", "count"),
    Column("rate", "rate"),
    Column("first_rate", "rate"),
    Column("last_rate", "rate"),
    Column("change", "change"),
    Column("change_low", "change"),
    Column("change_high", "change"),
    Column("target", "rate"),
    Column("target_met", "flag"),
    Column("verdict", "text"),
)
_OF_LINE = ("first_rate", "last_rate", "change", "change_low", "change_high")
_CHANGE = 0.2
"""The size of change that is planned for if there is too little data, the same as in other reports."""
_DAYS = {"day": 1, "week": 7, "month": 30}
_PATIENCE, _MONTH, _FOR_EVER = 90, 30, 120
"""Days above which a duration is given in months, with a goal to judge by in the meantime; days per month; months above which none is given."""
_MOST_NAMED, _ROWS, _NAME, _NARROW_NAME = 5, 40, 32, 24
_STYLES = {verdicts.PROGRESSING: "good", verdicts.REGRESSING: "bad"}


def present(wholes: Mapping[str, Report], split: Mapping[str, Report], view: View) -> Report | None:
    """Return the report; None if there is no breakdown by periods, or no item that can have a trend.

    `wholes` are the reports on all sessions, `split` those broken down by the periods of `view.key`.
    """
    counted = [rows for rows in (_goals(split.get("goals"), view.goals), _steps(split.get("funnel"), view.goals)) if rows is not None]
    if view.key not in PERIODS or not counted:
        return None
    counts = pl.concat(counted)
    periods = counts[VALUE].unique().sort().to_list()
    marks = analysis_periods.period_marks(periods, view)
    over = [period for period in periods if period not in marks.unfinished]
    details = _rates(counts, over, _waiting(over, marks, view.goals), view)
    judged = JudgedTrends(details, tuple(over), marks.unfinished, wholes.get("goals"), view)
    frame = details.select(column.name for column in COLUMNS)
    notes = _notes(NAME, judged)
    return Report(NAME, COLUMNS, frame, lambda _, screen: _draw(judged, screen), notes, beside=("goals", "funnel"))


def _goals(report: Report | None, goals: Goals) -> pl.DataFrame | None:
    """Return how many sessions in each period reached each goal, in the order of the report on all sessions."""
    if report is None or report.details is None or not goals.goals:
        return None
    growing = _growing_goals(goals)
    names = [goal.name for goal in goals.goals if goal.column in growing]
    return report.details.sort("type", -pl.col("reached").sum().over("goal"), "goal", maintain_order=True).select(
        VALUE,
        "target",
        report=pl.lit("goals"),
        item="goal",
        of="goal",
        label="goal",
        is_macro=pl.col("type") == "macro",
        grows=pl.when(pl.col("goal").is_in(names)).then(pl.lit("visits")),
        part="reached",
        whole="sessions",
    )


def _steps(report: Report | None, goals: Goals) -> pl.DataFrame | None:
    """Return how many of those who entered in each period reached each step; for the first step, how many of all who could have entered did so.

    A visitor enters a per-visitor funnel only once: the longer the log, the fewer are left to enter, so its first step has no trend.
    """
    if report is None or report.details is None:
        return None
    grows = {funnel.name: why for funnel in goals.funnels if (why := _why_it_grows(funnel, goals))}
    is_first = (pl.col("step") == 1) & ~pl.col("is_open")
    rows = report.details.filter(~(is_first & (pl.col("unit") == "visitors"))).sort("place", "step", maintain_order=True)
    return rows.select(
        VALUE,
        target=pl.lit(None, dtype=pl.Float64),
        report=pl.lit("funnel"),
        item=pl.format("{} / {} / {}", "funnel", "step", "name"),
        of="funnel",
        label=pl.format("{}: {} {}", "funnel", "step", "name"),
        is_macro=pl.lit(value=False),
        grows=_named(grows),
        part="reached",
        whole=pl.when(is_first).then("everybody").otherwise("entered"),
    )


def _named(reasons: Mapping[str, str]) -> pl.Expr:
    """Return the reasons by funnel."""
    return pl.coalesce(pl.lit(None, dtype=pl.String), *(pl.when(pl.col("funnel") == name).then(pl.lit(why)) for name, why in reasons.items()))


def _growing_goals(goals: Goals) -> set[str]:
    """Return the columns of goals that are reached more often the longer the log is, since it has more earlier sessions."""
    growing: set[str] = set()
    for _ in goals.all:
        growing |= {goal.column for goal in goals.all if goal.counts_visits or goal.required_columns & growing}
    return growing


def _why_it_grows(funnel: Funnel, goals: Goals) -> str | None:
    if _growing_goals(goals) & {column for step in funnel.steps for column in step.columns}:
        return "visits"
    return "window" if funnel.per == "visitor" and funnel.window is None else None


def _waiting(over: Sequence[str], marks: PeriodMarks, goals: Goals) -> Iterator[pl.Expr]:
    """Yield conditions for counts of funnels in periods whose chains may still continue."""
    for funnel in goals.funnels:
        if funnel.per == "visitor" and funnel.window and marks.ends:
            late = [period for period in over if not analysis_periods.is_over(period, marks.ends - funnel.window)]
            yield (pl.col("report") == "funnel") & (pl.col("of") == funnel.name) & pl.col(VALUE).is_in(late)


def _rates(counts: pl.DataFrame, over: Sequence[str], waiting: Iterator[pl.Expr], view: View) -> pl.DataFrame:
    """Return the columns of the report, one row per item, plus those that only its screen needs."""
    places = pl.DataFrame({VALUE: over, "number": range(len(over))}, schema={VALUE: pl.String, "number": pl.Int64})
    judged = counts.filter(~any_of(waiting)).join(places, on=VALUE).sort("number", maintain_order=True)
    items = counts.select("report", "item", "of", "label", "is_macro", "grows", "target").unique("item", keep="first", maintain_order=True)
    is_few = (pl.col("periods") < verdicts.MIN_PERIODS) | (pl.col("reached") < verdicts.MIN_REACHED)
    has_line = pl.col("grows").is_null() & ~is_few
    return (
        items.join(verdicts.fit_trends(judged), on="item", how="left", maintain_order="left")
        .rename({"sessions": "base"})
        .with_columns(pl.col("periods", "reached", "base").fill_null(0))
        .with_columns(rate=stats.ratio(pl.col("reached"), pl.col("base")), verdict=verdicts.trend_verdict(view.goals.site.margin))
        .with_columns(
            *(pl.when(has_line).then(name).alias(name) for name in _OF_LINE),
            target_met=pl.col("rate") >= pl.col("target"),
            verdict=pl.when(has_line).then("verdict").otherwise(pl.lit(verdicts.TOO_LITTLE)),
        )
    )


@dataclass(frozen=True)
class JudgedTrends:
    """The judged trends: `rows` of the report with `label, of, is_macro, grows` (why it has no trend) and `scatter` in addition to its columns."""

    rows: pl.DataFrame
    over: tuple[str, ...]
    unfinished: tuple[str, ...]
    """Periods that are over, and those that are not."""
    goals: Report | None
    """The `goals` report on all sessions."""
    view: View

    @property
    def is_short(self) -> bool:
        """Whether there are too few periods for any verdict."""
        return len(self.over) < verdicts.MIN_PERIODS


def _draw(judged: JudgedTrends, screen: Screen) -> list[Block]:
    """Return one row per goal or step, followed by how much more data is needed; in `convkit report`, only macro goals and clear trends."""
    is_brief, key = screen.part and screen.limit is None, judged.view.key
    rows = judged.rows.filter(_is_known(judged.view))
    shown = rows.filter(pl.col("is_macro") | pl.col("verdict").is_in(list(_STYLES))) if is_brief else rows.head(screen.rows(_ROWS) or rows.height)
    sentences: list[Block] = [Paragraph(sentence) for sentence in _sentences(judged, shown, is_brief=is_brief)]
    if judged.is_short or rows.is_empty():
        return [_heading(judged), *sentences]
    grid = table(_rows(shown), _columns(judged.view.goals.site.margin, screen), details=_target)
    hidden = rows.height - shown.height
    where = f", none with a clear trend: convkit goals --by {key}, convkit funnel --by {key}" if is_brief else ": --limit 0"
    more = f"{formatting.plural(hidden, 'more row')}{where}."
    below = [BlankLine(), *sentences] if sentences else []
    return [_heading(judged), *([grid] if shown.height else []), *([Paragraph(more, style="dim")] if hidden else []), *below]


def _is_known(view: View) -> pl.Expr:
    """Return which rows to show: built-in goals that no session reached are left out."""
    return (pl.col("reached") > 0) | (pl.lit(not view.goals.is_builtin) & (pl.col("is_macro") | (pl.col("report") == "funnel")))


def _notes(code: str, judged: JudgedTrends) -> tuple[Note, ...]:
    """Return notes on how much more data is needed."""
    return tuple(Note(code, sentence, is_drawn=True) for sentence in _sentences(judged, judged.rows.filter(_is_known(judged.view)), is_brief=False))


def _heading(judged: JudgedTrends) -> Heading:
    over, key = judged.over, judged.view.key
    span = f"by {key}" if judged.is_short else f"over {len(over)} {key}s, {over[0]} … {over[-1]}"
    line = [] if judged.is_short else ["straight line through all of them"]
    remarks = "; ".join([*line, *([f"{judged.unfinished[0]} is incomplete and left out"] if judged.unfinished else [])])
    return Heading("TREND", f"{span} ({remarks})" if remarks else span)


def _rows(rows: pl.DataFrame) -> Iterator[dict[str, Any] | Row]:
    """Yield the goals and steps, funnels under their names."""
    funnel = ""
    for row in rows.rows(named=True):
        if row["report"] == "funnel" and row["of"] != funnel:
            funnel = row["of"]
            yield Row([Cell(funnel, "dim")])
        yield row


def _columns(margin: float, screen: Screen) -> dict[str, Shown]:
    """Return the columns of the screen."""
    return {
        "item": Shown(text=_label, most=_NAME if screen.wide else _NARROW_NAME),
        "reached": Shown("reached", lambda row: formatting.count_and_rate(row["reached"], row["base"]), style="bold"),
        "line": Shown("first → last", _line, 1),
        "verdict": Shown("verdict", lambda row: _verdict(row, margin), style=lambda row: _STYLES.get(row["verdict"], ""), left=True),
    }


def _label(row: Mapping[str, Any]) -> str:
    return str(row["label"]) if row["report"] == "goals" else f"  {row['label'].partition(': ')[2]}"


def _line(row: Mapping[str, Any]) -> str:
    """Return the ends of the line through all periods."""
    if row["change"] is None or row["base"] < formatting.MIN_BASE:
        return formatting.TOO_FEW
    return f"{formatting.percent(row['first_rate'])} → {formatting.percent(row['last_rate'])}"


def _target(row: Mapping[str, Any]) -> list[Paragraph]:
    """Return whether the rate over all periods meets the target."""
    if row["target"] is None or row["target_met"] is None:
        return []
    rate = f" ({formatting.percent(row['rate'])})" if row["base"] >= formatting.MIN_BASE else ""
    met = f"target of {formatting.percent(row['target'])} {'met' if row['target_met'] else 'missed'}"
    words = f"{formatting.count(row['reached'])} of {formatting.count(row['base'])}{rate}: {met}"
    return [Paragraph(words, indent=4, first="↳ ", style="dim")]


def _verdict(row: Mapping[str, Any], margin: float) -> str:
    """Return a verdict, followed by the change and its likely range if there is a trend."""
    if row["verdict"] == verdicts.STAGNATING:
        return f"{verdicts.STAGNATING}, within {margin * 100:g}%"
    if row["verdict"] not in _STYLES:
        return str(row["verdict"])
    likely = formatting.change_range(row["change_low"], row["change_high"])
    return f"{row['verdict']}, {formatting.change(max(row['change'], -1))} ({likely})"


def _sentences(judged: JudgedTrends, rows: pl.DataFrame, *, is_brief: bool) -> Iterator[str]:
    """Yield how much more data is needed; in `convkit report` the findings name the goal to judge by in the meantime."""
    key = judged.view.key
    if judged.is_short:
        more = "" if key == "day" else " Try --by day." if key == "week" else " Try --by week."
        yield f"A trend needs {verdicts.MIN_PERIODS} complete {key}s; this log has {len(judged.over) or 'none'}.{more}"
        return
    unclear = rows.filter(pl.col("verdict") == verdicts.TOO_LITTLE, pl.col("grows").is_null())
    never = unclear.filter(pl.col("reached") == 0)["label"].to_list()
    macros = {row["label"]: row for row in unclear.filter("is_macro", pl.col("reached") > 0).rows(named=True)}
    waits = {row["label"]: _wait(row, judged) for row in unclear.filter(pl.col("reached") > 0).rows(named=True)}
    for change in (_CHANGE, judged.view.goals.site.margin):
        needs = sorted((label not in macros, days, label) for label, (asked, days) in waits.items() if asked == change)
        if needs:
            lengths = [(label, _length(days, key)) for _, days, label in needs[:_MOST_NAMED]]
            named = ", ".join([f"{lengths[0][0]} needs {lengths[0][1]} of logs", *(f"{label} {length}" for label, length in lengths[1:])])
            number = len(needs) - _MOST_NAMED
            others = f"; {formatting.plural(number, 'other')} {'needs' if number == 1 else 'need'} longer" if number > 0 else ""
            yield f"To detect a change of {change * 100:g}% from first to last, {named}{others}."
    # With several macro goals, it is not known which goals come before each of them.
    if len(judged.view.goals.macros) == 1 and not is_brief:
        yield from (_meanwhile(row, judged) for label, row in macros.items() if waits[label][1] > _PATIENCE)
    if never:
        yield f"Never reached in these {key}s: {', '.join(never)}."
    yield from _growth_sentences(rows)


def _wait(row: dict[str, Any], judged: JudgedTrends) -> tuple[float, float]:
    """Return the change to detect, and how many more days are needed: the usual change, or one as small as the margin."""
    margin = judged.view.goals.site.margin
    needed = {change: verdicts.trend_sessions_needed(row["rate"], change) * row["scatter"] for change in (_CHANGE, margin)}
    change = _CHANGE if needed[_CHANGE] > row["base"] else margin
    periods = max(ceil((needed[change] - row["base"]) / (row["base"] / row["periods"])), 1)
    return change, periods * _DAYS[judged.view.key]


def _length(days: float, key: str) -> str:
    """Return a duration in words: in periods if it is short enough to wait for, otherwise in months or years."""
    if days <= _PATIENCE:
        return f"about {_more(formatting.plural(round(days / _DAYS[key]), key))}"
    months = days / _MONTH
    return f"about {_more(formatting.months(months))}" if months < _FOR_EVER else f"over {_FOR_EVER // 12} more years"


def _more(length: str) -> str:
    """Return `5 more years` for `5 years`."""
    return length.replace(" ", " more ", 1)


def _meanwhile(row: dict[str, Any], judged: JudgedTrends) -> str:
    """Return which goal to judge by until a macro goal has enough conversions."""
    name, stand_in = row["label"], None
    if judged.goals is not None and judged.goals.details is not None:
        sessions, reached = judged.goals.details.filter(goal=name).select("sessions", "reached").row(0)
        stand_in = planning.GoalCounts(judged.goals.frame, sessions, sessions / judged.view.period.days).stand_in(reached)
    if stand_in is None:
        return f"Too few sessions reach {name} to judge by, and no micro goal can stand in for {name} yet."
    return planning.describe_stand_in(stand_in, name, reached)


def _growth_sentences(rows: pl.DataFrame) -> Iterator[str]:
    """Yield why goals and funnels that depend on the length of the log have no trend."""
    names = {why: rows.filter(grows=why)["of"].unique(maintain_order=True).to_list() for why in ("visits", "window")}
    if names["visits"]:
        which = "it depends" if len(names["visits"]) == 1 else "they depend"
        yield f"No trend for {', '.join(names['visits'])}: {which} on earlier sessions, which are better known late in the log."
    if names["window"]:
        why = "early visitors had more time to continue. Set a `window` to give all visitors the same time."
        yield f"No trend for {', '.join(names['window'])}: {why}"
