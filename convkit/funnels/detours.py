"""Detours: how sessions reached a funnel's last step without being counted there.

To find out, the funnel is counted again, with one limit after another removed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from convkit.funnels import chains as funnels_chains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convkit.core.model import Funnel

DETOURS = ("window", "between", "value", "order", "earlier", "before", "without")
"""In the order in which they are tried: too late, with something else in between, with different values, in a different order, with the missing steps
in earlier sessions, begun before the period, with a step missing."""


def finisher_hits(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the matched hits of visitors who reached the last step, to be collected before `find_detours`."""
    columns_of_parts = [*(step.columns for step in funnel.steps), *(exclusion.columns for exclusion in funnel.without)]
    goals = {column for part in columns_of_parts for column in part}
    columns = ["visitor", "session", "inside", "row", "time", "kind", *sorted(goals)]
    columns += [*([funnel.same] if funnel.same else []), *(["enters"] if funnel.where else [])]
    in_sessions = hits.filter(pl.col("session").is_not_null()).select(*dict.fromkeys(columns))
    finishers = in_sessions.filter(pl.any_horizontal(funnel.steps[-1].columns)).select("visitor").unique()
    return in_sessions.join(finishers, on="visitor", how="semi", maintain_order="left")


def find_detours(hits: pl.LazyFrame, chains: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return `unit, detour, step`, one row per unit that reached the last step in the period, but not through one of the `chains`.

    `hits` come from `finisher_hits`; `chains` are the funnel's chains in the period. `detour` is one of DETOURS; `step` is the first missing step if
    the detour is `without`, otherwise 0. The result is empty if steps may come in any order, because there is then no last step, and if the funnel is
    open, because every chain to the last step then counts.
    """
    if funnel.order == "any" or funnel.is_open:
        return hits.clear().select(unit=funnel.per, detour=pl.lit(""), step=pl.lit(0, dtype=pl.Int64))
    last = len(funnel.steps)
    relaxed = dict(_relaxed_funnels(funnel))
    units = _finishing_units(hits, list(relaxed.values())[-1]).join(chains.filter(pl.col("depth") == last), on="unit", how="anti")
    for name, relaxed_funnel in relaxed.items():
        relaxed_chains = funnels_chains.best_chains(funnels_chains.fitting_hits(hits, relaxed_funnel), relaxed_funnel)
        completed = relaxed_chains.filter(pl.col("depth") == last).select("unit", pl.lit(value=True).alias(name))
        units = units.join(completed, on="unit", how="left").with_columns(pl.col(name).fill_null(value=False))
    missing_step = pl.coalesce(*(pl.when(~pl.col(f"fits{number}")).then(number) for number in funnel.required), 0)
    step = pl.when(pl.col("detour") == "without").then(missing_step).otherwise(0).cast(pl.Int64)
    detour = _detour(funnel.required, [name for name in relaxed if name != "before"])
    return units.with_columns(detour=detour).select("unit", "detour", step=step)


def _relaxed_funnels(funnel: Funnel) -> Iterator[tuple[str, Funnel]]:
    """Yield the funnel as it is, then with one kind of limit after another removed, each with the detour that it reveals."""
    yield "before", funnel
    if funnel.window is not None or any(step.within is not None for step in funnel.steps):
        funnel = replace(funnel, window=None, steps=tuple(replace(step, within=None) for step in funnel.steps))
        yield "window", funnel
    if funnel.order == "strict" or funnel.without:
        funnel = replace(funnel, order="ordered", without=())
        yield "between", funnel
    if funnel.same is not None:
        yield "value", replace(funnel, same=None)


def _finishing_units(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the units that reached the last step in the period: `unit`, the steps that they reached, and the visitor's earliest hit of each step."""
    # Steps with the same condition each need a separate hit.
    needed_hits = {number: [step.name for step in funnel.steps[:number]].count(funnel.step(number).name) for number in funnel.numbers}
    last = f"fits{len(funnel.steps)}"
    earliest = {f"earliest{number}": pl.when(f"fits{number}").then("row").min().over("visitor") for number in funnel.numbers}
    return (
        funnels_chains.fitting_hits(hits, funnel)
        .with_columns(**earliest)
        .group_by("unit", maintain_order=True)
        .agg(
            *(pl.col(f"fits{number}").sum() >= needed for number, needed in needed_hits.items()),
            *(pl.col(name).first() for name in earliest),
            begins=pl.col("row").min(),
            enters=pl.col("enters").any(),
            inside=(pl.col("inside") & pl.col(last)).any(),
            is_last=pl.col(last).any(),
        )
        .filter("inside", "enters", "is_last")
    )


def _detour(required: list[int], limits: list[str]) -> pl.Expr:
    """Return how a unit reached the last step: the first of DETOURS that fits; `limits` are the limits that were removed."""
    here_or_earlier = [pl.col(f"fits{number}") | (pl.col(f"earliest{number}") < pl.col("begins")) for number in required]
    detours = {
        **{limit: pl.col(limit) & ~pl.col("before") for limit in limits},
        "order": pl.all_horizontal(f"fits{number}" for number in required) & ~pl.col("before"),
        "earlier": pl.all_horizontal(here_or_earlier) & ~pl.col("before"),
        "before": pl.col("before"),
    }
    return pl.coalesce(*(pl.when(fits).then(pl.lit(detour)) for detour, fits in detours.items()), pl.lit("without"))
