"""What the drop-off looks like on a screen: a block a step, those who dropped off beside those who went on.

It stands alone because a picture of this size would hide the report's few lines of arithmetic.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import split_screen
from convkit.analysis.split_screen import Lines
from convkit.core import figures, stats
from convkit.core.tables import Beside, Cell, Gap, Grid, Heading, Paragraph, Row
from convkit.funnels.departures import ANY, LEFT, TESTED, has_slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from convkit.analysis.analysis import View
    from convkit.analysis.split_screen import Split
    from convkit.core.definitions import Funnel
    from convkit.core.tables import Block, Room

_ROWS, _MET = 5, 3
_NARROW_NAME, _NAME = 36, 27
"""Characters of an item, so that the figures of all steps stand in line."""
_LEFT = "(left the site)"
_TESTED = {"form_again": "a form that came back", "error": "an error page (4xx, 5xx)", "slow": "an answer slower than 3 s"}
_LEGEND = "more = oftener among those who dropped off than chance would make it (tested: {}); went on = reached the next step."
_FIRST_LEFT_OUT = " Step 1 is left out: --limit 0."


def draw(frame: pl.DataFrame, view: View, room: Room) -> list[Block]:
    """Return all funnels, step by step."""
    blocks: list[Block] = []
    for funnel in view.goals.funnels:
        blocks += [Heading(f"DROP-OFF {funnel.name}", f"what the {funnel.per}s did that went no further"), Gap()]
        first = 1 if room.limit == 0 or len(funnel.steps) == 2 else 2  # noqa: PLR2004 (of two steps only the first can be left)
        mine = frame.filter(funnel=funnel.name)
        steps = [_step(mine.filter(step=number), funnel, number, room) for number in range(first, len(funnel.steps))]
        blocks += _beside(steps) if room.wide else [block for step in steps for block in (*step, Gap())]
    tested = "errors, forms that came back" + (", slow answers" if has_slow(frame) else "")
    legend = _LEGEND.format(tested) + ("" if room.limit == 0 else _FIRST_LEFT_OUT)
    return [*blocks, Paragraph(legend, style="dim")] if blocks else []


def draw_split(frame: pl.DataFrame, split: Callable[[int | None], Split], view: View, room: Room) -> list[Block]:
    """Return where those went who dropped off, and how many met errors or forms, step by step, beside the values of a key."""
    blocks: list[Block] = []
    for step in view.steps.filter(pl.col("next_step").is_not_null() & ((pl.col("step") > 1) | (room.limit == 0))).rows(named=True):
        mine = frame.filter(funnel=step["funnel"], step=step["step"])
        if mine.is_empty():
            continue
        stopped, continued = mine.select("stopped", "continued").row(0)
        dropped = f"{figures.count(stopped)} of {figures.count(stopped + continued)} dropped off"
        heading = Heading(f"DROP-OFF {step['funnel']}", f"{step['step']} {step['name']}: {dropped}; where they went next, and what they met")
        of_all = _lines(mine.filter(pl.col("dropped") > 0), ())
        rows = pl.concat([of_all.filter(what="next").head(room.rows(_ROWS) or of_all.height), of_all.filter(pl.col("what") != "next")])
        of_values = partial(_of_values, funnel=step["funnel"], number=step["step"], by=view.by)
        drawn = split_screen.draw(Lines(heading, rows, of_values, with_sessions=False), split, view.key, room)
        blocks += [*([Gap()] if blocks and drawn else []), *drawn]
    return blocks


def _of_values(split: Split, funnel: str, number: int, by: tuple[str, ...]) -> pl.DataFrame:
    return _lines(pl.DataFrame(split.report.details).filter(funnel=funnel, step=number), by)


def _lines(rows: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
    """Return how many of those who dropped off went next to an item, or met what is tested."""
    is_next, is_tested = pl.col("what") == "next", pl.col("what").is_in(TESTED) & (pl.col("item") == ANY)
    name = pl.when(is_next).then(pl.col("item").replace(LEFT, _LEFT)).otherwise(pl.col("what").replace(_TESTED))
    return rows.filter(is_next | is_tested).select(*by, "what", label=name, part="dropped", whole="stopped")


def _beside(steps: list[list[Block]]) -> list[Block]:
    """Return the steps two by two."""
    pairs = [(steps[place], steps[place + 1] if place + 1 < len(steps) else []) for place in range(0, len(steps), 2)]
    return [block for left, right in pairs for block in (Beside(left, right), Gap())]


def _step(rows: pl.DataFrame, funnel: Funnel, number: int, room: Room) -> list[Block]:
    """Return one step: where those went who dropped off, and what they met on the way."""
    names = f"{number} {funnel.steps[number - 1].name} → {number + 1} {funnel.steps[number].name}"
    if rows.is_empty():
        return [Heading(names, " nobody reached it")]
    stopped, continued = rows.select("stopped", "continued").row(0)
    heading = Heading(names, _counted(stopped, stopped + continued, room))
    limit = room.rows(_ROWS)
    went = rows.filter(what="next").rows(named=True)
    met = [row for what in ("met", *_TESTED) for row in _met(rows, what, limit and _MET)]
    grids = [_grid("went next to", _cut(went, limit), room, both=False)]
    return [heading, *grids, *([_grid("on the way they met", met, room, both=True)] if met else [])]


def _counted(stopped: int, reached: int, room: Room) -> str:
    """Return how many dropped off, and the range of their share."""
    words = f" {figures.count(stopped)} of {figures.count(reached)} dropped" + ("" if room.wide else " off")
    if reached < figures.FEWEST:
        return words
    likely = figures.likely(*_likely(stopped, reached), reached)
    return f"{words} ({likely})" if room.wide else f"{words} ({figures.share(stopped, reached)}, likely {likely})"


def _likely(part: int, whole: int) -> tuple[float | None, float | None]:
    low, high = pl.DataFrame({"part": [part], "whole": [whole]}).select(*_named(stats.wilson(pl.col("part"), pl.col("whole")))).row(0)
    return low, high


def _named(bounds: tuple[pl.Expr, pl.Expr]) -> list[pl.Expr]:
    return [bound.alias(name) for name, bound in zip(("low", "high"), bounds, strict=True)]


def _met(rows: pl.DataFrame, what: str, limit: int | None) -> list[dict[str, Any]]:
    """Return what they met of one kind; what is tested over all paths, a form with its path where there is one."""
    found = rows.filter((pl.col("what") == what) & (pl.col("dropped") > 0))
    if what == "met":
        return found.head(limit or found.height).rows(named=True)
    paths = found.filter(pl.col("item") != ANY)["item"].to_list()
    words = f"POST {paths[0]} gave the form" if what == "form_again" and len(paths) == 1 else _TESTED[what]
    return [row | {"item": words} for row in found.filter(item=ANY).rows(named=True)]


def _cut(rows: list[dict[str, Any]], limit: int | None) -> list[dict[str, Any]]:
    """Return the first rows; the others as one."""
    rows = [row for row in rows if row["dropped"]]
    if limit is None or len(rows) <= limit + 1:
        return rows
    others = rows[limit:]
    tail = others[0] | {"item": f"({len(others)} others)", "dropped": sum(row["dropped"] for row in others)}
    return [*rows[:limit], tail]


def _grid(title: str, rows: list[dict[str, Any]], room: Room, *, both: bool) -> Grid:
    """Return rows of items with how many of either side."""
    headings = [Cell(title), Cell("    dropped", "dim"), Cell("    went on", "dim") if both else Cell(), Cell()]
    return Grid([Row(_cells(row, both=both)) for row in rows], headings, least=_NAME if room.wide else _NARROW_NAME)


def _cells(row: dict[str, Any], *, both: bool) -> list[Cell]:
    item = _LEFT if row["item"] == LEFT else row["item"]
    cells = [Cell(f"  {item}"), Cell(figures.pair(row["dropped"], row["stopped"]))]
    if both:
        return [*cells, Cell(figures.pair(row["went_on"], row["continued"])), Cell("more" if row["more"] else "", "bold", left=True)]
    return [*cells, Cell(""), Cell("")]
