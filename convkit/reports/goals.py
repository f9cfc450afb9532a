"""How many sessions reached each goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from convkit.analysis import breakdown
from convkit.analysis.analysis import MOST_MACROS
from convkit.analysis.breakdown_screen import BreakdownTable, Section, detailed_rows
from convkit.analysis.marks import given_goals
from convkit.core import formatting, stats
from convkit.core.blocks import Heading, Shown, table
from convkit.core.document import Column, Note, Report
from convkit.core.schema import TEXT
from convkit.goals import matching, money
from convkit.reports import _page_numbers
from convkit.reports._overview_notes import shared_values_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convkit.analysis.analysis import Analysis, View
    from convkit.core.blocks import Block, Screen
    from convkit.core.model import Goal, Goals

PLACE = 20
IN_REPORT = True
_ROWS, _BAR = 20, 20
_MANY_BY_ONE, _SHARE_OF_ONE = 5, 0.2
"""The number and the share of conversions from which on those of one visitor are worth a note."""
_MILLION, _MONTH = 1_000_000, 30
"""The parts of a unit of the currency, and the days of a month."""
_THEN = "then:"
_SUMS = ("reached", "reached_visitors", "then_converted", "conversions", "value", "without_value", "shared_values", "last_reached", "last_most")
_GOALS = {"goal": pl.String, **dict.fromkeys(_SUMS, pl.Int64), "value": pl.Int128}
_SECONDS = {"goal": pl.String, "seconds": pl.Int32, "n": pl.Int64}
COLUMNS = (
    Column("goal", "text"),
    Column("type", "text"),
    Column("conversions", "count"),
    Column("reached", "count"),
    Column("reached_visitors", "count"),
    Column("rate", "rate"),
    Column("rate_low", "rate"),
    Column("rate_high", "rate"),
    Column("then_converted", "count"),
    Column("value", "money"),
    Column("median_seconds", "seconds"),
    Column("last_reached", "time"),
    Column("target", "rate"),
    Column("target_met", "flag"),
    Column("per_month", "number"),
    Column("target_per_month", "number"),
)


def tally(analysis: Analysis) -> dict[str, pl.LazyFrame]:
    """Return `goals` (one row per goal), `seconds` (sessions by whole seconds until the goal) and `base` (all sessions and visitors).

    A breakdown has no `pages` (sessions by their number of pages).
    """
    goals, macros = analysis.goals.goals, matching.last_macros(analysis.hits, analysis.goals)
    return {
        "goals": pl.concat(
            [_none(analysis, {**_GOALS, **dict.fromkeys(_later(analysis.goals), pl.Int64)}), *(_of_goal(analysis, macros, goal) for goal in goals)]
        ),
        "seconds": pl.concat([_none(analysis, _SECONDS), *(_seconds(analysis, goal) for goal in goals)]),
        "base": analysis.summed(
            analysis.split(analysis.sessions), sessions=pl.len().cast(pl.Int64), visitors=pl.col("visitor").n_unique().cast(pl.Int64)
        ),
        **({} if analysis.by else {"pages": _page_numbers.tally(analysis)}),
    }


def _later(goals: Goals) -> list[str]:
    """Return the columns with how many sessions reached each separate macro goal later."""
    return [f"{_THEN}{goal.name}" for goal in goals.separate_macros]


def _none(analysis: Analysis, schema: Mapping[str, type[pl.DataType]]) -> pl.LazyFrame:
    """Return an empty tally."""
    return pl.LazyFrame(schema={**dict.fromkeys(analysis.by, TEXT), **schema})


def _of_goal(analysis: Analysis, macros: pl.LazyFrame, goal: Goal) -> pl.LazyFrame:
    """Return one goal's row."""
    reached = analysis.summed(
        analysis.split(matching.add_later_macro(matching.first_hits(analysis.hits, goal), macros)),
        reached=pl.len().cast(pl.Int64),
        reached_visitors=pl.col("visitor").n_unique().cast(pl.Int64),
        then_converted=pl.col("then").sum().cast(pl.Int64),
        **{name: pl.col(name).sum().cast(pl.Int64) for name in _later(analysis.goals)},
    )
    counts = analysis.summed(
        analysis.split(matching.counted_hits(analysis.hits, goal)),
        conversions=pl.len().cast(pl.Int64),
        value=money.total(),
        without_value=pl.col("amount").is_null().sum().cast(pl.Int64),
        shared_values=matching.shared_values(goal),
        last_reached=pl.col("time").max().dt.epoch("us"),
        # The most conversions of one visitor; of columns that begin with `last_`, the maximum over all parts is taken.
        last_most=pl.col("visitor").unique_counts().max().cast(pl.Int64),
    )
    return analysis.beside(reached, counts).select(*analysis.by, pl.lit(goal.name).alias("goal"), pl.col(*_SUMS, *_later(analysis.goals)))


