"""Drop-off: what those who reached a step but not the next did, compared with those who continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import formatting, stats, windows
from convkit.core.schema import TEXT, is_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.core.model import Funnel

LEFT, ANY_PATH = "(left)", "(any)"
"""Items that are no page: the session ended; the same on whatever path."""

BEHAVIOURS = ("next", "last_page", "met", "error", "form_again", "slow")
TESTED = ("error", "form_again", "slow")
FEWEST_PER_SIDE = 30
"""On both sides of a step, for a test."""
_FORM_STATUSES = (200, 400, 422)


def viewed_hits(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the pages, errors and forms of sessions among matched hits, sorted by visitor and ORDER, with which steps they fit.

    A stage of its own, to be collected: every step of the funnel looks at it several times.
    """
    came_back = is_form_again()
    return (
        hits.filter(pl.col("session").is_not_null())
        .select(
            "session",
            "row",
            "page",
            is_page=is_kind("page"),
            form_again=came_back,
            error=is_kind("error") & ~came_back,
            slow=is_slow(),
            **{f"fits{number}": pl.any_horizontal(_step_goals(funnel, number)) for number in funnel.numbers},
        )
        .filter(pl.any_horizontal("is_page", *TESTED))
    )


def _step_goals(funnel: Funnel, number: int) -> list[str]:
    """Return the goals of a step; in any order every step was looked for."""
    steps = funnel.steps if funnel.order == "any" else (funnel.step(number),)
    return [column for step in steps for column in step.columns]


