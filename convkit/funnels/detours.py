"""Detours: how sessions reached a funnel's last step that the funnel does not count there.

The funnel is counted again with one limit after the other removed.
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
"""In the order in which they are tried: too late, with something else in between, with another value, in another order, the missing steps in
earlier sessions, begun before the period, without a step."""


def finisher_hits(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the hits of visitors who reached the last step, of matched hits. A stage of its own, to be collected."""
    goals = {column for columns in (*(step.columns for step in funnel.steps), *(one.columns for one in funnel.without)) for column in columns}
    columns = ["visitor", "session", "inside", "row", "time", "kind", *sorted(goals)]
    columns += [*([funnel.same] if funnel.same else []), *(["enters"] if funnel.where else [])]
    in_sessions = hits.filter(pl.col("session").is_not_null()).select(*dict.fromkeys(columns))
    ended = in_sessions.filter(pl.any_horizontal(funnel.steps[-1].columns)).select("visitor").unique()
    return in_sessions.join(ended, on="visitor", how="semi", maintain_order="left")


def find_detours(hits: pl.LazyFrame, found: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return `unit, way, step` of each unit in the period that reached the last step but not by one of the `found` chains, each once.

    `hits`: `finisher_hits`, `found`: the chains in the period. `way` is one of DETOURS, `step` the first step that is lacking if the way is
    `without`, else 0. In any order there is no last step, and in an open funnel every way to it counts.
    """
    if funnel.order == "any" or funnel.is_open:
        return hits.clear().select(unit=funnel.per, way=pl.lit(""), step=pl.lit(0, dtype=pl.Int64))
    last = len(funnel.steps)
    relaxed = dict(_relaxed_funnels(funnel))
    units = _finishing_units(hits, list(relaxed.values())[-1]).join(found.filter(pl.col("depth") == last), on="unit", how="anti")
    for name, variant in relaxed.items():
        chains = funnels_chains.best_chains(funnels_chains.fitting_hits(hits, variant), variant)
        completed = chains.filter(pl.col("depth") == last).select("unit", pl.lit(value=True).alias(name))
        units = units.join(completed, on="unit", how="left").with_columns(pl.col(name).fill_null(value=False))
    lacking = pl.coalesce(*(pl.when(~pl.col(f"fits{number}")).then(number) for number in funnel.required), 0)
    way = _detour(funnel.required, [name for name in relaxed if name != "before"])
    return units.with_columns(way=way).select("unit", "way", step=pl.when(pl.col("way") == "without").then(lacking).otherwise(0).cast(pl.Int64))


def _relaxed_funnels(funnel: Funnel) -> Iterator[tuple[str, Funnel]]:
    """Yield the funnel as it is, then with one kind of limit after the other taken away, each with the way that it tells."""
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
    """Return the units that reached the last step in the period: `unit`, which steps they fit, and those that the visitor did before."""
    # Of equal steps each asks for a hit of its own.
    alike = {number: [step.name for step in funnel.steps[:number]].count(funnel.step(number).name) for number in funnel.numbers}
    last = f"fits{len(funnel.steps)}"
    earliest = {f"earliest{number}": pl.when(f"fits{number}").then("row").min().over("visitor") for number in funnel.numbers}
    return (
        funnels_chains.fitting_hits(hits, funnel)
        .with_columns(**earliest)
        .group_by("unit", maintain_order=True)
        .agg(
            *(pl.col(f"fits{number}").sum() >= needed for number, needed in alike.items()),
            *(pl.col(name).first() for name in earliest),
            begins=pl.col("row").min(),
            enters=pl.col("enters").any(),
            inside=(pl.col("inside") & pl.col(last)).any(),
            is_last=pl.col(last).any(),
        )
        .filter("inside", "enters", "is_last")
    )


def _detour(required: list[int], relaxed: list[str]) -> pl.Expr:
    """Return how a unit reached the last step: the first of DETOURS that fits."""
    here_or_earlier = [pl.col(f"fits{number}") | (pl.col(f"earliest{number}") < pl.col("begins")) for number in required]
    holds = {
        **{way: pl.col(way) & ~pl.col("before") for way in relaxed},
        "order": pl.all_horizontal(f"fits{number}" for number in required) & ~pl.col("before"),
        "earlier": pl.all_horizontal(here_or_earlier) & ~pl.col("before"),
        "before": pl.col("before"),
    }
    return pl.coalesce(*(pl.when(fits).then(pl.lit(way)) for way, fits in holds.items()), pl.lit("without"))
