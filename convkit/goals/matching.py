"""Matching goals: from sessionized hits to matched hits, with a Boolean column `goal:<name>` per goal, never null.

The module also determines which matches count, and their values in integer millionths.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from convkit.core.model import Goal, Goals


def match_goals(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Add `goal:<name>` for every goal and drop `names:<goal>`; hits without a session match nothing.

    `pageless_macro` marks hits that a macro goal names in sessions excluded for having no page.

    `hits` are sessionized hits with `started`, sorted by visitor and ORDER.
    """
    named = [column for goal in goals.all for column in goal.named]
    in_session = pl.col("session").is_not_null()
    of_macros = [column for goal in goals.macros for column in goal.named]
    hits = hits.with_columns(pageless_macro=pl.col("pageless") & pl.any_horizontal(pl.lit(value=False), *of_macros))
    hits = hits.with_columns(pl.col(column) & in_session for column in named)
    for level in _levels(goals.all):
        for number, stages in enumerate(zip_longest(*(goal.turned for goal in level))):
            columns = {goal.column: stage for goal, stage in zip(level, stages, strict=True) if stage is not None}
            hits = hits.with_columns(**{column: stage & in_session if number == 0 else stage for column, stage in columns.items()})
        hits = hits.with_columns(pl.col(goal.column).fill_null(value=False) for goal in level)
    return hits.drop(named)


def _levels(goals: Sequence[Goal]) -> Iterator[list[Goal]]:
    """Yield goals level by level; the goals of a level depend only on those of earlier levels. There are no cycles."""
    while goals:
        waiting = {goal.column for goal in goals}
        yield [goal for goal in goals if not goal.required_columns & waiting]
        goals = [goal for goal in goals if goal.required_columns & waiting]


def to_millionths(value: pl.Expr) -> pl.Expr:
    """Convert amounts from text to integer millionths, or to null if the text is not a plain number (`-?digits[.digits]`).

    Digits after the sixth decimal are rounded half away from zero.
    """
    plain = pl.when(value.str.contains(r"^-?[0-9]{1,12}(?:\.[0-9]+)?$")).then(value)
    sides = plain.str.strip_prefix("-").str.splitn(".", 2)
    fraction = sides.struct[1].fill_null("").str.pad_end(7, "0")
    whole = sides.struct[0].cast(pl.Int64) * 1_000_000 + fraction.str.head(6).cast(pl.Int64)
    rounded = whole + (fraction.str.slice(6, 1) >= "5").cast(pl.Int64)
    return pl.when(plain.str.starts_with("-")).then(-rounded).otherwise(rounded)


def goal_hits(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the hits in the period for which a goal is true."""
    return hits.filter(pl.col("inside"), pl.col(goal.column))


def last_macros(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return `session, last_macro`: the row of the session's last hit in the period on which a macro goal is true, if any."""
    macro = pl.any_horizontal(pl.lit(value=False), *(goal.column for goal in goals.macros))
    return hits.filter(pl.col("inside") & macro).group_by("session").agg(last_macro=pl.col("row").max())


def first_hits(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the first match per session in the period."""
    return goal_hits(hits, goal).unique("session", keep="first", maintain_order=True)


def add_later_macro(firsts: pl.LazyFrame, macros: pl.LazyFrame) -> pl.LazyFrame:
    """Add `then` to first matches: whether their session reached a macro goal later, according to `last_macros`."""
    joined = firsts.join(macros, on="session", how="left", maintain_order="left")
    return joined.with_columns(then=(pl.col("last_macro") > pl.col("row")).fill_null(value=False))


def counted_hits(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the hits in the period that a goal counts, with their `amount` in millionths, or null if they have none."""
    counted = goal_hits(hits, goal) if goal.counts_hits else first_hits(hits, goal)
    return counted.with_columns(amount=_amount(goal))


def macro_amounts(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return `session, amount` (millionths) of the hits in the period that macro goals count; `lacks` marks those whose amount is missing."""
    amounts = [
        counted_hits(hits, goal).select("session", "amount", lacks=pl.col("amount").is_null() & (goal.value is not None)) for goal in goals.macros
    ]
    no_rows = hits.clear().select("session", amount=pl.lit(0, dtype=pl.Int64), lacks=pl.lit(value=False))
    return pl.concat([no_rows, *amounts])


def is_counted(goal: Goal) -> pl.Expr:
    """Return whether a goal counts a hit; the hits must be those in the period, sorted by visitor and ORDER."""
    reached = pl.col(goal.column)
    return reached if goal.counts_hits else windows.is_nth(reached, 1, "session")


def hit_amount(goals: Iterable[Goal]) -> pl.Expr:
    """Return the value of a hit: the first numeric amount of the goals that count it (columns made with `is_counted`)."""
    amounts = [pl.when(pl.col(goal.column)).then(_amount(goal)) for goal in goals if goal.value is not None]
    return pl.coalesce(*amounts, pl.lit(None, dtype=pl.Int64))


def _amount(goal: Goal) -> pl.Expr:
    """Return the value of a counted hit for a goal, in millionths."""
    if isinstance(goal.value, str):
        return to_millionths(pl.col(goal.value).cast(pl.String))
    return pl.lit(goal.value, dtype=pl.Int64)
