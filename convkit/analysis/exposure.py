"""What visitors did before they were first shown a variant: it counts for no variant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.core.collect import collect_frame
from convkit.core.conditions import any_of
from convkit.core.schema import is_kind
from convkit.goals import filters
from convkit.goals.matching import UNCLEARED
from convkit.goals.variants import PREFIX, SEVERAL, SINCE, SeveralVariants

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from convkit.core.model import Funnel, Goals

EARLIER_PAGES = "earlier_pages"
"""The column of sessions with the number of pages seen before a variant was first shown; it exists only if variants are involved."""
EARLIER = "earlier:"
"""The prefix of the columns that mark hits before a variant was first shown, in the session in which it was."""
_AGAIN = "again:"
"""The prefix of the columns of goals that are reached by what is left."""


def mark_earlier(hits: pl.DataFrame, sessions: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return hits with `earlier:NAME` for each variant; `sessions` are those of the whole log."""
    since = {name: f"{SINCE}{name}" for name in names}
    marked = hits.lazy().join(sessions.lazy().select("session", *since.values()), on="session", how="left", maintain_order="left")
    is_earlier = {f"{EARLIER}{name}": (pl.col("row") < pl.col(row)).fill_null(value=False) for name, row in since.items()}
    return collect_frame(marked.with_columns(**is_earlier).drop(since.values()), hits.height)


def drop_earlier(
    hits: pl.DataFrame, sessions: pl.DataFrame, goals: Goals, counts: tuple[SeveralVariants, ...]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[SeveralVariants, ...]]:
    """Return hits and sessions without what visitors did before they were first shown their variant, and the counts with their number.

    `inside` is cleared for such hits, and so are their goals: they reach no goal and fill no step of a funnel. Sessions get EARLIER_PAGES. Visitors
    who were shown several variants are no longer among the sessions. Columns with the prefix UNCLEARED keep conversions and consent. `hits` come from
    `mark_earlier`.
    """
    if not counts:
        return hits, sessions, counts
    columns = [goal.column for goal in goals.goals]
    counts = tuple(replace(count, earlier=early_visitors(hits, sessions, count.variant, columns)) for count in counts)
    is_earlier = [f"{EARLIER}{count.variant}" for count in counts]
    is_any = any_of(is_earlier)
    earlier = hits.lazy().filter(is_any).select("session", is_page=is_kind("page"), is_reached=any_of(columns))
    of_sessions = collect_frame(
        earlier.group_by("session").agg(pl.col("is_page").sum().cast(pl.Int64).alias(EARLIER_PAGES), pl.col("is_reached").any()), hits.height
    )
    kept = [pl.col("inside") & ~is_any, *((pl.col(goal.column) & ~is_any) for goal in goals.all)]
    kept += [pl.col(column).alias(f"{UNCLEARED}{column}") for column in _of_people(goals)]
    hits = collect_frame(hits.lazy().with_columns(kept), hits.height)
    changed = of_sessions.filter("is_reached")["session"]
    if len(changed):
        sessions = _reached_again(hits, sessions, changed, columns, [goal.column for goal in goals.macros])
    pages = of_sessions.select("session", EARLIER_PAGES)
    sessions = sessions.drop(f"{SINCE}{count.variant}" for count in counts).join(pages, on="session", how="left", maintain_order="left")
    return hits, sessions.with_columns(pl.col(EARLIER_PAGES).fill_null(0)), counts


def _of_people(goals: Goals) -> list[str]:
    """Return the columns of the goals that decide whom one may write to, whatever variant was shown: conversions and consent."""
    consent = [] if goals.site.consent is None else [f"goal:{name}" for name in goals.site.consent.goals]
    last = [column for funnel in goals.funnels for column in funnel.step(len(funnel.steps)).columns]
    return list(dict.fromkeys([*(goal.column for goal in goals.macros), *last, *consent]))


def hits_of_sessions(hits: pl.DataFrame, sessions: pl.DataFrame) -> pl.LazyFrame:
    """Return the hits of the sessions of a period with all their pages, since a filter by pages, hosts or properties is about whole sessions."""
    is_earlier = [column for column in hits.columns if column.startswith(EARLIER)]
    if not is_earlier:
        return hits.lazy().filter("inside")
    whole = hits.lazy().filter(pl.col("inside") | any_of(is_earlier))
    return whole.join(sessions.lazy().select("session"), on="session", how="semi", maintain_order="left")


def early_visitors(hits: pl.DataFrame, sessions: pl.DataFrame, name: str, columns: Collection[str]) -> int:
    """Return the number of visitors who, in one of the `sessions`, reached one of the goals with these columns before they were shown a variant."""
    early = hits.lazy().filter(pl.col("inside") & pl.col(f"{EARLIER}{name}") & any_of(columns))
    reached = early.join(sessions.lazy().select("session"), on="session", how="semi")
    return collect_frame(reached.select("visitor").unique(), hits.height).height


def without_earlier(hits: pl.LazyFrame, funnel: Funnel, goals: Goals) -> pl.LazyFrame:
    """Return hits whose goals fill no step of a funnel before the variants that its `where` tests were first shown.

    Where a whole run involves a variant, such hits have no goals anyway.
    """
    tested = [f"{EARLIER}{name}" for name in tested_variants(funnel, goals)]
    is_earlier = [column for column in tested if column in hits.collect_schema()]
    columns_of_parts = [*(step.columns for step in funnel.steps), *(exclusion.columns for exclusion in funnel.without)]
    columns = {column for part in columns_of_parts for column in part}
    return hits.with_columns(pl.col(column) & ~any_of(is_earlier) for column in sorted(columns)) if is_earlier else hits


def of_funnels(hits: pl.DataFrame, sessions: pl.DataFrame, goals: Goals, name: str) -> SeveralVariants:
    """Return the counts of visitors for a variant that only funnels test."""
    funnels = [funnel for funnel in goals.funnels if name in tested_variants(funnel, goals)]
    is_several = pl.col(f"{SEVERAL}{name}")
    several = sessions.filter(is_several)["visitor"]
    columns = {column for funnel in funnels for step in funnel.steps for column in step.columns}
    early = early_visitors(hits, sessions.filter(~is_several), name, sorted(columns))
    return SeveralVariants(name, several.n_unique(), len(several), early, tuple(funnel.name for funnel in funnels))


def tested_variants(funnel: Funnel, goals: Goals) -> list[str]:
    """Return the names of the variants that a funnel's `where` tests."""
    fields = [one.field for one in filters.parse_filters(funnel.where, goals)]
    return [field.removeprefix(PREFIX) for field in fields if field.startswith(PREFIX)]


def without_several(sessions: pl.LazyFrame, funnel: Funnel, goals: Goals) -> pl.LazyFrame:
    """Return the sessions without those of visitors who saw several of the variants that a funnel's `where` tests."""
    tested = [f"{SEVERAL}{name}" for name in tested_variants(funnel, goals)]
    is_several = [column for column in tested if column in sessions.collect_schema()]
    return sessions.filter(~any_of(is_several)) if is_several else sessions


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