def views_after_steps(seen: pl.LazyFrame, chains: pl.LazyFrame, funnel: Funnel, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """Return what units looked at behind each step that they reached: `step, unit, went_on, page, is_page`, TESTED, and the columns `by`.

    `on_the_way` tells what came before the next step, `again` what fits the step itself. `seen` is what sessions looked at, `chains` the funnel's, in
    the period. A stage of its own, to be collected: every `what` looks at it.
    """
    # Few sessions get further than the first step; the steps behind it look at those alone.
    further = seen.join(
        _reached_steps(chains, funnel, _steps(funnel), by).filter(pl.col("step") > 1).select("session").unique(),
        on="session",
        how="semi",
        maintain_order="left",
    )
    on_the_way = (pl.col("row") < pl.col("ends")).fill_null(value=True)
    return pl.concat(
        (seen if number == 1 else further)
        .join(_reached_steps(chains, funnel, range(number, number + 1), by), on="session", maintain_order="left")
        .filter(pl.col("row") > pl.col("begins"))
        .select(*by, "step", "unit", "went_on", "page", "is_page", *TESTED, on_the_way=on_the_way, again=f"fits{number}")
        for number in _steps(funnel)
    )


def drop_off_counts(seen: pl.LazyFrame, behind: pl.LazyFrame, chains: pl.LazyFrame, funnel: Funnel, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """Return `step, what, item, dropped, went_on`: how many units of either side met the item, Int64; by the columns `by` of the chains."""
    pages, session = seen.filter("is_page"), pl.col("session")
    exits = pages.filter(session.ne_missing(session.shift(-1))).select("session", item="page")
    reached = _reached_steps(chains, funnel, _steps(funnel), by)
    of_unit = [*by, "step", "unit"]
    next_page = behind.filter(pl.col("is_page") & ~pl.col("again")).unique(of_unit, keep="first", maintain_order=True)
    parts = {
        "next": reached.join(next_page.select(*of_unit, item="page"), on=of_unit, how="left"),
        "last_page": reached.join(exits, on="session", how="left"),
        "met": behind.filter("on_the_way", "is_page").rename({"page": "item"}),
    }
    for what in TESTED:
        found = behind.filter("on_the_way", what).select(*of_unit, "went_on", item="page")
        parts[what] = pl.concat([found, found.with_columns(item=pl.lit(ANY_PATH).cast(TEXT))])
    return pl.concat([_count_items(part, what, by) for what, part in parts.items()])


def _steps(funnel: Funnel) -> range:
    """Return the numbers of the steps from which one can go on."""
    return range(1, len(funnel.steps))


def _reached_steps(chains: pl.LazyFrame, funnel: Funnel, steps: range, by: tuple[str, ...]) -> pl.LazyFrame:
    """Return `step, unit, session, begins, ends, went_on` of units that reached the steps; they go on to the next that is not optional."""
    return pl.concat(
        chains.filter(pl.col(f"row{number}").is_not_null()).select(
            *by,
            pl.lit(number, dtype=pl.Int32).alias("step"),
            "unit",
            session=f"session{number}",
            begins=f"row{number}",
            ends=f"row{funnel.next_step(number)}",
            went_on=pl.col(f"row{funnel.next_step(number)}").is_not_null(),
        )
        for number in steps
    )


def is_form_again() -> pl.Expr:
    """Tell POSTs to the page just shown that were answered by the form instead of a redirect."""
    shown = windows.last_matching(pl.col("path"), is_kind("page"), "session")
    is_form = (pl.col("method") == "POST") & ~pl.col("background") & pl.col("status").is_in(_FORM_STATUSES)
    return (is_form & (pl.col("path") == shown)).fill_null(value=False)


def is_slow() -> pl.Expr:
    """Tell slow answers, where the log has times: a file takes as long as it takes, and nobody waits for what a page loads later."""
    return pl.col("slow").fill_null(value=False) & ~pl.any_horizontal("background", "download", "asset")


def _count_items(part: pl.LazyFrame, what: str, by: tuple[str, ...]) -> pl.LazyFrame:
    """Count the units of either side at a step, each once an item."""
    went_on = pl.col("went_on")
    # One integer for unit and item: telling repeats by columns takes three times as long. A unit's number is a session's, or a visitor's hash.
    one = pl.col("step").hash(3) ^ pl.col("unit").hash(1) ^ pl.col("item").to_physical().hash(2)
    for value in by:
        one = one ^ pl.col(value).to_physical().hash(4)
    return (
        part.filter(one.is_first_distinct())
        .group_by(*by, "step", "item")
        .agg(dropped=(~went_on).sum().cast(pl.Int64), went_on=went_on.sum().cast(pl.Int64))
        .select(*by, "step", pl.lit(what).alias("what"), pl.col("item").cast(pl.String).fill_null(LEFT), "dropped", "went_on")
    )


def judge_drop_off(went: pl.DataFrame, steps: pl.DataFrame, by: tuple[str, ...] = ()) -> pl.DataFrame:
    """Add the shares of either side, and `more`: true where a tested item is oftener among those who dropped off than chance would make it.

    `went` are `drop_off_counts` with `funnel`; `steps` has `funnel, step`, how many `stopped` at the step and how many `continued`. Errors,
    forms that came back and slow answers are tested, each over all paths, at steps with enough on both sides, with Newcombe's interval shared among
    all such tests. Both have the columns `by`.
    """
    enough = (pl.col("stopped") >= FEWEST_PER_SIDE) & (pl.col("continued") >= FEWEST_PER_SIDE)
    z = stats.bonferroni_z(count_tests(steps, went))
    is_tested = enough & pl.col("what").is_in(TESTED) & (pl.col("item") == ANY_PATH)
    low = stats.newcombe_low(pl.col("dropped"), pl.col("stopped"), pl.col("went_on"), pl.col("continued"), z)
    return went.join(steps, on=[*by, "funnel", "step"]).with_columns(
        dropped_share=stats.ratio(pl.col("dropped"), pl.col("stopped")),
        went_on_share=stats.ratio(pl.col("went_on"), pl.col("continued")),
        more=is_tested & (low > 0),
    )


def count_tests(steps: pl.DataFrame, went: pl.DataFrame) -> int:
    """Return how many items are tested at these steps: slow answers only where there are any, as most logs say nothing of time."""
    tested = len(TESTED) - (not has_slow_answers(went))
    return steps.filter(pl.col("stopped") >= FEWEST_PER_SIDE, pl.col("continued") >= FEWEST_PER_SIDE).height * tested


def has_slow_answers(went: pl.DataFrame) -> bool:
    """Tell whether anybody met a slow answer."""
    return bool((went["what"] == "slow").any())


def describe_difference(row: Mapping[str, Any]) -> str:
    """Return what happened to those who dropped off beside those who went on."""
    stopped, continued = formatting.count(row["stopped"]), formatting.count(row["continued"])
    share, other = formatting.share(row["dropped"], row["stopped"]), formatting.share(row["went_on"], row["continued"])
    dropped, went_on = formatting.count(row["dropped"]), formatting.count(row["went_on"])
    if row["what"] == "form_again":
        return f"the form came back to {dropped} of the {stopped} who dropped off ({share}) and to {went_on} of the {continued} who went on ({other})"
    met = "waited over 3 s for an answer" if row["what"] == "slow" else "met an error page"
    return f"{dropped} of the {stopped} who dropped off {met} ({share}) and {went_on} of the {continued} who went on ({other})"
