"""Where they went who reached a step and not the next, beside those who went on.

It stands alone because the funnel's screen and the drop-off report tell the same story from the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit import figures, stats
from convkit.schema import is_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.definitions import Funnel

LEFT, ANY = "(left)", "(any)"
"""Items that are no page: the session ended; the same on whatever path."""

WHATS = ("next", "last_page", "met", "error", "form_again")
TESTED = ("error", "form_again")
FEWEST = 30
"""On both sides of a step, for a test."""
_FORM_AGAIN = (200, 400, 422)


def departures(hits: pl.LazyFrame, chains: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return `step, what, item, dropped, went_on`: how many units of either side met the item, Int64.

    `hits` are matched hits sorted by visitor and ORDER, `chains` those of the funnel, in the period.
    """
    looked_at = hits.filter(pl.col("session").is_not_null())
    looked_at = looked_at.with_columns(form_again=_form_again()).with_columns(error=is_kind("error") & ~pl.col("form_again"))
    return pl.concat([_at_step(looked_at, chains, funnel, number) for number in range(1, len(funnel.steps))])


def _form_again() -> pl.Expr:
    """Tell POSTs to the page just shown that were answered by the form instead of a redirect."""
    shown = pl.when(is_kind("page")).then("path").forward_fill().shift(1).over("session")
    is_form = (pl.col("method") == "POST") & ~pl.col("background") & pl.col("status").is_in(_FORM_AGAIN)
    return (is_form & (pl.col("path") == shown)).fill_null(value=False)


def _at_step(hits: pl.LazyFrame, chains: pl.LazyFrame, funnel: Funnel, number: int) -> pl.LazyFrame:
    """Return the rows of one step."""
    reached = chains.filter(pl.col("depth") >= number).select(
        "unit", session=f"session{number}", begins=f"row{number}", ends=f"row{number + 1}", went_on=pl.col("depth") > number
    )
    after = hits.join(reached, on="session").filter(pl.col("row") > pl.col("begins"))
    matches_step = pl.any_horizontal(funnel.steps[number - 1].columns)
    on_the_way = after.filter((pl.col("row") < pl.col("ends")).fill_null(value=True))
    next_page = after.filter(is_kind("page") & ~matches_step).group_by("unit").agg(item=pl.col("page").sort_by("row").first().cast(pl.String))
    parts = {
        "next": reached.join(next_page, on="unit", how="left").with_columns(item=pl.col("item").fill_null(LEFT)),
        "last_page": reached.join(_exits(hits), on="session", how="left"),
        "met": on_the_way.filter(is_kind("page")).with_columns(item=pl.col("page").cast(pl.String)),
    }
    for what in TESTED:
        found = on_the_way.filter(what)
        parts[what] = pl.concat([found.select("unit", "went_on", item=pl.col("page").cast(pl.String)), found.select("unit", "went_on", item=pl.lit(ANY))])
    return pl.concat([_counted(part, number, what) for what, part in parts.items()])


def _exits(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Return the last page of each session."""
    return hits.filter(is_kind("page")).group_by("session").agg(item=pl.col("page").sort_by("row").last().cast(pl.String))


def _counted(part: pl.LazyFrame, number: int, what: str) -> pl.LazyFrame:
    """Count the units of either side, each once an item."""
    went_on = pl.col("went_on")
    return (
        part.select("unit", "item", "went_on")
        .unique()
        .group_by("item")
        .agg(dropped=(~went_on).sum().cast(pl.Int64), went_on=went_on.sum().cast(pl.Int64))
        .select(pl.lit(number, dtype=pl.Int32).alias("step"), pl.lit(what).alias("what"), "item", "dropped", "went_on")
    )


def judge(went: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Add the shares of either side, and `more`: true where a tested item is oftener among those who dropped off than chance would make it.

    `went` are the rows of `departures` with `funnel`; `steps` has `funnel, step`, how many `stopped` at the step and how many `continued`. Errors and
    forms that came back are tested, each over all paths, at steps with enough on both sides, with Newcombe's interval shared among all such tests.
    """
    enough = (pl.col("stopped") >= FEWEST) & (pl.col("continued") >= FEWEST)
    z = stats.shared_z(tests(steps))
    is_tested = enough & pl.col("what").is_in(TESTED) & (pl.col("item") == ANY)
    low = stats.newcombe_low(pl.col("dropped"), pl.col("stopped"), pl.col("went_on"), pl.col("continued"), z)
    return went.join(steps, on=["funnel", "step"]).with_columns(
        dropped_share=stats.ratio(pl.col("dropped"), pl.col("stopped")),
        went_on_share=stats.ratio(pl.col("went_on"), pl.col("continued")),
        more=is_tested & (low > 0),
    )


def tests(steps: pl.DataFrame) -> int:
    """Return how many items are tested at these steps."""
    return steps.filter(pl.col("stopped") >= FEWEST, pl.col("continued") >= FEWEST).height * len(TESTED)


def difference(row: Mapping[str, Any]) -> str:
    """Return what happened to those who dropped off beside those who went on."""
    stopped, continued = figures.count(row["stopped"]), figures.count(row["continued"])
    share, other = figures.share(row["dropped"], row["stopped"]), figures.share(row["went_on"], row["continued"])
    if row["what"] == "form_again":
        return (
            f"the form came back to {figures.count(row['dropped'])} of the {stopped} who dropped off ({share}) "
            f"and to {figures.count(row['went_on'])} of the {continued} who went on ({other})"
        )
    return (
        f"{figures.count(row['dropped'])} of the {stopped} who dropped off met an error page ({share}) "
        f"and {figures.count(row['went_on'])} of the {continued} who went on ({other})"
    )
