"""Matching goals: from sessionized hits to matched hits, with a Boolean column `goal:<name>` per goal, never null.

The module also determines which matches count, and their values in integer millionths.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import polars as pl

from convkit.core import windows
from convkit.core.conditions import any_of
from convkit.goals import money

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from convkit.core.model import Goal, Goals


_OF_ANY_GOAL = ("row", "session", "visitor", "started", "time")
"""The columns of hits that are kept for whatever goal."""


def match_goals(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Add `goal:<name>` for every goal, and `shared:<name>` for those that count once per value, and drop `names:<goal>`.

    Hits without a session match nothing. `shared:<name>` marks counted hits whose value other visitors also have.

    `pageless_macro` marks hits that a macro goal names in sessions excluded for having no page, and `pageless_withdrawn`, if `site.consent` names a
    goal for it, those by which people withdraw their consent.

    `hits` are sessionized hits with `started`, sorted by visitor and ORDER.
    """
    named = [column for goal in goals.all for column in goal.named]
    in_session = pl.col("session").is_not_null()
    of_macros = [column for goal in goals.macros for column in goal.named]
    hits = hits.with_columns(pageless_macro=pl.col("pageless") & any_of(of_macros))
    withdrawn = goals.site.consent.withdrawn if goals.site.consent else ""
    if withdrawn:
        of_withdrawn = [column for goal in goals.all if goal.name == withdrawn for column in goal.named]
        hits = hits.with_columns(pageless_withdrawn=pl.col("pageless") & any_of(of_withdrawn))
    hits = hits.with_columns(pl.col(column) & in_session for column in named)
    for level in _levels(goals.all):
        for number, stages in enumerate(zip_longest(*(goal.turned for goal in level))):
            columns = {goal.column: stage for goal, stage in zip(level, stages, strict=True) if stage is not None}
            columns = {column: stage & in_session if number == 0 else stage for column, stage in columns.items()}
            shared = {goal.shared_column: goal.shared for goal in level if goal.shared is not None and number == len(goal.turned) - 1}
            hits = hits.with_columns(**columns, **shared)
        hits = hits.with_columns(pl.col(goal.column).fill_null(value=False) for goal in level)
    return hits.drop(named)


UNCLEARED = "uncleared:"
"""The prefix of the columns that keep goals where `goal:<name>` was cleared, as in what visitors did before their variant was shown."""


def whole_column(column: str, columns: Collection[str]) -> pl.Expr:
    """Return a goal's column as it was before any of it was cleared, given the columns of the hits."""
    return pl.col(f"{UNCLEARED}{column}" if f"{UNCLEARED}{column}" in columns else column)


def _levels(goals: Sequence[Goal]) -> Iterator[list[Goal]]:
    """Yield goals level by level; the goals of a level depend only on those of earlier levels. There are no cycles."""
    while goals:
        waiting = {goal.column for goal in goals}
        yield [goal for goal in goals if not goal.required_columns & waiting]
        goals = [goal for goal in goals if goal.required_columns & waiting]


def goal_hits(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the hits in the period for which a goal is true, without the columns of other goals, which would take too much memory."""
    own = [goal.column] if goal.shared is None else [goal.column, goal.shared_column]
    values = [goal.value, money.currency_name_of(goal.value)] if isinstance(goal.value, str) else []
    return hits.select("inside", *_OF_ANY_GOAL, *own, *values).filter(pl.col("inside"), pl.col(goal.column))


def last_macros(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return `session, last_macro`: the row of the session's last hit in the period on which a macro goal is true, if any.

    For macro goals that are counted separately, there is one more such column each: `last_macro:NAME`.
    """
    macro = any_of(goal.column for goal in goals.macros)
    return (
        hits.filter(pl.col("inside") & macro)
        .group_by("session")
        .agg(
            last_macro=pl.col("row").max(),
            **{f"last_macro:{goal.name}": pl.col("row").filter(goal.column).max() for goal in goals.separate_macros},
        )
    )


def first_hits(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the first match per session in the period."""
    return goal_hits(hits, goal).unique("session", keep="first", maintain_order=True)


def add_later_macro(firsts: pl.LazyFrame, macros: pl.LazyFrame) -> pl.LazyFrame:
    """Add `then`, and `then:NAME` per separate goal: whether a first match's session reached a macro goal later, according to `last_macros`."""
    joined = firsts.join(macros, on="session", how="left", maintain_order="left")
    columns = {name: name.replace("last_macro", "then", 1) for name in macros.collect_schema().names() if name.startswith("last_macro")}
    return joined.with_columns(**{then: (pl.col(name) > pl.col("row")).fill_null(value=False) for name, then in columns.items()})


def counted_hits(hits: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return the hits in the period that a goal counts, with their `amount` in millionths, or null if they have none that counts."""
    counted = goal_hits(hits, goal) if goal.counts_hits else first_hits(hits, goal)
    return money.add_amount(counted, goal)


def shared_values(goal: Goal) -> pl.Expr:
    """Return how many of a goal's counted hits stand for values that other visitors also have."""
    return pl.lit(0, dtype=pl.Int64) if goal.shared is None else pl.col(goal.shared_column).sum().cast(pl.Int64)


def macro_amounts(hits: pl.LazyFrame, goals: Goals) -> pl.LazyFrame:
    """Return `session, amount` (millionths) of the hits in the period that macro goals count.

    `lacks` marks those without an amount; of these, `ambiguous` and `foreign` mark those whose amount could be read in two ways, or is in another
    currency.
    """
    amounts = [
        counted_hits(hits, goal)
        .with_columns(lacks=pl.col("amount").is_null() & (goal.value is not None))
        .select("session", "amount", "lacks", "ambiguous", "foreign")
        for goal in goals.macros
    ]
    false = pl.lit(value=False)
    no_rows = hits.clear().select("session", amount=pl.lit(0, dtype=pl.Int64), lacks=false, ambiguous=false, foreign=false)
    return pl.concat([no_rows, *amounts])


def is_counted(goal: Goal) -> pl.Expr:
    """Return whether a goal counts a hit; the hits must be those in the period, sorted by visitor and ORDER."""
    reached = pl.col(goal.column)
    return reached if goal.counts_hits else windows.is_nth(reached, 1, "session")


def add_hit_value(hits: pl.LazyFrame, goals: Iterable[Goal]) -> pl.LazyFrame:
    """Add the `value` of each hit: the first amount of the goals that count it (columns made with `is_counted`)."""
    with_value = [goal for goal in goals if goal.value is not None]
    for goal in with_value:
        amount = pl.when(pl.col(goal.column)).then("amount").alias(f"amount:{goal.name}")
        hits = money.add_amount(hits, goal).with_columns(amount).drop("amount", "ambiguous", "foreign")
    amounts = [pl.col(f"amount:{goal.name}") for goal in with_value]
    return hits.with_columns(value=pl.coalesce(*amounts, pl.lit(None, dtype=pl.Int64))).drop(f"amount:{goal.name}" for goal in with_value)
