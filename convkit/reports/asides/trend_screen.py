"""What trends look like on a screen, and what would tell where there is too little data.

It stands alone because a verdict is one word, and what somebody can do about it are sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import planning
from convkit.core import figures, trends, verdicts
from convkit.core.tables import Cell, Gap, Grid, Heading, Note, Paragraph, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.analysis.analysis import View
    from convkit.core.tables import Block, Report, Room

_CHANGE = 0.2
"""How large a change is asked about where there is too little data, as everywhere."""
_DAYS = {"day": 1, "week": 7, "month": 30}
_PATIENCE, _MONTH, _FOR_EVER = 90, 30, 120
"""Days after which a length is told in months and somebody wants to know by what to judge meanwhile; months after which it is told no more."""
_MOST_NAMED, _ROWS, _NAME, _NARROW_NAME = 5, 40, 32, 24
_STYLES = {trends.PROGRESSING: "good", trends.REGRESSING: "bad"}


@dataclass(frozen=True)
class Judged:
    """What was judged: `rows` of the report with `label, of, is_macro, grows` (why nothing can be told) and `scatter` beside its columns."""

    rows: pl.DataFrame
    over: tuple[str, ...]
    unfinished: tuple[str, ...]
    """Periods that are over, and those that are not."""
    goals: Report | None
    """The goals of all sessions."""
    view: View

    @property
    def is_short(self) -> bool:
        """Whether there are too few periods for any verdict."""
        return len(self.over) < trends.FEWEST_PERIODS


def draw(judged: Judged, room: Room) -> list[Block]:
    """Return a row a goal or step, and below what would tell; inside `report` only macro goals and what moves."""
    is_brief, key = room.part and room.limit is None, judged.view.key
    rows = judged.rows.filter(_is_known(judged.view))
    shown = rows.filter(pl.col("is_macro") | pl.col("verdict").is_in(list(_STYLES))) if is_brief else rows.head(room.rows(_ROWS) or rows.height)
    sentences: list[Block] = [Paragraph(sentence) for sentence in _sentences(judged, shown, is_brief=is_brief)]
    if judged.is_short or rows.is_empty():
        return [_heading(judged), *sentences]
    titles = ["", "reached", "first → last", "verdict"]
    grid = Grid(
        list(_rows(shown, judged.view.goals.site.margin)),
        [Cell(title, "dim", left=title == "verdict") for title in titles],
        drops=(2,),
        most={0: _NAME if room.wide else _NARROW_NAME},
    )
    hidden = rows.height - shown.height
    where = f", none of them moving: convkit goals --by {key}, convkit funnel --by {key}" if is_brief else ": --limit 0"
    more = f"{figures.plural(hidden, 'more row')}{where}."
    said = [Gap(), *sentences] if sentences else []
    return [_heading(judged), *([grid] if shown.height else []), *([Paragraph(more, style="dim")] if hidden else []), *said]


def _is_known(view: View) -> pl.Expr:
    """Tell rows that are worth a line: built-in goals that nobody reached are none of this site."""
    return (pl.col("reached") > 0) | (pl.lit(view.goals.file is not None) & (pl.col("is_macro") | (pl.col("report") == "funnel")))


def notes(code: str, judged: Judged) -> tuple[Note, ...]:
    """Return what would tell."""
    return tuple(Note(code, sentence, is_drawn=True) for sentence in _sentences(judged, judged.rows.filter(_is_known(judged.view)), is_brief=False))


def _heading(judged: Judged) -> Heading:
    over, key = judged.over, judged.view.key
    span = f"by {key}" if judged.is_short else f"over {len(over)} {key}s, {over[0]} … {over[-1]}, by a line through all of them"
    return Heading("TREND", f"{span}; {judged.unfinished[0]} is not over and left out" if judged.unfinished else span)


def _rows(rows: pl.DataFrame, margin: float) -> Iterator[Row]:
    """Yield a row a goal or step, funnels under their names."""
    funnel = ""
    for row in rows.rows(named=True):
        if row["report"] == "funnel" and row["of"] != funnel:
            funnel = row["of"]
            yield Row([Cell(funnel, "dim")])
        yield Row(_cells(row, margin), _target(row))


def _cells(row: dict[str, Any], margin: float) -> list[Cell]:
    """Return the cells of a goal or step."""
    is_large, has_line = row["base"] >= figures.FEWEST, row["change"] is not None
    line = f"{figures.percent(row['first_rate'])} → {figures.percent(row['last_rate'])}" if has_line and is_large else figures.TOO_FEW
    return [
        Cell(row["label"] if row["report"] == "goals" else f"  {row['label'].partition(': ')[2]}"),
        Cell(figures.pair(row["reached"], row["base"]), "bold"),
        Cell(line),
        Cell(_verdict(row, margin), _STYLES.get(row["verdict"], ""), left=True),
    ]


def _target(row: dict[str, Any]) -> list[Paragraph]:
    """Return whether the rate of all periods is what somebody hoped for."""
    if row["target"] is None or row["target_met"] is None:
        return []
    met = "meet" if row["target_met"] else "miss"
    words = f"{figures.count(row['reached'])} of {figures.count(row['base'])} {met} the target of {figures.percent(row['target'])}"
    return [Paragraph(words, indent=4, first="↳ ", style="dim")]


def _verdict(row: dict[str, Any], margin: float) -> str:
    """Return a verdict with the cautious end of its range."""
    if row["verdict"] == trends.STAGNATING:
        return f"{trends.STAGNATING}, within {margin * 100:g}%"
    least = verdicts.told(1, (row["change_low"], row["change_high"]), margin).partition(", ")[2] if row["verdict"] in _STYLES else ""
    return f"{row['verdict']}, {least}" if least else str(row["verdict"])


def _sentences(judged: Judged, rows: pl.DataFrame, *, is_brief: bool) -> Iterator[str]:
    """Yield what would tell where there is too little data; inside `report` findings say by what to judge meanwhile."""
    key = judged.view.key
    if judged.is_short:
        more = "" if key == "day" else " --by day shows more of them." if key == "week" else " --by week shows more of them."
        yield f"A trend takes {trends.FEWEST_PERIODS} {key}s that are over; here {'is' if len(judged.over) == 1 else 'are'} {len(judged.over)}.{more}"
        return
    unclear = rows.filter(pl.col("verdict") == trends.TOO_LITTLE, pl.col("grows").is_null())
    never = unclear.filter(pl.col("reached") == 0)["label"].to_list()
    macros = {row["label"]: row for row in unclear.filter("is_macro", pl.col("reached") > 0).rows(named=True)}
    waits = {row["label"]: _wait(row, judged) for row in unclear.filter(pl.col("reached") > 0).rows(named=True)}
    for change in (_CHANGE, judged.view.goals.site.margin):
        needs = sorted((label not in macros, days, label) for label, (asked, days) in waits.items() if asked == change)
        if needs:
            named = ", ".join(f"{label} needs {_length(days, key)} more" for _, days, label in needs[:_MOST_NAMED])
            others = f", {figures.plural(len(needs) - _MOST_NAMED, 'other')} longer" if len(needs) > _MOST_NAMED else ""
            yield f"To show a change of {change * 100:g}% from first to last, {named}{others}."
    # What comes before one of several macro goals is not known of each.
    if len(judged.view.goals.macros) == 1 and not is_brief:
        yield from (_meanwhile(row, judged) for label, row in macros.items() if waits[label][1] > _PATIENCE)
    if never:
        yield f"Nobody reached {', '.join(never)} in these {key}s."
    yield from _growing(rows)


def _wait(row: dict[str, Any], judged: Judged) -> tuple[float, float]:
    """Return a change that too few sessions show, and how many days more like these show it: the usual one, else one as small as the margin."""
    margin = judged.view.goals.site.margin
    needed = {change: trends.sessions_needed(row["rate"], change) * row["scatter"] for change in (_CHANGE, margin)}
    change = _CHANGE if needed[_CHANGE] > row["base"] else margin
    periods = max(ceil((needed[change] - row["base"]) / (row["base"] / row["periods"])), 1)
    return change, periods * _DAYS[judged.view.key]


def _length(days: float, key: str) -> str:
    """Return a length of time: of periods as far as somebody waits, else of months or years."""
    if days <= _PATIENCE:
        return f"some {figures.plural(round(days / _DAYS[key]), key)}"
    months = days / _MONTH
    return f"some {figures.months(months)}" if months < _FOR_EVER else f"over {_FOR_EVER // 12} years"


def _meanwhile(row: dict[str, Any], judged: Judged) -> str:
    """Say by what to judge until a macro goal can be told."""
    name, stand_in = row["label"], None
    if judged.goals is not None and judged.goals.details is not None:
        sessions, reached = judged.goals.details.filter(goal=name).select("sessions", "reached").row(0)
        stand_in = planning.Counts(judged.goals.frame, sessions, sessions / judged.view.period.days).stand_in(reached)
    if stand_in is None:
        return f"This site is too small to see that in {name}, and no micro goal stands for {name} yet."
    before = f"{figures.count(min(stand_in['then_converted'], reached))} of the {figures.count(reached)} had it before"
    return f"This site is too small to see that in {name}; judge by {stand_in['goal']} ({before}); see that {name} holds."


def _growing(rows: pl.DataFrame) -> Iterator[str]:
    """Yield why nothing is told of what a longer log knows more of."""
    names = {why: rows.filter(grows=why)["of"].unique(maintain_order=True).to_list() for why in ("visits", "window")}
    if names["visits"]:
        yield f"No trend is told of {', '.join(names['visits'])}: the longer the log, the more is known of earlier sessions."
    if names["window"]:
        yield f"No trend is told of {', '.join(names['window'])}: who came early had more time to go on. With a `window` all have the same."
