"""What visitors did before they were first shown a variant: it counts for no variant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.conditions import any_of
from convkit.goals.variants import SINCE

if TYPE_CHECKING:
    from convkit.core.model import Goals
    from convkit.goals.variants import SeveralVariants

_AGAIN = "again:"
"""The prefix of the columns of goals that are reached by what is left."""


def drop_earlier(
    hits: pl.DataFrame, sessions: pl.DataFrame, goals: Goals, counts: tuple[SeveralVariants, ...]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return hits and sessions without what visitors did before they were first shown their variant, and the counts with their number.

    `inside` is cleared for such hits, and their goals are not reached. Visitors who were shown several variants are no longer among the sessions.
    """
    for number, count in enumerate(counts):
        since = f"{SINCE}{count.variant}"
        firsts = sessions.lazy().select("session", since=since).drop_nulls("since")
        marked = hits.lazy().join(firsts, on="session", how="left", maintain_order="left")
        is_earlier = (pl.col("row") < pl.col("since")).fill_null(value=False)
        hits = collect_frame(
            marked.with_columns(earlier=pl.col("inside") & is_earlier, inside=pl.col("inside") & ~is_earlier).drop("since"), hits.height
        )
        columns = [goal.column for goal in goals.goals]
        earlier = hits.filter(pl.col("earlier") & any_of(columns))
        if earlier.height:
            counts = (*counts[:number], replace(count, earlier=earlier["visitor"].n_unique()), *counts[number + 1 :])
            sessions = _reached_again(hits, sessions, earlier["session"].unique(), columns, [goal.column for goal in goals.macros])
        hits = hits.drop("earlier")
    return hits, sessions.drop(f"{SINCE}{count.variant}" for count in counts), counts


def _reached_again(hits: pl.DataFrame, sessions: pl.DataFrame, changed: pl.Series, columns: list[str], macros: list[str]) -> pl.DataFrame:
    """Return sessions in which the goals of the `changed` ones are those that their remaining hits reach."""
    is_changed = pl.col("session").is_in(changed.implode())
    reached = hits.lazy().filter(pl.col("inside") & is_changed).group_by("session").agg(pl.col(columns).any().name.prefix(_AGAIN))
    joined = sessions.lazy().join(reached, on="session", how="left", maintain_order="left")
    again = [pl.when(is_changed).then(pl.col(f"{_AGAIN}{column}").fill_null(value=False)).otherwise(column).alias(column) for column in columns]
    settled = joined.with_columns(again).with_columns(converted=any_of(macros)).drop(f"{_AGAIN}{column}" for column in columns)
    return collect_frame(settled.select(sessions.columns), sessions.height)