def _seconds(analysis: Analysis, goal: Goal) -> pl.LazyFrame:
    """Return the number of sessions for each duration, in whole seconds, from their first interaction to the goal."""
    took = stats.whole_seconds((pl.col("time") - pl.col("started")).dt.total_seconds())
    counts = analysis.split(matching.first_hits(analysis.hits, goal)).group_by(*analysis.by, seconds=took).agg(n=pl.len().cast(pl.Int64))
    return counts.select(*analysis.by, pl.lit(goal.name).alias("goal"), "seconds", "n")


def present(tally: dict[str, pl.DataFrame], view: View) -> Report:
    """Return the report: macro goals first, then micro goals, each sorted by the number of sessions."""
    base = breakdown.every_value("base", tally, view)
    columns = (*view.keys, *COLUMNS, *(Column(name, "count") for name in _later(view.goals)))
    frame = breakdown.in_value_order(_rates(tally, base, view), tally, view)
    shown = frame.select(column.name for column in columns)
    if view.by:
        return Report("goals", columns, shown, lambda *_: [], details=frame)
    of, notes = (
        base.row(0, named=True),
        (*_monthly_targets(frame.rows(named=True), view), *_notes(frame.rows(named=True)), *_shared_values(frame, view), *_one_visitor(frame, view)),
    )

    def draw(rows: pl.DataFrame, screen: Screen) -> list[Block]:
        by_pages = _page_numbers.draw(tally["pages"], view) if screen.verbose and not screen.part else []
        return [*_draw(rows.rows(named=True), of, view, screen), *by_pages]

    return Report("goals", columns, shown, draw, notes, details=frame)


def _rates(tally: Mapping[str, pl.DataFrame], base: pl.DataFrame, view: View) -> pl.DataFrame:
    """Return the columns of the report, plus `sessions` and `visitors`: one row per goal for each row of the base."""
    order = pl.DataFrame(
        [(goal.name, "macro" if goal.macro else "micro", *_target(goal), goal.value is not None) for goal in view.goals.goals],
        schema={"goal": pl.String, "type": pl.String, "target": pl.Float64, "target_per_month": pl.Float64, "of": pl.String, "has_value": pl.Boolean},
        orient="row",
    )
    keys, text = [*view.by, "goal"], pl.col(view.by).cast(pl.String)
    median = stats.weighted_quantile(pl.col("seconds").cast(pl.Float64), pl.col("n"), 0.5)
    medians = tally["seconds"].sort("seconds").with_columns(text).group_by(keys).agg(median_seconds=median)
    reached, sessions = pl.col("reached"), pl.col("sessions")
    low, high = stats.wilson(reached, sessions)
    return (
        order.join(base, how="cross")
        .join(tally["goals"].with_columns(text), on=keys, how="left")
        .join(medians, on=keys, how="left")
        .with_columns(pl.col("conversions", "reached", "reached_visitors", "then_converted", "value", *_later(view.goals)).fill_null(0))
        .with_columns(rate=stats.ratio(reached, sessions), rate_low=low, rate_high=high)
        .with_columns(
            *(pl.when((pl.col("type") == "micro") & view.knows_macro).then(name).alias(name) for name in ("then_converted", *_later(view.goals))),
            value=pl.when("has_value").then("value"),
            last_reached=pl.from_epoch("last_reached", "us").dt.replace_time_zone("UTC").dt.convert_time_zone(view.period.timezone),
            per_month=_per_month(view),
        )
        .with_columns(target_met=pl.coalesce(pl.col("rate") >= pl.col("target"), pl.col("per_month") >= pl.col("target_per_month")))
        .sort("type", "reached", "goal", descending=[False, True, False])
    )


def _target(goal: Goal) -> tuple[float | None, float | None, str | None]:
    """Return the target rate of a goal, its target a month (conversions, or value in the currency), and what the target is of."""
    if goal.target is None:
        return None, None, None
    if goal.target.of == "rate":
        return goal.target.number, None, goal.target.of
    return None, goal.target.number / (_MILLION if goal.target.of == "value" else 1), goal.target.of


def _per_month(view: View) -> pl.Expr:
    """Return the conversions, or the value in the currency, of 30 days, for goals with a target a month; null in a breakdown, as it has no target."""
    if view.by:
        return pl.lit(None, dtype=pl.Float64)
    months = view.period.days / _MONTH
    value = pl.col("value").cast(pl.Float64) / _MILLION
    return pl.when(pl.col("of") == "conversions").then(pl.col("conversions") / months).when(pl.col("of") == "value").then(value / months)


def _monthly_targets(rows: list[dict[str, Any]], view: View) -> tuple[Note, ...]:
    """Return the notes on targets a month."""
    notes = []
    for row in rows:
        if row["target_per_month"] is not None and row["per_month"] is not None:
            amounts = [
                formatting.money(row[name] * _MILLION, view.goals.site.currency) if row["of"] == "value" else formatting.per_month(row[name])
                for name in ("per_month", "target_per_month")
            ]
            met = "met" if row["target_met"] else "missed"
            notes.append(Note("target", f"{row['goal']}: {amounts[0]} in 30 days; target of {amounts[1]} a month {met}."))
    return tuple(notes)


