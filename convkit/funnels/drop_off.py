"""Drop-off: the behaviour of visitors who reached a step but not the next one, compared with that of visitors who continued."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from convkit.core import stats
from convkit.core.schema import TEXT, is_kind
from convkit.funnels.friction import KEYS
from convkit.funnels.obstacles import is_form_again, is_slow
from convkit.funnels.points import ANY_PATH

if TYPE_CHECKING:
    from convkit.core.model import Funnel

LEFT = "(left)"
"""The item of sessions that ended."""

BEHAVIOURS = ("next", "then", "last_page", "met", "error", "form_again", "slow")
TESTED = ("error", "form_again", "slow")
_LOOKED_THROUGH = 0.9
"""If at least this share of both sides see the same page next, the page after that one is shown, too."""


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
    """Return `step, what, item, behind, dropped, went_on`: how many units on each side have the item (Int64), for each value in `by`.

    `views` come from `viewed_hits`, `later_views` from `views_after_steps`. If `what` is `then`, the item is the first other page after the next
    page, which is `behind`; elsewhere, that is empty.
    """
    pages, session = views.filter("is_page"), pl.col("session")
    exits = pages.filter(session.ne_missing(session.shift(-1))).select("session", item="page")
    reached = _reached_steps(chains, funnel, _steps(funnel), by)
    keys = [*by, "step", "unit"]
    later_pages = later_views.filter(pl.col("is_page") & ~pl.col("is_own_step")).select(*keys, "page")
    next_page = later_pages.unique(keys, keep="first", maintain_order=True).rename({"page": "behind"})
    then_page = later_pages.join(next_page, on=keys, maintain_order="left").filter(pl.col("page") != pl.col("behind"))
    then_page = then_page.unique(keys, keep="first", maintain_order=True).select(*keys, item="page")
    followed = reached.join(next_page, on=keys, how="left")
    parts = {
        "next": followed.select(*keys, "went_on", item="behind"),
        "then": followed.filter(pl.col("behind").is_not_null()).join(then_page, on=keys, how="left"),
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


def _count_items(part: pl.LazyFrame, what: str, by: tuple[str, ...]) -> pl.LazyFrame:
    """Count the units on each side of a step, each once per item."""
    went_on = pl.col("went_on")
    # One integer per step, unit and item: finding repeats by several columns takes three times as long. A unit is a session number or a visitor hash.
    key = pl.col("step").hash(3) ^ pl.col("unit").hash(1) ^ pl.col("item").to_physical().hash(2)
    behind = ["behind"] if what == "then" else []
    for value in by:
        key = key ^ pl.col(value).to_physical().hash(4)
    return (
        part.filter(key.is_first_distinct())
        .group_by(*by, "step", "item", *behind)
        .agg(dropped=(~went_on).sum().cast(pl.Int64), went_on=went_on.sum().cast(pl.Int64))
        .select(
            *by,
            "step",
            pl.lit(what).alias("what"),
            pl.col("item").cast(pl.String).fill_null(LEFT),
            pl.col("behind").cast(pl.String) if behind else pl.lit("").alias("behind"),
            "dropped",
            "went_on",
        )
    )


def judge_drop_off(counts: pl.DataFrame, steps: pl.DataFrame, friction: pl.DataFrame, by: tuple[str, ...] = ()) -> pl.DataFrame:
    """Add the share of each side, and `more`, whether those who met the item went on less often than others at equal points (`friction.loses`).

    `counts` come from `drop_off_counts`, with a `funnel` column; `steps` has `funnel, step`, how many `stopped` at the step and how many `continued`;
    `friction` comes from `judge_friction`. All have the columns in `by`. Rows of `then` remain only at steps where nearly all see the same page next:
    they are the next pages if that page is looked through.
    """
    shown = _look_through(counts.join(steps, on=[*by, "funnel", "step"]), by)
    loses = friction.filter("loses").select(*by, *KEYS, more=pl.lit(value=True))
    return shown.join(loses, on=[*by, *KEYS], how="left", maintain_order="left").with_columns(
        pl.col("more").fill_null(value=False),
        dropped_share=stats.ratio(pl.col("dropped"), pl.col("stopped")),
        went_on_share=stats.ratio(pl.col("went_on"), pl.col("continued")),
    )


def _look_through(counts: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
    """Return the counts, with rows of `then` as `judge_drop_off` describes them; `behind` is the page that is looked through."""
    step, is_next, is_then = [*by, "funnel", "step"], pl.col("what") == "next", pl.col("what") == "then"
    nearly_all = (pl.col("dropped") >= _LOOKED_THROUGH * pl.col("stopped")) & (pl.col("went_on") >= _LOOKED_THROUGH * pl.col("continued"))
    is_same = is_next & nearly_all & (pl.col("item") != LEFT) & (pl.col("stopped") > 0) & (pl.col("continued") > 0)
    looked_through = counts.filter(is_same).select(*step, page="item")
    at_these = counts.filter(is_next | is_then).join(looked_through, on=step)
    is_other = (is_then & (pl.col("behind") == pl.col("page"))) | (is_next & (pl.col("item") != pl.col("page")))
    then = (
        at_these.filter(is_other)
        .group_by(*step, "item", "page", "stopped", "continued")
        .agg(pl.col("dropped", "went_on").sum())
        .with_columns(what=pl.lit("then"))
        .rename({"page": "behind"})
    )
    return pl.concat([counts.filter(~is_then), then.select(counts.columns)])


def next_pages(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of one step, from `judge_drop_off`, that show where its units went next: behind a page that nearly all see, if there is one."""
    then = rows.filter(what="then")
    return rows.filter(what="next") if then.is_empty() else then


def has_slow_answers(counts: pl.DataFrame) -> bool:
    """Return whether anybody got a slow response."""
    return bool((counts["what"] == "slow").any())
