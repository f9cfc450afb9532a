"""Drop-off: the behaviour of visitors who reached a step but not the next one, compared with that of visitors who continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.core import formatting, stats, windows
from convkit.core.schema import TEXT, is_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.core.model import Funnel

LEFT, ANY_PATH = "(left)", "(any)"
"""Items that are not pages: one for sessions that ended, and one for all paths together."""

BEHAVIOURS = ("next", "last_page", "met", "error", "form_again", "slow")
TESTED = ("error", "form_again", "slow")
FEWEST_PER_SIDE = 30
"""The number of units needed on each side of a step for a test."""
_FORM_STATUSES = (200, 400, 422)


def viewed_hits(hits: pl.LazyFrame, funnel: Funnel) -> pl.LazyFrame:
    """Return the pages, errors, returned forms and slow responses in sessions, and the steps that they fit.

    `hits` are matched hits sorted by visitor and ORDER. Callers should collect the result, because every step of the funnel uses it several times.
    """
    form_again = is_form_again()
    return (
        hits.filter(pl.col("session").is_not_null())
        .select(
            "session",
            "row",
            "page",
            is_page=is_kind("page"),
            form_again=form_again,
            error=is_kind("error") & ~form_again,
            slow=is_slow(),
            **{f"fits{number}": pl.any_horizontal(_step_goals(funnel, number)) for number in funnel.numbers},
        )
        .filter(pl.any_horizontal("is_page", *TESTED))
    )


def _step_goals(funnel: Funnel, number: int) -> list[str]:
    """Return the goal columns of a step or, if steps may come in any order, those of all steps."""
    steps = funnel.steps if funnel.order == "any" else (funnel.step(number),)
    return [column for step in steps for column in step.columns]


def views_after_steps(views: pl.LazyFrame, chains: pl.LazyFrame, funnel: Funnel, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """Return the views of units after each step that they reached: `step, unit, went_on, page, is_page`, TESTED, and the columns in `by`.

    `before_next` marks views before the next step, and `is_own_step` marks those that fit the step itself. `views` come from `viewed_hits`; `chains`
    are the funnel's chains in the period. Callers should collect the result, because every kind of behaviour uses it.
    """
    # Few sessions get past the first step; later steps only use the views of those sessions.
    further_views = views.join(
        _reached_steps(chains, funnel, _steps(funnel), by).filter(pl.col("step") > 1).select("session").unique(),
        on="session",
        how="semi",
        maintain_order="left",
    )
    before_next = (pl.col("row") < pl.col("next_row")).fill_null(value=True)
    return pl.concat(
        (views if number == 1 else further_views)
        .join(_reached_steps(chains, funnel, range(number, number + 1), by), on="session", maintain_order="left")
        .filter(pl.col("row") > pl.col("step_row"))
        .select(*by, "step", "unit", "went_on", "page", "is_page", *TESTED, before_next=before_next, is_own_step=f"fits{number}")
        for number in _steps(funnel)
    )


def drop_off_counts(views: pl.LazyFrame, later_views: pl.LazyFrame, chains: pl.LazyFrame, funnel: Funnel, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """Return `step, what, item, dropped, went_on`: how many units on each side have the item (Int64), for each value of the chains' columns in `by`.

    `views` come from `viewed_hits`, `later_views` from `views_after_steps`.
    """
    pages, session = views.filter("is_page"), pl.col("session")
    exits = pages.filter(session.ne_missing(session.shift(-1))).select("session", item="page")
    reached = _reached_steps(chains, funnel, _steps(funnel), by)
    keys = [*by, "step", "unit"]
    next_page = later_views.filter(pl.col("is_page") & ~pl.col("is_own_step")).unique(keys, keep="first", maintain_order=True)
    parts = {
        "next": reached.join(next_page.select(*keys, item="page"), on=keys, how="left"),
        "last_page": reached.join(exits, on="session", how="left"),
        "met": later_views.filter("before_next", "is_page").rename({"page": "item"}),
    }
    for what in TESTED:
        met = later_views.filter("before_next", what).select(*keys, "went_on", item="page")
        parts[what] = pl.concat([met, met.with_columns(item=pl.lit(ANY_PATH).cast(TEXT))])
    return pl.concat([_count_items(part, what, by) for what, part in parts.items()])


def _steps(funnel: Funnel) -> range:
    """Return the numbers of the steps that are followed by another."""
    return range(1, len(funnel.steps))


def _reached_steps(chains: pl.LazyFrame, funnel: Funnel, steps: range, by: tuple[str, ...]) -> pl.LazyFrame:
    """Return `step, unit, session, step_row, next_row, went_on` for units that reached the steps; the next step is the next non-optional one."""
    return pl.concat(
        chains.filter(pl.col(f"row{number}").is_not_null()).select(
            *by,
            pl.lit(number, dtype=pl.Int32).alias("step"),
            "unit",
            session=f"session{number}",
            step_row=f"row{number}",
            next_row=f"row{funnel.next_step(number)}",
            went_on=pl.col(f"row{funnel.next_step(number)}").is_not_null(),
        )
        for number in steps
    )


def is_form_again() -> pl.Expr:
    """Return whether a hit is a POST to the page just viewed that returned the form instead of a redirect."""
    last_page = windows.last_matching(pl.col("path"), is_kind("page"), "session")
    is_form = (pl.col("method") == "POST") & ~pl.col("background") & pl.col("status").is_in(_FORM_STATUSES)
    return (is_form & (pl.col("path") == last_page)).fill_null(value=False)


def is_slow() -> pl.Expr:
    """Return whether a response was slow, if the log has durations; files and background requests never count as slow."""
    return pl.col("slow").fill_null(value=False) & ~pl.any_horizontal("background", "download", "asset")


def _count_items(part: pl.LazyFrame, what: str, by: tuple[str, ...]) -> pl.LazyFrame:
    """Count the units on each side of a step, each once per item."""
    went_on = pl.col("went_on")
    # One integer per step, unit and item: finding repeats by several columns takes three times as long. A unit is a session number or a visitor hash.
    key = pl.col("step").hash(3) ^ pl.col("unit").hash(1) ^ pl.col("item").to_physical().hash(2)
    for value in by:
        key = key ^ pl.col(value).to_physical().hash(4)
    return (
        part.filter(key.is_first_distinct())
        .group_by(*by, "step", "item")
        .agg(dropped=(~went_on).sum().cast(pl.Int64), went_on=went_on.sum().cast(pl.Int64))
        .select(*by, "step", pl.lit(what).alias("what"), pl.col("item").cast(pl.String).fill_null(LEFT), "dropped", "went_on")
    )


def judge_drop_off(counts: pl.DataFrame, steps: pl.DataFrame, by: tuple[str, ...] = ()) -> pl.DataFrame:
    """Add the share of each side, and `more`, whether a tested item is clearly more common among those who dropped off.

    `counts` come from `drop_off_counts`, with a `funnel` column; `steps` has `funnel, step`, how many `stopped` at the step and how many
    `continued`; both have the columns in `by`. Errors, returned forms and slow responses are tested, each over all paths, at steps with enough units
    on both sides. The tests use Newcombe's interval with a Bonferroni correction for the number of tests.
    """
    enough = (pl.col("stopped") >= FEWEST_PER_SIDE) & (pl.col("continued") >= FEWEST_PER_SIDE)
    z = stats.bonferroni_z(count_tests(steps, counts))
    is_tested = enough & pl.col("what").is_in(TESTED) & (pl.col("item") == ANY_PATH)
    low = stats.newcombe_low(pl.col("dropped"), pl.col("stopped"), pl.col("went_on"), pl.col("continued"), z)
    return counts.join(steps, on=[*by, "funnel", "step"]).with_columns(
        dropped_share=stats.ratio(pl.col("dropped"), pl.col("stopped")),
        went_on_share=stats.ratio(pl.col("went_on"), pl.col("continued")),
        more=is_tested & (low > 0),
    )


def count_tests(steps: pl.DataFrame, counts: pl.DataFrame) -> int:
    """Return how many tests are made at these steps: slow responses are tested only if there are any, because most logs have no durations."""
    tested = len(TESTED) - (not has_slow_answers(counts))
    return steps.filter(pl.col("stopped") >= FEWEST_PER_SIDE, pl.col("continued") >= FEWEST_PER_SIDE).height * tested


def has_slow_answers(counts: pl.DataFrame) -> bool:
    """Return whether anybody got a slow response."""
    return bool((counts["what"] == "slow").any())


def describe_difference(row: Mapping[str, Any]) -> str:
    """Return a sentence that compares those who dropped off with those who continued, for a row of `judge_drop_off`."""
    stopped, continued = formatting.count(row["stopped"]), formatting.count(row["continued"])
    dropped_share, went_on_share = formatting.share(row["dropped"], row["stopped"]), formatting.share(row["went_on"], row["continued"])
    dropped, went_on = formatting.count(row["dropped"]), formatting.count(row["went_on"])
    if row["what"] == "form_again":
        return (
            f"the form was shown again to {dropped} of the {stopped} who dropped off ({dropped_share}), "
            f"and to {went_on} of the {continued} who continued ({went_on_share})"
        )
    met = "waited over 3 s for a response" if row["what"] == "slow" else "got an error page"
    return f"{dropped} of the {stopped} who dropped off {met} ({dropped_share}), against {went_on} of the {continued} who continued ({went_on_share})"
