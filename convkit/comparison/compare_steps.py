"""At which step of a funnel something changed between two sides: of those who came to a step, how many went on.

It stands alone because each step is tested by itself, and what is tested often must be told apart from chance oftener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import figures, stats, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convkit.comparison.compare_rows import Pair
    from convkit.core.definitions import Funnel

_MOST = 3
"""Steps that are named."""


def say(pair: Pair) -> Iterator[str]:
    """Name the steps at which the share of those who went on changed, or differs, by more than chance would do."""
    if not pair.goals.funnels:
        return
    tested = _tested(pair.before.funnel, pair.now.funnel)
    changed = tested.filter((pl.col("low") > 0) | (pl.col("high") < 0)).rows(named=True)
    funnels = {funnel.name: funnel for funnel in pair.goals.funnels}
    several = {row["funnel"] for row in changed if sum(row["funnel"] == other["funnel"] for other in changed) > 1}
    did, does = ("differ", "differs") if pair.sides.are_groups else ("change", "changed")
    for row in changed[:_MOST]:
        yield _change(row, funnels[row["funnel"]], does, is_alone=row["funnel"] not in several)
    if tested.height and not changed:
        yield f"At no step of a funnel did the share of those who went on {did} by more than chance would do."


def _tested(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return the steps with enough on both sides: how many came, how many of them went on, and Newcombe's bounds, shared among all steps."""
    keys = ["funnel", "step"]
    steps = _stages(now).join(_stages(before), on=keys, how="left", suffix="_before", maintain_order="left")
    is_enough = pl.all_horizontal(pl.col("came", "came_before") >= verdicts.FEWEST)
    steps = steps.filter(is_enough & (pl.col("on") + pl.col("on_before") >= verdicts.FEWEST_CONVERSIONS))
    low, high = stats.newcombe(pl.col("on"), pl.col("came"), pl.col("on_before"), pl.col("came_before"), stats.shared_z(steps.height))
    return steps.with_columns(low=low, high=high)


def _stages(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `funnel, step, came, on`: of all, how many began (step 0); of those at a step, how many went on."""
    everybody = pl.when(pl.col("unit") == "visitors").then("visitors").otherwise("sessions")
    began = rows.filter((pl.col("step") == 1) & ~pl.col("is_open")).select("funnel", step=pl.lit(0, dtype=pl.Int32), came=everybody, on="reached")
    went_on = rows.filter(pl.col("next_step").is_not_null()).select("funnel", "step", came="reached", on="went_on")
    return pl.concat([began, went_on]).sort("funnel", "step")


def _change(row: Mapping[str, Any], funnel: Funnel, verb: str, *, is_alone: bool) -> str:
    """Return what changed at a step, and where to look; where it is the funnel's only one, where not, too."""
    number = row["step"]
    following = funnel.next_step(number) if number else 1
    names = dict(zip(funnel.numbers, funnel.names, strict=True))
    reached, came = names[following or 1], f"from {names[number]} " if number else ""
    sides = [(row[f"on{side}"], row[f"came{side}"]) for side in ("", "_before")]
    counts = ", against ".join(f"{figures.count(part)} of {figures.count(whole)}" for part, whole in sides)
    later = [names[step] for step in funnel.numbers if step > (following or 1)]
    elsewhere = f", not at {later[0] if len(later) == 1 else f'{later[0]} and behind it'}" if later and is_alone else ""
    share = "A smaller share" if row["high"] < 0 else "A larger share"
    went = f"went on {came}to {reached}" if number else f"came to {reached}"
    return f"{funnel.name}: {share.lower()} {went} ({counts}), by more than chance would do. Look at what {verb} before {reached}{elsewhere}."
