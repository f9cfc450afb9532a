"""Audiences: the visitors who dropped off at a step of a funnel, what they met after it, and why some of them are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.analysis import listing
from convkit.core.conditions import any_of
from convkit.core.schema import CHANNEL_FIELD, DEVICE_FIELD, OBSTACLES, TIME, is_interaction, is_kind
from convkit.funnels import steps
from convkit.funnels.obstacles import met
from convkit.goals import consent
from convkit.goals.matching import whole_column

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from convkit.analysis.analysis import Analysis
    from convkit.core.model import Funnel, Goals

CONVERTED, ELSEWHERE, UNSEEN = "converted", "elsewhere", "unseen"
"""Why a visitor is left out: a conversion since, a later chain of the funnel that ends at another step, or no visit for a long time."""
NOTHING = "nothing"
"""Stands for visitors who met none of OBSTACLES."""


def candidates(analysis: Analysis, funnel: Funnel, step: int) -> pl.LazyFrame:
    """Return `visitor, step_row, step_session, dropped, is_last` of visitors with a chain in the period that reaches a step and not the next.

    The last such chain counts: `dropped` is the time of its step, and `is_last` is whether it is the visitor's last chain of the funnel.
    """
    begins = pl.min_horizontal(f"row{number}" for number in funnel.numbers)
    chains = analysis.chains[funnel.name].with_columns(begins=begins).sort("visitor", "begins")
    is_last = pl.col("visitor").ne_missing(pl.col("visitor").shift(-1))
    stopped = chains.with_columns(is_last=is_last).filter(steps.is_dropped_at(funnel, step)).unique("visitor", keep="last", maintain_order=True)
    dropped = pl.col(f"at{step}").cast(TIME)
    return stopped.select("visitor", "is_last", step_row=f"row{step}", step_session=f"session{step}", dropped=dropped)


def people(analysis: Analysis, funnel: Funnel, step: int, seen: timedelta) -> pl.LazyFrame:
    """Return one row per candidate: when it dropped off, what it met after the step in the same session, and why it is left out.

    The columns are `visitor, dropped, last_seen, sessions, met, goals_after, last_page, device, channel, left_out, agrees`, and a Boolean column for
    each of OBSTACLES and of the goals. `last_seen` is the last interaction and `sessions` the number of sessions in all lines; `met` has the
    obstacles, the last first; `left_out` is empty for those who are not left out; `agrees` is the consent (`consent.is_given`).
    """
    goals = analysis.goals
    hits = analysis.hits.join(candidates(analysis, funnel, step), on="visitor", how="inner", maintain_order="left")
    is_after, is_of_session = pl.col("row") > pl.col("step_row"), pl.col("session") == pl.col("step_session")
    # What was met with the step's own hit counts, too: a slow page is slow for those who leave it.
    is_met = is_of_session & (pl.col("row") >= pl.col("step_row"))
    is_late = pl.lit(analysis.ends, dtype=TIME) - pl.col("last_seen") > seen
    fields = analysis.sessions.select(pl.col(DEVICE_FIELD, CHANNEL_FIELD).cast(pl.String), step_session="session")
    found = hits.group_by("visitor", maintain_order=True).agg(
        pl.col("dropped", "step_session", "is_last").first(),
        converted=(is_after & is_conversion(hits, goals, funnel)).any(),
        last_seen=pl.col("time").filter(is_interaction()).max(),
        sessions=pl.col("session").drop_nulls().n_unique().cast(pl.Int64),
        last_page=pl.col("page").filter(is_of_session & is_kind("page")).last().cast(pl.String),
        agrees=consent.is_given(hits, goals),
        **{goal.column: (pl.col(goal.column) & is_after & is_of_session).any() for goal in goals.goals},
        **{met(obstacle): pl.col("row").filter(pl.col(met(obstacle)) & is_met).max() for obstacle in OBSTACLES},
    )
    reasons = {CONVERTED: pl.col("converted"), ELSEWHERE: ~pl.col("is_last"), UNSEEN: is_late}
    left_out = pl.coalesce(*(pl.when(holds).then(pl.lit(reason)) for reason, holds in reasons.items()), pl.lit(""))
    goals_after = pl.coalesce(listing.reached_goals(goals.goals), pl.lit(""))
    return (
        found.join(fields, on="step_session", how="left")
        .with_columns(met=_last_first(OBSTACLES), left_out=left_out, goals_after=goals_after)
        .with_columns(pl.col(met(obstacle)).is_not_null() for obstacle in OBSTACLES)
    )


def barred(analysis: Analysis, funnel: Funnel) -> pl.LazyFrame:
    """Return `visitor, converted_at, withdrew` of visitors who converted at any time, or whose consent is withdrawn.

    One person may be several visitors with the same ID of the site: what one of them did counts for all.
    """
    goals = analysis.goals
    converted_at = pl.col("time").filter(is_conversion(analysis.hits, goals, funnel)).max()
    found = analysis.hits.group_by("visitor", maintain_order=True).agg(converted_at=converted_at, withdrew=consent.is_withdrawn(analysis.hits, goals))
    return found.filter(pl.col("converted_at").is_not_null() | pl.col("withdrew"))


def is_conversion(hits: pl.LazyFrame, goals: Goals, funnel: Funnel) -> pl.Expr:
    """Return whether a hit reaches a macro goal or the last step of a funnel; it need not be in a session with a page."""
    columns = [*(goal.column for goal in goals.macros), *funnel.step(len(funnel.steps)).columns]
    return any_of([pl.col("pageless_macro"), *(whole_column(column, hits.collect_schema()) for column in columns)])


def _last_first(obstacles: Iterable[str]) -> pl.Expr:
    """Return the names of the obstacles, the one met last first, from the columns with the row of the last hit that is one of each."""
    names = dict(enumerate(obstacles))
    # The number of the obstacle is added to the row, so that one sort orders the names; of those of the same hit, the first listed comes first.
    keys = [pl.col(met(name)).cast(pl.Int64) * len(names) + (len(names) - 1 - number) for number, name in names.items()]
    number = len(names) - 1 - pl.element() % len(names)
    name = number.replace_strict(list(names), list(names.values()), return_dtype=pl.String)
    return pl.concat_list(keys).list.drop_nulls().list.sort(descending=True).list.eval(name).list.join(" ")