def _draw(rows: list[dict[str, Any]], base: Mapping[str, int], view: View, screen: Screen) -> list[Block]:
    """Return one row for each goal that was reached, and for each macro goal in a goals file even if it was not."""
    shown = [row for row in rows if row["reached"] or (row["type"] == "macro" and not view.goals.is_builtin)]
    shown = shown[: screen.rows(_ROWS)]
    sessions, visitors = formatting.plural(base["sessions"], "session"), formatting.plural(base["visitors"], "visitor")
    of = f"of {sessions} and {visitors}" if screen.wide else f"of {formatting.count(base['sessions'])}"
    if not shown:
        return []
    heading = Heading("GOALS", f"sessions that reached each one, {of}")
    most = max((row["reached"] for row in shown), default=0)
    columns = _columns(base["sessions"], most, view)
    hidden = {*(() if view.knows_macro else ("then 0",)), *(() if screen.wide else ("bar", "reached_visitors", "median_seconds"))}
    return [heading, table(shown, {name: column for name, column in columns.items() if name not in hidden})]


def _breakdown_section(whole: Report, view: View, screen: Screen) -> list[Section]:
    """Return the goals that were reached, and the macro goals in a goals file even if they were not."""
    rows = detailed_rows(whole).filter((pl.col("reached") > 0) | ((pl.col("type") == "macro") & (not view.goals.is_builtin)))
    return [Section(Heading("GOALS", "sessions that reached each one"), rows.head(screen.rows(_ROWS) or rows.height))]


def _given_by_key(cells: pl.DataFrame, view: View) -> set[str]:
    """Return the goals that are made of the key's own values."""
    return given_goals(cells, view.key, view.goals)


BREAKDOWN = BreakdownTable("goal", "reached", "sessions", sections=_breakdown_section, of_sessions=True, given=_given_by_key)


def _columns(sessions: int, most: int, view: View) -> dict[str, Shown]:
    """Return the columns of a wide screen with a known macro goal; `most` is the number that the longest bar stands for."""
    return {
        "goal": Shown(),
        "type": Shown(text=lambda row: "macro" if row["type"] == "macro" else "", rank=5, style="dim", left=True),
        "reached": Shown("sessions", "count", style="bold"),
        "rate": Shown("rate", lambda row: formatting.share(row["reached"], sessions)),
        "range": Shown("likely range", lambda row: formatting.rate_interval(row["rate_low"], row["rate_high"], sessions), 4),
        "bar": Shown(text=lambda row: f"  {formatting.bar(row['reached'], most, _BAR):{_BAR}}", rank=1, style="bar", left=True),
        **{f"then {place}": _then(name, title, 10 - place) for place, (name, title) in enumerate(_then_columns(view).items())},
        "reached_visitors": Shown("visitors", "count", 3),
        "median_seconds": Shown("median time", "seconds", 2),
    }


def _shared_values(frame: pl.DataFrame, view: View) -> tuple[Note, ...]:
    """Return the notes on values that several visitors have."""
    numbers = dict(frame.select("goal", pl.col("shared_values").fill_null(0)).rows())
    return tuple(shared_values_note(goal, numbers[goal.name]) for goal in view.goals.goals if numbers[goal.name])


def _one_visitor(frame: pl.DataFrame, view: View) -> tuple[Note, ...]:
    """Return the notes on macro goals of which a single visitor made a large share of the conversions."""
    rows = frame.filter(
        (pl.col("type") == "macro") & (pl.col("last_most") >= _MANY_BY_ONE) & (pl.col("last_most") > _SHARE_OF_ONE * pl.col("conversions"))
    )
    fix = "if that is a test or your own office, leave it out with ignore.addresses or ignore.users"
    return tuple(
        Note(
            "one-visitor",
            f"{row['goal']}: one visitor made {formatting.count(row['last_most'])} of {formatting.plural(row['conversions'], 'conversion')} "
            f"({formatting.percent(row['last_most'] / row['conversions'])}); {fix}.",
        )
        for row in rows.rows(named=True)
        if not view.by
    )


def _then_columns(view: View) -> dict[str, str]:
    """Return the columns of the screen about later conversions, each with the name of the macro goal."""
    return {f"{_THEN}{name}": name for name in view.separate_macros[:MOST_MACROS]} or {"then_converted": view.macro_name}


def _then(name: str, title: str, rank: int) -> Shown:
    """Return the column with how many sessions reached a macro goal later."""
    return Shown(f"then {title}", lambda row: formatting.count_and_rate(row[name], row["reached"]), rank)


def _notes(rows: list[dict[str, Any]]) -> tuple[Note, ...]:
    names = ", ".join(row["goal"] for row in rows if not row["reached"])
    return (Note("never-reached", f"Never reached: {names}."),) if names else ()
