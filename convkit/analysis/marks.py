"""Marks on figures that differ from those of the other sessions, and the goals that a breakdown key determines by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import datafiles, patterns, schema, verdicts
from convkit.core.blocks import Paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convkit.core.blocks import Block
    from convkit.core.model import Goal, Goals, VariantSource

HIGHER, LOWER = "▲", "▼"
WIDTH = 1
"""The width of a mark."""
_LEGEND = Paragraph(f"{HIGHER} {LOWER} clearly higher or lower than the other sessions", style="dim")
_NOTHING = Paragraph("No figure here is clearly higher or lower than for the other sessions.", style="dim")
_OF_PAGES = ("page", "landing", "exit", "goal")
_FEWEST_OF_ALL = 10
"""If at least this many sessions have a value and all of them reached a goal, the value is probably the goal's own page."""


class Marks:
    """The marks on the cells of a report."""

    def __init__(self, cells: pl.DataFrame) -> None:
        """Compare each cell with the other sessions.

        Cells have `family` (those of one family share an error rate), `item, value`, `part, whole` (how many of the sessions with the value),
        `of_part, of_whole` (how many of all sessions, including those) and `is_given` (whether the key itself determines the item, so that it has no
        mark).
        """
        part, whole = pl.col("part"), pl.col("whole")
        sides = cells.with_columns(now=part, now_of=whole, before=pl.col("of_part") - part, before_of=pl.col("of_whole") - whole)
        judged = verdicts.add_ranges(sides, "family").filter("is_tested")
        self._are_possible = not judged.is_empty()
        is_higher, is_lower = pl.col("difference_low") > 0, pl.col("difference_high") < 0
        marked = judged.select("item", "value", mark=pl.when(is_higher).then(pl.lit(HIGHER)).when(is_lower).then(pl.lit(LOWER))).drop_nulls("mark")
        self._marks: dict[tuple[str, str], str] = {(item, value): mark for item, value, mark in marked.rows()}

    def of(self, item: str, value: str) -> str:
        """Return the mark on a cell, or a space if it has none."""
        return self._marks.get((item, value), " " * WIDTH)

    def legend(self, shown: Iterable[tuple[str, str]]) -> list[Block]:
        """Return the explanation of the marks on a screen with these items and values, or that there are none."""
        return [_LEGEND if any(cell in self._marks for cell in shown) else _NOTHING] if self._are_possible else []


def given_goals(cells: pl.DataFrame, key: str, goals: Goals) -> set[str]:
    """Return the goals that are made of a key's values, so that differences between those are no news; `cells` have `item, part, whole`.

    These are the goals that read what the key is read from, and for pages also those that all sessions of some value reached: landing on the cart
    reaches the goal that is the cart.
    """
    columns = _columns_of_key(key, goals)
    given = {goal.name for goal in goals.goals if _columns_of_goal(goal, goals) & columns}
    source = _variant_source(key, goals)
    if key in _OF_PAGES or (source is not None and (isinstance(source, tuple) or source == "path")):
        given |= set(cells.filter(pl.col("whole") >= _FEWEST_OF_ALL, pl.col("part") == pl.col("whole"))["item"])
    return given


def _variant_source(key: str, goals: Goals) -> VariantSource | None:
    """Return where the variants of a key are read from, or None if it is not the key of variants."""
    name = key.removeprefix(schema.VARIANT_PREFIX)
    return goals.site.variant(name).source if key.startswith(schema.VARIANT_PREFIX) and name in goals.site.variants else None


def _columns_of_key(key: str, goals: Goals) -> set[str]:
    """Return the columns of hits from which the values of a key are read."""
    if key in schema.CHANNEL_COLUMNS:
        return {"referrer", *(f"query.{line.split()[0]}" for name in ("tags", "click_ids") for line in datafiles.lines(name))}
    source = _variant_source(key, goals)
    return {source} if isinstance(source, str) and source != "path" else {key} - {"path", *_OF_PAGES}


def _columns_of_goal(goal: Goal, goals: Goals) -> set[str]:
    """Return the columns of hits that a goal tests, also by way of other goals."""
    others = {other.column: other for other in goals.all}
    waiting, seen, columns = [goal], {goal.column}, set[str]()
    while waiting:
        one = waiting.pop()
        roots = {name for expr in one.named.values() for name in expr.meta.root_names()}
        columns |= {patterns.split_named_column(name)[0] for name in roots}
        required = [column for column in one.required_columns if column in others and column not in seen]
        seen.update(required)
        waiting += [others[column] for column in required]
    return columns
