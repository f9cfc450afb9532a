"""What people did instead of continuing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown
from convkit.analysis.breakdown_screen import BreakdownTable, Section
from convkit.core import formatting, stats
from convkit.core.blocks import BlankLine, Grid, Heading, Paragraph, Shown, SideBySide, table
from convkit.core.document import Column, Report, empty_frame
from convkit.core.schema import OBSTACLES_FIELD
from convkit.funnels.drop_off import BEHAVIOURS, LEFT, TESTED, has_slow_answers, judge_drop_off, next_pages
from convkit.funnels.friction import judge_friction
from convkit.funnels.obstacles import TEXTS
from convkit.funnels.points import ANY_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Funnel

PLACE = 40
IN_REPORT = True
SESSION_FIELDS = (OBSTACLES_FIELD,)
_KEYS = ("funnel", "step", "what", "item")
COLUMNS = (
    Column("funnel", "text"),
    Column("step", "step"),
    Column("name", "text"),
    Column("what", "text"),
    Column("item", "text"),
    Column("dropped", "count"),
    Column("dropped_share", "rate"),
    Column("went_on", "count"),
    Column("went_on_share", "rate"),
    Column("more", "flag"),
)
_ROWS, _MET = 5, 3
_NARROW_NAME, _NAME = 36, 27
"""The minimum width of an item, so that the figures of all steps are aligned."""
_LEFT = "(left the site)"
_TESTED = {name: text for name, text in TEXTS.items() if name in TESTED}
_LEGEND = (
    "loses: those who met it went on less often than others at the same point, by more than chance would explain (tested: {}; see convkit friction). "
    "went on: reached the next step."
)
_FIRST_LEFT_OUT = " Step 1 is not shown; --limit 0 shows it."


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `departures` (how many went to each page, saw it, or had a problem), `steps` (how many stopped or continued), `points` and `met`.

    The last two decide which problems lose (see `points.tally_points`).
    """
    departures, steps = [], []
    for funnel in analysis.goals.funnels:
        name = pl.lit(funnel.name).alias("funnel")
        chains = analysis.chains[funnel.name]
        departures.append(analysis.drop_off[funnel.name].select(*analysis.by, name, pl.exclude(analysis.by)))
        for number in funnel.numbers[:-1]:
            is_here, goes_on = (pl.col(f"row{step}").is_not_null() for step in (number, funnel.next_step(number)))
            sides = {"stopped": is_here & ~goes_on, "continued": is_here & goes_on}
            counts = {side: fits.sum().cast(pl.Int64) for side, fits in sides.items()}
            summed = analysis.summed(chains, **counts)
            steps.append(summed.select(*analysis.by, name, pl.lit(number, dtype=pl.Int32).alias("step"), *sides))
    return {**analysis.points, **({"departures": pl.concat(departures), "steps": pl.concat(steps)} if departures else {})}


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report by funnel, step, `what` and `dropped`; `more` marks what loses (see `judge_drop_off`)."""
    shown = (*view.keys, *COLUMNS)
    if not view.goals.funnels:
        return Report("drop-off", shown, empty_frame(shown), lambda *_: [])
    tally = {name: rows.with_columns(pl.col(view.by).cast(pl.String)) for name, rows in tally.items()}
    frame = (
        judge_drop_off(tally["departures"], tally["steps"], judge_friction(tally, view.by), view.by)
        .join(view.steps.select("place", "funnel", "step", "name"), on=["funnel", "step"])
        .with_columns(rank=pl.col("what").replace_strict(BEHAVIOURS, list(range(len(BEHAVIOURS))), return_dtype=pl.Int32))
        .sort("place", "step", "rank", "dropped", "went_on", "item", descending=[False, False, False, True, True, False])
    )
    frame = breakdown.in_value_order(frame, tally, view)
    columns = frame.select(column.name for column in shown)

    def draw(rows: pl.DataFrame, screen: Screen) -> list[Block]:
        drawn = rows.join(frame.select(*_KEYS, "behind", "stopped", "continued"), on=_KEYS, maintain_order="left")
        return [] if screen.part else _draw(drawn, view, screen)

    return Report("drop-off", shown, columns, draw, details=frame)


def _draw(frame: pl.DataFrame, view: View, screen: Screen) -> list[Block]:
    """Return all funnels, step by step."""
    blocks: list[Block] = []
    for funnel in view.goals.funnels:
        blocks += [Heading(f"DROP-OFF {funnel.name}", "what visitors did instead of continuing"), BlankLine()]
        first = 1 if screen.limit == 0 or len(funnel.steps) == 2 else 2  # noqa: PLR2004 (with two steps, drop-off is only possible at the first)
        of_funnel = frame.filter(funnel=funnel.name)
        steps = [_step(of_funnel.filter(step=number), funnel, number, screen) for number in range(first, len(funnel.steps))]
        blocks += _beside(steps) if screen.wide else [block for step in steps for block in (*step, BlankLine())]
    tested = "error pages, forms shown again" + (", slow responses" if has_slow_answers(frame) else "")
    legend = _LEGEND.format(tested) + ("" if screen.limit == 0 else _FIRST_LEFT_OUT)
    return [*blocks, Paragraph(legend, style="dim")] if blocks else []


def _breakdown_sections(whole: Report, view: View, screen: Screen) -> Iterator[Section]:
    """Yield one table per step: where those who dropped off went next, and how many had each tested problem; nothing inside `report`."""
    frame, has_next = pl.DataFrame(whole.details), pl.col("next_step").is_not_null()
    is_shown = pl.lit(not screen.part) & has_next & ((pl.col("step") > 1) | (screen.limit == 0))
    for step in view.steps.filter(is_shown).rows(named=True):
        rows = frame.filter(funnel=step["funnel"], step=step["step"])
        if rows.is_empty():
            continue
        stopped, continued = rows.select("stopped", "continued").row(0)
        dropped = f"{formatting.count(stopped)} of {formatting.count(stopped + continued)} dropped off"
        heading = Heading(f"DROP-OFF {step['funnel']}", f"{step['step']} {step['name']}: {dropped}; where they went next, and problems on the way")
        dropped_rows = rows.filter(pl.col("dropped") > 0)
        following = dropped_rows.filter(what="next")
        rows = pl.concat([following.head(screen.rows(_ROWS) or following.height), dropped_rows.filter(pl.col("what") != "next")])
        yield Section(heading, rows, {"funnel": step["funnel"], "step": step["step"]})


def _breakdown_label() -> pl.Expr:
    """Return where those who dropped off went next, or the name of the tested problem; null for everything else."""
    is_tested = pl.col("what").is_in(TESTED) & (pl.col("item") == ANY_PATH)
    return pl.when(pl.col("what") == "next").then(pl.col("item").replace(LEFT, _LEFT)).when(is_tested).then(pl.col("what").replace(_TESTED))


BREAKDOWN = BreakdownTable(_breakdown_label(), "dropped", "stopped", sections=_breakdown_sections, with_sessions=False)


def _beside(steps: list[list[Block]]) -> list[Block]:
    """Return the steps side by side, in pairs."""
    pairs = [(steps[place], steps[place + 1] if place + 1 < len(steps) else []) for place in range(0, len(steps), 2)]
    return [block for left, right in pairs for block in (SideBySide(left, right), BlankLine())]


def _step(rows: pl.DataFrame, funnel: Funnel, number: int, screen: Screen) -> list[Block]:
    """Return one step: where those who dropped off went, and what they saw on the way."""
    names = f"{number} {funnel.steps[number - 1].name} → {number + 1} {funnel.steps[number].name}"
    if rows.is_empty():
        return [Heading(names, " no session reached it")]
    stopped, continued = rows.select("stopped", "continued").row(0)
    heading = Heading(names, _counted(stopped, stopped + continued, screen))
    limit = screen.rows(_ROWS)
    following = next_pages(rows).rows(named=True)
    title = f"next page after {following[0]['behind']}" if following and following[0]["what"] == "then" else "next page"
    seen = [row for what in ("met", *_TESTED) for row in _met(rows, what, limit and _MET)]
    grids = [_grid(title, _cut(following, limit), screen, both=False)]
    return [heading, *grids, *([_grid("seen before leaving", seen, screen, both=True)] if seen else [])]


def _counted(stopped: int, reached: int, screen: Screen) -> str:
    """Return how many dropped off, and the likely range of the drop-off rate."""
    words = f" {formatting.count(stopped)} of {formatting.count(reached)} dropped" + ("" if screen.wide else " off")
    if reached < formatting.MIN_BASE:
        return words
    likely = formatting.rate_interval(*stats.evaluated(stats.wilson(pl.lit(stopped), pl.lit(reached))), reached)
    return f"{words} ({likely})" if screen.wide else f"{words} ({formatting.share(stopped, reached)}, likely {likely})"


def _met(rows: pl.DataFrame, what: str, limit: int | None) -> list[dict[str, Any]]:
    """Return the rows for pages or for one problem seen by those who dropped off; a form is named by its path if there is only one path."""
    seen = rows.filter((pl.col("what") == what) & (pl.col("dropped") > 0))
    if what == "met":
        return seen.head(limit or seen.height).rows(named=True)
    paths = seen.filter(pl.col("item") != ANY_PATH)["item"].to_list()
    words = f"POST {paths[0]} returned the form" if what == "form_again" and len(paths) == 1 else _TESTED[what]
    return [row | {"item": words} for row in seen.filter(item=ANY_PATH).rows(named=True)]


def _cut(rows: list[dict[str, Any]], limit: int | None) -> list[dict[str, Any]]:
    """Return the first rows, with the rest merged into one row."""
    rows = [row for row in rows if row["dropped"]]
    if limit is None or len(rows) <= limit + 1:
        return rows
    others = rows[limit:]
    tail = others[0] | {"item": f"({len(others)} others)", "dropped": sum(row["dropped"] for row in others)}
    return [*rows[:limit], tail]


_NO_TEXT = Shown(text=lambda _: "")


def _grid(title: str, rows: list[dict[str, Any]], screen: Screen, *, both: bool) -> Grid:
    """Return one row per item, with the counts of those who dropped off and, if `both`, of those who continued."""
    item = Shown(title, lambda row: f"  {_LEFT if row['item'] == LEFT else row['item']}", title_style="")
    dropped = Shown("    dropped", lambda row: formatting.count_and_rate(row["dropped"], row["stopped"]))
    went_on = Shown("    went on", lambda row: formatting.count_and_rate(row["went_on"], row["continued"]))
    more = Shown(text=lambda row: "loses" if row["more"] else "", style="bold", left=True)
    # Empty columns keep these figures aligned with those of the other grids on a narrow screen.
    columns = {"item": item, "dropped": dropped, "went_on": went_on if both else _NO_TEXT, "more": more if both else _NO_TEXT}
    return replace(table(rows, columns), least=_NAME if screen.wide else _NARROW_NAME)
