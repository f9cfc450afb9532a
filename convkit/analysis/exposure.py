"""What visitors did before they were first shown a variant: it counts for no variant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.conditions import any_of
from convkit.core.schema import is_kind
from convkit.goals.variants import SINCE

if TYPE_CHECKING:
    from convkit.core.model import Goals
    from convkit.goals.variants import SeveralVariants

EARLIER_PAGES = "earlier_pages"
"""The column of sessions with the number of pages seen before a variant was first shown; it exists only if variants are involved."""
_AGAIN = "again:"
"""The prefix of the columns of goals that are reached by what is left."""
_EARLIER = "earlier:"
"""The prefix of the columns that mark hits before a variant was first shown."""


def drop_earlier(
    hits: pl.DataFrame, sessions: pl.DataFrame, goals: Goals, counts: tuple[SeveralVariants, ...]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return hits and sessions without what visitors did before they were first shown their variant, and the counts with their number.

    `inside` is cleared for such hits, and so are their goals: they reach no goal and fill no step of a funnel. Sessions get EARLIER_PAGES. Visitors
    who were shown several variants are no longer among the sessions.
    """
    if not counts:
        return hits, sessions, counts
    since = {count.variant: f"{SINCE}{count.variant}" for count in counts}
    columns = [goal.column for goal in goals.goals]
    marked = hits.lazy().join(sessions.lazy().select("session", *since.values()), on="session", how="left", maintain_order="left")
    is_earlier = {f"{_EARLIER}{name}": pl.col("inside") & (pl.col("row") < pl.col(row)).fill_null(value=False) for name, row in since.items()}
    hits = collect_frame(marked.with_columns(**is_earlier).drop(since.values()), hits.height)
    reached = {count.variant: hits.filter(pl.col(f"{_EARLIER}{count.variant}") & any_of(columns))["visitor"].n_unique() for count in counts}
    counts = tuple(replace(count, earlier=reached[count.variant]) for count in counts)

    is_any = any_of(is_earlier)
    earlier = hits.lazy().filter(is_any).select("session", is_page=is_kind("page"), is_reached=any_of(columns))
    of_sessions = collect_frame(
        earlier.group_by("session").agg(pl.col("is_page").sum().cast(pl.Int64).alias(EARLIER_PAGES), pl.col("is_reached").any()), hits.height
    )
    kept = [pl.col("inside") & ~is_any, *((pl.col(goal.column) & ~is_any) for goal in goals.all)]
    hits = collect_frame(hits.lazy().with_columns(kept).drop(is_earlier), hits.height)
    changed = of_sessions.filter("is_reached")["session"]
    if len(changed):
        sessions = _reached_again(hits, sessions, changed, columns, [goal.column for goal in goals.macros])
    pages = of_sessions.select("session", EARLIER_PAGES)
    sessions = sessions.drop(since.values()).join(pages, on="session", how="left", maintain_order="left")
    return hits, sessions.with_columns(pl.col(EARLIER_PAGES).fill_null(0)), counts


def _reached_again(hits: pl.DataFrame, sessions: pl.DataFrame, changed: pl.Series, columns: list[str], macros: list[str]) -> pl.DataFrame:
    """Return sessions in which the goals of the `changed` ones are those that their remaining hits reach."""
    is_changed = pl.col("session").is_in(changed.implode())
    reached = hits.lazy().filter(pl.col("inside") & is_changed).group_by("session").agg(pl.col(columns).any().name.prefix(_AGAIN))
    joined = sessions.lazy().join(reached, on="session", how="left", maintain_order="left")
    again = [pl.when(is_changed).then(pl.col(f"{_AGAIN}{column}").fill_null(value=False)).otherwise(column).alias(column) for column in columns]
    settled = joined.with_columns(again).with_columns(converted=any_of(macros)).drop(f"{_AGAIN}{column}" for column in columns)
    return collect_frame(settled.select(sessions.columns), sessions.height)


def counted_pages(sessions: pl.LazyFrame) -> pl.Expr:
    """Return the number of pages of each session that count: those seen since its variant was first shown, if variants are involved."""
    return pl.col("pages") - pl.col(EARLIER_PAGES) if _has_variants(sessions) else pl.col("pages")


def counts_landing(sessions: pl.LazyFrame) -> pl.Expr:
    """Return whether a session's landing page counts: it was not seen before its variant was first shown."""
    return pl.col(EARLIER_PAGES) == 0 if _has_variants(sessions) else pl.lit(value=True)


def counts_exit(sessions: pl.LazyFrame) -> pl.Expr:
    """Return whether a session's exit page counts: it was not seen before its variant was first shown."""
    return pl.col(EARLIER_PAGES) < pl.col("pages") if _has_variants(sessions) else pl.lit(value=True)


def _has_variants(sessions: pl.LazyFrame) -> bool:
    return EARLIER_PAGES in sessions.collect_schema()
